"""Many destinations written at once, set-wise, with history, review log and the request to confirm: what an import does.

Runs in the caller's transaction. Values must be clean and the rules asked; keys are attnames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import models

from models.outcomes.outcome import Outcome
from models.students.models import Student
from workflows import actions, bulkrows, policy
from workflows.batch import enter_many
from workflows.fields import jsonable
from workflows.levels import PENDING, Verb

OWN = Outcome.subject_fields
STUDENT_COLUMNS = tuple(field.attname for field in Student._meta.concrete_fields)


def held(students: Sequence[int], *, lock: bool = False) -> dict[int, Outcome]:
    """{student id: the current destination}."""
    rows = bulkrows.those(Outcome._base_manager.filter(is_current=True), "student_id", list(students))
    if lock:
        bulkrows.lock(Outcome, sorted(rows.values_list("pk", flat=True)))
    return {row.student_id: row for row in rows.select_related("student__major", "cohort")}


def empty(name: str) -> Any:
    """What an empty field holds."""
    return None if Outcome._meta.get_field(name).null else ""


def new_draft(student: Student, cohort: Any) -> Outcome:
    """An unsaved destination of a student, for asking rules."""
    row = Outcome(student=student, cohort=cohort, source=Outcome.Source.IMPORT)
    row.school_id, row.org_path, row.on_roll = student.school_id, student.org_path, student.on_roll
    return row


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else jsonable(value)


def make(rows: Sequence[Outcome], *, by: Any, reason: str) -> list[int]:
    """Insert new destinations that staff brought, and hand them in; the keys in order."""
    if not rows:
        return []
    ids = bulkrows.new_ids(Outcome, len(rows))
    values = []
    for pk, row in zip(ids, rows, strict=True):
        own = {name: getattr(row, name) for name in OWN}
        said = {name: ["", _plain(value)] for name, value in own.items() if value not in (None, "")}
        values.append({
            **own, "id": pk, "student_id": row.student_id, "school_id": row.school_id, "cohort_id": row.cohort_id, "org_path": row.org_path,
            "on_roll": row.on_roll, "version": 1, "baseline_version": 1, "source": Outcome.Source.IMPORT, "staff_changed": said,
            "awaits_confirmation": True,
        })  # fmt: skip
    bulkrows.insert(Outcome, values)
    bulkrows.write_history(Outcome, ids, by=by, reason=reason, kind="+")
    levels = policy.flow_for(Outcome, rows[0].school_id, rows[0].cohort_id).levels
    who = by.name if by else "系统"
    enter_many(Outcome, ids, levels, by=by, text=f"{who}{reason}", submitted_by=by)
    return ids


def change(rows: Mapping[Outcome, tuple[dict[str, Any], dict[str, Any]]], *, by: Any, reason: str) -> None:
    """Write {row: (new, old)}: the student confirms what differs, a reviewer sees it."""
    changes: dict[int, dict[str, Any]] = {}
    for row, (new, old) in rows.items():
        pairs = {name: [_plain(old[name]), _plain(value)] for name, value in new.items()}
        row.note_staff_changes(pairs)
        changes[row.pk] = {**new, "staff_changed": row.staff_changed, "awaits_confirmation": row.awaits_confirmation,
                           "student_confirmed_at": None, "rules_stamp": ""}  # fmt: skip
        if row.status in PENDING.values():
            kept = {
                name: [row.changes[name][0] if name in row.changes else pair[0], pair[1]]
                for name, pair in pairs.items()
            }
            changes[row.pk]["changes"] = {**row.changes, **kept}
    bulkrows.update(Outcome, changes, versioned=True)
    bulkrows.write_history(Outcome, sorted(changes), by=by, reason=reason)


def take_back(made: Sequence[int], changed: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str) -> None:
    """Undo: what was made is voided, never deleted (its log stays); what was changed has its old values and asks for nothing."""
    bulkrows.lock(Outcome, [*made, *changed])
    for row in bulkrows.those(Outcome._base_manager, "id", list(made)).order_by("pk"):
        actions.consequence(row, Verb.VOID, text=reason)
    calm = {"staff_changed": {}, "awaits_confirmation": False, "rules_stamp": ""}
    bulkrows.update(Outcome, {pk: {**_read(values), **calm} for pk, values in changed.items()}, versioned=True)
    bulkrows.write_history(Outcome, sorted(changed), by=by, reason=reason)


def _read(values: Mapping[str, Any]) -> dict[str, Any]:
    """Old values as JSON kept them, made what the columns hold."""
    found = {}
    for name, value in values.items():
        target: models.Field = Outcome._meta.get_field(name)
        found[name] = target.to_python(value) if value is not None else None
    return found
