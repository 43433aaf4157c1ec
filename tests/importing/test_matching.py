"""Sheet columns go to template columns as a clerk would match them, and doubtful ones are marked as doubtful."""

from __future__ import annotations

import pytest

from exports.importing import aliases
from exports.importing.headers import HeaderRow
from exports.importing.matching import TemplateColumn, match_columns, template_columns
from exports.importing.reading import Row

STUDENT_HEADERS = [
    "学号",
    "姓名",
    "性别",
    "身份证号",
    "考生号",
    "民族",
    "政治面貌",
    "学院",
    "专业",
    "班级",
    "学历",
    "学制",
    "培养方式",
    "定向或委培单位",
    "生源地代码",
    "城乡生源",
    "入学年份",
    "毕业年份",
    "毕业时间",
    "师范生类别",
    "困难生类别",
    "手机号码",
    "电子邮箱",
    "QQ",
    "家庭地址",
    "家庭邮编",
    "家庭电话",
]
TEMPLATE = template_columns(STUDENT_HEADERS, aliases.STUDENTS, ["学号", "姓名", "身份证号"])
# standards.md §9.2
UPLOAD_50 = [
    "ksh",
    "xm",
    "sfzh",
    "xbdm",
    "xb",
    "mzdm",
    "mz",
    "zzmmdm",
    "zzmm",
    "yxdm",
    "yx",
    "szyx",
    "szbj",
    "xh",
    "xldm",
    "xl",
    "zydm",
    "zy",
    "zyfx",
    "pyfsdm",
    "dxhwpdw",
    "pyfs",
    "syszddm",
    "syszd",
    "xz",
    "rxsj",
    "bysj",
    "knslbdm",
    "knslb",
    "sfslbdm",
    "sfslb",
    "byqxdm",
    "byqx",
    "dwzzjgdm",
    "dwmc",
    "dwxzdm",
    "dwxz",
]
# standards.md §9.1
EXPORT_74 = [
    "考生号",
    "身份证号",
    "姓名",
    "性别代码",
    "性别",
    "民族代码",
    "民族",
    "政治面貌代码",
    "政治面貌",
    "院校代码",
    "院校名称",
    "分校名称",
    "学历代码",
    "学历",
    "专业代码",
    "专业",
    "专业方向",
    "培养方式代码",
    "培养方式",
    "定向或委培单位",
    "生源所在地代码",
    "生源所在地",
    "城乡生源",
    "学制",
    "入学时间",
    "毕业时间",
    "师范生类别代码",
    "师范生类别",
    "困难生类别代码",
    "困难生类别",
    "所在院系",
    "所在班级",
    "学号",
    "出生日期",
    "入学前档案所在单位",
    "手机号码",
    "电子邮箱",
    "QQ号码",
    "家庭住址",
    "家庭电话",
    "家庭邮编",
]


def header(*labels):
    return HeaderRow(0, 1, list(labels), [""] * len(labels), (0,), 2, 9.0)


def by_label(labels, template=TEMPLATE, **kw):
    result = match_columns(header(*labels), template, **kw)
    return {match.header: match.column.label for match in result.matches}, result


def test_the_50_column_layout_by_its_field_names():
    found, result = by_label(UPLOAD_50)
    assert found == {
        "学号": "xh",
        "姓名": "xm",
        "性别": "xb",
        "身份证号": "sfzh",
        "考生号": "ksh",
        "民族": "mz",
        "政治面貌": "zzmm",
        "学院": "szyx",
        "专业": "zy",
        "班级": "szbj",
        "学历": "xl",
        "学制": "xz",
        "培养方式": "pyfs",
        "定向或委培单位": "dxhwpdw",
        "生源地代码": "syszddm",
        "入学年份": "rxsj",
        "毕业时间": "bysj",
        "师范生类别": "sfslb",
        "困难生类别": "knslb",
    }
    assert all(match.sure for match in result.matches)


