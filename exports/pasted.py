"""The rows behind a pasted list of numbers, names or ID numbers: one statement, in the order in which they were pasted."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import F

from exports.search import ID_NUMBER, NAME, NUMBER
from models.students.models import Student
from workflows.scoping import system

_ID = re.compile(r"\d{17}[\dX]")


@dataclass
class Found:
    """What became of a pasted list: `ids` in pasted order, items without a row, items that several people share."""

    ids: list[int] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    several: list[str] = field(default_factory=list)


def kind_of(item: str) -> str:
    """What one pasted item is: an ID number, a number (anything with a figure in it) or a name."""
    if len(item) == 18 and _ID.fullmatch(item):
        return ID_NUMBER
    return NUMBER if item.isdigit() or any(map(str.isdigit, item)) else NAME


def asks_for_identity(items: Sequence[str]) -> bool:
    """Whether ID numbers are among the items, so that the search is to be audited."""
    return any(kind_of(item) == ID_NUMBER for item in items)


def locate(rows: models.QuerySet, items: Sequence[str], cohort_ids: Sequence[int] | None = None) -> Found:
    """Find each of `items` among `rows` (already narrowed to what the person may see). Exact matches only.

    `cohort_ids` are those `rows` is narrowed to; names are then looked up by index.
    """
    pairs = sorted(_matches(rows, items, cohort_ids))
    found = [position for position, _pk in pairs]
    held = set(found)
    return Found(
        ids=list(dict.fromkeys([pk for _position, pk in pairs])),
        missing=[item for position, item in enumerate(items) if position not in held],
        several=[items[place] for place, n in Counter(found).items() if n > 1] if len(held) < len(found) else [],
    )


def _matches(rows: models.QuerySet, items: Sequence[str], cohort_ids: Sequence[int] | None) -> list[tuple[int, int]]:
    """(position in `items`, primary key), by one statement."""
    paths = rows.model.search_paths
    positions: dict[str, list[int]] = defaultdict(list)
    for position, item in enumerate(items):
        positions[kind_of(item)].append(position)
    parts: list[str] = []
    asked: list[list[int]] = []
    parameters: list[Any] = []
    for kind, places in positions.items():
        if kind not in paths:
            continue
        try:
            sql, inner = _looked_up(rows.order_by(), paths[kind], cohort_ids)
        except EmptyResultSet:
            return []
        parts.append(_part(len(asked), sql))
        asked.append(places)
        parameters += [_array([items[place] for place in places]), *inner]
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        rows = cursor.fetchall()
    if len(asked) == 1 and len(asked[0]) == len(items):  # all of one kind: places are positions
        return [(place, pk) for _part, place, pk in rows]
    return [(asked[part][place], pk) for part, place, pk in rows]


def _looked_up(rows: models.QuerySet, path: str, cohort_ids: Sequence[int] | None) -> tuple[str, list[Any]]:
    """What the list is joined to: the rows by the column asked for, or students by it and then the rows by their student."""
    owner, _dot, column = path.rpartition("__")
    if owner != "student":
        sql, parameters = rows.values(found_pk=F("pk"), found_value=F(path)).query.sql_with_params()
        return f"({sql}) t ON t.found_value = asked.value", list(parameters)
    with system("candidates of a pasted list; the records themselves are narrowed by the person's scope"):
        students = Student.objects.order_by()
    if cohort_ids is not None:
        students = students.filter(cohort_id__in=cohort_ids)
    first, of_students = students.values(found_student=F("pk"), found_value=F(column)).query.sql_with_params()
    then, of_rows = rows.values(found_pk=F("pk"), found_owner=F(owner)).query.sql_with_params()
    sql = f"({first}) s ON s.found_value = asked.value {_JOIN[connection.vendor]} ({then}) t ON t.found_owner = s.found_student"
    return sql, [*of_students, *of_rows]


# CROSS JOIN fixes the order on SQLite: the list outside, one index look-up inside.
_JOIN = {"postgresql": "JOIN", "sqlite": "CROSS JOIN"}


def _part(number: int, sql: str) -> str:
    """(number of the part, place in its own list, primary key) of what is found of one kind."""
    if connection.vendor == "postgresql":
        listed, place = "unnest(%s::text[]) WITH ORDINALITY AS asked(value, place)", "asked.place::int - 1"
    else:
        listed, place = "json_each(%s) asked", "asked.key"
    return f"SELECT {number}, {place}, t.found_pk FROM {listed} {_JOIN[connection.vendor]} {sql}"


def _array(values: list[str]) -> Any:
    return values if connection.vendor == "postgresql" else json.dumps(values, ensure_ascii=False)
