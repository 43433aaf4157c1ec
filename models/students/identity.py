"""居民身份证号 (GB 11643): structure, province, date, check digit, and what it says of its holder. The only place that knows.

Of the region the province is checked (GB/T 2260): holders keep numbers of counties and cities long dissolved, so that no present
table lists them all, while provinces have not changed but by addition. 99 stands for no province: synthetic people of demos and
tests live there, and no card can have it. 81, 82 and 83 begin the residence permits of Hong Kong, Macau and Taiwan residents.
"""

from __future__ import annotations

import re
from datetime import date

from django.utils import timezone

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
MALE, FEMALE = "1", "2"
PROVINCES = frozenset(
    [
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
        "83",
        "99",
    ]
)
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]")


class IdentityError(ValueError):
    """The number cannot be one; `code` is id_length, id_format, id_region, id_birth_date or id_check_digit, the text a Chinese sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def check_digit(body: str) -> str:
    """The eighteenth character for seventeen digits (weighted sum modulo 11)."""
    return CHECKS[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def check_id_number(
    number: str, *, name: str = "身份证号", provinces: frozenset[str] | None = PROVINCES, today: date | None = None
) -> None:
    """Raise IdentityError unless `number` is a whole, self-consistent eighteen-character ID number in capitals.

    Length → format → region → birth date → check digit, in that order, so that the sentence names the nearest cause. `name` is what
    the sentences call it; `provinces` may stand first, None for a document that begins with something else.
    """
    if len(number) == 15 and number.isascii() and number.isdigit():
        raise IdentityError("id_length", "这是 15 位的旧身份证号，已停用。请填写 18 位身份证号。")
    if len(number) != 18:
        raise IdentityError("id_length", f"{name}应为 18 位，这里有 {len(number)} 位，请核对后重新填写。")
    if not _EIGHTEEN.fullmatch(number):
        raise IdentityError("id_format", f"{name}前 17 位应为数字，最后一位为数字或 X，请核对。")
    if provinces is not None and number[:2] not in provinces:
        raise IdentityError("id_region", f"{name}前两位（{number[:2]}）不是任何省份的代码，请对照证件核对。")
    born = birth_date(number)
    if born is None or not date(1900, 1, 1) <= born <= (today or timezone.localdate()):
        shown = f"{number[6:10]} 年 {number[10:12]} 月 {number[12:14]} 日"
        raise IdentityError("id_birth_date", f"{name}中的出生日期（{shown}）不存在，请核对第 7 至 14 位。")
    if check_digit(number[:17]) != number[17]:
        raise IdentityError("id_check_digit", f"{name}的校验位不对，多半有一位写错了，请对照证件核对。")


def birth_date(number: str) -> date | None:
    """The birth date in characters 7–14, None when there is no such day."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def birth_and_sex(number: str) -> tuple[date | None, str]:
    """Birth date and sex code (1 male, 2 female: the seventeenth digit is odd for males) of a checked number."""
    return birth_date(number), MALE if int(number[16]) % 2 else FEMALE
