"""Text out of any cell: the ground that all normalisers stand on.

Full-width letters, digits and signs become half-width, Chinese punctuation stays; white space of all kinds is trimmed and
collapsed; invisible characters go. Ideographs are left alone (rare ones above U+FFFF too), except the Kangxi radicals and
compatibility ideographs that PDF readers put in the place of the ordinary character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime
from difflib import get_close_matches

from .refusal import BrokenCell, CellError

#: Full-width signs that are no Chinese punctuation: they become ASCII. ，：；！？（） stay.
_SIGNS = "＂＃＄％＆＇＊＋－．／＜＝＞＠［＼］＾＿｀｛｜｝～"
_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code).isalnum() or chr(code) in _SIGNS}
_RADICALS = {
    code: unicodedata.normalize("NFKC", chr(code))
    for span in ((0x2F00, 0x2FD6), (0xF900, 0xFAFF))
    for code in range(*span)
}
_SPACES = dict.fromkeys(
    (0xA0, 0x3000, 0x2002, 0x2003, 0x2009, 0x202F, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x2028, 0x2029), " "
)
_INVISIBLE = dict.fromkeys(
    (0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2060, 0xFEFF, 0xAD)
)
_CONTROLS = dict.fromkeys(code for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in _SPACES)
_TABLE: dict[int, str | int | None] = {**_WIDTH, **_RADICALS, **_SPACES, **_INVISIBLE, **_CONTROLS}
#: For codes and numbers every full-width sign is meant as ASCII, and dashes of all kinds as "-".
_CODE_TABLE = {
    **_TABLE,
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2212, 0xFE63), "-"),
}
_PLAIN = re.compile(r"[!-~\u4e00-\u9fff，。；：！？（）、《》“”]+(?: [!-~\u4e00-\u9fff，。；：！？（）、《》“”]+)*")
_RUNS = re.compile(r" {2,}")
#: A line break inside a Chinese text joins, it does not separate: 示例市⏎示例区 → 示例市示例区.
_BREAK = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uffef]) *[\r\n]+ *(?=[\u3000-\u9fff\uff00-\uffef])")
_SCIENTIFIC = re.compile(r"[+-]?\d+(\.\d+)?[eE]\+?\d+")
#: Excel keeps 15 significant digits.
EXACT = 10**15


def check_broken(raw: object) -> None:
    """Raise ``formula`` for an Excel error or a formula that was never calculated."""
    if isinstance(raw, BrokenCell):
        if raw.uncalculated:
            raise CellError(
                "formula", "单元格是公式，但文件里没有计算结果。请在 Excel 中打开并保存，或把该列以“值”粘贴后重新上传。"
            )
        raise CellError("formula", f"单元格是公式错误 {raw.shown}。请改为正确的值。")


def to_text(raw: object) -> str:
    """Any cell as text, untidied: whole numbers without ".0", dates as 2027-06-30, True as 是."""
    if isinstance(raw, str):
        return raw
    check_broken(raw)
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return "是" if raw else "否"
    if isinstance(raw, float):
        if raw != raw or raw in (float("inf"), float("-inf")):
            return ""
        return str(int(raw)) if raw.is_integer() and abs(raw) < EXACT else repr(raw)
    if isinstance(raw, datetime):
        return raw.strftime("%Y-%m-%d %H:%M") if (raw.hour or raw.minute) else raw.strftime("%Y-%m-%d")
    return raw.isoformat() if isinstance(raw, date) else str(raw)


def tidy(raw: object) -> str:
    """One clean line of text."""
    text = to_text(raw)
    if _PLAIN.fullmatch(text):
        return text
    return _RUNS.sub(" ", _BREAK.sub("", text.strip()).translate(_TABLE)).strip()


def compact(raw: object) -> str:
    """Text of a code or number: half-width throughout, without any white space or leading apostrophe."""
    text = to_text(raw)
    if text.isascii() and text.isalnum():
        return text
    return text.translate(_CODE_TABLE).replace(" ", "").lstrip("'‘’`")


def require(raw: object) -> None:
    """Raise ``required`` when a cell is blank. Callers name the column."""
    check_broken(raw)
    if raw is None or (isinstance(raw, str) and not tidy(raw)):
        raise CellError("required", "不能为空，请填写。")


def limit(text: str, max_length: int | None) -> str:
    """Raise ``too_long`` when a text is longer than the field."""
    if max_length is not None and len(text) > max_length:
        raise CellError("too_long", f"有 {len(text)} 个字，最多 {max_length} 个字，请缩短。")
    return text


def text(raw: object, max_length: int | None = None) -> tuple[str, str | None]:
    """Free text (addresses, units): trimmed, half-width letters and digits, line breaks and runs of spaces collapsed."""
    value = limit(tidy(raw), max_length)
    return value, _note(raw, value)


def _note(raw: object, value: str) -> str | None:
    if isinstance(raw, str):
        return None if raw == value else "已去除多余的空格、换行或全角字符"
    return None if raw is None else "已由数值改为文本"


def digits_lost(raw: object) -> bool:
    """Whether a number cell (or text in scientific notation) can no longer say all its digits."""
    if isinstance(raw, bool):
        return False
    if isinstance(raw, (int, float)):
        return abs(raw) >= EXACT
    return isinstance(raw, str) and bool(_SCIENTIFIC.fullmatch(raw.strip()))


def number_text(raw: object, max_length: int | None = 30) -> tuple[str, str | None]:
    """Numbers that are names (学号, 考生号, codes): 20230010012.0 → "20230010012"; leading zeros of a text are kept."""
    check_broken(raw)
    if digits_lost(raw):
        raise CellError("precision_lost", "以数值格式保存，后几位已丢失。请把该列设为文本格式后重新填写。")
    if isinstance(raw, float) and not raw.is_integer():
        raise CellError("number_format", f"{raw!r} 带有小数，不是编号。请把该列设为文本格式后重新填写。")
    value = compact(raw)
    if value.endswith(".0") and value[:-2].isdigit():
        value = value[:-2]
    limit(value, max_length)
    return value, _note(raw, value)


def fold(value: object) -> str:
    """The form in which names of codes are compared: half-width, lower case, without spaces and punctuation."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", to_text(value)).lower())


def choice(
    raw: object, lookup: Mapping[str, str], table: str, similar: Callable[[str], str | None] | None = None
) -> tuple[str, str | None]:
    """A code by its name, alias or code. ``lookup``: folded name → code (see ``fold``); ``table``: its Chinese name.

    Blank gives "". Raises ``unknown_code`` and proposes the nearest name.
    """
    value = tidy(raw)
    if not value:
        return "", None
    key = fold(value)
    if (code := lookup.get(key)) is not None:
        return code, None
    nearest = similar(key) if similar else next(iter(get_close_matches(key, list(lookup), 1, 0.6)), None)
    hint = f"是否为“{nearest}”？" if nearest and not nearest.isdigit() else ""
    raise CellError("unknown_code", f"“{value[:30]}”不在“{table}”代码表中。{hint}请按代码表填写。")
