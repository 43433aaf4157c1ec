"""manage.py import_data: output, report, error workbook, exit codes."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from models.organisation.models import Cohort
from models.students.models import Student
from models.transfer.models import ImportRun
from tests.importing.books import workbook
from tests.imports.conftest import HEADERS, person, roster

pytestmark = pytest.mark.django_db


def run(*args: object) -> dict:
    out = StringIO()
    call_command("import_data", *map(str, args), stdout=out)
    return json.loads(out.getvalue().strip().splitlines()[-1])


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "名单.xlsx"
    path.write_bytes(roster([person(1), person(2, 手机号码="1"), person(3, 民族="火星族", 学号="")]))
    return path


def test_last_line_report_and_error_workbook(made, book, tmp_path, everything):
    report, errors = tmp_path / "r.json", tmp_path / "e.xlsx"
    result = run("students", book, "--school", "19901", "--cohort", 2027, "--report", report, "--errors", errors)
    assert {k: result[k] for k in ("rows", "created", "updated", "unchanged", "failed")} == {
        "rows": 3, "created": 1, "updated": 0, "unchanged": 0, "failed": 2,
    }  # fmt: skip
    assert result["seconds"] >= 0
    lines = json.loads(report.read_text())
    assert [(line["row"], line["status"]) for line in lines] == [(2, "created"), (3, "failed"), (4, "failed")]
    assert [(e["column"], e["code"]) for e in lines[2]["errors"]] == [("学号", "required"), ("民族", "unknown_code")]
    sheet = CalamineWorkbook.from_path(errors).get_sheet_by_index(0).to_python()
    assert sheet[0][: len(HEADERS)] == list(HEADERS)
    assert sheet[0][-2:] == ["原行号", "错误原因"]
    assert [row[-2] for row in sheet[1:]] == [3, 4]
    assert sheet[1][-1] == "手机号码：1 只有 1 位，请改为 11 位手机号"


def test_the_error_workbook_corrected_comes_in(made, book, tmp_path, everything):
    errors = tmp_path / "e.xlsx"
    run("students", book, "--school", "19901", "--cohort", 2027, "--errors", errors)
    edited = load_workbook(errors)
    sheet = edited.active
    where = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(2, where["手机号码"], "19900000002")
    sheet.cell(3, where["学号"], "20230000003")
    sheet.cell(3, where["民族"], "汉")
    edited.save(errors)
    result = run("students", errors, "--school", "19901", "--cohort", 2027)
    assert (result["created"], result["failed"]) == (2, 0)
    assert Student.objects.count() == 3


def test_a_dry_run_writes_nothing(made, book, everything):
    assert run("students", book, "--school", "19901", "--cohort", 2027, "--dry-run")["created"] == 1
    assert not Student.objects.exists()
    assert not ImportRun.objects.exists()


def test_a_missing_cohort_is_made_with_a_word(made, tmp_path, everything):
    path = tmp_path / "x.xlsx"
    path.write_bytes(roster([person(1, 毕业年份="2028", 毕业时间="202806")]))
    out = StringIO()
    call_command("import_data", "students", str(path), "--school", "19901", "--cohort", "2028", stdout=out)
    assert "2028届，已建立" in out.getvalue()
    assert Student.objects.get().cohort == Cohort.objects.get(year=2028)


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (("students", "{book}", "--school", "00000", "--cohort", "2027"), "没有代码为 00000 的学校", 1),
        (("students", "{book}", "--school", "19901"), "--cohort", 1),
        (("nothing", "{book}", "--school", "19901"), "没有“nothing”这种导入", 1),
        (("students", "/none.xlsx", "--school", "19901", "--cohort", "2027"), "找不到文件", 2),
        (("majors", "{book}", "--school", "19901"), "缺少必需的列", 2),
        (("students", "{map}", "--school", "19901", "--cohort", "2027"), "没有找到表头", 2),
        (("students", "{book}", "--school", "19901", "--cohort", "2027", "--map", "{book}"), "读不出列的对应", 2),
    ],
)
def test_refusals_have_a_sentence_and_an_exit_code(args, words, code, made, book, tmp_path, everything):
    bad = tmp_path / "map.json"
    bad.write_text('["x"]')
    with pytest.raises(CommandError) as refusal:
        call_command("import_data", *[a.format(book=book, map=bad) for a in args], stdout=StringIO())
    assert words in str(refusal.value)
    assert refusal.value.returncode == code
    assert not ImportRun.objects.exclude(status="failed").exists()


def test_a_map_names_the_columns(made, tmp_path, everything):
    path, mapping = tmp_path / "x.xlsx", tmp_path / "m.json"
    row = person(1)
    headers = list(HEADERS)
    renamed = ["栏" + str(n) for n in range(len(headers))]
    path.write_bytes(workbook({"S": [renamed, [row[h] for h in headers]]}))
    mapping.write_text(json.dumps(dict(zip(renamed, headers, strict=True)), ensure_ascii=False))
    assert run("students", path, "--school", "19901", "--cohort", 2027, "--map", mapping)["created"] == 1
