"""D1: no file of ours runs anything: there are two doors for workbooks and one for csv, and neither lets a formula through."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from exports.sheets.styled import new_workbook, put
from exports.sheets.writer import csv_safe, write_rows

SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
HOSTILE = [f"{sign}cmd|'/c calc'!A1" for sign in SIGNS] + [
    "=1+1", "{=1+1}", "=HYPERLINK(\"http://evil.example\",\"x\")", "http://evil.example/", "mailto:a@evil.example", " =1+1", "　＝1", "-1",
]  # fmt: skip
# Where a file that a spreadsheet opens may be begun.
DOORS = {"exports/sheets/styled.py": "xlsxwriter", "exports/sheets/writer.py": "rustpy_xlsxwriter, csv"}
BEGINS = re.compile(
    r"\bxlsxwriter\.Workbook\(|\bFastExcel\(|\bcsv\.(?:writer|DictWriter)\(|\bopenpyxl\.Workbook\(|\bxlwt\b"
)


def sheet(path: Path, rows: list[list[str]]) -> None:
    write_rows(path, [["甲", "乙"]], [[value, value] for (value,) in rows])


def form(path: Path, rows: list[list[str]]) -> None:
    with new_workbook(path) as book:
        page, style = book.add_worksheet("表"), book.add_format()
        for number, (value,) in enumerate(rows):
            put(page, number, 0, value, style, style)


@pytest.mark.parametrize("door", [sheet, form])
def test_no_door_lets_a_formula_or_a_link_through_and_values_stay(tmp_path, door):
    path = tmp_path / "x.xlsx"
    door(path, [[value] for value in HOSTILE])
    page = openpyxl.load_workbook(path).worksheets[0]
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.value for cell in cells if cell.data_type != "s" or cell.hyperlink]
    assert {value.strip() for value in HOSTILE} <= {cell.value.replace("_x000D_", "\r").strip() for cell in cells}


@given(st.text(st.sampled_from([*SIGNS, "a", "1", " ", "　", "\n", "'", "\xa0"]), max_size=6))
def test_no_text_begins_a_formula_in_csv_and_none_is_lost(text):
    written = csv_safe(text)
    assert not written.lstrip(" 　\xa0\n").startswith(SIGNS)
    assert written in (text, f"'{text}")


def test_nothing_else_begins_a_workbook_or_a_csv():
    found = set()
    for folder in ("admin_site", "config", "exports", "models", "self_service", "workflows"):
        for path in (Path(settings.BASE_DIR) / folder).rglob("*.py"):
            if BEGINS.search(path.read_text(encoding="utf-8")):
                found.add(path.relative_to(settings.BASE_DIR).as_posix())
    assert found == set(DOORS)
