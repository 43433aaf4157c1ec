"""Units to choose from, as one indented list: those at the top of what a person sees, and those on the way to the chosen one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from models.organisation.models import Cohort, OrgUnit, School


@dataclass(frozen=True)
class UnitOption:
    """One line of the list; `depth` indents it."""

    path: str
    name: str
    depth: int


def unit_options(user: Any, cohort_ids: tuple[int, ...], chosen: str) -> list[UnitOption]:
    """Options in order: at most the tops and, below each node on the way to `chosen`, its children. Two queries at most."""
    ids = [int(part) for part in chosen.strip("/").split("/") if part.isascii() and part.isdigit() and len(part) < 18]
    if not user.scope.everything:
        return _below(_units(user, ids, user.scope.school_ids), user.scope.prefixes, 0)
    schools = list(
        School.objects.filter(pk__in=Cohort.objects.filter(pk__in=cohort_ids).values("school")).order_by("code")
    )
    units = _units(user, ids, tuple(ids[:1]) or tuple(school.pk for school in schools[:1]))
    found = []
    for school in schools:
        found.append(UnitOption(school.path, school.name, 0))
        if len(schools) == 1 or ids[:1] == [school.pk]:
            found += _below(units, (school.path,), 1)
    return found


def _units(user: Any, ids: list[int], school_ids: tuple[int, ...]) -> list[OrgUnit]:
    wanted = (
        Q(parent__isnull=True, school_id__in=school_ids) | Q(parent_id__in=ids[1:]) | Q(path__in=user.scope.prefixes)
    )
    return list(OrgUnit.objects.filter(wanted).exclude(kind=OrgUnit.Kind.CENTER).order_by("order", "name"))


def _below(units: list[OrgUnit], prefixes: tuple[str, ...], depth: int) -> list[UnitOption]:
    by_parent: dict[str, list[OrgUnit]] = {}
    for unit in units:
        by_parent.setdefault(unit.path.rsplit("/", 2)[0] + "/", []).append(unit)

    def walk(unit: OrgUnit, level: int) -> list[UnitOption]:
        found = [UnitOption(unit.path, unit.name, level)]
        for child in by_parent.get(unit.path, []):
            found += walk(child, level + 1)
        return found

    found: list[UnitOption] = []
    for prefix in prefixes:
        starts = [unit for unit in units if unit.path == prefix] or by_parent.get(prefix, [])
        for unit in starts:
            found += walk(unit, depth)
    return found
