"""Makes the good and bad files that the import tests feed in: .xlsx from parts, .xls from records, rosters from rows."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

CONTENT_TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_NS = "http://schemas.openxmlformats.org"
ROOT_RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{_NS}/package/2006/relationships"><Relationship Id="rId1" '
    f'Type="{_NS}/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
BOOK = (
    f'<?xml version="1.0"?><workbook xmlns="{_NS}/spreadsheetml/2006/main" '
    f'xmlns:r="{_NS}/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
BOOK_RELS = (
    f'<?xml version="1.0"?><Relationships xmlns="{_NS}/package/2006/relationships">'
    f'<Relationship Id="rId1" Type="{_NS}/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_NS}/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/>'
    "</Relationships>"
)
MAIN = f"{_NS}/spreadsheetml/2006/main"


def sheet_xml(data: str) -> str:
    return f'<?xml version="1.0"?><worksheet xmlns="{MAIN}"><sheetData>{data}</sheetData></worksheet>'


def package(
    parts: dict[str, str | bytes] | None = None, sheet: str = '<row r="1"><c r="A1"><v>1</v></c></row>'
) -> bytes:
    """An .xlsx from its parts; the usual ones are there already, ``parts`` adds or replaces."""
    everything: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": ROOT_RELS,
        "xl/workbook.xml": BOOK,
        "xl/_rels/workbook.xml.rels": BOOK_RELS,
        "xl/worksheets/sheet1.xml": sheet_xml(sheet),
        **(parts or {}),
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in everything.items():
            archive.writestr(name, content)
    return stream.getvalue()


def workbook(sheets: dict[str, Iterable[Sequence[object]]], hidden: Sequence[str] = ()) -> bytes:
    """An .xlsx with these rows, strings as strings."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"in_memory": True, "strings_to_formulas": False}) as book:
        dates = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                for column, value in enumerate(row):
                    if hasattr(value, "year"):
                        sheet.write_datetime(number, column, value, dates)
                    elif value is not None:
                        sheet.write(number, column, value)
            if name in hidden:
                sheet.hide()
    return stream.getvalue()


def _record(number: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", number, len(body)) + body


def biff(rows: Sequence[Sequence[object]], before: bytes = b"", sheet_kind: int = 0, first_row: int = 0) -> bytes:
    """A BIFF8 workbook stream with one sheet “表” of texts and numbers; ``before`` adds records to the globals."""
    bof = struct.pack("<HHHHII", 0x600, 5, 0x0DBB, 0x07CC, 0x41, 6)
    name = "表".encode("utf-16-le")
    head = _record(0x809, bof) + before
    bound_length = 4 + 8 + len(name)
    offset = len(head) + bound_length + 4
    bound = _record(0x85, struct.pack("<IBBBB", offset, 0, sheet_kind, 1, 1) + name)
    assert len(bound) == bound_length
    stream = head + bound + _record(0x0A)
    stream += _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0x0DBB, 0x07CC, 0x41, 6))
    for number, row in enumerate(rows, first_row):
        for column, value in enumerate(row):
            where = struct.pack("<HHH", number, column, 0)
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                stream += _record(0x204, where + struct.pack("<HB", len(value), 1) + text)
            elif isinstance(value, (int, float)):
                stream += _record(0x203, where + struct.pack("<d", value))
    return stream + _record(0x0A)


def compound(streams: dict[str, bytes], storages: Sequence[str] = ()) -> bytes:
    """An OLE2 file (512-byte sectors) with these streams; every stream is padded past the mini-stream cutoff."""
    sectors: list[bytes] = []
    fat: list[int] = []

    def add(data: bytes) -> int:
        first = len(sectors)
        pieces = [data[i : i + 512].ljust(512, b"\0") for i in range(0, len(data), 512)]
        sectors.extend(pieces)
        fat.extend([first + i + 1 for i in range(len(pieces) - 1)] + [0xFFFFFFFE])
        return first

    entries = [("Root Entry", 5, 0xFFFFFFFE, 0)]
    for name, data in streams.items():
        padded = data.ljust(4096, b"\0")
        entries.append((name, 2, add(padded), len(padded)))
    entries += [(name, 1, 0, 0) for name in storages]
    directory = b""
    for number, (name, kind, first, size) in enumerate(entries):
        raw = name.encode("utf-16-le")
        child = 1 if number == 0 and len(entries) > 1 else 0xFFFFFFFF
        right = number + 1 if 0 < number < len(entries) - 1 else 0xFFFFFFFF
        directory += raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw) + 2, kind, 1, 0xFFFFFFFF, right, child)
        directory += b"\0" * 36 + struct.pack("<IQ", first, size)
    first_dir = add(directory)
    count = (len(fat) + 1 + 127) // 128
    while (len(fat) + count + 127) // 128 > count:
        count += 1
    fat_sectors = list(range(len(sectors), len(sectors) + count))
    fat += [0xFFFFFFFD] * count
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(count * 512, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, count, first_dir, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", *(fat_sectors + [0xFFFFFFFF] * (109 - count)))
    return header + b"".join(sectors) + table


def xls(rows: Sequence[Sequence[object]], **options: object) -> bytes:
    return compound({"Workbook": biff(rows, **options)})  # type: ignore[arg-type]


def grid(count: int, columns: int) -> bytes:
    """An honest large workbook: different text in every cell."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream, {"constant_memory": True}) as book:
        sheet = book.add_worksheet("数据")
        for row in range(count):
            for column in range(columns):
                sheet.write_string(row, column, f"第{row}行第{column}列的内容，地址某路{row * column}号")
    return stream.getvalue()
