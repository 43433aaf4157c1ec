"""From chosen columns, or an official layout, to the sheet: headers, what to ask the database for, how each cell is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from exports import columns as vocabulary
from exports.columns import BOTH, CODE, NAME, Column
from exports.ministry.layouts import Cell, Layout

Block = Sequence[Sequence[Any]]


@dataclass(frozen=True)
class SheetColumn:
    """One column of the sheet: which fetched value it shows (None: blank), and how."""

    headers: tuple[str, ...]
    place: int | None
    write: Callable[[Sequence[Any]], Sequence[Any]] | None
    format: str = "text"


@dataclass
class Plan:
    """What a sheet consists of. `sources` goes into `.values_list()`, after the key."""

    sheet_columns: list[SheetColumn] = field(default_factory=list)
    sources: list[Any] = field(default_factory=list)
    masks: bool = False
    _places: dict[str, int] = field(default_factory=dict, repr=False)

    @property
    def header_rows(self) -> list[list[str]]:
        """One or two rows of headings."""
        return [list(row) for row in zip(*(column.headers for column in self.sheet_columns), strict=True)]

    @property
    def formats(self) -> list[str]:
        """The format of each column, for the writer."""
        return [column.format for column in self.sheet_columns]

    def place_of(self, column: Column) -> int:
        """Where the column's stored value stands in a fetched row; one value serves its code and its name."""
        key = column.source
        if key not in self._places:
            self._places[key] = len(self.sources)
            self.sources.append(vocabulary.expression(column))
        return self._places[key]

    def rows(self, blocks: Iterator[Block]) -> Iterator[tuple[Any, ...]]:
        """Fetched blocks (key first) as rows of the sheet. Column by column: the loops run in C."""
        for block in blocks:
            if not block:
                continue
            values = list(zip(*block, strict=True))[1:]
            blank = [""] * len(block)
            written = [
                blank if column.place is None or column.write is None else column.write(values[column.place])
                for column in self.sheet_columns
            ]
            yield from zip(*written, strict=True)


def of_columns(chosen: Sequence[Column], codes: str = NAME, *, reveal: bool = False) -> Plan:
    """The sheet of freely chosen columns; coded ones as name, code, or both side by side."""
    plan = Plan(masks=any(column.mask for column in chosen))
    for column in chosen:
        ways = {NAME: (False,), CODE: (True,), BOTH: (True, False)}[codes if column.is_coded else NAME]
        for header, as_code in zip(column.headers(codes), ways, strict=True):
            plan.sheet_columns.append(
                SheetColumn((header,), plan.place_of(column), _write(column, as_code, reveal), column.cell_format)
            )
    return plan


def of_layout(model: type[models.Model], layout: Layout, *, reveal: bool = False) -> Plan:
    """The sheet of an official layout: its headers, its order, its blanks; every cell is text."""
    chosen = {column.name: column for column in vocabulary.choose(model, layout.sources())}
    plan = Plan(masks=any(column.mask for column in chosen.values()))
    for cell in layout.cells:
        headers = (cell.code, cell.label) if layout.coded_header else (cell.label,)
        if not cell.source:
            plan.sheet_columns.append(SheetColumn(headers, None, None))
            continue
        column = chosen[cell.source]
        plan.sheet_columns.append(SheetColumn(headers, plan.place_of(column), _official(column, cell, reveal)))
    return plan


def _write(column: Column, as_code: bool, reveal: bool) -> Callable[[Sequence[Any]], Sequence[Any]]:
    write = vocabulary.presenter(column, as_code=as_code, reveal=reveal)
    if not column.extra_key:
        return write
    return lambda values: write(vocabulary.extra_values(column, values))


def _official(column: Column, cell: Cell, reveal: bool) -> Callable[[Sequence[Any]], Sequence[Any]]:
    if cell.compact:
        return lambda values: [str(value).replace("-", "") if value else "" for value in values]
    write = _write(column, cell.show == CODE, reveal)
    if column.cell_format != "text":
        return lambda values: ["" if value is None else str(value) for value in write(values)]
    if cell.pattern:
        return lambda values: [cell.pattern.format(value) if value else "" for value in write(values)]
    return write
