"""Cells as a careful clerk would write them: ``value, note = fn(raw)`` or ``CellError(code, message)``.

All functions are pure. ``raw`` is a ``reading.Cell``. A blank cell gives "" (text), None (dates, years, yes/no); only
``require`` raises ``required``. ``note`` is None when the cell was already tidy, else a short Chinese remark. Codes:
required, formula, too_long, name_format, precision_lost, number_format, unknown_code, id_precision_lost, id_length, id_format,
id_region, id_birth_date, id_check_digit, phone_format, landline_format, email_format, postcode_format, qq_format, date_format,
year_format, yes_no_format, decimal_format.
"""

from __future__ import annotations

import re
import unicodedata

from models.accounts import names

from .dates import PartialDate, full_date, partial_date, year
from .headers import is_blank
from .identity import (
    ID_TYPES,
    RESIDENT_ID,
    IdFacts,
    birth_and_sex_from_id,
    id_number,
    id_type_of,
)
from .refusal import BrokenCell, CellError
from .values import choice, compact, digits_lost, fold, limit, number_text, require, text, tidy

__all__ = [
    "ID_TYPES",
    "RESIDENT_ID",
    "BrokenCell",
    "CellError",
    "IdFacts",
    "PartialDate",
    "birth_and_sex_from_id",
    "choice",
    "decimal",
    "email",
    "fold",
    "full_date",
    "id_number",
    "id_type_of",
    "is_blank",
    "landline",
    "name",
    "number_text",
    "partial_date",
    "phone",
    "postcode",
    "qq",
    "require",
    "text",
    "year",
    "yes_no",
]

_HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_DOTS = str.maketrans(dict.fromkeys("•‧・∙⋅●‧･", "·"))
_POINT = re.compile(rf"(?<=[{_HAN}])\s*[.．]\s*(?=[{_HAN}])")
_AROUND_DOT = re.compile(r"\s*·\s*")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"(0(?:10|2[0-9]|[3-9][0-9]{2}))-?([2-9][0-9]{6,7})(?:(?:-|转|ext\.?)([0-9]{1,6}))?", re.I)
_EMAIL = re.compile(
    r"[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}"
)
_BETWEEN = re.compile(r"[/、;；,，|和或]")
_YES = frozenset({"是", "有", "y", "yes", "1", "true", "t", "√", "✓", "✔", "对", "已", "已转入"})
_NO = frozenset({"否", "无", "n", "no", "0", "false", "f", "×", "✗", "✘", "x", "错", "未", "未转入", "不是", "没有"})


def name(raw: object, max_length: int | None = 100) -> tuple[str, str | None]:
    """A person's name: “欧阳 雨涵” → 欧阳雨涵, “艾力•买买提” → 艾力·买买提, “Anna  Maria” → Anna Maria.

    Raises ``name_format`` where a character belongs to no name.
    """
    value = _AROUND_DOT.sub("·", _POINT.sub("·", tidy(raw).translate(_DOTS)))
    if " " in value and not any("LATIN" in unicodedata.name(c, "") for c in value):
        value = value.replace(" ", "")
    limit(value, max_length)
    if sentence := names.refusal(value):
        raise CellError("name_format", sentence)
    return value, None if raw is None or value == raw else "已整理姓名中的空格或间隔号"


def phone(raw: object) -> tuple[str, str | None]:
    """A mobile number: +86, 0086, spaces, dashes, brackets and full-width digits go; 11 digits starting 13–19 stay."""
    if isinstance(raw, str) and _MOBILE.fullmatch(raw):
        return raw, None
    shown, value = tidy(raw), compact(raw)
    if not value:
        return "", None
    if digits_lost(raw) or (isinstance(raw, float) and not raw.is_integer()):
        raise CellError("phone_format", "以数值格式保存，号码已不完整。请把该列设为文本格式后重新填写 11 位手机号。")
    parts = [p for p in _BETWEEN.split(value) if p]
    if len(parts) > 1:
        raise CellError("phone_format", f"“{shown[:40]}”里有 {len(parts)} 个号码，请只填一个 11 位手机号。")
    digits = re.sub(r"[\s()（）.·_-]", "", value)
    digits = re.sub(r"^(?:\+|00)?86(?=1[0-9]{10}$)", "", digits)
    if _MOBILE.fullmatch(digits):
        return digits, None if raw == digits else "已整理手机号码的写法"
    if digits.isascii() and digits.isdigit():
        if len(digits) != 11:
            more = "只有" if len(digits) < 11 else "有"
            raise CellError("phone_format", f"{digits[:20]} {more} {len(digits)} 位，请改为 11 位手机号。")
        raise CellError("phone_format", f"{digits} 不是手机号（应以 13 至 19 开头），请核对。")
    raise CellError("phone_format", f"“{shown[:30]}”不是手机号，请改为 11 位手机号。")


