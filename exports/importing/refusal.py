"""The two ways in which an import says no: to a whole file, and to one cell. Both carry a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass


class UploadRefused(Exception):
    """The whole file is refused. ``sentence`` (Chinese) says what is wrong and what to do."""

    def __init__(self, sentence: str):
        super().__init__(sentence)
        self.sentence = sentence


class CellError(ValueError):
    """One cell cannot be meant. ``code`` is stable (reports, tests); ``message`` is a Chinese sentence.

    Messages never repeat an ID number in full: they end up in reports and logs.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on an upload. Bytes for sizes, counts for the rest."""

    max_bytes: int = 20 * 1024 * 1024
    max_unpacked: int = 400 * 1024 * 1024
    #: Unpacked over packed; looked at only above ``ratio_from`` bytes unpacked (small files may be very repetitive).
    max_ratio: int = 150
    ratio_from: int = 50 * 1024 * 1024
    max_parts: int = 1000
    max_rows: int = 100_000
    max_columns: int = 256
    #: Rows × columns of the used area of one sheet: the reader's memory follows it, about 32 bytes each.
    max_cells: int = 5_000_000
    #: Text that shared strings would unfold to (one long string, referred to by a million cells).
    max_unfolded_text: int = 500 * 1024 * 1024
    max_cell_length: int = 32_767


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class BrokenCell:
    """A cell without a usable value: an Excel error (``#N/A``) or a formula that was never calculated."""

    shown: str
    uncalculated: bool = False

    def __str__(self) -> str:
        return self.shown


@dataclass(frozen=True, slots=True)
class FormulaCell:
    """Where a formula stood. ``row`` and ``column`` count from 1; ``cached`` is False when it has no stored value."""

    row: int
    column: int
    cached: bool


@dataclass(slots=True)
class SheetScan:
    """What a scan of the raw sheet found before any library unfolds it into memory."""

    rows: int
    columns: int
    formulas: list[FormulaCell]
    #: (row, column), both from 1 → error text such as ``#N/A``.
    errors: dict[tuple[int, int], str]


def too_large(rows: int, columns: int, limits: Limits, sheet: str = "") -> str | None:
    """The sentence that refuses a sheet of this size, or None."""
    where = f"工作表“{sheet}”" if sheet else "表格"
    if rows > limits.max_rows:
        return f"{where}超过 {limits.max_rows} 行，一次导入不了。请拆成几个文件分别导入。"
    if columns > limits.max_columns:
        return f"{where}超过 {limits.max_columns} 列。请删除右侧用不到的列后重新上传。"
    if rows * columns > limits.max_cells:
        return f"{where}有 {rows} 行 × {columns} 列，超过一次导入的上限。请拆成几个文件，或删除多余的列。"
    return None
