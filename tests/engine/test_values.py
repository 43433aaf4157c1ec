"""What is entered into a field becomes a value or a sentence that names the slip, without repeating a whole page of it."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.exceptions import ValidationError

from models.agreements.models import Agreement
from models.outcomes.models import Outcome
from workflows.fields import clean_value, native


@pytest.mark.parametrize("text", ["0001-01-01", "1026-12-01", "9999-12-31"])
def test_a_year_that_nobody_means_is_refused(text):
    with pytest.raises(ValidationError, match="日期的年份应在 1900～2100 年之间"):
        clean_value(native(Outcome, "signed_on"), text, Outcome())


def test_a_possible_date_is_taken():
    assert clean_value(native(Outcome, "signed_on"), " 2027-06-30 ", Outcome()) == date(2027, 6, 30)


@pytest.mark.parametrize(
    ("name", "number", "most"),
    [
        ("monthly_pay", 2**31, 99_999_999),
        ("monthly_pay", "9" * 40, 99_999_999),
        ("penalty", 2**63, 99_999_999),
        ("probation_months", 32_768, 9_999),
    ],
)
def test_a_number_too_large_is_answered_with_a_limit_people_can_read(name, number, most):
    with pytest.raises(ValidationError) as refusal:
        clean_value(native(Agreement, name), number, Agreement())
    assert refusal.value.messages == [f"数字太大，最多填 {most}，请检查是否多填了位数。"]


def test_a_long_entry_is_quoted_in_part():
    with pytest.raises(ValidationError) as refusal:
        clean_value(native(Outcome, "monthly_pay"), "九千元左右" * 100, Outcome())
    assert refusal.value.messages == ["“九千元左右九千元左右九千元左右九千元左右…”不是数字，请填写数字。"]
