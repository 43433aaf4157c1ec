"""The first rows of an upload, read once and kept beside it, so that matching its columns never unfolds the file inside a request.

A small file is read at once, a larger one by a job (`import.look`); the page for matching works from what is kept here alone:
the sheets with their sizes, and the first rows of each, as the reader gave them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.core.files.storage import default_storage

from exports.importing.reading import Cell, Row, SheetInfo, open_workbook
from exports.importing.refusal import BrokenCell
from models.jobs.files import remove_private, store_private
from models.transfer.models import ImportRun

#: Files up to this size are looked at while the person waits: some thousand rows.
AT_ONCE = 256 * 1024
#: Rows of each sheet that are kept: for header, samples and preview.
HEAD = 240
MOST_SHEETS = 20


@dataclass
class Look:
    """What matching needs of a workbook, in the shape of `reading.Workbook`."""

    sheets: list[SheetInfo]
    tops: dict[str, list[Row]] = field(default_factory=dict)

    def head(self, sheet_name: str, count: int = 40) -> list[Row]:
        """The first rows of a sheet."""
        return self.tops.get(sheet_name, [])[:count]


def is_small(run: ImportRun) -> bool:
    """Whether the file of a run may be read inside a request."""
    return bool(run.file) and default_storage.size(run.file.name) <= AT_ONCE


def take(run: ImportRun) -> None:
    """Read the first rows of a run's file and keep them; UploadRefused with a sentence, which then stands on the run."""
    book = open_workbook(default_storage.path(run.file.name), run.file_name)
    sheets = sorted((sheet for sheet in book.sheets if sheet.rows), key=lambda sheet: sheet.hidden)[:MOST_SHEETS]
    kept = [
        {
            "info": [sheet.name, sheet.rows, sheet.columns, sheet.score, sheet.hidden],
            "rows": [[_packed(cell) for cell in row.cells] for row in book.head(sheet.name, HEAD)],
        }
        for sheet in sheets
    ]
    old = run.look.name
    data = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    run.look = store_private("look.json", data.encode(), "imports")
    ImportRun.objects.filter(pk=run.pk).update(look=run.look)
    remove_private(old)


def recall(run: ImportRun) -> Look:
    """What was kept."""
    with default_storage.open(run.look.name) as file:
        kept = json.load(file)
    found = Look([SheetInfo(*sheet["info"]) for sheet in kept])
    for sheet, info in zip(kept, found.sheets, strict=True):
        rows = enumerate(sheet["rows"], 1)
        found.tops[info.name] = [Row(number, [_unpacked(cell) for cell in cells]) for number, cells in rows]
    return found


def _packed(cell: Cell) -> Any:
    """A cell as JSON has it; what JSON has no word for becomes {kind: value}."""
    if isinstance(cell, BrokenCell):
        return {"broken": [cell.shown, cell.uncalculated]}
    if isinstance(cell, datetime):
        return {"moment": cell.isoformat()}
    return {"day": cell.isoformat()} if isinstance(cell, date) else cell


def _unpacked(cell: Any) -> Cell:
    if not isinstance(cell, dict):
        return cell
    ((kind, value),) = cell.items()
    if kind == "broken":
        return BrokenCell(value[0], uncalculated=value[1])
    return datetime.fromisoformat(value) if kind == "moment" else date.fromisoformat(value)
