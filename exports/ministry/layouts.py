"""Official sheets as data: which columns, in which order, under which codes, filled from where, valid for which cohorts.

A layout is dated: an authority that changes its sheet gets a second layout, the first stays for the cohorts it was made for.
`sureness` says how well it is founded (as in the code tables). Columns that this system cannot fill yet are there and blank,
so that the sheet has the width and order the receiving system expects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

NAME, CODE = "name", "code"


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of an official sheet.

    label    Chinese header
    code     header of the first row where the sheet has two ("xm")
    source   name in the vocabulary of `exports.columns`; "" is blank
    show     NAME or CODE for a coded source
    pattern  how a value is written, "{}09"; a blank value stays blank
    compact  a date as YYYYMMDD
    note     why it is blank, or what the pattern assumes
    """

    label: str
    code: str = ""
    source: str = ""
    show: str = NAME
    pattern: str = ""
    compact: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One official sheet. `valid_from`, `valid_to` are graduation years, both inclusive, None = open."""

    key: str
    title: str
    model_label: str
    cells: tuple[Cell, ...]
    source: str
    sureness: str
    coded_header: bool = False
    valid_from: int | None = None
    valid_to: int | None = None
    note: str = ""

    def header_rows(self) -> list[list[str]]:
        """The header as it is written: the codes first where the sheet has them, then the Chinese names."""
        labels = [cell.label for cell in self.cells]
        return [[cell.code for cell in self.cells], labels] if self.coded_header else [labels]

    def holds_for(self, year: int | None) -> bool:
        """Whether the sheet is the one of that graduation year (None: not asked)."""
        return year is None or ((self.valid_from or year) <= year <= (self.valid_to or year))

    def sources(self) -> list[str]:
        """Names it draws on, each once, in order."""
        return list(dict.fromkeys(cell.source for cell in self.cells if cell.source))

    def blank_labels(self) -> list[str]:
        """Columns that stay blank."""
        return [cell.label for cell in self.cells if not cell.source]


@cache
def all_layouts() -> dict[str, Layout]:
    """Every layout by key, in the order they are offered."""
    modules = [
        import_module(f"exports.ministry.{name}") for name in ("upload", "national", "origin", "employment", "plan")
    ]
    found = [layout for module in modules for layout in getattr(module, "LAYOUTS", None) or (module.LAYOUT,)]
    return {layout.key: layout for layout in found}


def layouts_for(model_label: str, year: int | None = None) -> list[Layout]:
    """The layouts that can be filled from a kind of record, for a graduation year."""
    return [layout for layout in all_layouts().values() if layout.model_label == model_label and layout.holds_for(year)]
