"""Many agreement numbers and many students who may not sign, for imports: set-wise, with history. Values must be clean; runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from models.agreements.numbering import AgreementNumber
from models.agreements.settings import SigningExclusion
from models.organisation.models import School
from models.students.models import Student
from workflows import bulkrows

State = AgreementNumber.State
COLUMNS = ("id", "number", "state", "student_id", "college_id", "org_path", "cohort_id")


def find_numbers(school: School, numbers: Sequence[str], *, lock: bool) -> dict[str, dict[str, Any]]:
    """Those of `numbers` that the school's pool has."""
    rows = AgreementNumber._base_manager.filter(school=school)
    found = bulkrows.those(rows, "number", list(numbers)).values(*COLUMNS)
    if lock:
        bulkrows.lock(AgreementNumber, sorted(row["id"] for row in found))
        found = bulkrows.those(rows, "number", list(numbers)).values(*COLUMNS)
    return {row["number"]: row for row in found}


def find_students(school: School, cohort: Any, numbers: Sequence[str], *, lock: bool) -> dict[str, dict[str, Any]]:
    """Students of the cohort by 学号, with whether a number waits for them; with `lock` nobody signs, lists or moves them meanwhile."""
    rows = bulkrows.those(Student._base_manager.filter(school=school, cohort=cohort), "number", list(numbers))
    if lock:
        bulkrows.lock(Student, list(rows.values_list("pk", flat=True)))
    found = {row["number"]: row for row in rows.values("id", "number", "name", "org_path", "major__college_id")}
    issued = AgreementNumber._base_manager.filter(state=State.ISSUED)
    held = dict(
        bulkrows.those(issued, "student_id", [row["id"] for row in found.values()]).values_list("student_id", "number")
    )
    for row in found.values():
        row["holds"] = held.get(row["id"], "")
    return found


def write_numbers(
    school: School, made: Sequence[Mapping[str, Any]], changed: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str
) -> list[int]:
    """Put numbers into the pool, and change free ones; the new ids in order."""
    ids = bulkrows.new_ids(AgreementNumber, len(made))
    rows = [{**row, "id": pk, "school_id": school.pk} for pk, row in zip(ids, made, strict=True)]
    bulkrows.insert(AgreementNumber, rows, source=AgreementNumber.Source.IMPORTED)
    bulkrows.write_history(AgreementNumber, ids, by=by, reason=reason, kind="+")
    bulkrows.update(AgreementNumber, changed, touch=False)
    bulkrows.write_history(AgreementNumber, list(changed), by=by, reason=reason)
    return ids


def in_use(ids: Sequence[int]) -> set[int]:
    """Those that an agreement has used or that are spoilt: they stay for ever."""
    rows = bulkrows.those(AgreementNumber._base_manager.exclude(state__in=(State.FREE, State.ISSUED)), "id", list(ids))
    return set(rows.values_list("pk", flat=True))


def take_back(made: Sequence[int], changed: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str) -> None:
    """Undo of an import: numbers that were never used leave the pool, others get their old values back."""
    bulkrows.write_history(AgreementNumber, list(made), by=by, reason=reason, kind="-")
    bulkrows.those(AgreementNumber._base_manager, "id", list(made)).delete()
    bulkrows.update(AgreementNumber, changed, touch=False)
    bulkrows.write_history(AgreementNumber, list(changed), by=by, reason=reason)


def issued_values(student: Mapping[str, Any], by: Any) -> dict[str, Any]:
    """The columns of a number that is handed to a student."""
    return {
        "state": str(State.ISSUED), "student_id": student["id"], "org_path": student["org_path"], "issued_at": timezone.now(),
        "issued_by_id": by.pk if by else None,
    }  # fmt: skip


# -- 签约限制 ------------------------------------------------------------------------------------------------------------------


def find_exclusions(students: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What keeps these students from signing, by student."""
    rows = SigningExclusion._base_manager.filter(lifted_at=None)
    return {
        row["student_id"]: row
        for row in bulkrows.those(rows, "student_id", list(students)).values("id", "student_id", "kind")
    }


def write_exclusions(rows: Sequence[Mapping[str, Any]], *, by: Any, reason: str) -> list[int]:
    """List students (student_id, kind, reason) who may not sign; the new ids in order. by None is the system."""
    ids = bulkrows.new_ids(SigningExclusion, len(rows))
    made = [{**row, "id": pk} for pk, row in zip(ids, rows, strict=True)]
    bulkrows.insert(SigningExclusion, made, by_id=by.pk if by else None)
    bulkrows.write_history(SigningExclusion, ids, by=by, reason=reason, kind="+")
    return ids


def lift_exclusions(ids: Sequence[int], *, by: Any, reason: str) -> None:
    """Undo of an import: the students may sign again; the rows stay, as always."""
    lifted = {"lifted_at": timezone.now(), "lifted_by_id": by.pk if by else None}
    still = bulkrows.those(SigningExclusion._base_manager.filter(lifted_at=None), "id", list(ids)).values_list(
        "pk", flat=True
    )
    changed = dict.fromkeys(still, lifted)
    bulkrows.update(SigningExclusion, changed, touch=False)
    bulkrows.write_history(SigningExclusion, list(changed), by=by, reason=reason)
