"""Which row of a sheet is the header, which sheet holds the data, and which rows below are data.

A header row is known by its labels: many of them are names or aliases of template columns, and none looks like data.
Above it may stand a merged title and notes; it may be two rows (field codes over Chinese names, or a merged group over
its parts). Every row that is not data is returned with the reason, so that an import can account for every row.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from .reading import Row, Workbook
from .refusal import BrokenCell, UploadRefused

#: How many rows from the top may come before the header.
SEARCH_ROWS = 40
_PARENTHESES = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^【】]*】|〔[^〔〕]*〕|<[^<>]*>")
_NOT_LETTERS = re.compile(r"[\W_]+")
_DATA_LIKE = re.compile(r"[\d\s./:+\-年月日届@Xx]+|[^@\s]+@[^@\s]+")
_TOTAL = re.compile(r"^(合\s*计|总\s*计|小\s*计|共\s*计|总人数|共\s*\d+\s*[人条行名])")
_NOTE = re.compile(
    r"^(说\s*明|备\s*注|附\s*注|注\s*[:：意\d]|注$|填\s*表|制\s*表|审\s*核|复\s*核|经\s*办|负责人|联系人|单位\s*[(（]|"
    r"学\s*校\s*[(（]|学\s*院\s*[(（]|\d+\s*[、.．)）]|[（(]\d+[)）]|[*※★]|填报|打印|导出|报送|签\s*[字名章]|盖\s*章|以上|第\s*\d+\s*页)"
)
_EXAMPLE = re.compile(r"^\s*[(（【\[]?\s*(示例|样例|例)\s*[)）】\]]?\s*[:：]")
_SERIAL = frozenset({"序号", "序", "no", "编号"})


def plain(label: object) -> str:
    """A label reduced to what counts for comparing: NFKC, lower case, letters and digits only. “姓　名*” → “姓名”."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", str(label)).lower())


def core(label: object) -> str:
    """``plain`` without what stands in brackets: “学制（年）” → “学制”, “姓名（必填）” → “姓名”."""
    text = unicodedata.normalize("NFKC", str(label))
    return plain(_PARENTHESES.sub("", text)) or plain(text)


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """The header found. ``index`` is the position in the list of rows, ``number`` the row number in the sheet.

    ``labels``: one per column ("" where there is none). ``codes``: the labels of a second header row, or "".
    ``indexes``: all header rows' positions. ``first_data_row``: sheet number of the first row below the header.
    """

    index: int
    number: int
    labels: list[str]
    codes: list[str]
    indexes: tuple[int, ...]
    first_data_row: int
    score: float


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """A row that is not data, and why (Chinese)."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Body:
    """The rows below (and above) a header, sorted: every row of the sheet is in exactly one of the two lists."""

    rows: list[Row]
    ignored: list[IgnoredRow]


@dataclass(frozen=True, slots=True)
class SheetProposal:
    """The sheet that most probably holds the data. ``header`` is None when no header row was found in it."""

    name: str
    header: HeaderRow | None


def known_labels(names: Iterable[str]) -> frozenset[str]:
    """Headers and aliases in the form ``find_header`` compares with."""
    return frozenset(core(name) for name in names)


def is_blank(value: object) -> bool:
    """Nothing, or only white space (the full-width space too)."""
    return value is None or (value.__class__ is str and not value.strip("\u200b\ufeff \t\r\n\u3000\xa0"))


def label_of(value: object) -> str:
    """The text of a header cell on one line."""
    return "" if value is None or isinstance(value, BrokenCell) else " ".join(str(value).split())


def find_header(rows: Sequence[Row], known: Collection[str]) -> HeaderRow | None:
    """The header among the first rows, or None. ``known``: names and aliases of the template's columns."""
    names = known if isinstance(known, frozenset) else known_labels(known)
    best, best_score = -1, 0.0
    for position, row in enumerate(rows[:SEARCH_ROWS]):
        score = _score(row, names)
        if score > best_score:
            best, best_score = position, score
    if best < 0 or best_score < 1:
        return None
    return _assemble(rows, best, names, best_score)


def _score(row: Row, names: frozenset[str]) -> float:
    """Matches count most; text-ness decides among rows without matches; numbers, dates and long texts speak against."""
    filled = [cell for cell in row.cells if not is_blank(cell)]
    if not filled:
        return 0.0
    labels = {core(cell) for cell in filled if isinstance(cell, str) and len(cell) <= 40}
    matches = len(labels & names)
    texts = sum(1 for cell in filled if _is_label(cell))
    if matches == 0 and (len(filled) < 3 or texts < len(filled) or len(labels) < len(filled)):
        return 0.0
    return matches * 3 + 1.5 * texts / len(filled) + min(len(labels), 50) / 50 - 2 * (len(filled) - texts) / len(filled)


def _is_label(cell: object) -> bool:
    return isinstance(cell, str) and len(cell) <= 40 and not _DATA_LIKE.fullmatch(cell.strip())


def _is_companion(row: Row, names: frozenset[str]) -> bool:
    """Whether a neighbour of the header is a part of it: only labels, and at least two of them known."""
    filled = [cell for cell in row.cells if not is_blank(cell)]
    matches = len({core(cell) for cell in filled if isinstance(cell, str)} & names)
    return matches >= 2 and all(_is_label(cell) for cell in filled) and matches >= 0.3 * len(filled)


