"""The seeded world, built once per test module inside a transaction that is never committed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from rest_framework.throttling import ScopedRateThrottle

from tests.contract.world import World, build
from workflows import policy


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """The world of the module; tests see it through `world`. Modules that use it are marked `django_db`."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def nobody_is_too_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests ask far more in a minute than a person: rates are another test's matter (tests/security)."""
    monkeypatch.setattr(ScopedRateThrottle, "allow_request", lambda *args: True)


@pytest.fixture(autouse=True)
def nobody_reads_the_log() -> Iterator[None]:
    """Thousands of refusals on purpose: writing a trace of each takes longer than refusing."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def world(built: World, db: None) -> Iterator[World]:
    """The world; what a test does to it is undone by `db`."""
    yield built
    policy.forget_all()
