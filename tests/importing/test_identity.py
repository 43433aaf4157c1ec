"""ID numbers: structure, birth date, check digit, and the other documents (security.md C6)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.importing.identity import (
    FOREIGN_RESIDENCE,
    HKM_PERMIT,
    HKMT_RESIDENCE,
    PASSPORT,
    TAIWAN_PERMIT,
    birth_and_sex_from_id,
    id_number,
    id_type_of,
)
from exports.importing.refusal import CellError
from models.students.identity import PROVINCES, check_digit

#: Published examples of GB 11643 and its check (standards.md §6), and a synthetic person of region 99.
GOOD = ("11010519491231002X", "440524188001010014", "991542200302275497")


@st.composite
def numbers(draw):
    birth = draw(st.dates(date(1950, 1, 1), date(2010, 12, 31)))
    first = f"99{draw(st.integers(0, 9999)):04d}{birth:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return first + check_digit(first)


def code(raw, id_type="居民身份证"):
    with pytest.raises(CellError) as error:
        id_number(raw, id_type)
    assert not any(part.isdigit() and len(part) > 8 for part in error.value.message.split())
    return error.value.code


def test_published_numbers():
    assert id_number(GOOD[0]) == (GOOD[0], None)
    assert id_number(GOOD[2]) == (GOOD[2], None)
    assert check_digit(GOOD[1][:17]) == GOOD[1][17]


@given(numbers())
def test_every_well_formed_number_passes(number):
    assert id_number(number) == (number, None)
    facts = birth_and_sex_from_id(number)
    assert facts.birth.strftime("%Y%m%d") == number[6:14]
    assert (facts.sex, facts.sex_code) == (("男", "1") if int(number[16]) % 2 else ("女", "2"))


@given(numbers())
def test_every_single_wrong_digit_is_refused(number):
    for place in range(17):
        for digit in "0123456789":
            if digit != number[place]:
                with pytest.raises(CellError):
                    id_number(number[:place] + digit + number[place + 1 :])
    for last in "0123456789X":
        if last != number[17]:
            assert code(number[:17] + last) == "id_check_digit"


@given(numbers())
def test_every_swap_of_neighbours_is_refused(number):
    for place in range(17):
        swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        if swapped != number:
            with pytest.raises(CellError):
                id_number(swapped)


@pytest.mark.parametrize(
    "raw",
    [
        "11010519491231002x",
        " 110105 19491231 002X ",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110105-19491231-002X",
        "'11010519491231002X",
        "11010519491231002×",
        "11010519491231002Х",
    ],
)
def test_ways_of_writing(raw):
    value, note = id_number(raw)
    assert value == GOOD[0]
    assert note


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (9.964372005090509e17, "id_precision_lost"),
        ("9.96437E+17", "id_precision_lost"),
        (110105194912310020, "id_precision_lost"),
        ("1101051949123100", "id_length"),
        (110105491231002, "id_length"),
        ("110105491231002", "id_length"),
        ("1101051949123100211", "id_length"),
        ("1101051949123X0021", "id_format"),
        ("10010519491231002X", "id_region"),
        ("11010519491331002X", "id_birth_date"),
        ("110105199902300021", "id_birth_date"),
        ("110105299901010021", "id_birth_date"),
        ("110105179901010021", "id_birth_date"),
        ("110105194912310021", "id_check_digit"),
    ],
)
def test_the_nearest_cause_is_named(raw, expected):
    assert code(raw) == expected


@pytest.mark.parametrize("first", range(100))
def test_the_region_is_of_a_province(first):
    """GB/T 2260; counties are not looked at (numbers of dissolved ones are kept), 99 is nobody's."""
    number = _eighteen(f"{first:02d}0105")
    if f"{first:02d}" in PROVINCES:
        assert id_number(number)[0] == number
    else:
        assert code(number) == "id_region"


def test_a_number_of_the_year_1880_is_no_student():
    assert code(GOOD[1]) == "id_birth_date"


def test_today_can_be_given():
    first = "99000020300101001"
    number = first + check_digit(first)
    assert id_number(number, today=date(2031, 1, 1))[0] == number
    assert code(number) == "id_birth_date"


def _eighteen(region):
    first = f"{region}20030227549"
    return first + check_digit(first)


@pytest.mark.parametrize(
    ("raw", "id_type", "clean"),
    [
        (" e12345678 ", PASSPORT, "E12345678"),
        ("H12345678", HKM_PERMIT, "H12345678"),
        ("m1234567801", HKM_PERMIT, "M1234567801"),
        (12345678.0, TAIWAN_PERMIT, "12345678"),
        (_eighteen("810000"), HKMT_RESIDENCE, _eighteen("810000")),
        (_eighteen("830000"), HKMT_RESIDENCE, _eighteen("830000")),
        (_eighteen("830000"), "居民身份证", _eighteen("830000")),
        ("usa123456789012", FOREIGN_RESIDENCE, "USA123456789012"),
        (_eighteen("911840"), FOREIGN_RESIDENCE, _eighteen("911840")),
    ],
)
def test_other_documents(raw, id_type, clean):
    assert id_number(raw, id_type)[0] == clean


@pytest.mark.parametrize(
    ("raw", "id_type"),
    [("E1", PASSPORT), ("12345678", HKM_PERMIT), ("A1", TAIWAN_PERMIT), (_eighteen("110105"), HKMT_RESIDENCE)],
)
def test_other_documents_refused(raw, id_type):
    assert code(raw, id_type) == "id_format"


def test_names_of_documents():
    assert id_type_of("") == id_type_of("身份证") == "居民身份证"
    assert id_type_of("回乡证") == HKM_PERMIT
    with pytest.raises(CellError):
        id_type_of("学生证")
