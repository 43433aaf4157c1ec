"""The rows that may be reported of a cohort, as cells of an official layout; and those that may not, each with its reason.

Basic data go only after the school's approval (manual 000). Employment data go by the school's trigger (default: after approval);
never a record that its graduate disputes or has yet to confirm, or that breaks a rule of the stage REPORT (standards §8.3).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Q

from exports.exporting.plan import of_layout
from exports.exporting.rows import BLOCK
from exports.ministry.layouts import Layout, all_layouts
from models.organisation.models import Cohort
from models.outcomes.models import Outcome
from models.reporting.models import Kind, ReportSetting, Trigger
from models.students.models import GraduateProfile
from workflows import rules
from workflows.bulkrows import those
from workflows.errors import Invalid
from workflows.levels import PENDING, Status

MODELS: dict[str, type[models.Model]] = {Kind.BASIC: GraduateProfile, Kind.EMPLOYMENT: Outcome}
NUMBER = "学号"
EXAM = "考生号"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """One graduate as reported: cells in the order of the layout, and a digest of them."""

    student_id: int
    values: list[str]
    digest: str


@dataclass(frozen=True)
class LeftOut:
    """One graduate who is not reported now, and why."""

    number: str
    name: str
    reason: str

    def as_dict(self) -> dict[str, str]:
        """JSON form."""
        return dict(vars(self))


def setting_of(cohort: Cohort) -> ReportSetting:
    """The setting in force: the cohort's own, else the school's, else the defaults (not saved)."""
    found = ReportSetting.objects.filter(school=cohort.school_id).filter(Q(cohort=cohort) | Q(cohort=None))
    rows = sorted(found, key=lambda row: row.cohort_id is None)
    return rows[0] if rows else ReportSetting(school_id=cohort.school_id)


def layout_for(kind: str, key: str, year: int) -> Layout:
    """The layout to fill; one of another year is replaced by its sister of the same columns. Raises Invalid."""
    label = MODELS[kind]._meta.label_lower
    known = all_layouts()
    if key in known and known[key].model_label == label:
        if known[key].holds_for(year):
            return known[key]
        for layout in known.values():
            if layout.key.split("_")[0] == key.split("_")[0] and layout.model_label == label and layout.holds_for(year):
                return layout
    raise Invalid({"layout": "没有适用于这一届的上报格式，请在「上报设置」中选择。"})


def digest_of(values: Sequence[str]) -> str:
    """SHA-256 of one row's cells."""
    return hashlib.sha256(json.dumps(list(values), ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def digest_of_all(digests: Sequence[str]) -> str:
    """SHA-256 of a whole list, from its rows' digests in order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


@contextmanager
def snapshot() -> Iterator[None]:
    """A block that only reads, and sees the database as it stood at one moment, however long it takes.

    PostgreSQL shows each statement of a transaction its own moment unless told otherwise: a record returned for correction between
    "may go" and "is written" would be reported. SQLite has one writer at a time. Inside of a transaction that has begun it is that one's.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def candidates(kind: str, cohort: Cohort) -> models.QuerySet:
    """The records that are meant, whatever their state, in the order of 学号."""
    model = MODELS[kind]
    rows = model.objects.filter(cohort=cohort, on_roll__in=[True])
    if kind == Kind.EMPLOYMENT:
        rows = rows.filter(is_current=True)
    return rows.order_by("student__number", "pk")


def ready_states(kind: str, trigger: str) -> list[str]:
    """The states in which a record goes to the authority."""
    submitted = kind == Kind.EMPLOYMENT and trigger == Trigger.SUBMITTED
    return [Status.APPROVED, *(PENDING.values() if submitted else ())]


def reportable(
    kind: str, cohort: Cohort, trigger: str, progress: Progress | None = None, students: set[int] | None = None
) -> tuple[list[int], list[LeftOut]]:
    """Keys of the records that may go, in order; and who is left out, why. `students`: of these graduates only."""
    ready = ready_states(kind, trigger)
    keys: list[int] = []
    left: list[LeftOut] = []
    pairs = candidates(kind, cohort).values_list("pk", "student_id")
    everybody = [pk for pk, student in pairs if students is None or student in students]
    for start in range(0, len(everybody), BLOCK):
        part = everybody[start : start + BLOCK]
        found = those(MODELS[kind]._base_manager, "id", part).select_related(*MODELS[kind].joins())
        records = {record.pk: record for record in found}
        ordered = [records[pk] for pk in part if pk in records]
        MODELS[kind].gather_facts(ordered)
        for record in ordered:
            if reason := _reason(record, ready):
                left.append(LeftOut(record.student.number, record.student.name, reason))
            else:
                keys.append(record.pk)
        if progress:
            progress(start + len(part), len(everybody))
    return keys, left


def _reason(record: Any, ready: list[Status]) -> str:
    if record.status not in ready:
        return f"尚未到上报状态（{Status(record.status).label}）"
    if getattr(record, "frozen", False):
        return "学生提出异议，已冻结"
    if getattr(record, "awaits_confirmation", False):
        return "老师更正的内容待学生确认"
    wrong = rules.blocking(rules.run(record, rules.REPORT))
    return "；".join(finding.sentence for finding in wrong)[:300]


def written(kind: str, layout: Layout, keys: Sequence[int]) -> Iterator[Row]:
    """The rows of these records, unmasked, as the layout writes them. Call inside the scope of whoever reports."""
    model = MODELS[kind]
    plan = of_layout(model, layout, reveal=True)
    for start in range(0, len(keys), BLOCK):
        part = keys[start : start + BLOCK]
        found = {row[0]: row for row in those(model.objects.order_by(), "id", part).values_list("pk", *plan.sources)}
        students = dict(those(model.objects.order_by(), "id", part).values_list("pk", "student_id"))
        block = [found[key] for key in part if key in found]
        for row, cells in zip(block, plan.rows(iter([block])), strict=True):
            values = ["" if cell is None else str(cell) for cell in cells]
            yield Row(students[row[0]], values, digest_of(values))
