"""Years, months and dates in all the forms in which offices write them."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from workflows.years import sentence, years

from .refusal import CellError
from .values import check_broken, compact, tidy

_FIRST, _LAST = 1900, 2100
_EPOCH = date(1899, 12, 30)
#: Excel serial numbers from 1954 to 2119; years, 202706 and 20270630 lie outside.
_SERIALS = range(20_000, 80_001)
_SPLIT = re.compile(
    r"(\d{4})\s*(?:年度?|[-/.\\~、,，])\s*(\d{1,2})\s*(?:月份?|[-/.\\~、,，]|$)\s*(?:(\d{1,2})\s*[日号]?)?"
    r"(?:[T ]*\d{1,2}[:：]\d{2}(?:[:：]\d{2}(?:\.\d+)?)?)?"
)
_JOINED = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_YEAR = re.compile(r"(\d{4})(?:届|年度?|级|学年|年毕业|年入学)?(?:本科生?|毕业生?|学生)?")
_SHORT_YEAR = re.compile(r"(\d{2})(?:届|级)")


class PartialDate(NamedTuple):
    """A date and how exactly it was given: "day", "month" (the day is 1) or "year" (month and day are 1)."""

    date: date
    precision: str


def _bad(raw: object, want: str) -> CellError:
    return CellError("date_format", f"“{tidy(raw)[:30]}”不是可用的日期，请写成 {want}。")


def partial_date(raw: object, want: str = "2027-06-30 或 202706") -> tuple[PartialDate | None, str | None]:
    """202706, 20270630, 2027/6/30, 2027.6.30, 2027-06, 2027年6月(30日), a date cell, an Excel serial number.

    Blank gives None. Raises ``date_format``; a year alone is not enough (see ``year``).
    """
    check_broken(raw)
    if raw is None:
        return None, None
    if isinstance(raw, datetime):
        raw = raw.date()
    if isinstance(raw, date):
        return _checked(raw.year, raw.month, raw.day, raw, want), None
    if isinstance(raw, float) and not isinstance(raw, bool):
        raw = _float(raw, want)
    if isinstance(raw, int) and not isinstance(raw, bool) and raw in _SERIALS:
        found = _EPOCH + timedelta(days=raw)
        return PartialDate(found, "day"), f"已由 Excel 日期序号改为 {found.isoformat()}"
    text = compact(raw).rstrip(".-/") if not isinstance(raw, str) or ":" not in raw else tidy(raw)
    if not text:
        return None, None
    match = _JOINED.fullmatch(text) or _SPLIT.fullmatch(text)
    if match is None:
        raise _bad(raw, want)
    found_date = _checked(int(match[1]), int(match[2]), int(match[3]) if match[3] else 0, raw, want)
    return found_date, None if text == raw else "已整理日期的写法"


def _float(raw: float, want: str) -> object:
    """2027.06 and 2027.12 are months; 2027.1 may be January or (2027.10) October: refused. 46568.5 is a moment."""
    if raw != raw or raw in (float("inf"), float("-inf")):
        raise _bad(raw, want)
    if int(raw) in _SERIALS or raw.is_integer():
        return int(raw)
    text = repr(raw)
    if re.fullmatch(r"\d{4}\.1", text):
        raise CellError("date_format", f"{text} 看不出是 1 月还是 10 月（数值会丢掉末尾的 0），请写成 {want}。")
    return text


def _checked(year: int, month: int, day: int, raw: object, want: str) -> PartialDate:
    try:
        found = date(year, month, day or 1)
    except ValueError:
        raise _bad(raw, want) from None
    if not _FIRST <= year <= _LAST:
        raise _bad(raw, want)
    return PartialDate(found, "day" if day else "month")


def full_date(raw: object) -> tuple[date | None, str | None]:
    """A date to the day (出生日期). Raises ``date_format`` when only a month is given."""
    found, note = partial_date(raw, "2027-06-30")
    if found is not None and found.precision != "day":
        raise _bad(raw, "2027-06-30（年月日）")
    return (found.date if found else None), note


def year(raw: object) -> tuple[int | None, str | None]:
    """2027, "2027届", 2027.0, "2027年", "2023级", "27届", and the year of a month or date. Raises ``year_format``."""
    check_broken(raw)
    if raw is None:
        return None, None
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and float(raw).is_integer() and 0 <= raw < 10_000:
        text = str(int(raw))
    else:
        text = "" if isinstance(raw, date) else compact(raw)
        if isinstance(raw, str) and not text:
            return None, None
    if match := _YEAR.fullmatch(text):
        value = int(match[1])
    elif match := _SHORT_YEAR.fullmatch(text):
        value = 2000 + int(match[1])
    else:
        try:
            found, _ = partial_date(raw)
        except CellError:
            found = None
        value = found.date.year if found else 0
    if value not in years():
        raise CellError("year_format", sentence(tidy(raw)))
    return value, None if raw == value or raw == str(value) else f"已改为 {value}"
