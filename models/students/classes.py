"""A class moved under another major takes its students into that major, as a transfer of each of them would.

Students of an archived cohort graduated with the major they had: they keep it.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from models.organisation.models import Major, OrgUnit
from models.students.affairs import CHUNK, write
from models.students.models import Student
from workflows.scoping import below

REASON = "班级移动到其他专业"


def major_of(unit: OrgUnit | None) -> Major | None:
    """The major whose node is `unit` or the nearest above it; None for what stands under no major."""
    if unit is None:
        return None
    keys = [int(part) for part in unit.path.strip("/").split("/")[1:]]
    return Major._base_manager.filter(unit__in=keys).order_by("-unit__path").first()


def leaving(unit: OrgUnit, major: Major | None) -> models.QuerySet[Student]:
    """The students at or below `unit` whose major will be `major` when it hangs there: those of open cohorts who have another."""
    rows = Student._base_manager.filter(below("org_path", [unit.path]), cohort__closed=False)
    return rows.none() if major is None or unit.kind == OrgUnit.Kind.MAJOR else rows.exclude(major=major)


def follow_unit(unit: OrgUnit, *, by: Any) -> int:
    """Give the students at or below `unit` the major it stands under; how many changed. In the caller's transaction.

    Degree and length of study follow where they were those of the old major, as in a transfer.
    """
    major = major_of(unit)
    rows = leaving(unit, major).order_by("pk")
    held = list(rows.values_list("pk", "degree", "study_length", "major__degree", "major__study_length"))
    changes = {}
    for pk, degree, length, old_degree, old_length in held:
        facts: dict[str, Any] = {"major_id": major.pk}
        facts |= {"degree": major.degree} if degree == old_degree else {}
        facts |= {"study_length": major.study_length} if length == old_length else {}
        changes[pk] = facts
    keys = list(changes)
    for start in range(0, len(keys), CHUNK):
        write(unit.school, {pk: changes[pk] for pk in keys[start : start + CHUNK]}, by=by, reason=REASON)
    return len(keys)
