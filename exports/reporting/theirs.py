"""Reading a sheet that the province or ministry gave out, in one of our layouts: which graduate each row is, and its cells by label."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from exports.importing.headers import core, find_header, propose_sheet, split_rows
from exports.importing.reading import BrokenCell, open_workbook
from exports.importing.refusal import UploadRefused
from exports.ministry.layouts import Layout

KEYS = ("学号", "考生号", "身份证号")  # the first of these that a sheet has and fills names the graduate


@dataclass(frozen=True)
class TheirRow:
    """One data row: its number in the sheet, the keys it gives, and its cells by label of the layout."""

    number: int
    keys: dict[str, str]
    cells: dict[str, str]


def tidy(value: Any) -> str:
    """A cell as text to compare: NFKC, no white space around or zero-width inside, whole numbers without a fraction, days as 2027-06-30."""
    if value is None or isinstance(value, BrokenCell):
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime | date):
        return f"{value:%Y-%m-%d}"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = unicodedata.normalize("NFKC", str(value)).translate(dict.fromkeys((0x200B, 0xFEFF)))
    return " ".join(text.split()).removeprefix("'")


def read(path: Any, file_name: str, layout: Layout) -> Iterator[TheirRow]:
    """The data rows of the sheet that fits the layout best. Raises UploadRefused with a sentence."""
    labels = [cell.label for cell in layout.cells]
    book = open_workbook(path, file_name)
    proposal = propose_sheet(book, labels)
    rows = book.read(proposal.name)
    header = find_header(rows, labels)
    by_core = {core(label): label for label in labels} | {
        core(cell.code): cell.label for cell in layout.cells if cell.code
    }
    columns: dict[int, str] = {}
    if header is not None:
        for index, (label, code) in enumerate(zip(header.labels, header.codes, strict=True)):
            found = by_core.get(core(label)) or by_core.get(core(code))
            if found and found not in columns.values():
                columns[index] = found
    if not set(KEYS) & set(columns.values()):
        raise UploadRefused(
            f"表中没有找到学号、考生号或身份证号列，无法与“{layout.title}”比对。请确认选对了文件和格式。"
        )
    if header is None or len(columns) < 3:
        raise UploadRefused(f"这张表的列与“{layout.title}”对不上。请确认选对了文件和格式。")
    for row in split_rows(rows, header).rows:
        cells = {label: tidy(row.cells[index]) if index < len(row.cells) else "" for index, label in columns.items()}
        keys = {key: cells[key].upper() for key in KEYS if cells.get(key)}
        yield TheirRow(row.number, keys, cells)
