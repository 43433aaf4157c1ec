"""Look through the raw XML of an .xlsx before the reader unfolds it.

Why not trust the reader: calamine lays a sheet out as a dense rectangle, so an 8 kB file with one cell in A1 and one in
XFD1048576 makes it ask for 512 GiB and *aborts the process* (measured with calamine 0.9.1); and it copies a shared string
for every cell that refers to it. The scan also finds what the reader loses: formulas, and error values such as #N/A.

Every part is unpacked once, in 1 MB pieces, against its declared length and CRC (a forged zip directory ends here).
The common case is two regular expressions; anything unusual is counted exactly with expat.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from defusedxml import ElementTree

from .refusal import FormulaCell, Limits, SheetScan, UploadRefused, too_large

_CHUNK = 1 << 20
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DAMAGED = "这个工作簿已损坏，无法读取。请在 Excel 或 WPS 中打开，另存为 .xlsx 后重新上传。"
_LONG_TEXT = "工作簿里有超长的文字，不能导入。请删除长篇说明后重新上传。"
#: Shared strings longer than this (bytes) are counted one by one; shorter ones are bounded by ``max_cells``.
_LONG_STRING = 150

# A cell's start: group 1 and 2 are filled when it is written as everybody writes it; otherwise the exact count decides.
_CELL = re.compile(rb'<c(?: r="([A-Z]{1,3})([0-9]{1,7})"|[\s/>])')
_PREFIXED = re.compile(rb":c[\s/>]")
_STRING_REFERENCE = re.compile(rb"<(?:[^\s<>/:]+:)?v[^<>]*>\s*([0-9]+)\s*</")
_FORMULA = re.compile(
    rb"<(?:[^\s<>/:]+:)?c\s([^<>]*)>\s*<(?:[^\s<>/:]+:)?f(?=[\s/>])"
    rb"(?:[^<>]*/>|[^<>]*>[^<]*</[^<>]*>)\s*(<(?:[^\s<>/:]+:)?v(?:\s[^<>]*)?/?>)?([^<]*)"
)
_ERROR = re.compile(
    rb"<(?:[^\s<>/:]+:)?c\s([^<>]*\bt=[\"']e[\"'][^<>]*)>(?:(?!</?(?:[^\s<>/:]+:)?c[\s>]).)*?v>\s*(#[^<]*)<", re.S
)
_STRING_END = re.compile(rb"</(?:[^\s<>/:]+:)?si\s*>|<(?:[^\s<>/:]+:)?si\s*/>")
_WORKSHEET = re.compile(rb"<(?:[^\s<>/:]+:)?worksheet[\s>]")
_REFERENCE = re.compile(rb"\br=[\"']([A-Z]+)([0-9]+)[\"']")


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name → name of its part inside the zip, in the order of the tabs (work sheets and chart sheets)."""
    names = {name.lower(): name for name in archive.namelist()}
    try:
        root_rels = _relations(archive, names.get("_rels/.rels", "_rels/.rels"), "")
        book = next((t for kind, t in root_rels.values() if kind.endswith("/officeDocument")), "xl/workbook.xml")
        folder, base = posixpath.split(book)
        rels = _relations(archive, names.get(f"{folder}/_rels/{base}.rels".lower(), ""), folder)
        tree = ElementTree.fromstring(archive.read(names.get(book.lower(), book)))
        return {
            sheet.get("name", ""): names[rels[sheet.get(_RELATION, "")][1].lower()]
            for sheet in tree.iter()
            if sheet.tag.rpartition("}")[2] == "sheet"
            and rels.get(sheet.get(_RELATION, ""), ("", ""))[1].lower() in names
        }
    except (KeyError, ValueError, ElementTree.ParseError, zipfile.BadZipFile, OSError) as error:
        raise UploadRefused(_DAMAGED) from error


def _relations(archive: zipfile.ZipFile, part: str, folder: str) -> dict[str, tuple[str, str]]:
    result = {}
    for node in ElementTree.fromstring(archive.read(part)).iter():
        if target := node.get("Target"):
            full = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            result[node.get("Id", "")] = (node.get("Type", ""), full)
    return result


def scan(stream: BinaryIO, limits: Limits) -> dict[str, SheetScan]:
    """Sheet name → what stands in it. Raises ``UploadRefused`` for damage, forged sizes, and sheets too large to unfold."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = sheet_parts(archive)
            by_part = {part: name for name, part in parts.items()}
            long_strings: dict[int, int] = {}
            for info in archive.infolist():
                if info.filename.lower().endswith("sharedstrings.xml"):
                    long_strings = _long_strings(archive, info, limits)
            found = {}
            for info in archive.infolist():
                # A work sheet that our reading of the relations does not know is scanned too: the reader may know it.
                if info.filename in by_part or _is_worksheet(archive, info):
                    name = by_part.get(info.filename, "")
                    found[name] = _scan_sheet(archive, info, name, long_strings, limits)
            return {name: found[name] for name in parts if name in found}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise UploadRefused(_DAMAGED) from error


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as handle:
        while piece := handle.read(_CHUNK):
            yield piece


def _is_worksheet(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a part is a work sheet; unpacks it wholly, which checks its declared length and its CRC."""
    answer = False
    for number, piece in enumerate(_pieces(archive, info)):
        answer = answer or (number == 0 and bool(_WORKSHEET.search(piece[:8192])))
    return answer


