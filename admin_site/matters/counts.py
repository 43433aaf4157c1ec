"""How many records there are by status: one statement whatever is asked, and never a count to the end of a million rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Count

from exports.pasted import Found
from exports.selection import WAITING, Selection, one_of
from workflows.levels import Status
from workflows.matter import waiting_condition

CAP = 10_000
SEARCH_CAP = 1_000  # a name that more people of the province share is no search


@dataclass(frozen=True)
class Counts:
    """Numbers by tab ("" is all); a number above CAP stands for "more than CAP" where `capped` names the tab."""

    numbers: dict[str, int] = field(default_factory=dict)
    capped: frozenset[str] = frozenset()
    cap: int = 0  # where counting stopped; 0 means at CAP
    partial: bool = False  # numbers are those of the first `cap` records only

    def text(self, tab: str) -> str:
        """The number as people read it: 1,234 or 10,000+."""
        if self.partial and tab:
            return ""
        return f"{self.cap or CAP:,}+" if tab in self.capped else f"{self.numbers.get(tab, 0):,}"


def count(selection: Selection, user: Any, found: Found | None = None) -> tuple[Counts, models.QuerySet]:
    """Counts of every tab of the list that `selection` describes, and the rows of the tab that is open.

    Who is looked for by name or number is found once; counts and page are then worked out from those keys.
    """
    rows = selection.queryset(user, found, any_status=True)
    if selection.query or (selection.is_wide and selection.filters):
        cap = SEARCH_CAP if selection.is_wide and selection.query else CAP
        ids = list(rows.values_list("pk", flat=True)[: cap + 1])
        rows = selection.model.objects.filter(pk__in=one_of(ids[:cap]))
        if len(ids) > cap:
            counts = _exact(rows, user) if hasattr(selection.model, "review") else Counts({"": cap})
            return replace(counts, capped=frozenset({""}), cap=cap, partial=True), selection.open_tab(rows, user)
    opened = selection.open_tab(rows, user)
    if not hasattr(selection.model, "review"):
        return _capped({"": rows}), opened
    if selection.is_wide and not (selection.query or selection.filters):
        tabs = {"": rows, WAITING: rows.waiting_for(user)} | {s: rows.filter(status=s) for s in Status.values}
        return _remembered(tabs, selection), opened
    return _exact(rows, user), opened


# Tabs lately seen to hold more than CAP. Such a tab stays one for a minute, so that a page of the province need not count
# ten thousand rows again to find it so; every number that is shown exactly is counted each time.
_long: dict[str, tuple[float, frozenset[str]]] = {}
_LONG_FOR = 60.0


def _remembered(tabs: dict[str, models.QuerySet], selection: Selection) -> Counts:
    key = f"{selection.model_label} {selection.cohort_ids} {selection.roll}"
    at, known = _long.get(key, (0.0, frozenset()))
    if time.monotonic() - at > _LONG_FOR:
        known = frozenset()
    counted = _capped({tab: rows for tab, rows in tabs.items() if tab not in known or tab == WAITING})
    capped = counted.capped | known
    if not known:
        _long.clear()
        _long[key] = (time.monotonic(), capped - {WAITING})
    return Counts({**counted.numbers, **dict.fromkeys(capped, CAP + 1)}, capped)


def _exact(rows: models.QuerySet, user: Any) -> Counts:
    """One pass over a covering index."""
    groups = rows.values_list("status").annotate(n=Count("pk"), mine=Count("pk", filter=waiting_condition(user)))
    numbers = {"": 0, WAITING: 0}
    for status, n, mine in groups:
        numbers[status] = n
        numbers[""] += n
        numbers[WAITING] += mine
    return Counts(numbers)


def _capped(tabs: dict[str, models.QuerySet]) -> Counts:
    """Each tab counted as far as CAP, all in one statement."""
    asked, parts, parameters = [], [], []
    for tab, rows in tabs.items():
        try:
            sql, values = rows.order_by().values("pk")[: CAP + 1].query.sql_with_params()
        except EmptyResultSet:
            continue
        asked.append(tab)
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS counted)")
        parameters += values
    numbers = dict.fromkeys(tabs, 0)
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", parameters)
            numbers |= dict(zip(asked, cursor.fetchone(), strict=True))
    return Counts(numbers, frozenset(tab for tab, n in numbers.items() if n > CAP))
