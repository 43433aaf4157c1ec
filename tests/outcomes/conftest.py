"""A school with reviewers, for destinations."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from models.outcomes import matrix
from tests.factories import people
from workflows import policy


@pytest.fixture
def place(everything) -> SimpleNamespace:
    """School, classes, reviewers: the test body runs without row limits."""
    made = people.school()
    made.staff = people.reviewers(made)
    matrix.forget()
    yield made
    matrix.forget()
    policy.forget_all()