def _assemble(rows: Sequence[Row], best: int, names: frozenset[str], score: float) -> HeaderRow:
    lower, upper = best, best
    if best > 0 and _is_companion(rows[best - 1], names):
        upper = best - 1
    elif best + 1 < len(rows) and _is_companion(rows[best + 1], names):
        lower = best + 1
    first, second = rows[upper], rows[lower]
    width = max(len(first.cells), len(second.cells))
    top = [label_of(cell) for cell in first.cells] + [""] * (width - len(first.cells))
    bottom = [label_of(cell) for cell in second.cells] + [""] * (width - len(second.cells))
    if upper == lower:
        labels, codes = top, [""] * width
    else:
        # The Chinese row gives the labels, the other the codes; with merged groups the lower row is the finer one.
        chinese_above = _chinese(top) > _chinese(bottom) and not _chinese(bottom)
        main, other = (top, bottom) if chinese_above else (bottom, top)
        labels = [a or b for a, b in zip(main, other, strict=True)]
        codes = [b if a else "" for a, b in zip(main, other, strict=True)]
    return HeaderRow(
        best, rows[best].number, labels, codes, tuple(range(upper, lower + 1)), rows[lower].number + 1, score
    )


def _chinese(labels: Sequence[str]) -> int:
    return sum(1 for label in labels if any("\u4e00" <= letter <= "\u9fff" for letter in label))


def propose_sheet(workbook: Workbook, known: Collection[str]) -> SheetProposal:
    """The sheet whose header fits best; visible sheets before hidden ones, data before instructions and dictionaries."""
    names = known_labels(known)
    candidates = [sheet for sheet in workbook.sheets if sheet.rows]
    visible = [sheet for sheet in candidates if not sheet.hidden] or candidates
    if not visible:
        raise UploadRefused("这个工作簿里没有数据。请确认选对了文件，保存后重新上传。")
    if len(visible) == 1:
        name = visible[0].name
        return SheetProposal(name, find_header(workbook.head(name), names))
    found = []
    for sheet in visible:
        header = find_header(workbook.head(sheet.name), names)
        found.append(((header.score if header else 0.0) + sheet.score, sheet.name, header))
    best = max(found, key=lambda item: item[0])
    return SheetProposal(best[1], best[2])


class Sorter:
    """Tells data rows from all others, row by row, so that a long sheet need not be held. `top`: its rows down to the header."""

    def __init__(self, header: HeaderRow, top: Sequence[Row]) -> None:
        self._header = header
        self._columns = sum(1 for label in header.labels if label)
        self._serial = {i for i, label in enumerate(header.labels) if plain(label) in _SERIAL}
        self._head = {tuple(label_of(c) for c in top[i].cells if not is_blank(c)) for i in header.indexes}

    def reason(self, row: Row) -> str:
        """Why a row is no data (title, header, blank, example, total, note); "" for a data row."""
        position = row.number - 1
        if position < self._header.indexes[0]:
            return "表头之前的标题或说明"
        if position in self._header.indexes:
            return "表头"
        return _reason(row, self._columns, self._serial, self._head)


def split_rows(rows: Sequence[Row], header: HeaderRow) -> Body:
    """Data rows, and all others with the reason they are left out. ``rows`` are all rows of the sheet, from its first."""
    sorter = Sorter(header, rows)
    data: list[Row] = []
    ignored: list[IgnoredRow] = []
    for row in rows:
        if reason := sorter.reason(row):
            ignored.append(IgnoredRow(row.number, reason))
        else:
            data.append(row)
    return Body(data, ignored)


def header_at(rows: Sequence[Row], number: int, known: Collection[str]) -> HeaderRow | None:
    """The header a person has chosen by its row number in the sheet; None when there is no such row or it is empty.

    A neighbour is taken as its second row only where the chosen row itself is known for a header: the choice stands.
    """
    names = known if isinstance(known, frozenset) else known_labels(known)
    if not 1 <= number <= len(rows) or all(is_blank(cell) for cell in rows[number - 1].cells):
        return None
    row, score = rows[number - 1], _score(rows[number - 1], names)
    if _is_companion(row, names):
        return _assemble(rows, number - 1, names, score)
    labels = [label_of(cell) for cell in row.cells]
    return HeaderRow(number - 1, number, labels, [""] * len(labels), (number - 1,), number + 1, score)


def _reason(row: Row, columns: int, serial: set[int], head: set[tuple[str, ...]]) -> str:
    filled = [(i, cell) for i, cell in enumerate(row.cells) if not is_blank(cell)]
    if not filled:
        return "空行"
    if all(i in serial and str(cell).strip().isdigit() for i, cell in filled):
        return "只有序号的空行"
    first = filled[0][1]
    if isinstance(first, str) and _EXAMPLE.match(first):
        return "示例行"
    few = len(filled) <= max(2, columns // 5)
    if columns >= 3 and few:
        texts = [cell.strip() for _, cell in filled if isinstance(cell, str)]
        if any(_TOTAL.match(text) for text in texts):
            return "合计行"
        if texts and _NOTE.match(texts[0]):
            return "说明行"
        if len(filled) == 1 and len(str(first)) > 30 and not isinstance(first, (int, float, date, BrokenCell)):
            return "说明行"
    # A data row nearly never begins like the header: only then the whole row is compared.
    if columns >= 3 and isinstance(first, str) and any(label_of(first) == labels[0] for labels in head):
        return "重复的表头" if tuple(label_of(cell) for _, cell in filled) in head else ""
    return ""
