"""Numbers as forms and addresses send them: text that may be anything, and longer than any column."""

from __future__ import annotations

from typing import Any

KEY_DIGITS, VERSION_DIGITS = 18, 9  # what fits a bigint and an integer column whatever the digits are


def key(text: Any) -> int | None:
    """A primary key; None for what cannot be one."""
    return _number(text, KEY_DIGITS)


def version(text: Any) -> int | None:
    """The version of a record that a page was filled in against; None for what cannot be one."""
    return _number(text, VERSION_DIGITS)


def _number(text: Any, digits: int) -> int | None:
    text = str(text)
    return int(text) if text.isdecimal() and len(text) <= digits else None