def test_the_74_column_export():
    found, result = by_label(EXPORT_74)
    assert found == {
        **{name: name for name in STUDENT_HEADERS if name in EXPORT_74},
        "学院": "所在院系",
        "班级": "所在班级",
        "生源地代码": "生源所在地代码",
        "入学年份": "入学时间",
        "QQ": "QQ号码",
        "家庭地址": "家庭住址",
    }
    assert result.unmatched == ["毕业年份"]


def test_a_code_column_serves_when_there_is_no_name():
    found, _ = by_label(["学号", "姓名", "民族代码", "性别代码", "性别"])
    assert found["民族"] == "民族代码"
    assert found["性别"] == "性别"


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("学生姓名", "姓名"),
        ("姓  名（必填）", "姓名"),
        ("*学号", "学号"),
        ("公民身份号码", "身份证号"),
        ("Ｅ－ｍａｉｌ", "电子邮箱"),
        ("年级", "入学年份"),
        ("届别", "毕业年份"),
        ("所在学院（系）", "学院"),
        ("学制(年)", "学制"),
        ("本人手机号码", "手机号码"),
        ("毕业时间（如202706）", "毕业时间"),
        ("父亲姓名", None),
        ("班主任姓名", None),
        ("曾用名", None),
        ("英文姓名", None),
        ("毕业院校", None),
        ("紧急联系人电话", None),
        ("备注", None),
        ("错误原因", None),
        ("原行号", None),
        ("序号", None),
    ],
)
def test_one_label(label, expected):
    found, result = by_label([label])
    assert found == ({expected: label} if expected else {})
    assert [column.label for column in result.ignored] == ([] if expected else [label])


def test_each_column_at_most_once_and_the_rest_is_listed():
    found, result = by_label(["学号", "学号", "姓名", "手机", "联系电话", "特长"])
    assert found == {"学号": "学号", "姓名": "姓名", "手机号码": "手机"}
    assert result.columns == {"学号": 0, "姓名": 2, "手机号码": 3}
    assert [(c.index, c.label, c.reason) for c in result.ignored] == [
        (1, "学号", "与已对应的列同名"),
        (4, "联系电话", "模板中没有对应的列"),
        (5, "特长", "模板中没有对应的列"),
    ]
    assert result.missing_required == ["身份证号"]
    assert "班级" in result.unmatched
    assert "身份证号" not in result.unmatched


def test_the_given_mapping_comes_first_and_what_is_wrong_in_it_is_said():
    mapping = {"工号": "学号", "学 号": "", "没有": "姓名", "姓名": "没有的列", "名": "学号"}
    found, result = by_label(["学号", "工号", "姓名", "名"], mapping=mapping)
    assert found == {"学号": "工号", "姓名": "姓名"}
    assert [match.how for match in result.matches] == ["mapping", "name"]
    assert len(result.problems) == 3
    assert result.mapping == {"工号": "学号", "姓名": "姓名"}
    again, second = by_label(["学号", "工号", "姓名", "名"], mapping=result.mapping)
    assert again == found
    assert second.problems == []


def test_a_similar_name_is_proposed_but_not_sure():
    template = [TemplateColumn("心理健康等级", required=True)]
    found, result = by_label(["心理健康的等级"], template)
    assert found == {"心理健康等级": "心理健康的等级"}
    assert result.matches[0].how == "similar"
    assert not result.matches[0].sure


def test_three_sample_values():
    rows = [Row(n, [value]) for n, value in enumerate([None, "a", " ", "a", 7, "长" * 60, "d"], 2)]
    result = match_columns(header("学号"), TEMPLATE, rows)
    assert result.matches[0].column.samples == ("a", "7", "长" * 39 + "…")


def test_no_alias_leads_to_two_columns_first():
    """An alias that stands first for two columns would make the result depend on the order of the template."""
    for names in (aliases.STUDENTS, aliases.MAJORS):
        for name in names:
            assert name not in names[name]
