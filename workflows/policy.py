"""The engine's settings as they hold for one record: levels, windows, reasons. Read often, so remembered for a few seconds.

A setting for (school, cohort) wins over (school), which wins over the one for everybody.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from workflows.models import ExtraField, FieldPolicy, Flow, ReturnReason, RuleSetting, Window

_every: list[Remembered] = []


class Remembered:
    """A small table kept in the process for `settings.REMEMBER_SECONDS`; saving or deleting a row in this process forgets it at once."""

    def __init__(self, load: Callable[[], Any], model: type) -> None:
        self._load, self._at, self._value = load, 0.0, None
        _every.append(self)
        for signal in (post_save, post_delete):
            signal.connect(self.forget, sender=model, weak=False)

    def get(self) -> Any:
        """The table, read again when it is older than that (None: only after a write of this process)."""
        seconds = settings.REMEMBER_SECONDS
        if self._value is None or (seconds is not None and time.monotonic() - self._at > seconds):
            self._value, self._at = self._load(), time.monotonic()
        return self._value

    def forget(self, *args: Any, **kwargs: Any) -> None:
        """Read afresh next time."""
        self._value = None


_flows = Remembered(lambda: list(Flow._base_manager.all()), Flow)
_windows = Remembered(lambda: list(Window._base_manager.select_related("org_unit")), Window)
_reasons = Remembered(lambda: list(ReturnReason._base_manager.order_by("order", "id")), ReturnReason)
_policies = Remembered(lambda: list(FieldPolicy._base_manager.all()), FieldPolicy)
_rules = Remembered(lambda: list(RuleSetting._base_manager.order_by("pk")), RuleSetting)
_extras = Remembered(lambda: list(ExtraField._base_manager.filter(is_active=True).order_by("order", "id")), ExtraField)


_derived: dict[tuple, Any] = {}
_derived_from: tuple = ()


def derived(make: Callable[..., Any], *key: Any) -> Any:
    """`make(*key)`, kept for as long as the field settings it is made from are; whoever gets it leaves it as it is."""
    global _derived, _derived_from
    rests_on = (_policies.get(), _extras.get())
    if not _derived_from or any(now is not then for now, then in zip(rests_on, _derived_from, strict=True)):
        _derived, _derived_from = {}, rests_on
    kept, wanted = _derived, (make, *key)
    if wanted not in kept:
        kept[wanted] = make(*key)
    return kept[wanted]


def forget_all() -> None:
    """Forget every remembered setting (tests, bulk writes)."""
    for remembered in _every:
        remembered.forget()


def _applies(row: Any, matter: str, school_id: int | None, cohort_id: int | None) -> bool:
    return row.matter == matter and row.school_id in (None, school_id) and row.cohort_id in (None, cohort_id)


def _rank(row: Any) -> int:
    return (row.school_id is not None) + (row.cohort_id is not None)


def label(model: type) -> str:
    """The name under which a matter stands in logs and settings, e.g. "students.graduateprofile"."""
    return model._meta.label_lower


@dataclass(frozen=True)
class FlowRule:
    """Levels a record will pass when submitted now, and where it re-enters after a return."""

    levels: tuple[str, ...]
    resubmit: str


def flow_for(model: type, school_id: int | None, cohort_id: int | None) -> FlowRule:
    """The levels in force for a school and cohort, the matter's own declaration by default."""
    rows = [row for row in _flows.get() if _applies(row, label(model), school_id, cohort_id)]
    if not rows:
        return FlowRule(model.review.levels, Flow.Resubmit.FIRST)
    row = max(rows, key=_rank)
    return FlowRule(tuple(row.level_list()), row.resubmit)


@dataclass(frozen=True)
class WindowState:
    """Whether a matter is open now for a record, and the dates a person wants to read."""

    is_open: bool
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    @property
    def sentence(self) -> str:
        """What to tell somebody who finds it closed."""
        if self.is_open:
            return ""
        if self.opens_at and timezone.now() < self.opens_at:
            return f"尚未开放，将于 {timezone.localtime(self.opens_at):%Y-%m-%d %H:%M} 开放。"
        when = f"已于 {timezone.localtime(self.closes_at):%Y-%m-%d %H:%M} 截止" if self.closes_at else "目前未开放"
        return f"{when}，如需办理请联系学校就业部门。"


def window_for(
    model: type, school_id: int | None, cohort_id: int | None, org_path: str = "", now: datetime | None = None
) -> WindowState:
    """The window in force: those of the deepest unit on the record's path, else of the cohort, else of the school, else open."""
    now = now or timezone.now()
    rows = [
        row
        for row in _windows.get()
        if _applies(row, label(model), school_id, cohort_id)
        and (row.org_unit is None or org_path.startswith(row.org_unit.path))
    ]
    if not rows:
        return WindowState(True)
    depth = {row.pk: (len(row.org_unit.path) if row.org_unit else 0, _rank(row)) for row in rows}
    best = max(depth.values())
    rows = [row for row in rows if depth[row.pk] == best]
    for row in rows:
        if (row.opens_at is None or row.opens_at <= now) and (row.closes_at is None or now < row.closes_at):
            return WindowState(True, row.opens_at, row.closes_at)
    coming = [row for row in rows if row.opens_at and now < row.opens_at]
    row = min(coming, key=lambda r: r.opens_at) if coming else max(rows, key=lambda r: r.closes_at or now)
    return WindowState(False, row.opens_at, row.closes_at)


def reasons_for(model: type, school_id: int | None, cohort_id: int | None = None) -> list[str]:
    """Common return reasons, the matter's own first where a school has set none."""
    rows = [row for row in _reasons.get() if _applies(row, label(model), school_id, cohort_id)]
    return [row.text for row in rows] or list(getattr(model, "return_reasons", ()))


def policies_for(model: type, school_id: int | None, cohort_id: int | None) -> dict[str, FieldPolicy]:
    """Field name → the policy that wins for it."""
    rows = [row for row in _policies.get() if _applies(row, label(model), school_id, cohort_id)]
    return {row.field: row for row in sorted(rows, key=_rank)}


def rules_for(model: type, school_id: int | None, cohort_id: int | None) -> dict[str, RuleSetting]:
    """Rule id → the setting that wins for it."""
    rows = [row for row in _rules.get() if _applies(row, label(model), school_id, cohort_id)]
    return {row.rule: row for row in sorted(rows, key=_rank)}


def rules_stamp() -> str:
    """Changes with any school's setting of a rule; "" while there is none."""
    rows = [f"{r.pk}:{r.severity}:{r.limit}" for r in _rules.get()]
    return "~" + hashlib.sha256("|".join(rows).encode()).hexdigest()[:8] if rows else ""


def extras_for(model: type, school_id: int | None, cohort_id: int | None) -> list[ExtraField]:
    """A school's own fields of a matter, in order; of two with one key the more specific wins."""
    rows = [row for row in _extras.get() if _applies(row, label(model), school_id, cohort_id)]
    winners = {row.key: row for row in sorted(rows, key=_rank)}
    return sorted(winners.values(), key=lambda row: (row.order, row.pk))


def all_extras(model: type, school_ids: tuple[int, ...] | None = None) -> list[ExtraField]:
    """Extra fields over several schools (None: all), for lists and exports that span cohorts; one per key."""
    rows = [
        r
        for r in _extras.get()
        if r.matter == label(model) and (school_ids is None or r.school_id is None or r.school_id in school_ids)
    ]
    return list({row.key: row for row in rows}.values())
