"""Numbers, errors and rows of a run, as its pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import Count

from models.transfer.models import ImportRow, ImportRun
from workflows.fields import mask

COLOURS = {"created": "green", "updated": "blue", "unchanged": "grey", "failed": "red"}
RUN_COLOURS = {
    ImportRun.Status.READING: "blue",
    ImportRun.Status.UPLOADED: "grey",
    ImportRun.Status.CHECKING: "blue",
    ImportRun.Status.CHECKED: "amber",
    ImportRun.Status.RUNNING: "blue",
    ImportRun.Status.DONE: "green",
    ImportRun.Status.FAILED: "red",
    ImportRun.Status.UNDOING: "blue",
    ImportRun.Status.UNDONE: "grey",
    ImportRun.Status.DROPPED: "grey",
}


@dataclass(frozen=True)
class Number:
    """One of the four numbers."""

    status: str
    label: str
    count: int
    colour: str


def numbers(run: ImportRun) -> list[Number]:
    """新增, 更新, 无变化, 有误; of an interrupted run, as far as it came."""
    if run.status == ImportRun.Status.FAILED:
        rows = run.lines.filter(written=True).order_by().values_list("status").annotate(n=Count("pk"))
        counts: dict[str, int] = dict(rows)
    else:
        counts = run.counts
    return [
        Number(value, str(label), counts.get(value, 0), COLOURS[value]) for value, label in ImportRow.Status.choices
    ]


def errors(run: ImportRun) -> list[dict[str, Any]]:
    """Kinds of errors, the most frequent first, each with one example."""
    return run.summary.get("errors", [])


def with_error(rows: models.QuerySet, column: str, code: str) -> models.QuerySet:
    """Rows with an error in this column."""
    wanted = [{"column": column, "code": code}] if code else [{"column": column}]
    if connection.vendor == "postgresql":
        return rows.filter(errors__contains=wanted)
    sql = "EXISTS (SELECT 1 FROM json_each(transfer_importrow.errors) AS e WHERE json_extract(e.value, '$.column') = %s"
    parameters = [column]
    if code:
        sql += " AND json_extract(e.value, '$.code') = %s"
        parameters.append(code)
    return rows.extra(where=[f"{sql})"], params=parameters)


@dataclass(frozen=True)
class Line:
    """One row of the sheet."""

    number: int
    label: str
    status: str
    word: str
    colour: str
    errors: list[dict[str, str]]
    changes: list[tuple[str, str, str]]


def hidden(row: ImportRow, masks: Mapping[str, str], own: bool) -> bool:
    """Whether `line` hides a number of this row."""
    return any(header in masks and (old or not own) for header, (old, _new) in row.changes.items())


def line(row: ImportRow, masks: Mapping[str, str], own: bool) -> Line:
    """A row for the page, the columns in `masks` (header → "id" or "phone") hidden.

    Whoever brought the file (`own`) has its numbers in hand, but not those it would replace: a sheet of invented numbers must not
    fetch the real ones.
    """

    def shown(header: str, value: Any) -> str:
        text = str(value or "")
        return mask(text, masks[header]) if header in masks else text

    changes = [
        (header, shown(header, old), str(new or "") if own else shown(header, new))
        for header, (old, new) in row.changes.items()
    ]
    return Line(
        row.number, row.label, row.status, str(row.get_status_display()), COLOURS[row.status], row.errors, changes
    )
