"""Rows keep their true numbers and columns; values come as plain Python; nothing is lost silently."""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest

from exports.importing.reading import BrokenCell, FormulaCell, open_workbook
from exports.importing.refusal import UploadRefused
from exports.sheets.writer import write_rows
from tests.importing import books


def _cells(data: bytes, sheet: str) -> dict[int, list[object]]:
    return {row.number: row.cells for row in open_workbook(data).read(sheet)}


def test_leading_empty_rows_and_columns_keep_their_place():
    data = books.workbook({"表": [[], [], [None, None, "学号"], [None, None, 7]]})
    rows = open_workbook(data).read("表")
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[2].cells == [None, None, "学号"]
    assert rows[3].cells == [None, None, 7]


def test_numbers_dates_and_texts():
    values = [20230010012.0, 2.5, 9.964372005090509e17, 1e15, "０１", date(2027, 6, 30), True, "", "  a\n b "]
    cells = _cells(books.workbook({"表": [values]}), "表")[1]
    assert cells[0] == 20230010012
    assert type(cells[0]) is int
    assert cells[1] == 2.5
    assert type(cells[2]) is float
    assert type(cells[3]) is float
    assert cells[4:] == ["０１", date(2027, 6, 30), True, None, "  a\n b "]


def test_xls_has_the_same_rows_and_numbers():
    data = books.xls([["学号", "姓名"], [20230010012.0, "王小明"]], first_row=2)
    book = open_workbook(data)
    assert [(s.name, s.rows, s.columns, s.hidden) for s in book.sheets] == [("表", 4, 2, False)]
    rows = book.read("表")
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert rows[2].cells == ["学号", "姓名"]
    assert rows[3].cells == [20230010012, "王小明"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_every_encoding_and_delimiter(encoding, delimiter):
    lines = [["学号", "姓名", "家庭地址"], ["001", "孙𬱖", f'"A{delimiter}路\n1号"'], [], ["2", "", "x"]]
    data = "\r\n".join(delimiter.join(line) for line in lines).encode(encoding)
    rows = open_workbook(data).read("CSV")
    assert rows[0].cells == ["学号", "姓名", "家庭地址"]
    assert rows[1].cells == ["001", "孙𬱖", f"A{delimiter}路\n1号"]
    assert rows[2].cells == []
    assert (rows[3].number, rows[3].cells) == (4, ["2", None, "x"])


def test_csv_guards_against_excel_are_taken_off():
    rows = open_workbook(b'a,b,c\n"=""0123""",\'=1+1,\'abc\n').read("CSV")
    assert rows[1].cells == ["0123", "=1+1", "'abc"]


FORMULAS = (
    '<row r="2"><c r="A2"><v>1</v></c><c r="B2"><f>A2*2</f><v>2</v></c><c r="C2"><f>A2</f></c>'
    '<c r="D2"><f>A2</f><v></v></c><c r="E2" t="str"><f>IF(A2=1,"","x")</f><v></v></c>'
    '<c r="F2" t="shared"><f t="shared" si="0"/><v>3</v></c><c r="G2" t="e"><f>VLOOKUP(1,A:A,2,0)</f><v>#N/A</v></c>'
    '<c r="H2" t="e"><v>#REF!</v></c><c r="I2" t="inlineStr"><is><t>&lt;f&gt;</t></is></c></row>'
).replace(' t="shared"><f t', "><f t")


def test_formulas_count_by_their_stored_value_and_errors_are_seen():
    book = open_workbook(books.package(sheet=FORMULAS))
    cells = book.read("S")[1].cells
    assert cells[:2] == [1, 2]
    assert cells[2] == cells[3] == BrokenCell("公式未计算", uncalculated=True)
    assert cells[4:6] == [None, 3]
    assert cells[6:] == [BrokenCell("#N/A"), BrokenCell("#REF!"), "<f>"]
    places = [FormulaCell(2, column, column not in (3, 4)) for column in range(2, 8)]
    assert book.formulas("S") == places


def test_a_prefixed_sheet_is_read_like_any_other():
    sheet = books.sheet_xml('<row r="1"><c r="A1"><v>1</v></c><c r="B1"><f>1+1</f></c></row>')
    for tag in ("worksheet", "sheetData", "row", "c", "v", "f"):
        sheet = sheet.replace(f"<{tag}", f"<x:{tag}").replace(f"</{tag}>", f"</x:{tag}>")
    sheet = sheet.replace("xmlns=", "xmlns:x=").replace("<x:f>", "<x:f>")
    book = open_workbook(books.package({"xl/worksheets/sheet1.xml": sheet}))
    assert book.formulas("S") == [FormulaCell(1, 2, cached=False)]
    assert book.read("S")[0].cells == [1, BrokenCell("公式未计算", uncalculated=True)]


def test_sheets_are_described_without_being_read():
    data = books.workbook(
        {"说明": [["请填写"]], "名单": [["学号", "姓名"], ["1", "王"]], "字典": [["x"]], "空": []}, ["字典"]
    )
    book = open_workbook(data)
    assert [(s.name, s.rows, s.columns, s.hidden) for s in book.sheets] == [
        ("说明", 1, 1, False),
        ("名单", 2, 2, False),
        ("字典", 1, 1, True),
        ("空", 0, 0, False),
    ]
    assert max(book.sheets, key=lambda sheet: sheet.score).name == "名单"
    assert book.read("空") == []
    with pytest.raises(KeyError):
        book.read("没有")


def test_a_workbook_without_data_is_refused():
    with pytest.raises(UploadRefused, match="没有数据"):
        open_workbook(books.workbook({"空": []}))


def test_a_broken_sheet_is_refused_not_half_read():
    with pytest.raises(UploadRefused):
        open_workbook(books.package(sheet='<row r="1"><c r="A1"><v>1</v></c><c r=')).read("S")


MEASURE = r"""
import re, sys
from pathlib import Path
from exports.importing.reading import open_workbook
book = open_workbook(sys.argv[1])
rows = book.read(book.sheets[0].name)
assert len(rows) == 50_001 and rows[-1].number == 50_001
print(int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_fifty_thousand_rows_stay_below_300_mb(tmp_path):
    path = tmp_path / "a.xlsx"
    rows = ([f"第{r}行第{c}列" if c % 4 == 0 else f"学院{c}" for c in range(40)] for r in range(50_000))
    write_rows(path, [[f"列{i}" for i in range(40)]], rows)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert int(done.stdout) < 300


def test_a_panic_inside_the_reader_is_a_refusal():
    """A BOF record of length 0 makes calamine 0.9.1 panic, which Python sees as a BaseException."""
    data = bytearray(books.xls([["学号"], ["1"]]))
    data[514] = 0
    with pytest.raises(UploadRefused, match="损坏"):
        open_workbook(bytes(data)).read("表")


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused_never_anything_else(seed):
    chance = random.Random(seed)
    rows = [["学号", "姓名"], *([20230000 + n, f"王{n}"] for n in range(20))]
    for good in (books.xls(rows), books.workbook({"表": rows})):
        for _ in range(60):
            data = bytearray(good)
            for _ in range(chance.choice((1, 2, 5))):
                data[chance.randrange(8, min(len(data), 4000))] = chance.choice((0, 255, chance.randrange(256)))
            with suppress(UploadRefused):
                book = open_workbook(bytes(data))
                for sheet in book.sheets:
                    book.read(sheet.name)
