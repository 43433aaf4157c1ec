"""The seeded world of the contract tests."""

from tests.contract.conftest import built, world  # noqa: F401
