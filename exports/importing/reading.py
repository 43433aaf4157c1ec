"""Sheets and rows of an accepted upload, with true row numbers and plain Python values.

calamine reads .xlsx and .xls, the ``csv`` module the rest. What calamine does silently is put right here: leading empty
columns it drops are put back, whole numbers it returns as floats become ``int``, and formulas that were never
calculated and error values (#N/A), which it returns as blanks, become ``BrokenCell``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from . import ole, xlsxscan
from .preflight import FileKind, inspect, open_source, type_of_source
from .refusal import LIMITS, BrokenCell, FormulaCell, Limits, SheetScan, UploadRefused, too_large

__all__ = ["BrokenCell", "Cell", "FormulaCell", "Row", "SheetInfo", "Workbook", "open_workbook"]

Cell = str | int | float | bool | date | datetime | BrokenCell | None

#: Excel keeps 15 significant digits; a number with more has lost its tail and stays a float for the checker to see.
_EXACT = 10**15
_RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
#: How many different short texts of a sheet are shared between its cells.
_MEMO = 20_000
_DAMAGED = "读取这个文件时出错，文件可能已损坏。请在 Excel 或 WPS 中打开，另存为 .xlsx 后重新上传。"
_UNCALCULATED = BrokenCell("公式未计算", uncalculated=True)


@contextmanager
def _reader() -> Iterator[None]:
    """Turn the reader's failures into a refusal. A panic of its Rust code is a BaseException without a public name."""
    try:
        yield
    except BaseException as error:
        known = isinstance(error, (CalamineError, OSError, ValueError, OverflowError))
        if not known and type(error).__name__ != "PanicException":
            raise
        raise UploadRefused(_DAMAGED) from error


@dataclass(slots=True)
class Row:
    """One row of a sheet. ``number`` counts from 1 as Excel shows it; ``cells`` starts at column A."""

    number: int
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class SheetInfo:
    """A sheet without its rows. ``score`` grows with how much it looks like a data table (0 for an empty one)."""

    name: str
    rows: int
    columns: int
    score: float
    hidden: bool


@dataclass
class Workbook:
    """An opened upload. ``sheets`` are known at once, rows are read on demand."""

    kind: FileKind
    sheets: list[SheetInfo]
    _scans: dict[str, SheetScan]
    _book: CalamineWorkbook | None = None
    _rows: list[list[str]] = field(default_factory=list)
    _held: tuple[str, CalamineSheet] | None = None
    limits: Limits = LIMITS

    def read(self, sheet_name: str) -> list[Row]:
        """All rows of a sheet up to the last used one; row i has number i + 1. Blank cells are None."""
        return list(self.iter_rows(sheet_name))

    def head(self, sheet_name: str, count: int = 40) -> list[Row]:
        """The first rows of a sheet, to look at; the unfolded sheet is kept for the ``read`` that follows."""
        return list(islice(self._iterate(sheet_name), count))

    def iter_rows(self, sheet_name: str) -> Iterator[Row]:
        """The same rows one by one; the unfolded sheet is let go afterwards."""
        yield from self._iterate(sheet_name)
        self._held = None

    def formulas(self, sheet_name: str) -> list[FormulaCell]:
        """Where formulas stood. Those with ``cached`` False are ``BrokenCell`` in the rows."""
        return self._scans[sheet_name].formulas

    def _iterate(self, name: str) -> Iterator[Row]:
        if name not in self._scans:
            raise KeyError(name)
        if self._book is None:
            memo: dict[str, str] = {}
            for number, cells in enumerate(self._rows, 1):
                yield Row(number, [_csv_cell(cell, memo) for cell in cells])
        elif self._scans[name].rows:
            yield from self._sheet_rows(name)

    def _sheet_rows(self, name: str) -> Iterator[Row]:
        if self._held is None or self._held[0] != name:
            self._held = None
            with _reader():
                self._held = (name, self._book.get_sheet_by_name(name))  # type: ignore[union-attr]
        sheet = self._held[1]
        if sheet.start is None:
            return
        left = sheet.start[1]
        broken = self._broken(name)
        memo: dict[str, str] = {}
        pad: list[Cell] = [None] * left
        with _reader():
            for number, values in enumerate(sheet.iter_rows(), 1):
                cells = pad + [_cell(value, memo) for value in values]
                for column, what in broken.get(number, ()):
                    while len(cells) < column:
                        cells.append(None)
                    cells[column - 1] = what
                yield Row(number, cells)

    def _broken(self, name: str) -> dict[int, list[tuple[int, BrokenCell]]]:
        scan = self._scans[name]
        result: dict[int, list[tuple[int, BrokenCell]]] = {}
        for place, shown in scan.errors.items():
            result.setdefault(place[0], []).append((place[1], BrokenCell(shown)))
        for formula in scan.formulas:
            if not formula.cached:
                result.setdefault(formula.row, []).append((formula.column, _UNCALCULATED))
        return result


