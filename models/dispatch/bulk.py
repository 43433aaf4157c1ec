"""Many records of papers written at once, set-wise, with history: what an import of sent archives does.

Runs in the caller's transaction. Values must be clean; keys are attnames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from models.dispatch.models import ARCHIVE_FIELDS, Dispatch
from models.students.models import Student
from workflows import bulkrows
from workflows.fields import jsonable
from workflows.levels import PENDING

POSTING = ("posted_on", "parcel_number", "parcel_carrier", "transfer_number", "verify_number")  # facts of the office
OWN = (*ARCHIVE_FIELDS, *POSTING)


def held(students: Sequence[int], *, lock: bool = False) -> dict[int, Dispatch]:
    """{student id: the record}."""
    rows = bulkrows.those(Dispatch._base_manager, "student_id", list(students))
    if lock:
        bulkrows.lock(Dispatch, sorted(rows.values_list("pk", flat=True)))
    return {row.student_id: row for row in rows.select_related("cohort")}


def empty(name: str) -> Any:
    """What an empty field holds."""
    return None if Dispatch._meta.get_field(name).null else ""


def new_draft(student: Student) -> Dispatch:
    """An unsaved record of a student."""
    row = Dispatch(student=student, cohort_id=student.cohort_id, school_id=student.school_id)
    row.org_path, row.on_roll = student.org_path, student.on_roll
    return row


def make(rows: Sequence[Dispatch], *, by: Any, reason: str) -> list[int]:
    """Insert new drafts; the keys in order."""
    ids = bulkrows.new_ids(Dispatch, len(rows))
    values = [
        {
            **{name: getattr(row, name) for name in OWN}, "id": pk, "student_id": row.student_id, "school_id": row.school_id,
            "cohort_id": row.cohort_id, "org_path": row.org_path, "on_roll": row.on_roll, "version": 1, "baseline_version": 1,
        }
        for pk, row in zip(ids, rows, strict=True)
    ]  # fmt: skip
    bulkrows.insert(Dispatch, values)
    bulkrows.write_history(Dispatch, ids, by=by, reason=reason, kind="+")
    return ids


def change(rows: Mapping[Dispatch, tuple[dict[str, Any], dict[str, Any]]], *, by: Any, reason: str) -> None:
    """Write {row: (new, old)}; under review, a reviewer sees what differs. Where papers go is checked by the student again."""
    changes: dict[int, dict[str, Any]] = {}
    for row, (new, old) in rows.items():
        changes[row.pk] = {**new, "rules_stamp": ""}
        moved = {name: [jsonable(old[name]), jsonable(value)] for name, value in new.items() if name in ARCHIVE_FIELDS}
        if moved:
            changes[row.pk] |= {"confirmed_at": None, "changes_count": row.changes_count + 1}
        if moved and row.status in PENDING.values():
            kept = {n: [row.changes[n][0] if n in row.changes else pair[0], pair[1]] for n, pair in moved.items()}
            changes[row.pk]["changes"] = {**row.changes, **kept}
    bulkrows.update(Dispatch, changes, versioned=True)
    bulkrows.write_history(Dispatch, sorted(changes), by=by, reason=reason)


def take_back(made: Sequence[int], changed: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str) -> None:
    """Undo: a record that was made stays as an empty draft; what was changed says again what it said."""
    bulkrows.lock(Dispatch, [*made, *changed])
    blank = {name: empty(name) for name in OWN}
    back = {pk: dict(blank) for pk in made}
    for pk, values in changed.items():
        back[pk] = {
            name: Dispatch._meta.get_field(name).to_python(value) if value is not None else None
            for name, value in values.items()
        }
    bulkrows.update(Dispatch, {pk: {**values, "rules_stamp": ""} for pk, values in back.items()}, versioned=True)
    bulkrows.write_history(Dispatch, sorted(back), by=by, reason=reason)
