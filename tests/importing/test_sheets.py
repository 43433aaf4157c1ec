"""What we write: no formula anywhere, texts stay texts, templates and error workbooks come back in unharmed."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from exports.importing import aliases
from exports.importing.headers import propose_sheet, split_rows
from exports.importing.matching import known_names, match_columns, template_columns
from exports.importing.reading import open_workbook
from exports.sheets.errors import Fault, WrongRow, write_error_workbook
from exports.sheets.templates import TemplateField, write_template
from exports.sheets.writer import csv_safe, write_rows

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = [
    *(
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1+1",
        "＋1",
        "－1",
        "＠x",
        " =1+1",
        '=HYPERLINK("http://x.cn")',
    ),
    *(
        "http://example.com",
        "mailto:a@b.cn",
        "{=1}",
        "=cmd|' /C calc'!A0",
        "007",
        "1E5",
        "TRUE",
        "#N/A",
        "'=1",
        "'abc",
        " '-1",
    ),
]


@pytest.mark.parametrize("header_rows", [1, 2])
def test_no_cell_of_an_xlsx_is_a_formula_and_text_comes_back(tmp_path, header_rows):
    path = tmp_path / "a.xlsx"
    header = [["=1+1", "姓名"], ["@码", "名"]][:header_rows]
    assert write_rows(path, header, [[text, text] for text in HOSTILE]) == len(HOSTILE)
    sheet = openpyxl.load_workbook(path).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    values = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert values[:header_rows] == header
    assert [row[0].replace("_x000D_", "\r") for row in values[header_rows:]] == HOSTILE
    assert {cell.number_format for row in sheet.iter_rows(min_row=header_rows + 1) for cell in row} == {"@"}
    assert sheet.freeze_panes == f"A{header_rows + 1}"


def test_no_cell_of_a_csv_is_run_and_text_comes_back(tmp_path):
    path = tmp_path / "a.csv"
    write_rows(path, [["=x", "姓名"]], [[text, 5] for text in HOSTILE])
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.reader(handle))
    for row in rows:
        assert not row[0].lstrip(" \u3000\n").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    read = open_workbook(path).read("CSV")
    assert [row.cells[0] for row in read[1:]] == HOSTILE


def test_an_honest_apostrophe_stays():
    assert csv_safe("'x") == "'x"
    assert csv_safe("O'Neil") == "O'Neil"


def test_types_and_oddities(tmp_path):
    path = tmp_path / "a.xlsx"
    row = ["a\x00\x0b\ud800b", 10**18, date(2027, 6, 30), datetime(2027, 6, 30, 10, 30), 7, Decimal("2.5"), math.inf]  # noqa: DTZ001
    formats = ["text", "integer", "date", "datetime", "integer", "number", "number"]
    write_rows(path, [list("abcdefg")], [row, [None] * 7, [True, math.nan, "没有", None, 4.0, "x", -1]], formats)
    sheet = openpyxl.load_workbook(path).active
    values = [[cell.value for cell in line] for line in sheet.iter_rows(min_row=2)]
    assert values[0] == ["ab", str(10**18), datetime(2027, 6, 30), datetime(2027, 6, 30, 10, 30), 7, 2.5, None]  # noqa: DTZ001
    assert values[1] == [None] * 7
    assert values[2] == ["是", None, "没有", None, 4, "x", -1]


def test_text_columns_take_any_value(tmp_path):
    path = tmp_path / "a.xlsx"
    values = [4.0, 2.5, 20230010012, date(2027, 6, 30), datetime(2027, 6, 30, 10, 30), False, None, Decimal("1.50")]  # noqa: DTZ001
    write_rows(path, [[str(i) for i in range(8)]], [values])
    found = [cell.value for cell in openpyxl.load_workbook(path).active[2]]
    assert found == ["4", "2.5", "20230010012", "2027-06-30", "2027-06-30 10:30", "否", None, "1.50"]


def test_repeated_headers_long_texts_and_no_rows(tmp_path):
    path = tmp_path / "a.xlsx"
    write_rows(path, [["备注", "备注", ""]], [["a", "b", "长" * 40_000]], sheet_name="[名单]:2027/" * 5)
    sheet = openpyxl.load_workbook(path).active
    assert [cell.value for cell in sheet[1]] == ["备注", "备注(2)", "列3"]
    assert [len(cell.value) for cell in sheet[2]] == [1, 1, 32_767]
    assert write_rows(path, [["学号"]], []) == 0
    assert [row.cells for row in open_workbook(path).read("数据")] == [["学号"]]


def test_wrong_shapes_are_refused_and_leave_no_file(tmp_path):
    path = tmp_path / "a.xlsx"

    def failing():
        yield ["1"]
        raise RuntimeError("database gone")

    with pytest.raises(RuntimeError, match="database gone"):
        write_rows(path, [["a"]], failing())
    with pytest.raises(ValueError, match="row 1 has 2 cells"):
        write_rows(path, [["a"]], [["1", "2"]])
    assert not path.exists()
    for header, formats, name in (([], None, "a.xlsx"), ([["a"]], ["money"], "a.xlsx"), ([["a"]], None, "a.xls")):
        with pytest.raises(ValueError):
            write_rows(tmp_path / name, header, [], formats)


MEASURE = r"""
import re, sys, time
from pathlib import Path
from exports.sheets.writer import write_rows
count = int(sys.argv[2])
rows = ([f"20230{n:06d}"] + ["本科生毕业", "海洋学院", "示例省示例市示例区示例路%d号" % n] * 11 for n in range(count))
started = time.process_time()
assert write_rows(sys.argv[1], [[f"列{i}" for i in range(34)]], rows) == count
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
print(time.process_time() - started, peak / 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.machine
def test_memory_does_not_grow_with_the_rows(tmp_path):
    def run(count):
        command = [sys.executable, "-c", MEASURE, str(tmp_path / "a.xlsx"), str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=ROOT)
        return [float(part) for part in done.stdout.split()]

    _, small = run(500)
    _, large = run(20_000)
    assert large < 100
    assert large < small + 15


FIELDS = [
    TemplateField("学号", required=True, example="20230001", help="与学籍一致"),
    TemplateField("姓名", required=True, example="王小明"),
    TemplateField("民族", choices=[f"民族{n}" for n in range(56)], example="汉族"),
    TemplateField("城乡生源", choices=["城镇", "农村"]),
    TemplateField("备用", example="=1+1"),
]


def test_a_template_can_be_filled_in_and_imported(tmp_path):
    path = tmp_path / "模板.xlsx"
    write_template(path, FIELDS, title="学生信息", notes=["=请在 6 月 30 日前报送"])
    book = openpyxl.load_workbook(path)
    assert [(sheet.title, sheet.sheet_state) for sheet in book] == [
        ("学生信息", "visible"),
        ("填写说明", "visible"),
        ("选项", "hidden"),
    ]
    sheet = book["学生信息"]
    assert [cell.value for cell in sheet[1]] == [field.header for field in FIELDS]
    assert [cell.font.color.rgb == "FFC00000" if cell.font.color else False for cell in sheet[1]] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert [cell.value for cell in sheet[2]] == ["示例：20230001", "王小明", "汉族", None, "=1+1"]
    assert {cell.data_type for page in book for row in page.iter_rows() for cell in row} <= {"s", "n"}
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["A"].number_format == "@"
    lists = {str(rule.sqref).split(":")[0]: rule.formula1 for rule in sheet.data_validations.dataValidation}
    assert lists == {"C2": "'选项'!$A$2:$A$57", "D2": "'选项'!$B$2:$B$3"}
    assert [cell.value for cell in book["选项"]["B"]][:4] == ["城乡生源", "城镇", "农村", None]
    for column, value in enumerate(["20230009", "李雷", "民族3"], 1):
        sheet.cell(3, column, value)
    book.save(path)
    opened = open_workbook(path)
    template = template_columns([field.header for field in FIELDS], {})
    found = propose_sheet(opened, known_names(template))
    body = split_rows(opened.read(found.name), found.header)
    assert found.name == "学生信息"
    assert [(row.number, row.cells[:3]) for row in body.rows] == [(3, ["20230009", "李雷", "民族3"])]
    assert (2, "示例行") in [(ignored.number, ignored.reason) for ignored in body.ignored]


HEAD = [["嘉陵大学2027届名单"], ["序号", "学号", "姓名", "特长", "联系电话", "毕业时间"]]
ROWS = [
    [1, "001", "王小明", "=1+1", "19900000001", date(2027, 6, 30)],
    [2, "002", None, "游泳", 1380013800, "2027年6月"],
    [3, "003", "李雷", None, "无", 9.9e17],
]


def test_an_error_workbook_keeps_order_and_layout_and_can_be_imported_again(tmp_path):
    path = tmp_path / "有误.xlsx"
    wrong = [
        WrongRow(4, ROWS[1], [Fault(2, "姓名", "不能为空，请填写。"), Fault(4, "手机号码", "1380013800 只有 10 位。")]),
        WrongRow(9, ROWS[0], [Fault(None, "", "与第 3 行重复。")]),
        WrongRow(12, ROWS[2], [Fault(5, "毕业时间", "不是日期。")]),
    ]
    assert write_error_workbook(path, HEAD, 1, iter(wrong)) == 3
    sheet = openpyxl.load_workbook(path).active
    assert sheet[1][0].value == HEAD[0][0]
    assert [cell.value for cell in sheet[2]] == [*HEAD[1], "原行号", "错误原因"]
    assert [cell.value for cell in sheet[3]] == [
        *(2, "002", None, "游泳", 1380013800, "2027年6月", 4),
        "姓名：不能为空，请填写；手机号码：1380013800 只有 10 位",
    ]
    assert [cell.value for cell in sheet[4]][3:] == ["=1+1", "19900000001", datetime(2027, 6, 30), 9, "与第 3 行重复"]  # noqa: DTZ001
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n", "d"}
    coloured = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.fgColor.rgb == "FFFFD9D9"]
    assert coloured == ["C3", "E3", "F5"]
    template = template_columns(["学号", "姓名", "手机号码", "毕业时间"], aliases.STUDENTS)
    book = open_workbook(path)
    found = propose_sheet(book, known_names(template))
    body = split_rows(book.read(found.name), found.header)
    assert found.header.number == 2
    assert [row.cells[:6] for row in body.rows] == [ROWS[1], ROWS[0], ROWS[2]]
    matching = match_columns(found.header, template, body.rows)
    assert matching.columns == {"学号": 1, "姓名": 2, "手机号码": 4, "毕业时间": 5}
    assert [column.label for column in matching.ignored] == ["序号", "特长", "原行号", "错误原因"]


