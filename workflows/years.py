"""The years that people can mean when they write one: of graduation, of enrolment, from which a code counts. One rule for forms, imports and commands."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

FIRST, AHEAD = 1950, 10  # the oldest records that are still taken over; the longest that anybody plans ahead


def years() -> range:
    """The years that can be meant, as of today."""
    return range(FIRST, timezone.localdate().year + AHEAD + 1)


def sentence(year: Any) -> str:
    """Why `year` is not taken, and what is."""
    return f"“{str(year)[:10]}”不是可用的年份，请填 {years()[0]}～{years()[-1]} 之间的 4 位年份，例如 {timezone.localdate().year}。"


def possible_year(value: Any) -> None:
    """Validator: ValidationError for a year that cannot be meant."""
    if value is not None and int(value) not in years():
        raise ValidationError(sentence(value))


def possible_month(value: Any) -> None:
    """Validator of a month written as 202706; what is written otherwise is for another one to say."""
    if re.fullmatch(r"\d{6}", str(value or "")):
        possible_year(str(value)[:4])


class YearField(models.PositiveSmallIntegerField):
    """A year; to migrations a small number like any other."""

    default_validators = [possible_year]

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.PositiveSmallIntegerField", args, kwargs


class MonthField(models.CharField):
    """A month as 202706; to migrations text like any other."""

    default_validators = [possible_month]

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs
