"""Masking of ID numbers and phones in text that leaves the record itself: logs, audit details, error reports.

One pair of patterns for the whole product. Which person may see a full number on a page is another matter and is decided there.
"""

from __future__ import annotations

import re
from typing import Any

# 17 digits and a check character, perhaps grouped 6-8-4, or any longer run of digits that may contain one.
_IDENTITY = re.compile(r"(?<!\d)(?:\d{17,}[Xx]?|\d{6}[ -]\d{8}[ -]\d{3}[\dXx])(?!\d)")
# A mainland mobile number, perhaps with 86 before it or grouped 3-4-4.
_PHONE = re.compile(r"(?<!\d)(?:86[ -]?)?(1[3-9]\d)([ -]?)\d{4}\2(\d{4})(?!\d)")
_SECRET_KEYS = re.compile(r"passw|secret|token|密码|口令|验证码", re.IGNORECASE)


def mask_text(text: str) -> str:
    """`text` with every ID number reduced to its first three and last two characters and every phone to 199****1234."""
    text = _IDENTITY.sub(lambda found: f"{found[0][:3]}{'*' * 13}{found[0][-2:]}", text)
    return _PHONE.sub(lambda found: f"{found[1]}****{found[3]}", text)


def mask_value(value: Any) -> Any:
    """The same for JSON-like data: strings inside lists and dicts are masked, values under a password-like key dropped."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, dict):
        return {
            mask_text(str(key)): "***" if _SECRET_KEYS.search(str(key)) else mask_value(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [mask_value(item) for item in value]
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int) and abs(value) < 10**10:
        return value
    return mask_text(str(value))
