"""Rules of 就业推荐表: what a reader of the printed form would stumble over. They warn; the form's limits are validators of its fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workflows.limits import characters, lines_of
from workflows.rules import Rule, Severity

PACK = "2026.1"
SHORT = 50
YEAR = re.compile(r"(19|20)\d{2}")

Found = Iterator[tuple[str, str, str]]


def enough_said(record: Any) -> Found:
    """A recommendation of two sentences recommends nobody."""
    count = characters(record.self_recommendation)
    if 0 < count < SHORT:
        yield "self_recommendation", f"自我推荐只有 {count} 个字。", f"建议写到 {SHORT} 字以上，说明所长和求职意向。"


def dated_lines(record: Any) -> Found:
    """A line of experience says when."""
    for number, line in enumerate(lines_of(record.experience), 1):
        if not YEAR.search(line):
            yield "experience", f"个人经历第 {number} 行没有写时间。", "请写明起止年月，例如 2023.09—2027.06。"


FORM_RULES = (
    Rule("T01", Severity.WARNING, "自我推荐不过于简短", "推荐表填写要求", enough_said),
    Rule("T02", Severity.WARNING, "经历写明时间", "推荐表填写要求", dated_lines),
)
