"""Limits of free text that a form has room for: so many lines, so many characters, and only what can be printed.

As validators of a model's field they hold at every door; a form reads `max_lines` and the limit of characters from them and counts
while somebody types.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.deconstruct import deconstructible

JOINERS = frozenset("\u200d\ufe0e\ufe0f")


def lines_of(text: str) -> list[str]:
    """The lines that hold something, without the space around them."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def characters(text: str) -> int:
    """How many characters people count: line ends do not."""
    return len("".join((text or "").splitlines()))


@deconstructible
class MaxLines:
    """At most `limit_value` lines that hold something, none longer than `width` characters."""

    def __init__(self, limit_value: int, width: int = 0) -> None:
        self.limit_value, self.width = limit_value, width

    @property
    def counted(self) -> dict[str, int]:
        """What a form counts."""
        return {"lines": self.limit_value, **({"width": self.width} if self.width else {})}

    def __call__(self, value: Any) -> None:
        lines = lines_of(str(value))
        if len(lines) > self.limit_value:
            raise ValidationError(f"最多 {self.limit_value} 行，现在有 {len(lines)} 行，请合并或删减。", "max_lines")
        for number, line in enumerate(lines, 1):
            if self.width and len(line) > self.width:
                raise ValidationError(
                    f"第 {number} 行有 {len(line)} 个字，每行最多 {self.width} 个字，请缩短。", "max_lines"
                )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaxLines) and (other.limit_value, other.width) == (self.limit_value, self.width)

    def __hash__(self) -> int:
        return hash((self.limit_value, self.width))


@deconstructible
class MaxCharacters:
    """At most `limit_value` characters, line ends not counted."""

    def __init__(self, limit_value: int) -> None:
        self.limit_value = limit_value

    @property
    def counted(self) -> dict[str, int]:
        """What a form counts."""
        return {"characters": self.limit_value}

    def __call__(self, value: Any) -> None:
        count = characters(str(value))
        if count > self.limit_value:
            raise ValidationError(f"最多 {self.limit_value} 个字，现在有 {count} 个字，请删减。", "max_characters")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MaxCharacters) and other.limit_value == self.limit_value

    def __hash__(self) -> int:
        return hash(self.limit_value)


def printable(value: Any) -> None:
    """Validator: no emoji, private or control characters, which no printed form can show."""
    found = next((c for c in str(value) if _is_unprintable(c)), "")
    if found:
        shown = f"「{found}」" if unicodedata.category(found) == "So" else "不可见的特殊字符"
        raise ValidationError(f"含有无法打印的{shown}，请删除。", "unprintable")


def _is_unprintable(character: str) -> bool:
    if character in "\r\n\t":
        return False
    if 0x1F000 <= ord(character) < 0x20000 or character in JOINERS:
        return True
    if 0x20000 <= ord(character) < 0x40000:  # rare Chinese characters, also those this Python has no name for
        return False
    return unicodedata.category(character) in {"Cc", "Co", "Cn", "Cs"}
