"""The workbook of wrong rows: original order and layout, wrong cells coloured, reasons in the last column.

It can be corrected and imported again as it is: every column of the user's sheet stays where it was, title rows above
the header are kept, and the two columns added at the end (原行号, 错误原因) are known to ``importing.matching`` as no data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xlsxwriter.worksheet import Worksheet

from .styled import RED, WRONG_FILL, new_workbook, put
from .writer import clean, sheet_title

ROW_COLUMN = "原行号"
REASON_COLUMN = "错误原因"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a row. ``column``: position in the sheet from 0, or None when no single cell is to blame."""

    column: int | None
    label: str
    message: str


@dataclass(frozen=True, slots=True)
class WrongRow:
    """A refused row: its number in the user's sheet, all its cells as read, and what is wrong."""

    number: int
    cells: Sequence[object]
    faults: Sequence[Fault]


def write_error_workbook(
    path: str | os.PathLike[str],
    head: Sequence[Sequence[object]],
    header_count: int,
    wrong: Iterable[WrongRow],
    *,
    sheet_name: str = "有误数据",
) -> int:
    """Write the wrong rows; returns how many.

    ``head``: the cells of all rows down to the header; the last ``header_count`` (1 or 2) of them are the header.
    ``wrong`` is read once, memory does not grow with it.
    """
    labels = head[-1]
    width = max(len(cells) for cells in head)
    if list(labels[-2:]) == [ROW_COLUMN, REASON_COLUMN]:
        # An error workbook that was corrected and is still wrong: its two added columns are replaced.
        width = len(labels) - 2
        head = [cells[:width] for cells in head]
    count = 0
    with new_workbook(path, constant_memory=True) as book:
        sheet = book.add_worksheet(sheet_title(sheet_name))
        text = book.add_format({"num_format": "@"})
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        marked = book.add_format({"num_format": "@", "bg_color": WRONG_FILL, "border": 1, "border_color": RED})
        marked_date = book.add_format(
            {"num_format": "yyyy-mm-dd", "bg_color": WRONG_FILL, "border": 1, "border_color": RED}
        )
        reason = book.add_format({"font_color": RED, "text_wrap": False})
        for column in range(width):
            label = str(labels[column] or "") if column < len(labels) else ""
            sheet.set_column(column, column, max(10, min(40, 2 * len(label) + 6)), text)
        sheet.set_column(width, width, 8)
        sheet.set_column(width + 1, width + 1, 80)
        _write_head(book, sheet, head, header_count, width)
        for row, item in enumerate(wrong, len(head)):
            bad = {fault.column for fault in item.faults}
            for column in range(width):
                value = item.cells[column] if column < len(item.cells) else None
                if column in bad:
                    put(sheet, row, column, value, marked, marked_date)
                elif value is not None:
                    put(sheet, row, column, value, text, dated)
            sheet.write_number(row, width, item.number)
            sheet.write_string(row, width + 1, clean(reasons(item.faults)), reason)
            count += 1
        sheet.freeze_panes(len(head), 0)
    return count


def reasons(faults: Sequence[Fault]) -> str:
    """All faults of a row in one line: “手机号码：1380013800 只有 10 位，请改为 11 位手机号；姓名：不能为空，请填写”."""
    parts = [f"{fault.label}：{fault.message}" if fault.label else fault.message for fault in faults]
    return "；".join(part.rstrip("。；") for part in parts)


def _write_head(book, sheet: Worksheet, head, header_count: int, width: int) -> None:
    title = book.add_format({"bold": True, "num_format": "@"})
    header = book.add_format(
        {"bold": True, "num_format": "@", "bg_color": "#E8EEF7", "border": 1, "border_color": "#BFC9D9"}
    )
    first = len(head) - header_count
    for row, cells in enumerate(head):
        for column, value in enumerate(cells):
            if value is not None:
                put(sheet, row, column, value, header if row >= first else title, title)
        if row == len(head) - 1:
            sheet.write_string(row, width, ROW_COLUMN, header)
            sheet.write_string(row, width + 1, REASON_COLUMN, header)
