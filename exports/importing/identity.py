"""Numbers of identity documents.

Numbers of eighteen digits are checked by models.students.identity. 81/82/83 are the residence permits for Hong Kong, Macau and Taiwan
residents; a first 9 with a full check digit is also the new foreigner's permanent residence card, checked the same way but for the
province, which stands elsewhere in it.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from models.students.identity import MALE, PROVINCES, IdentityError, birth_and_sex, check_id_number

from .refusal import CellError
from .values import check_broken, compact, digits_lost

RESIDENT_ID = "居民身份证"
PASSPORT = "护照"
HKMT_RESIDENCE = "港澳台居民居住证"
HKM_PERMIT = "港澳居民来往内地通行证"
TAIWAN_PERMIT = "台湾居民来往大陆通行证"
FOREIGN_RESIDENCE = "外国人永久居留身份证"
ID_TYPES = (RESIDENT_ID, PASSPORT, HKMT_RESIDENCE, HKM_PERMIT, TAIWAN_PERMIT, FOREIGN_RESIDENCE)
#: Names people use → the type.
ID_TYPE_ALIASES = {
    "身份证": RESIDENT_ID,
    "二代身份证": RESIDENT_ID,
    "中国护照": PASSPORT,
    "外国护照": PASSPORT,
    "港澳台居住证": HKMT_RESIDENCE,
    "居住证": HKMT_RESIDENCE,
    "港澳通行证": HKM_PERMIT,
    "回乡证": HKM_PERMIT,
    "港澳居民通行证": HKM_PERMIT,
    "台胞证": TAIWAN_PERMIT,
    "台湾通行证": TAIWAN_PERMIT,
    "外国人永久居留证": FOREIGN_RESIDENCE,
}

#: Letters that people type for the X: multiplication signs, the Greek and the Cyrillic letter.
_X = str.maketrans("x×✕╳ΧχХх", "XXXXXXXX")
_EIGHTEEN = re.compile(r"[0-9]{17}[0-9X]")
_OTHERS = {
    PASSPORT: (re.compile(r"[A-Z0-9]{5,20}"), "护照号应为 5 至 20 位字母和数字"),
    HKM_PERMIT: (re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?"), "港澳居民来往内地通行证号应为 H 或 M 加 8 位数字"),
    TAIWAN_PERMIT: (
        re.compile(r"[0-9]{8}(?:[0-9]{2})?|[0-9]{10}[A-Z]|[A-Z][0-9]{8}"),
        "台湾居民来往大陆通行证号应为 8 位数字",
    ),
}
_OLD_FOREIGN = re.compile(r"[A-Z]{3}[0-9]{12}")


class IdFacts(NamedTuple):
    """What an 18-digit number says. ``sex``: "男" or "女"; ``sex_code``: GB/T 2261.1, "1" or "2"."""

    birth: date
    sex: str
    sex_code: str


def birth_and_sex_from_id(number: str) -> IdFacts | None:
    """Birth date and sex from a valid 18-digit number; None for any other document."""
    if not _EIGHTEEN.fullmatch(number):
        return None
    birth, code = birth_and_sex(number)
    return None if birth is None else IdFacts(birth, "男" if code == MALE else "女", code)


def id_type_of(name: str) -> str:
    """The document type for a name or alias; blank means resident ID. Raises ``unknown_code``."""
    name = compact(name)
    if not name:
        return RESIDENT_ID
    kind = ID_TYPE_ALIASES.get(name, name)
    if kind not in ID_TYPES:
        raise CellError("unknown_code", f"“{name[:20]}”不是可用的证件类型。可填：{'、'.join(ID_TYPES)}。")
    return kind


def id_number(raw: object, id_type: str = RESIDENT_ID, today: date | None = None) -> tuple[str, str | None]:
    """A document number in its official form. Blank gives "".

    Raises id_precision_lost, id_length, id_format, id_region, id_birth_date, id_check_digit.
    """
    check_broken(raw)
    if digits_lost(raw) or (isinstance(raw, float) and not raw.is_integer()):
        raise CellError("id_precision_lost", "以数值格式保存，后几位已丢失。请把该列设为文本格式后重新填写。")
    number = compact(raw).replace("-", "").translate(_X).upper()
    if not number:
        return "", None
    if id_type in _OTHERS:
        pattern, rule = _OTHERS[id_type]
        number = re.sub(r"[()（）].*", "", number)
        if not pattern.fullmatch(number):
            raise CellError("id_format", f"{rule}，请核对。")
    elif not (id_type == FOREIGN_RESIDENCE and _OLD_FOREIGN.fullmatch(number)):
        _check_eighteen(number, id_type, today)
    return number, None if number == raw else "已整理证件号码的写法"


def _check_eighteen(number: str, id_type: str, today: date | None) -> None:
    name = "身份证号" if id_type == RESIDENT_ID else f"{id_type}号码"
    provinces = None if id_type == FOREIGN_RESIDENCE else PROVINCES
    if id_type == HKMT_RESIDENCE and len(number) == 18 and number[:2] not in ("81", "82", "83"):
        raise CellError("id_format", "港澳台居民居住证号码应以 81、82 或 83 开头，请核对证件类型和号码。")
    try:
        check_id_number(number, name=name, provinces=provinces, today=today)
    except IdentityError as error:
        raise CellError(error.code, str(error)) from error
