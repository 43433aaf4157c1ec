"""Workbooks unlike the template: other headers, other places, other formats."""

from __future__ import annotations

from datetime import date

import pytest

from exports.importing import runs
from exports.importing.refusal import UploadRefused
from models.students.models import Student
from tests.importing.books import package, sheet_xml, workbook, xls
from tests.imports.conftest import counts, person, roster

pytestmark = pytest.mark.django_db

#: Header of the template → what another office calls it.
OTHER = {
    "学号": "学生学号*", "姓名": "学生姓名", "身份证号": "公民身份号码", "性别": "性别（男/女）", "民族": "mzdm", "学院": "二级学院", "专业": "所学专业",
    "班级": "行政班", "毕业时间": "预计毕业日期", "手机号码": "本人手机号", "电子邮箱": "E-mail地址", "生源地代码": "生源地",
}  # fmt: skip


def rows_of(people: list[dict], headers: list[str]) -> list[list]:
    return [[one.get(header) for header in headers] for one in people]


def good(bring, data: bytes, name: str = "名单.xlsx", number: int = 2, **fields) -> None:
    run = bring(data, name=name, **fields)
    assert counts(run) == (number, 0, 0, 0), runs.report(run)
    found = Student.objects.select_related("graduateprofile").get(number="20230000001")
    assert (found.name, found.nation, found.grad_month) == ("欧阳雨涵", "01", "202706")
    assert (found.graduateprofile.phone, found.graduateprofile.origin_region) == ("19900000001", "500103")


def test_other_headers_in_another_order_with_the_header_on_row_five(bring, everything):
    people = [person(1, 生源地代码="重庆市渝中区", 民族="01"), person(2, 民族="1")]
    headers = list(reversed(OTHER))
    top = [["嘉陵大学"], [], ["2027届毕业生名册"], ["制表：教务处", None, "2026-11-22"]]
    good(
        bring,
        workbook({"说明": [["请先看这里"]], "名册": [*top, [OTHER[h] for h in headers], *rows_of(people, headers)]}),
    )


def test_two_header_rows_of_the_ministrys_layout(bring, everything):
    codes = {"学号": "xh", "姓名": "xm", "身份证号": "sfzh", "性别": "xb", "民族": "mz", "学院": "szyx", "专业": "zy", "班级": "szbj",
             "毕业时间": "bysj", "手机号码": "mobilephone", "生源地代码": "syszddm"}  # fmt: skip
    people = [person(1), person(2)]
    good(bring, workbook({"S": [list(codes.values()), list(codes), *rows_of(people, list(codes))]}))


def test_an_old_xls(bring, everything):
    headers = list(OTHER)
    people = [person(1), person(2)]
    good(bring, xls([headers, *[[str(value) for value in row] for row in rows_of(people, headers)]]), "名单.xls")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig", "utf-16"])
def test_a_csv_with_dates(encoding, bring, everything):
    headers = [*OTHER, "家庭地址"]
    people = [
        person(1, 毕业时间="2027/6/30", 手机号码="'19900000001"),
        person(2, 毕业时间="2027年6月", 家庭地址='"小"南街 1 号'),
    ]
    lines = [headers, *rows_of(people, headers)]
    text = "\r\n".join(",".join('"' + str(cell).replace('"', '""') + '"' for cell in line) for line in lines)
    good(bring, text.encode(encoding), "名单.csv")


def test_totals_notes_empty_rows_and_twenty_empty_columns(bring, everything):
    headers = list(OTHER)
    blank = [None] * 20
    people = rows_of([person(1), person(2)], headers)
    lines = [
        [*blank, *headers],
        [*blank, *people[0]],
        [],
        [*blank, *people[1]],
        [*blank, "合计", "2 人"],
        [*blank, "制表人：王老师"],
    ]
    good(bring, workbook({"S": lines}))


def test_codes_instead_of_names_and_numbers_as_numbers(bring, everything):
    people = [
        person(n, 学号=20230000000 + n, 性别=1, 民族=1, 政治面貌=3, 学历=31, 学制=4, 培养方式=1, 生源地代码=500103, 城乡生源=1, 入学年份=2023,
               毕业年份=2027, 毕业时间=202706, 师范生类别=2, 困难生类别=0, 手机号码=19900000000 + n, 专业="080901", 家庭邮编=10010)
        for n in (1, 2)
    ]  # fmt: skip
    people[0]["学院"], people[1]["学院"] = "第1学院", "第1学院"
    good(bring, roster(people))
    assert Student.objects.get(number="20230000001").graduateprofile.home_postcode == "010010"


def test_cells_that_are_real_dates(bring, everything):
    good(bring, roster([person(1, 毕业时间=date(2027, 6, 30), 出生日期=date(2004, 3, 15)), person(2)]))


def test_a_mapping_given_by_hand_wins(bring, everything):
    headers = {**{h: h for h in OTHER}, "手机号码": "甲", "家庭电话": "手机号码"}
    people = [{**person(n), "家庭电话": "023-65100000"} for n in (1, 2)]
    data = workbook({"S": [list(headers.values()), *rows_of(people, list(headers))]})
    good(bring, data, mapping={"甲": "手机号码", "手机号码": "家庭电话"})
    assert Student.objects.get(number="20230000001").graduateprofile.home_phone == "023-65100000"


def test_the_sheet_and_the_header_row_can_be_chosen(bring, everything):
    headers = list(OTHER)
    data = workbook(
        {
            "旧": [headers, *rows_of([person(8)], headers)],
            "新": [headers, headers, *rows_of([person(1), person(2)], headers)],
        }
    )
    good(bring, data, sheet="新", header_row=2)


REFUSED = {
    "no header": (workbook({"S": [["甲", "乙"], ["1", "2"]]}), "没有找到表头"),
    "no required column": (
        workbook({"S": [["学号", "姓名", "身份证号", "主修方向名"], ["1", "2", "3", "4"]]}),
        "缺少必需的列：专业",
    ),
    "empty": (b"", "文件是空的"),
    "html": (b"<html><table><tr><td>1</td></tr></table></html>", "其实是网页"),
    "macro": (package({"xl/vbaProject.bin": b"x"}), "带有宏"),
    "link": (package({"xl/externalLinks/externalLink1.xml": "<externalLink/>"}), "外部链接"),
    "doctype": (package({"xl/workbook.xml": '<!DOCTYPE x [<!ENTITY a "b">]><workbook/>'}), "DOCTYPE"),
    "bomb": (package({"xl/worksheets/sheet1.xml": sheet_xml(" " * 80_000_000)}), "异常庞大"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_that_do_not_come_in(name, upload, everything):
    data, words = REFUSED[name]
    run = upload(data)
    with pytest.raises(UploadRefused) as refusal:
        runs.check(run)
    assert words in refusal.value.sentence
    assert refusal.value.sentence.endswith("。")
