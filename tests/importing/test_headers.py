"""The header row is found under titles and notes, in one or two rows, in the right sheet; every row is accounted for."""

from __future__ import annotations

import pytest

from exports.importing import aliases
from exports.importing.headers import core, find_header, propose_sheet, split_rows
from exports.importing.matching import known_names, match_columns, template_columns
from exports.importing.reading import Row, open_workbook
from tests.importing import books

HEADERS = ["学号", "姓名", "性别", "身份证号", "学院", "专业", "手机号码", "毕业时间", "家庭地址"]
TEMPLATE = template_columns(HEADERS, aliases.STUDENTS, ["学号", "姓名"])
KNOWN = known_names(TEMPLATE)
DATA = ["20230001", "王小明", "男", "991542200302275497", "海洋学院", "地质学", "19916616417", "202706", "示例路1号"]


def rows_of(*rows):
    return [Row(number, list(cells)) for number, cells in enumerate(rows, 1)]


@pytest.mark.parametrize(
    "above",
    [
        [],
        [["嘉陵大学2027届毕业生基础信息表"]],
        [["嘉陵大学毕业生基础信息表", *[None] * 8], ["说明：标红为必填项，学号、姓名不能为空"], []],
        [["填表说明：1. 学号必须填写；2. 姓名与身份证一致。"], ["单位：", "海洋学院", None, "填表人：", "王老师"]],
        [["学校", "嘉陵大学"], ["学院", "海洋学院"], ["姓名", "填表人"]],
    ],
)
def test_the_header_is_found_under_titles_and_notes(above):
    rows = rows_of(*above, HEADERS, DATA, DATA)
    header = find_header(rows, KNOWN)
    assert (header.number, header.first_data_row) == (len(above) + 1, len(above) + 2)
    assert header.labels == HEADERS
    assert [row.number for row in split_rows(rows, header).rows] == [len(above) + 2, len(above) + 3]


def test_codes_over_chinese_names():
    codes = ["xh", "xm", "xb", "sfzh", "szyx", "zy", "mobilephone", "bysj", "jtdz"]
    for first, second in ((codes, HEADERS), (HEADERS, codes)):
        rows = rows_of(["标题"], first, second, DATA)
        header = find_header(rows, KNOWN)
        assert (header.indexes, header.first_data_row) == ((1, 2), 4)
        assert (header.labels, header.codes) == (HEADERS, codes)


def test_merged_groups_over_their_parts():
    upper = ["学号", "姓名", "联系方式", None, "家庭信息", None]
    lower = [None, None, "手机号码", "电子邮箱", "家庭地址", "家庭邮编"]
    template = template_columns([*HEADERS, "电子邮箱", "家庭邮编"], aliases.STUDENTS)
    header = find_header(rows_of(upper, lower, ["1", "王", "19900000000", "a@b.cn", "x", "1"]), known_names(template))
    assert header.labels == ["学号", "姓名", "手机号码", "电子邮箱", "家庭地址", "家庭邮编"]
    assert header.first_data_row == 3


def test_pinyin_codes_alone():
    rows = rows_of(["ksh", "xm", "sfzh", "xbdm", "xh"], ["1", "王", "2", "1", "3"])
    header = find_header(rows, KNOWN)
    columns = match_columns(header, TEMPLATE).columns
    assert columns["姓名"] == 1
    assert columns["性别"] == 3


def test_a_header_nobody_knows_is_found_by_its_look():
    rows = rows_of(["2027年统计"], ["甲", "乙", "丙", "丁"], [1, 2, 3, 4])
    assert find_header(rows, KNOWN).number == 2


def test_no_header_at_all():
    assert find_header(rows_of(["20230001", "王", 3], [1, 2, 3]), KNOWN) is None
    assert find_header([], KNOWN) is None


def test_every_row_is_accounted_for():
    rows = rows_of(
        ["名单"],
        ["序号", *HEADERS],
        [1, *DATA],
        ["示例：20230001", *DATA],
        [None] * 10,
        [2, *DATA],
        [3, *[None] * 9],
        ["序号", *HEADERS],
        [4, "合计", *DATA[1:]],
        [None, " 　", None],
        ["合计", "共 2 人"],
        ["说明：请于 6 月 30 日前报送"],
        ["填表人：王老师", None, "审核人：李老师"],
    )
    body = split_rows(rows, find_header(rows, KNOWN))
    assert [row.number for row in body.rows] == [3, 6, 9]
    assert {ignored.number: ignored.reason for ignored in body.ignored} == {
        1: "表头之前的标题或说明",
        2: "表头",
        4: "示例行",
        5: "空行",
        7: "只有序号的空行",
        8: "重复的表头",
        10: "空行",
        11: "合计行",
        12: "说明行",
        13: "说明行",
    }


def test_a_row_with_one_value_is_data_when_it_is_no_note():
    rows = rows_of(HEADERS, [None, "王小明"], ["20230002"])
    assert [row.number for row in split_rows(rows, find_header(rows, KNOWN)).rows] == [2, 3]


def test_the_data_sheet_is_proposed():
    notes = [
        ["填写说明"],
        ["学号", "必填", "与学籍一致"],
        ["姓名", "必填", "不含空格"],
        *[["性别", "选填", "男或女"]] * 30,
    ]
    data = books.workbook(
        {"填写说明": notes, "Sheet1": [], "名单": [["标题"], HEADERS, DATA], "字典": [HEADERS, *[DATA] * 500]}, ["字典"]
    )
    found = propose_sheet(open_workbook(data), KNOWN)
    assert (found.name, found.header.number) == ("名单", 2)


def test_a_single_hidden_sheet_is_better_than_none():
    data = books.workbook({"空": [], "名单": [HEADERS, DATA]}, ["名单"])
    assert propose_sheet(open_workbook(data), KNOWN).name == "名单"


@pytest.mark.parametrize(
    "label", ["姓　名", "姓名（必填）", "*姓名", "姓 名*", "【姓名】", "姓名：", " 姓\n名 ", "姓名(与身份证一致)"]
)
def test_labels_compare_without_their_decoration(label):
    assert core(label) == "姓名"
