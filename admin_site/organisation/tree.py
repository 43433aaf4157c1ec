"""The tree of a school's units as rows of a page, with the number of students below every node."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest

from admin_site import cohorts
from models.organisation.models import Major, OrgUnit
from models.students.classes import follow_unit, leaving, major_of
from models.students.models import Student
from workflows import holding
from workflows.scoping import below

Kind = OrgUnit.Kind

# What may hang below what. A class holds nothing; the 就业中心 is an office, not a branch.
CHILDREN: dict[str, tuple[str, ...]] = {
    "": (Kind.COLLEGE, Kind.CENTER, Kind.OTHER),
    Kind.COLLEGE: (Kind.MAJOR, Kind.CLASS, Kind.OTHER),
    Kind.OTHER: (Kind.COLLEGE, Kind.MAJOR, Kind.CLASS, Kind.OTHER),
    Kind.MAJOR: (Kind.CLASS,),
    Kind.CLASS: (),
    Kind.CENTER: (),
}


@dataclass
class Node:
    """One row of the tree page. `students` counts the whole subtree in the cohort in view."""

    unit: OrgUnit
    depth: int = 0
    students: int = 0
    has_children: bool = False
    can_hold: tuple[tuple[str, str], ...] = ()
    trail: list[int] = field(default_factory=list)


def student_counts(request: HttpRequest, prefix: str) -> dict[str, int]:
    """Unit path → students of the cohort in view right there; one query over the covering index."""
    rows = Student.objects.filter(below("org_path", [prefix]), cohort_id__in=cohorts.cohort_ids(request))
    return dict(rows.order_by().values_list("org_path").annotate(number=Count("pk")))


def nodes(request: HttpRequest, school: Any) -> list[Node]:
    """The school's units the person may see, parents before children; three queries whatever the size."""
    units = list(OrgUnit.objects.filter(school=school).order_by("order", "kind", "name", "pk"))
    known = {unit.pk for unit in units}
    children: dict[int | None, list[OrgUnit]] = defaultdict(list)
    for unit in units:
        children[unit.parent_id if unit.parent_id in known else None].append(unit)
    counts = student_counts(request, school.path)
    has_center = any(unit.kind == Kind.CENTER for unit in units)
    found: list[Node] = []

    def walk(parent: int | None, depth: int, trail: list[int]) -> int:
        total = 0
        for unit in children[parent]:
            node = Node(
                unit,
                depth,
                trail=trail,
                has_children=bool(children[unit.pk]),
                can_hold=kinds_below(unit.kind, has_center),
            )
            found.append(node)
            node.students = counts.get(unit.path, 0) + walk(unit.pk, depth + 1, [*trail, unit.pk])
            total += node.students
        return total

    walk(None, 0, [])
    return found


def kinds_below(kind: str, has_center: bool = True) -> tuple[tuple[str, str], ...]:
    """(value, word) of the kinds that may be added below a node of `kind` ("" = directly below the school)."""
    return tuple((child, str(Kind(child).label)) for child in CHILDREN[kind] if child != Kind.CENTER or not has_center)


@dataclass(frozen=True)
class Move:
    """What moving a node means, in numbers, before it is done."""

    unit: OrgUnit
    parent: OrgUnit | None
    units: int
    classes: int
    students: int
    major: Major | None = None  # which students get who stand in a class that moves under another major
    changing: int = 0


def targets(unit: OrgUnit) -> list[OrgUnit]:
    """Nodes of the same school, within the scope of who is acting, that may take `unit` below them; not its own subtree or present parent."""
    kinds = [kind for kind, below_it in CHILDREN.items() if kind and unit.kind in below_it]
    rows = OrgUnit.objects.filter(school_id=unit.school_id, kind__in=kinds, is_active=True).order_by("path")
    return [row for row in rows if not row.path.startswith(unit.path) and row.pk != unit.parent_id]


def plan(unit: OrgUnit, parent: OrgUnit | None) -> Move:
    """Count what would move, all cohorts included."""
    below_it = OrgUnit.objects.filter(below("path", [unit.path]))
    kinds = dict(below_it.order_by().values_list("kind").annotate(number=Count("pk")))
    students = Student.objects.filter(below("org_path", [unit.path])).count()
    major = None if unit.kind == Kind.MAJOR else major_of(parent)
    changing = leaving(unit, major).count()
    return Move(unit, parent, sum(kinds.values()) - 1, kinds.get(Kind.CLASS, 0), students, major, changing)


def move(unit: OrgUnit, parent: OrgUnit | None, by: Any) -> None:
    """Hang `unit` with everything below it under `parent` (None: directly under the school). ValidationError with a sentence if it cannot be.

    A major's own record follows its node; students of a class that comes to stand under another major get that major.
    """
    with transaction.atomic():
        unit = holding.locking(OrgUnit.objects.all()).get(pk=unit.pk)
        if parent is not None and parent.pk not in {row.pk for row in targets(unit)}:
            raise ValidationError(f"「{unit}」不能移动到「{parent}」之下，请选择其他上级部门。")
        if parent is None and unit.kind not in CHILDREN[""]:
            raise ValidationError(f"{unit.get_kind_display()}不能直接放在学校之下，请选择上级部门。")
        unit._history_user, unit._change_reason = by, "移动部门"
        if unit.kind == Kind.MAJOR:
            major = holding.locking(Major.objects.all()).get(unit=unit)
            major.college, major._history_user, major._change_reason = parent, by, "移动部门"
            major.full_clean(exclude=["unit"])
            major.save()
            return
        unit.parent = parent
        unit.full_clean(exclude=["path"])
        unit.save()
        follow_unit(unit, by=by)
