"""Where a record stands on its way from the subject through its levels: the progress line of the subject's page and the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.levels import LEVEL_NAMES, LEVEL_OF, Status

DONE, NOW, TODO = "done", "now", "todo"


@dataclass(frozen=True)
class Milestone:
    """One step: `state` is done, now or todo; `level` "" is the subject's own step; `people` those who have it, if known."""

    level: str
    label: str
    state: str
    automatic: bool = False
    people: tuple[str, ...] = ()


def milestones(record: Any) -> list[Milestone]:
    """The steps of the record, in order; no query."""
    status, levels = Status(record.status), record.level_list()
    if status == Status.APPROVED:
        at = len(levels)
    else:
        at = levels.index(LEVEL_OF[status]) if LEVEL_OF.get(status) in levels else -1
    own = DONE if at >= 0 else TODO if status == Status.VOIDED else NOW
    steps = [Milestone("", "提交", own)]
    for position, level in enumerate(levels):
        state = DONE if position < at else NOW if position == at else TODO
        steps.append(Milestone(level, str(LEVEL_NAMES[level]), state, type(record).review.automatic(level)))
    return steps
