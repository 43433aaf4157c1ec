"""One school with reviewers, a student who may sign, and an employer."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from models.agreements import policy
from tests.factories import people, signing

NOW = datetime(2026, 12, 5, 10, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def place(db, everything, time_machine):
    """School, reviewers, student and employer, on 5 December 2026: terminations are open."""
    policy.forget()
    time_machine.move_to(NOW, tick=True)
    made = people.school()
    made.staff = people.reviewers(made)
    made.student = signing.signer(made)
    yield made
    policy.forget()


@pytest.fixture
def employer(place):
    """An employer admitted at the school."""
    return signing.employer(place)