def _long_strings(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> dict[int, int]:
    """Index → length in bytes of the shared strings that are long enough to matter when copied for every cell."""
    found, index, rest = {}, 0, b""
    for piece in _pieces(archive, info):
        *whole, rest = _STRING_END.split(rest + piece)
        if len(rest) > 4 * limits.max_cell_length + _CHUNK:
            raise UploadRefused(_LONG_TEXT)
        for item in whole:
            if len(item) > _LONG_STRING:
                found[index] = len(item)
            index += 1
    return found


def _scan_sheet(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, long_strings: dict[int, int], limits: Limits
) -> SheetScan:
    result = SheetScan(0, 0, [], {})
    letters: set[bytes] = set()
    rest, usual, text = b"", True, 0
    exact: tuple[int, int] | None = None
    for piece in _pieces(archive, info):
        data = rest + piece
        cut = _last_cell(data)
        data, rest = data[:cut], data[cut:]
        usual = _scan_piece(data, result, letters) and usual
        if long_strings:
            text += sum(long_strings.get(int(i), 0) for i in _STRING_REFERENCE.findall(data))
        if text > limits.max_unfolded_text:
            raise UploadRefused(_LONG_TEXT)
        if exact is None and result.rows > limits.max_rows:
            exact = _exact_size(archive, info, name, limits)  # refuses at once what is really too long
    usual = _scan_piece(rest, result, letters) and usual
    result.columns = max(map(_column, letters), default=0)
    if exact is None and (not usual or too_large(result.rows, result.columns, limits)):
        exact = _exact_size(archive, info, name, limits)
    if exact is not None:
        result.rows, result.columns = exact
    return result


def _last_cell(data: bytes) -> int:
    """Where to cut a piece so that no cell is cut in two (a cell of honest length fits into the window looked at)."""
    window = max(0, len(data) - 262_144)
    cell = max(data.rfind(b"<c ", window), data.rfind(b":c ", window))
    return data.rfind(b"<", 0, cell + 1) if cell > 0 else max(0, len(data) - 4096)


def _scan_piece(data: bytes, result: SheetScan, letters: set[bytes]) -> bool:
    """Add what one piece of a sheet holds; False when a cell is not written in the usual way."""
    usual = not _PREFIXED.search(data)
    if cells := _CELL.findall(data):
        here = {column for column, _ in cells}
        usual = usual and b"" not in here
        letters |= here - {b""}
        result.rows = max(result.rows, max(int(row or 0) for row in {row for _, row in cells}))
    if b"<f>" in data or b"<f " in data or b"<f/" in data or b":f>" in data or b":f " in data:
        for attributes, value_tag, value in _FORMULA.findall(data):
            empty_text = b't="str"' in attributes and value_tag  # =IF(...,"",...) stores an empty text: calculated
            if place := _REFERENCE.search(attributes):
                cached = bool(value.strip() or empty_text)
                result.formulas.append(FormulaCell(int(place[2]), _column(place[1]), cached))
    if b't="e"' in data or b"t='e'" in data:
        for attributes, shown in _ERROR.findall(data):
            if place := _REFERENCE.search(attributes):
                result.errors[int(place[2]), _column(place[1])] = shown.decode("utf-8", "replace").strip()
    return usual


def _column(letters: bytes) -> int:
    """A → 1, Z → 26, AA → 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _exact_size(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, limits: Limits) -> tuple[int, int]:
    """Rows and columns of the cells that really hold a value (formatted blanks do not count). Stops at the limits."""
    state = {"row": 0, "column": 0, "rows": 0, "columns": 0}

    def start(tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "row":
            given = attributes.get("r", "")
            state["row"] = int(given) if given.isdigit() else state["row"] + 1
            state["column"] = 0
        elif tag == "c":
            place = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7})", attributes.get("r", "").upper())
            state["column"] = _column(place[1].encode()) if place else state["column"] + 1
            state["row"] = int(place[2]) if place else state["row"]
        elif tag in ("v", "is", "f"):
            state["rows"], state["columns"] = max(state["rows"], state["row"]), max(state["columns"], state["column"])
            if sentence := too_large(state["rows"], state["columns"], limits, name):
                raise UploadRefused(sentence)

    def doctype(*_: object) -> None:
        raise UploadRefused(_DAMAGED)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        with archive.open(info) as handle:
            parser.ParseFile(handle)
    except expat.ExpatError as error:
        raise UploadRefused(_DAMAGED) from error
    return state["rows"], state["columns"]
