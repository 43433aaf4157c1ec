"""The demo's people who do things in benchmarks, and whose eyes they do it with."""

from __future__ import annotations

from typing import Any

from models.accounts.models import User
from models.organisation.models import Cohort


def who(username: str) -> Any:
    """A demo account: province, school, college, counselor, data."""
    return User.objects.get(username=username)


def running(*, province: bool = False) -> tuple[int, ...]:
    """Ids of the running cohort: the main school's, or every school's."""
    rows = Cohort._base_manager.filter(year=2027).order_by("pk")
    return tuple((rows if province else rows.filter(school__code="19901")).values_list("pk", flat=True))