def test_an_error_workbook_of_an_error_workbook_does_not_grow(tmp_path):
    """Corrected rows that are still wrong come back in the same layout: the two added columns are replaced."""
    first, second = tmp_path / "1.xlsx", tmp_path / "2.xlsx"
    write_error_workbook(first, HEAD, 1, [WrongRow(4, ROWS[1], [Fault(2, "姓名", "不能为空。")])])
    rows = open_workbook(first).read("有误数据")
    write_error_workbook(
        second, [row.cells for row in rows[:2]], 1, [WrongRow(3, rows[2].cells, [Fault(2, "姓名", "还是空的。")])]
    )
    sheet = openpyxl.load_workbook(second).active
    assert [cell.value for cell in sheet[2]] == [*HEAD[1], "原行号", "错误原因"]
    assert [cell.value for cell in sheet[3]][-2:] == [3, "姓名：还是空的"]


def test_two_header_rows_are_kept(tmp_path):
    path = tmp_path / "a.xlsx"
    write_error_workbook(
        path, [["xh", "xm"], ["学号", "姓名"]], 2, [WrongRow(3, ["1", None], [Fault(1, "姓名", "空。")])]
    )
    template = template_columns(["学号", "姓名"], aliases.STUDENTS)
    book = open_workbook(path)
    header = propose_sheet(book, known_names(template)).header
    assert (header.labels[:2], header.codes[:2], header.first_data_row) == (["学号", "姓名"], ["xh", "xm"], 3)
