"""统一社会信用代码 (GB 32100): eighteen characters, the last a check digit over the other seventeen.

The body is one of the registration authority, one of the kind of unit, six of the region, nine of the organisation code
(whose own last character is a check digit after GB 11714). The letters I, O, S, V and Z do not occur.
"""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
SHAPE = r"^[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}$"
_ORGANISATION = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def tidy(text: str) -> str:
    """What was typed as a code, the way codes are stored: half width, capitals, no white space or dashes.

    >>> tidy("９１５０ 0000-ma")
    '91500000MA'
    """
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", text)).upper()


def check_digit(body: str) -> str:
    """The eighteenth character for seventeen: weights are powers of 3 modulo 31."""
    total = sum(ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return ALPHABET[-total % 31]


def organisation_digit(body: str) -> str:
    """The ninth character of an organisation code for its first eight (GB 11714)."""
    total = sum(_ORGANISATION.index(char) * weight for char, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def problem(code: str) -> str:
    """What is wrong with a tidied code, as a sentence; "" when it can be one."""
    if len(code) != LENGTH:
        return f"统一社会信用代码应为 18 位，现在是 {len(code)} 位。"
    if not re.fullmatch(SHAPE, code):
        return "统一社会信用代码只含数字和大写字母（不含 I、O、S、V、Z），第 3～8 位为数字。"
    if check_digit(code[:17]) != code[17]:
        return "统一社会信用代码校验码不正确，请核对是否抄写有误。"
    return ""


def is_valid(code: str) -> bool:
    """Whether a tidied code is whole and its check digit right."""
    return not problem(code)


def validate(code: str) -> None:
    """Validator of model and form fields."""
    if sentence := problem(code):
        raise ValidationError(sentence, code="uscc")


def made_up(number: int, *, region: str = "990000") -> str:
    """A code that passes the check and belongs to nobody (region 99), for demonstration and tests."""
    body = f"{number:08d}"[-8:]
    start = f"91{region}{body}{organisation_digit(body)}"
    return start + check_digit(start)