def _cell(value: object, memo: dict[str, str]) -> Cell:
    kind = type(value)
    if kind is str:
        if not value:
            return None
        return _shared(value, memo) if len(value) < 16 else value  # type: ignore[arg-type, return-value]
    if kind is float:
        if value.is_integer() and -_EXACT < value < _EXACT:  # type: ignore[attr-defined, operator]
            return int(value)  # type: ignore[call-overload]
        return value  # type: ignore[return-value]
    if kind is time:
        return value.strftime("%H:%M:%S")  # type: ignore[attr-defined]
    if kind is timedelta:
        return str(value)
    return value  # type: ignore[return-value]


def _csv_cell(text: str, memo: dict[str, str]) -> Cell:
    """Text of a csv cell, without the tricks that programs use to keep Excel from changing or running it."""
    if not text:
        return None
    if text.startswith('="') and text.endswith('"') and '"' not in text[2:-1]:
        text = text[2:-1]
    elif text[0] == "'" and text.lstrip(" \u3000\xa0\n'").startswith(_RISKY):
        text = text[1:]  # what ``exports.sheets.writer.csv_safe`` put before it
    return _shared(text, memo) if len(text) < 16 else text or None


def _shared(text: str, memo: dict[str, str]) -> str:
    """One object for equal short texts; numbers that occur once do not pile up."""
    if (known := memo.get(text)) is not None:
        return known
    if len(memo) < _MEMO:
        memo[text] = text
    return text


def open_workbook(source: type_of_source, filename: str = "", limits: Limits = LIMITS) -> Workbook:
    """Inspect and open an upload (path, bytes, or seekable binary file). Raises ``UploadRefused``."""
    kind = inspect(source, filename, limits)
    stream = open_source(source)
    try:
        if kind.kind == "csv":
            return _open_csv(stream.read(), kind, limits)
        data = io.BytesIO(stream.read())
    finally:
        if stream is not source:
            stream.close()
    return _open_book(data, kind, limits)


def _open_book(data: io.BytesIO, kind: FileKind, limits: Limits) -> Workbook:
    by_name, in_order = {}, []
    if kind.kind == "xlsx":
        by_name = xlsxscan.scan(data, limits)
    else:
        compound = ole.Compound(data.getvalue())
        in_order = ole.scan_workbook(compound.stream(ole.check_directory(compound)), limits)
    data.seek(0)
    with _reader():
        book = CalamineWorkbook.from_filelike(data)
    sheets, scans = [], {}
    for number, meta in enumerate(book.sheets_metadata):
        scan = by_name.get(meta.name) if by_name else in_order[number] if number < len(in_order) else None
        if meta.typ != SheetTypeEnum.WorkSheet or scan is None:
            continue
        if sentence := too_large(scan.rows, scan.columns, limits, meta.name):
            raise UploadRefused(sentence)
        scans[meta.name] = scan
        hidden = meta.visible != SheetVisibleEnum.Visible
        sheets.append(SheetInfo(meta.name, scan.rows, scan.columns, _score(scan, hidden), hidden))
    if not any(sheet.rows for sheet in sheets):
        raise UploadRefused("这个工作簿里没有数据。请确认选对了文件，保存后重新上传。")
    return Workbook(kind, sheets, scans, _book=book, limits=limits)


def _score(scan: SheetScan, hidden: bool) -> float:
    if not scan.rows:
        return 0.0
    size = min(scan.rows, 1000) / 1000 + min(scan.columns, 30) / 30
    return size / 10 if hidden else size


def _open_csv(data: bytes, kind: FileKind, limits: Limits) -> Workbook:
    text = data.decode(kind.encoding).removeprefix("\ufeff")
    delimiter = _delimiter(text)
    rows: list[list[str]] = []
    columns = 0
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False):
            rows.append(row)
            columns = max(columns, len(row))
            if sentence := too_large(len(rows), columns, limits):
                raise UploadRefused(sentence)
    except csv.Error as error:
        raise UploadRefused(
            f"第 {len(rows) + 1} 行读不出来：文字过长，或双引号不成对。请用 Excel 打开，另存为 .xlsx 后重新上传。"
        ) from error
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    scan = SheetScan(len(rows), columns, [], {})
    info = SheetInfo("CSV", len(rows), columns, _score(scan, hidden=False), hidden=False)
    return Workbook(kind, [info], {"CSV": scan}, _rows=rows, limits=limits)


def _delimiter(text: str) -> str:
    """The separator that cuts the first lines into the most columns, most evenly."""
    sample = text[:65536].splitlines()[:30]

    def quality(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(sample, delimiter=delimiter)]
        common = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
        return (common > 1) * widths.count(common) / max(len(widths), 1), common

    return max((",", "\t", ";"), key=quality)
