"""Many units and majors at once (imports, demo data): set-wise, with history and true paths. Runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.organisation.models import Campus, Major, OrgUnit, School
from workflows import bulkrows


@dataclass(frozen=True, slots=True)
class Place:
    """A unit just made: its key and path; `major` is the key of the major whose node it is."""

    unit: int
    path: str
    major: int | None = None


def create_units(school: School, rows: Sequence[Mapping[str, Any]], *, by: Any = None, reason: str = "") -> list[Place]:
    """Make units; a row has kind and name, and "parent": the Place above it (None: the school itself). Answers in order."""
    ids = bulkrows.new_ids(OrgUnit, len(rows))
    made, values = [], []
    for pk, row in zip(ids, rows, strict=True):
        parent = row.get("parent")
        path = f"{parent.path if parent else school.path}{pk}/"
        own = {name: value for name, value in row.items() if name != "parent"}
        values.append({**own, "id": pk, "parent_id": parent.unit if parent else None, "path": path})
        made.append(Place(pk, path))
    bulkrows.insert(OrgUnit, values, school_id=school.pk)
    bulkrows.write_history(OrgUnit, ids, by=by, reason=reason, kind="+")
    return made


def create_majors(
    school: School, rows: Sequence[Mapping[str, Any]], *, by: Any = None, reason: str = ""
) -> list[Place]:
    """Make majors with their nodes; a row has the major's attnames, and "college": the Place it belongs to."""
    nodes = create_units(
        school,
        [{"kind": OrgUnit.Kind.MAJOR, "name": major_label(row), "parent": row["college"]} for row in rows],
        by=by,
        reason=reason,
    )
    ids = bulkrows.new_ids(Major, len(rows))
    values = []
    for pk, row, node in zip(ids, rows, nodes, strict=True):
        own = {name: value for name, value in row.items() if name != "college"}
        values.append({**own, "id": pk, "unit_id": node.unit, "college_id": row["college"].unit})
    bulkrows.insert(Major, values, school_id=school.pk)
    bulkrows.write_history(Major, ids, by=by, reason=reason, kind="+")
    return [Place(node.unit, node.path, pk) for pk, node in zip(ids, nodes, strict=True)]


def major_label(row: Mapping[str, Any]) -> str:
    """Name of a major's node, as `str(major)`."""
    return f"{row['name']}（{row['direction']}）" if row.get("direction") else row["name"]


def create_campuses(school: School, names: Sequence[str]) -> list[int]:
    """Make campuses; their keys in order."""
    ids = bulkrows.new_ids(Campus, len(names))
    bulkrows.insert(
        Campus, [{"id": pk, "name": name} for pk, name in zip(ids, names, strict=True)], school_id=school.pk
    )
    return ids


def change_rows(
    model: type[OrgUnit] | type[Major], changes: Mapping[int, Mapping[str, Any]], *, by: Any = None, reason: str = ""
) -> None:
    """Change columns of units or majors that say nothing about their place or name: {id: {attname: value}}."""
    if not changes:
        return
    moving = {"parent_id", "college_id", "unit_id", "name", "direction", "path", "school_id"}
    if any(moving & values.keys() for values in changes.values()):
        raise ValueError("a change of name or place goes through save(), which keeps the tree true")
    bulkrows.update(model, changes)
    bulkrows.write_history(model, list(changes), by=by, reason=reason)


def units_in_use(unit_ids: Sequence[int]) -> set[int]:
    """Of these units, those something outside of the list refers to: other units below, students, appointments …

    The major whose node a unit is counts with it: its own references are looked at instead.
    """
    majors = dict(bulkrows.those(Major._base_manager, "unit", unit_ids).values_list("pk", "unit_id"))
    found: set[int] = set()
    for model, keys in ((OrgUnit, list(unit_ids)), (Major, list(majors))):
        for relation in model._meta.related_objects:
            other, column = relation.related_model, relation.field
            if hasattr(other, "instance_type") or (other is Major and column.name == "unit") or not keys:
                continue
            rows = bulkrows.those(other._base_manager.order_by(), column.name, keys)
            if other is OrgUnit:
                rows = rows.exclude(pk__in=list(unit_ids))
            if other is Major:
                rows = rows.exclude(pk__in=list(majors))
            hits = set(rows.values_list(column.attname, flat=True).distinct())
            found |= {majors[hit] for hit in hits} if model is Major else hits
    return found


def delete_units(unit_ids: Sequence[int], *, by: Any = None, reason: str = "") -> None:
    """Take back units made by mistake, with the majors whose nodes they are. Ask `units_in_use` first."""
    if not unit_ids:
        return
    majors = list(bulkrows.those(Major._base_manager, "unit", unit_ids).values_list("pk", flat=True))
    bulkrows.write_history(Major, majors, by=by, reason=reason, kind="-")
    bulkrows.write_history(OrgUnit, unit_ids, by=by, reason=reason, kind="-")
    bulkrows.delete(Major, majors)
    bulkrows.delete(OrgUnit, unit_ids)


def delete_campuses(campus_ids: Sequence[int]) -> None:
    """Take back campuses made by mistake, those no major names."""
    used = set(bulkrows.those(Major._base_manager, "campus", campus_ids).values_list("campus_id", flat=True))
    if free := [pk for pk in campus_ids if pk not in used]:
        bulkrows.delete(Campus, free)
