"""The same school as the review pages have."""

from tests.review.conftest import login, stored, submit, world

__all__ = ["login", "stored", "submit", "world"]
