"""One cell at a time: what a careful clerk makes of it, or the sentence with which it is refused."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from exports.importing import normalise as n
from exports.importing.reading import BrokenCell


def value(function, raw, **kw):
    return function(raw, **kw)[0]


def code(function, raw, **kw):
    with pytest.raises(n.CellError) as error:
        function(raw, **kw)
    assert error.value.message.endswith(("。", "？"))
    return error.value.code


ALL = (n.text, n.name, n.number_text, n.phone, n.landline, n.email, n.postcode, n.qq, n.year, n.partial_date)
ALL += (n.full_date, n.yes_no, n.decimal, n.id_number)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("blank", [None, "", " ", "\u3000", "\t\r\n", "\u200b"])
def test_blank_is_blank_everywhere(function, blank):
    result, _ = function(blank)
    assert result in ("", None)
    assert code(n.require, blank) == "required"


@pytest.mark.parametrize("function", ALL)
def test_broken_cells_are_refused_everywhere(function):
    assert code(function, BrokenCell("#N/A")) == "formula"
    assert code(function, BrokenCell("公式未计算", uncalculated=True)) == "formula"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("示例省示例市\n示例区示例路1号", "示例省示例市示例区示例路1号"),
        ("  海洋学院\u3000", "海洋学院"),
        ("Ａ座１０１室", "A座101室"),
        ("重庆市（渝中区），某路：１号！", "重庆市（渝中区），某路：1号！"),
        ("No. 1  Road\r\nFloor 2", "No. 1 Road Floor 2"),
        ("a\u200bb\ufeff", "ab"),
        ("x\x00\x07y", "xy"),
        ("孙𬱖", "孙𬱖"),
        ("⽅⾔", "方言"),
        (5, "5"),
        (4.0, "4"),
        (2.5, "2.5"),
        (True, "是"),
        (date(2027, 6, 30), "2027-06-30"),
    ],
)
def test_text(raw, clean):
    assert value(n.text, raw) == clean


def test_text_too_long():
    assert value(n.text, "字" * 100, max_length=100) == "字" * 100
    assert code(n.text, "字" * 101, max_length=100) == "too_long"


def test_tidy_text_carries_no_note():
    assert n.text("海洋学院") == ("海洋学院", None)
    assert n.text(" 海洋学院 ")[1]


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (" 戴超诺\u3000", "戴超诺"),
        ("欧阳 雨涵", "欧阳雨涵"),
        ("王　明", "王明"),
        ("艾力•买买提", "艾力·买买提"),
        ("艾力 · 买买提", "艾力·买买提"),
        ("艾力‧买买提", "艾力·买买提"),
        ("艾力.买买提", "艾力·买买提"),
        ("Anna  Maria", "Anna Maria"),
        ("Ａｎｎａ Smith", "Anna Smith"),
        ("J. Smith", "J. Smith"),
        ("𠮷田", "𠮷田"),
    ],
)
def test_name(raw, clean):
    assert value(n.name, raw) == clean


@pytest.mark.parametrize("raw", ["张三😀", "😀", "20230001", "王五★", "·", "—", "张1\ufe0f\u20e3"])
def test_a_name_with_what_no_name_is_written_with_is_refused(raw):
    with pytest.raises(n.CellError, match="请按证件填写") as refused:
        n.name(raw)
    assert refused.value.code == "name_format"


@pytest.mark.parametrize(
    "raw",
    [
        "〇一",
        "𠮷田",
        "\U00030ede子",
        "葛\U000e0100",
        "བསོད་ནམས",
        "O'Brien",
        "张伟2",
        "Jean-Luc",
        "\ue863明",
        "赵六（转）",
        '欧阳"小"雨',
        "=1+1甲",
    ],
)
def test_rare_ideographs_and_other_scripts_are_names(raw):
    assert value(n.name, raw) == raw


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (20230010012.0, "20230010012"),
        (20230010012, "20230010012"),
        ("20230010012.0", "20230010012"),
        ("0012", "0012"),
        ("'0012", "0012"),
        ("２０２３００１０１７０", "20230010170"),
        (" 2023 0010 ", "20230010"),
        ("070903T", "070903T"),
    ],
)
def test_number_text(raw, clean):
    assert value(n.number_text, raw) == clean


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(1e15, "precision_lost"), ("2.30E+10", "precision_lost"), (1.5, "number_format"), ("1" * 31, "too_long")],
)
def test_number_text_refused(raw, expected):
    assert code(n.number_text, raw) == expected


@pytest.mark.parametrize(
    "raw",
    [
        "19972935114",
        "+86 199-7293-5114",
        "0086 19972935114",
        "８６１９９７２９３５１１４",
        "(+86)199 7293 5114",
        "199.7293.5114",
        "199—7293—5114",
        19972935114,
        19972935114.0,
        "１９９７２９３５１１４",
        "'19972935114",
    ],
)
def test_phone(raw):
    assert value(n.phone, raw) == "19972935114"


@pytest.mark.parametrize(
    "raw",
    ["1380013800", "138001380000", "12345678901", "abc", "023-65102345", "无", 1.99e15, "1.9E+10", "+1 2025550123"],
)
def test_phone_refused(raw):
    assert code(n.phone, raw) == "phone_format"


def test_phone_messages_say_what_and_what_to_do():
    with pytest.raises(n.CellError, match=r"^13800138 只有 8 位，请改为 11 位手机号。$"):
        n.phone("13800138")
    with pytest.raises(n.CellError, match="里有 2 个号码，请只填一个"):
        n.phone("19972935114/19972935115")


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("023-65102345", "023-65102345"),
        ("02365102345", "023-65102345"),
        ("（０２３）６５１０２３４５", "023-65102345"),
        ("0838 5102345", "0838-5102345"),
        ("010-62345678转801", "010-62345678-801"),
        ("+86-23-65102345", "023-65102345"),
        (2365102345, "023-65102345"),
        ("199-7293-5114", "19972935114"),
    ],
)
def test_landline(raw, clean):
    assert value(n.landline, raw) == clean


@pytest.mark.parametrize("raw", ["65102345", "1234", "没有"])
def test_landline_refused(raw):
    assert code(n.landline, raw) == "landline_format"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("s1@example.edu.cn", "s1@example.edu.cn"),
        (" S1@Example.EDU.cn ", "S1@example.edu.cn"),
        ("ｓ１＠ｅｘａｍｐｌｅ．com", "s1@example.com"),
        ("s1@example。com", "s1@example.com"),
        ("mailto:s1@example.com", "s1@example.com"),
    ],
)
def test_email(raw, clean):
    assert value(n.email, raw) == clean


@pytest.mark.parametrize(
    "raw",
    [
        "not-an-address",
        "a@b",
        "@x.com",
        "a@@x.com",
        "a b@",
        "a@x..com",
        "a,b@x.com",
        "a@-x.com",
        "王@x.com",
        5,
        "a" * 300 + "@x.com",
    ],
)
def test_email_refused(raw):
    assert code(n.email, raw) == "email_format"


def test_postcode_and_qq():
    assert value(n.postcode, "４００ ０００") == "400000"
    assert value(n.postcode, 400000) == "400000"
    assert value(n.postcode, 10010) == "010010"
    assert code(n.postcode, "10010") == "postcode_format"
    assert value(n.qq, "QQ：339701014") == "339701014"
    assert value(n.qq, 339701014.0) == "339701014"
    assert value(n.qq, "339701014@qq.com") == "339701014"
    assert code(n.qq, "0123") == "qq_format"


@pytest.mark.parametrize(
    "raw",
    [
        2027,
        2027.0,
        "2027",
        "2027届",
        "２０２７年",
        "2027 级",
        "27届",
        date(2027, 6, 30),
        "202706",
        202706,
        "2027-06-30",
        "2027年6月",
    ],
)
def test_year(raw):
    assert value(n.year, raw) == 2027


@pytest.mark.parametrize("raw", ["明年", 27, "20 27 x", 1800, 3000, True, "二〇二七"])
def test_year_refused(raw):
    assert code(n.year, raw) == "year_format"


DAY, MONTH = n.PartialDate(date(2027, 6, 30), "day"), n.PartialDate(date(2027, 6, 1), "month")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("202706", MONTH),
        (202706, MONTH),
        (202706.0, MONTH),
        (2027.06, MONTH),
        ("2027-06", MONTH),
        ("2027-6", MONTH),
        ("2027/06", MONTH),
        ("2027.6", MONTH),
        ("2027年6月", MONTH),
        ("２０２７ 年 ０６ 月", MONTH),
        ("2027年6月份", MONTH),
        ("20270630", DAY),
        (20270630, DAY),
        ("2027/6/30", DAY),
        ("2027.6.30", DAY),
        ("2027-06-30", DAY),
        ("2027-06-30 00:00:00", DAY),
        ("2027-06-30T08:00", DAY),
        ("2027年6月30日", DAY),
        ("2027年06月30号", DAY),
        (date(2027, 6, 30), DAY),
        (datetime(2027, 6, 30, 10, 30), DAY),  # noqa: DTZ001 - a cell has no time zone
        (46568, DAY),
        (46568.4375, DAY),
        ("46568", None),
        ("2027", None),
        (2027, None),
        (2027.1, None),
        ("2027-13", None),
        ("2027-02-30", None),
        ("20271301", None),
        ("6月30日", None),
        ("27.6", None),
        ("1800-01-01", None),
        ("明年", None),
        (True, None),
        (1e300, None),
    ],
)
def test_partial_date(raw, expected):
    if expected is None:
        assert code(n.partial_date, raw) == "date_format"
    else:
        assert value(n.partial_date, raw) == expected


def test_full_date_wants_a_day():
    assert value(n.full_date, "2005.6.3") == date(2005, 6, 3)
    assert code(n.full_date, "2005年6月") == "date_format"


@pytest.mark.parametrize("raw", ["是", "Y", "yes", 1, 1.0, "１", "√", True, "有"])
def test_yes(raw):
    assert value(n.yes_no, raw) is True


@pytest.mark.parametrize("raw", ["否", "N", 0, "×", False, "无"])
def test_no(raw):
    assert value(n.yes_no, raw) is False


def test_yes_no_refused():
    assert code(n.yes_no, "也许") == "yes_no_format"


def test_decimal():
    assert value(n.decimal, "４") == value(n.decimal, 4) == value(n.decimal, "4年") == 4.0
    assert value(n.decimal, "2.5", low=1, high=9.5) == 2.5
    assert code(n.decimal, "40", low=1, high=9.5) == code(n.decimal, "四") == code(n.decimal, True) == "decimal_format"


def test_choice_by_name_alias_and_code():
    lookup = {
        n.fold(k): v for k, v in {"汉族": "01", "汉": "01", "01": "01", "中共党员": "01x", "Other (a)": "97"}.items()
    }
    for raw in ("汉族", " 汉 ", "０１", "汉　族"):
        assert value(n.choice, raw, lookup=lookup, table="民族") == "01"
    assert value(n.choice, "other（A）", lookup=lookup, table="民族") == "97"
    assert value(n.choice, " ", lookup=lookup, table="民族") == ""
    with pytest.raises(n.CellError, match="“火星族”不在“民族”代码表中") as error:
        n.choice("火星族", lookup, "民族")
    assert error.value.code == "unknown_code"
    with pytest.raises(n.CellError, match="是否为“中共党员”"):
        n.choice("中共当员", lookup, "政治面貌")
