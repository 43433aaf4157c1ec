"""Bad files are refused by content, in milliseconds, with a sentence (security.md C1); honest ones pass."""

from __future__ import annotations

import io
import struct
import time
import zipfile

import pytest

from exports.importing.preflight import inspect
from exports.importing.reading import open_workbook
from exports.importing.refusal import Limits, UploadRefused
from tests.importing import books

ROWS = [["学号", "姓名"], ["20230001", "王小明"]]
SUPBOOK = struct.pack("<HH", 0x1AE, 8) + struct.pack("<HH", 1, 4) + b"\x00\x01b."
DOCTYPE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><sst xmlns="' + books.MAIN + '"/>'


def _encrypted_zip() -> bytes:
    data = bytearray(books.package())
    at = data.index(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    return bytes(data)


def _document(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("[Content_Types].xml", books.CONTENT_TYPES)
        archive.writestr(name, "<x/>")
    return stream.getvalue()


BAD = {
    "empty": (b"", "空"),
    "blank text": (b"  \r\n\r\n", "没有内容"),
    "html as xls": ("<html><table><tr><td>学号</td></tr></table></html>".encode(), "网页"),
    "html with bom and doctype": ("\ufeff <!DOCTYPE html><head>".encode(), "网页"),
    "html in gb18030": ('<meta charset="gb2312"><table><tr><td>姓名</td>'.encode("gb18030"), "网页"),
    "mhtml": (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "网页"),
    "xml spreadsheet 2003": (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com"/>', "XML"),
    "pdf": (b"%PDF-1.7 ...", "PDF"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "图片"),
    "jpeg": (b"\xff\xd8\xff\xe0" + b"\0" * 50, "图片"),
    "rar": (b"Rar!\x1a\x07\x00", "压缩包"),
    "exe": (b"MZ\x90\x00" + b"\0" * 60, "程序"),
    "binary rubbish": (bytes(range(256)) * 4, "."),
    "macro part": (books.package({"xl/vbaProject.bin": b"x"}), "宏"),
    "macro sheet": (books.package({"xl/macrosheets/sheet1.xml": "<x/>"}), "宏"),
    "macro content type": (
        books.package({"[Content_Types].xml": "<Types>application/vnd.ms-excel.sheet.macroEnabled.main+xml</Types>"}),
        "宏",
    ),
    "external link": (books.package({"xl/externalLinks/externalLink1.xml": "<x/>"}), "外部链接"),
    "embedded object": (books.package({"xl/embeddings/oleObject1.bin": b"x"}), "嵌入"),
    "activex": (books.package({"xl/activeX/activeX1.xml": "<x/>"}), "控件"),
    "doctype": (books.package({"xl/sharedStrings.xml": DOCTYPE}), "DOCTYPE"),
    "doctype in utf-16": (books.package({"xl/sharedStrings.xml": DOCTYPE.encode("utf-16")}), "DOCTYPE"),
    "doctype after a long comment": (
        books.package({"xl/sharedStrings.xml": f"<?xml version='1.0'?><!--{'x' * 9000}--><!DOCTYPE x><x/>"}),
        "DOCTYPE",
    ),
    "bomb": (books.package({"xl/worksheets/sheet2.xml": b"<row>" * 12_000_000}), "庞大"),
    "thousands of parts": (books.package({f"xl/media/{i}.xml": "<x/>" for i in range(1200)}), "庞大"),
    "encrypted zip": (_encrypted_zip(), "密码"),
    "xlsb": (books.package({"xl/workbook.bin": b"x"}), "xlsb"),
    "word": (_document("word/document.xml"), "Word"),
    "ods": (_document("content.xml"), "OpenDocument"),
    "plain zip": (_document("a.txt"), "压缩包"),
    "cut zip": (books.package()[:400], "损坏"),
    "zip header only": (b"PK\x03\x04" + b"\0" * 100, "损坏"),
    "encrypted ole": (books.compound({"EncryptionInfo": b"x", "EncryptedPackage": b"y"}), "密码"),
    "word 97": (books.compound({"WordDocument": b"x"}), "不是 Excel"),
    "xls with macros": (books.compound({"Workbook": books.biff(ROWS)}, ["_VBA_PROJECT_CUR"]), "宏"),
    "xls macro sheet": (books.xls(ROWS, sheet_kind=1), "宏表"),
    "xls with a password": (books.xls(ROWS, before=struct.pack("<HHHHH", 0x2F, 6, 0, 1, 2)), "密码"),
    "xls with external link": (books.xls(ROWS, before=SUPBOOK), "外部链接"),
    "xls with embedded object": (books.compound({"Workbook": books.biff(ROWS)}, ["MBD0012AB"]), "嵌入"),
    "cut xls": (books.xls(ROWS)[:700], "损坏"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.machine
def test_a_bad_file_is_refused_quickly_with_a_sentence(name):
    data, word = BAD[name]
    started = time.process_time()
    with pytest.raises(UploadRefused) as refusal:
        inspect(data, "名单.xls")
    assert time.process_time() - started < 0.05
    assert word in refusal.value.sentence or word == "."
    assert refusal.value.sentence.endswith("。")


def test_a_file_too_large_says_how_large():
    with pytest.raises(UploadRefused, match=r"2\.0 MB，超过 1 MB"):
        inspect(b"a," * (1 << 20), "a.csv", Limits(max_bytes=1 << 20))


@pytest.mark.parametrize(
    ("data", "kind", "encoding"),
    [
        (books.package(), "xlsx", ""),
        (books.xls(ROWS), "xls", ""),
        ("学号,姓名\r\n1,王\r\n".encode(), "csv", "utf-8"),
        ("学号,姓名\r\n1,王\r\n".encode("utf-8-sig"), "csv", "utf-8-sig"),
        ("学号,姓名\r\n1,王\r\n".encode("gb18030"), "csv", "gb18030"),
        ("学号\t姓名\r\n1\t孙𬱖\r\n".encode("utf-16"), "csv", "utf-16"),
    ],
)
def test_content_decides_not_the_extension(data, kind, encoding):
    for filename in ("a.xlsx", "a.xls", "a.csv", "没有扩展名", ""):
        found = inspect(data, filename)
        assert (found.kind, found.encoding, found.size) == (kind, encoding, len(data))


def test_sources_of_every_kind(tmp_path):
    data = books.package()
    path = tmp_path / "a.xlsx"
    path.write_bytes(data)
    stream = io.BytesIO(data)
    stream.seek(7)
    assert inspect(path) == inspect(str(path)) == inspect(data) == inspect(stream)
    assert not stream.closed


def test_hyperlinks_to_mail_are_no_external_link():
    rels = (
        '<?xml version="1.0"?><Relationships xmlns="x"><Relationship Id="r1" Type="hyperlink" '
        'Target="mailto:a@example.edu.cn" TargetMode="External"/></Relationships>'
    )
    assert inspect(books.package({"xl/worksheets/_rels/sheet1.xml.rels": rels})).kind == "xlsx"


@pytest.mark.machine
def test_an_honest_large_workbook_passes_in_milliseconds():
    data = books.grid(20_000, 30)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert sum(part.file_size for part in archive.infolist()) > 50_000_000
    started = time.process_time()
    assert inspect(data).kind == "xlsx"
    assert time.process_time() - started < 0.05


def test_a_forged_zip_directory_is_caught_before_the_reader_runs():
    """The directory declares a small part; what is inside is larger."""
    data = bytearray(books.package(sheet='<row r="1"><c r="A1"><v>1</v></c></row>' * 100_000))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = data.rindex(b"xl/worksheets/sheet1.xml")
        at = data.rindex(signature, 0, at) if offset == 24 else info.header_offset
        data[at + offset : at + offset + 4] = struct.pack("<I", 200_000)
    assert inspect(bytes(data)).kind == "xlsx"
    with pytest.raises(UploadRefused, match="损坏"):
        open_workbook(bytes(data))


@pytest.mark.parametrize(
    "sheet",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>1</v></c></row>",
        '<row r="1"><c s="0" r="A1"><v>1</v></c><c s="0" r="XFD1048576"><v>1</v></c></row>',
        f'<x:row xmlns:x="{books.MAIN}" r="1"><x:c r="A1"><x:v>1</x:v></x:c><x:c r="XFD99999"><x:v>1</x:v></x:c></x:row>',
        f'<row r="99999">{"<c><v>1</v></c>" * 300}</row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="99999"><c r="IV99999"><v>1</v></c></row>',
    ],
)
def test_a_few_cells_far_apart_do_not_unfold(sheet):
    """calamine would lay out the whole rectangle and abort the process."""
    with pytest.raises(UploadRefused, match="超过"):
        open_workbook(books.package(sheet=sheet))


def test_formatted_blanks_far_below_do_not_refuse_a_sheet():
    sheet = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576" s="0"/></row>'
    book = open_workbook(books.package(sheet=sheet))
    assert [(row.number, row.cells) for row in book.read("S")] == [(1, [1])]


def test_one_long_string_in_a_million_cells_does_not_unfold():
    strings = f'<?xml version="1.0"?><sst xmlns="{books.MAIN}"><si/><si><t>{"长" * 10_000}</t></si></sst>'
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>1</v></c></row>' for row in range(1, 20_001))
    with pytest.raises(UploadRefused, match="超长"):
        open_workbook(books.package({"xl/sharedStrings.xml": strings}, sheet=cells))


def test_xls_cells_far_apart_are_refused():
    with pytest.raises(UploadRefused, match="超过"):
        inspect(books.xls([["x"] * 256], first_row=65_535))


@pytest.mark.machine
def test_three_million_csv_rows_stop_at_the_cap():
    started = time.process_time()
    with pytest.raises(UploadRefused, match="100000 行"):
        open_workbook(b"1,2\n" * 3_000_000)
    assert time.process_time() - started < 5


@pytest.mark.machine
def test_three_million_rows_in_xlsx_stop_at_the_cap():
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>1</v></c></row>' for n in range(1, 1_000_000))
    data = books.package(sheet=rows)
    started = time.process_time()
    with pytest.raises(UploadRefused, match="100000 行"):
        open_workbook(data)
    assert time.process_time() - started < 5