def landline(raw: object) -> tuple[str, str | None]:
    """A telephone of any kind (家庭电话): mobile, or 区号-号码, with extension. Raises ``landline_format``."""
    value = re.sub(r"[\s()（）]", "", compact(raw))
    if not value:
        return "", None
    mobile = re.sub(r"[.·_-]", "", re.sub(r"^(?:\+|00)86-?", "", value))
    if _MOBILE.fullmatch(mobile):
        return mobile, None if raw == mobile else "已整理电话号码的写法"
    value = re.sub(r"^(?:\+|00)86-?(?=[1-9])", "0", re.sub(r"^(?:\+|00)86-?(?=0)", "", value))
    match = _LANDLINE.fullmatch(value)
    if match is None and isinstance(raw, (int, float)):
        match = _LANDLINE.fullmatch("0" + value)  # the number cell dropped the leading zero
    if match is None:
        raise CellError(
            "landline_format", f"“{tidy(raw)[:30]}”不是电话号码，请写成 区号-号码（如 023-65100000）或手机号。"
        )
    result = f"{match[1]}-{match[2]}" + (f"-{match[3]}" if match[3] else "")
    return result, None if raw == result else "已整理电话号码的写法"


def email(raw: object) -> tuple[str, str | None]:
    """An e-mail address; full-width signs and “。” in it are mended, the domain becomes lower case."""
    value = compact(raw).replace("。", ".").removeprefix("mailto:").strip("<>;,")
    if not value:
        return "", None
    if len(value) > 254 or not _EMAIL.fullmatch(value) or len(value.partition("@")[0]) > 64:
        raise CellError("email_format", f"“{tidy(raw)[:40]}”不是邮箱地址，请写成 name@example.com 的样子。")
    local, _, domain = value.rpartition("@")
    value = f"{local}@{domain.lower()}"
    return value, None if raw == value else "已整理邮箱的写法"


def postcode(raw: object) -> tuple[str, str | None]:
    """Six digits; a number cell that lost its leading zero gets it back."""
    value = compact(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and 10_000 <= raw <= 99_999:
        return f"0{value}", "已补上邮编开头的 0"
    if value and not re.fullmatch(r"[0-9]{6}", value):
        raise CellError("postcode_format", f"“{tidy(raw)[:20]}”不是邮政编码，请填写 6 位数字。")
    return value, None if raw is None or raw == value else "已整理邮编的写法"


def qq(raw: object) -> tuple[str, str | None]:
    """5 to 12 digits; “QQ:12345” and a QQ mail address are understood."""
    value = re.sub(r"(?i)^qq[:：号]*|@qq\.com$", "", compact(raw))
    if value and not re.fullmatch(r"[1-9][0-9]{4,11}", value):
        raise CellError("qq_format", f"“{tidy(raw)[:20]}”不是 QQ 号，请填写 5 至 12 位数字。")
    return value, None if raw is None or raw == value else "已整理 QQ 号的写法"


def yes_no(raw: object) -> tuple[bool | None, str | None]:
    """是/否, 有/无, Y/N, 1/0, √/×, a real Boolean. Raises ``yes_no_format``."""
    if isinstance(raw, bool):
        return raw, None
    value = compact(raw).lower()
    if not value:
        return None, None
    if value in _YES or value in _NO:
        return value in _YES, None if value in ("是", "否") else f"已改为“{'是' if value in _YES else '否'}”"
    raise CellError("yes_no_format", f"“{tidy(raw)[:20]}”看不出是或否，请填“是”或“否”。")


def decimal(raw: object, low: float | None = None, high: float | None = None) -> tuple[float | None, str | None]:
    """A number such as 学制 (4, 2.5, "4年"). Raises ``decimal_format``; ``low`` and ``high`` are inclusive."""
    value = compact(raw).replace(",", "").removesuffix("年")
    if not value:
        return None, None
    if isinstance(raw, bool) or not re.fullmatch(r"[+-]?[0-9]+(?:\.[0-9]+)?", value):
        raise CellError("decimal_format", f"“{tidy(raw)[:20]}”不是数字，请改为数字。")
    number = float(value)
    if (low is not None and number < low) or (high is not None and number > high):
        span = f"{low:g} 至 {high:g}" if low is not None and high is not None else f"{low if high is None else high:g}"
        raise CellError("decimal_format", f"{value} 超出范围（{span}），请核对。")
    return number, None if isinstance(raw, (int, float)) or raw == value else "已整理数字的写法"
