"""The cohorts of all schools, remembered for a few seconds: every page of the back office names them, and they are few."""

from __future__ import annotations

from typing import NamedTuple

from models.organisation.models import Cohort
from workflows.policy import Remembered
from workflows.scoping import UnscopedQuery, current


class Row(NamedTuple):
    """One cohort."""

    id: int
    school_id: int
    year: int
    closed: bool


_rows = Remembered(
    lambda: [Row(*row) for row in Cohort._base_manager.order_by("-year", "pk").values_list(*Row._fields)], Cohort
)


def in_scope() -> list[Row]:
    """Those the acting person may see, newest first: what `Cohort.objects` gives."""
    scope = current()
    if scope is None:
        raise UnscopedQuery("cohorts were asked for outside of acting(user) or system(reason)")
    return [row for row in _rows.get() if scope.everything or row.school_id in scope.school_ids]
