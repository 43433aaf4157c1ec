"""The sample rosters: header, columns, and exactly the wrong cells that their key names."""

from __future__ import annotations

import json
import time

import pytest

from exports.importing import aliases
from exports.importing import normalise as n
from exports.importing.headers import propose_sheet, split_rows
from exports.importing.matching import known_names, match_columns, template_columns
from exports.importing.reading import open_workbook
from tests.importing import books
from tests.importing.test_matching import STUDENT_HEADERS

pytestmark = pytest.mark.skipif(not books.SHARED.is_dir(), reason="the sample rosters are not beside the repository")

TEMPLATE = template_columns(STUDENT_HEADERS, aliases.STUDENTS, ["学号", "姓名", "身份证号"])
RULES = {
    "学号": n.number_text,
    "姓名": n.name,
    "身份证号": n.id_number,
    "考生号": n.number_text,
    "学制": n.decimal,
    "生源地代码": n.number_text,
    "入学年份": n.year,
    "毕业年份": n.year,
    "毕业时间": n.partial_date,
    "手机号码": n.phone,
    "电子邮箱": n.email,
    "QQ": n.qq,
    "家庭邮编": n.postcode,
    "家庭电话": n.landline,
}
#: The kinds that one cell decides by itself; the others need the database or other cells.
SINGLE = {
    "required",
    "id_length",
    "id_check_digit",
    "id_birth_date",
    "id_precision_lost",
    "phone_format",
    "email_format",
}


def load(name):
    book = open_workbook(books.SHARED / f"{name}.xlsx")
    found = propose_sheet(book, known_names(TEMPLATE))
    body = split_rows(book.read(found.name), found.header)
    return found.header, body, match_columns(found.header, TEMPLATE, body.rows)


def wrong_cells(body, matching):
    for row in body.rows:
        for header, index in matching.columns.items():
            try:
                if header in ("学号", "姓名", "身份证号"):
                    n.require(row.cells[index])
                RULES.get(header, n.text)(row.cells[index])
            except n.CellError as error:
                yield str(row.number), {"kind": error.code, "column": header}


@pytest.mark.parametrize(("name", "header_row", "rows"), [("roster_clean", 1, 600), ("roster_messy", 3, 5000)])
def test_all_columns_and_exactly_the_wrong_cells_are_found(name, header_row, rows):
    header, body, matching = load(name)
    assert header.number == header_row
    assert [match.header for match in matching.matches] == STUDENT_HEADERS
    assert all(match.sure for match in matching.matches)
    assert len(body.rows) == rows
    numbers = [row.number for row in body.rows] + [ignored.number for ignored in body.ignored]
    assert sorted(numbers) == list(range(1, max(numbers) + 1))
    key = json.loads((books.SHARED / f"{name}.expected.json").read_text())["wrong"]
    assert sorted(wrong_cells(body, matching), key=lambda item: int(item[0])) == [
        (row, wrong) for row, wrong in sorted(key.items(), key=lambda item: int(item[0])) if wrong["kind"] in SINGLE
    ]


def test_the_untidy_cells_become_what_they_mean():
    _, body, matching = load("roster_messy")
    rows = {str(row.number): row.cells for row in body.rows}
    kinds = json.loads((books.SHARED / "roster_messy.expected.json").read_text())["untidy_but_good"]
    column = matching.columns
    for number, kind in kinds.items():
        cells = rows[number]
        student, _ = n.number_text(cells[column["学号"]])
        assert student.isascii()
        assert student.isdigit()
        assert len(student) == 11
        assert n.phone(cells[column["手机号码"]])[0].startswith("199")
        graduation = n.partial_date(cells[column["毕业时间"]])[0]
        assert (graduation.date.year, graduation.date.month) == (2027, 6)
        assert graduation.precision == ("day" if kind in ("date_real", "date_slash", "date_dash") else "month")
        assert "\n" not in n.text(cells[column["家庭地址"]])[0]
        assert not set(" \u3000") & set(n.name(cells[column["姓名"]])[0])


@pytest.mark.machine
def test_five_thousand_rows_are_read_in_well_under_half_a_second():
    """The best of ten: what else runs on the machine slows most of them, and nothing makes one quicker than it is."""

    def once() -> float:
        started = time.process_time()
        book = open_workbook(books.SHARED / "roster_messy.xlsx")
        book.read(book.sheets[0].name)
        return time.process_time() - started

    assert any(once() < 0.5 for _ in range(10))


def test_the_majors_workbook():
    template = template_columns(
        ["校区", "学院", "专业名称", "专业代码", "专业方向", "学历", "学制", "专业类别"], aliases.MAJORS
    )
    book = open_workbook(books.SHARED / "majors_2027.xlsx")
    found = propose_sheet(book, known_names(template))
    body = split_rows(book.read(found.name), found.header)
    assert [match.header for match in match_columns(found.header, template, body.rows).matches] == [
        column.header for column in template
    ]
    assert len(body.rows) == 15
