"""Where a student stands with 毕业去向, as a filter "placement" of the student list: what 未就业名单 is made of (features.md G21)."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from exports.filters import Filter, extend, known
from models.codes.lookup import table
from models.outcomes.models import Outcome
from models.students.models import Student
from workflows.levels import PENDING, Status

NAME = "placement"
NONE, OPEN, UNPLACED, PLACED = "none", "open", "unplaced", "placed"
WORDS = {NONE: "未登记", OPEN: "登记中（未审核通过）", UNPLACED: "已登记，未落实", PLACED: "已落实"}


def _held(**conditions: object) -> Exists:
    return Exists(Outcome._base_manager.filter(student=OuterRef("pk"), is_current=True, **conditions))


def conditions() -> dict[str, Q]:
    """Every student is in exactly one of them."""
    counted = table("outcome_category").codes_with("placed", True)
    waiting = [Status.DRAFT, Status.RETURNED, *PENDING.values()]
    approved = {"status": Status.APPROVED}
    return {
        NONE: ~Q(_held(status__in=[*waiting, Status.APPROVED])),
        OPEN: Q(_held(status__in=waiting)),
        UNPLACED: Q(_held(**approved)) & ~Q(_held(**approved, category__in=counted)),
        PLACED: Q(_held(**approved, category__in=counted)),
    }


def _condition(values: list[str]) -> Q:
    return known(conditions())(values)


extend(Student, Filter(NAME, "去向落实", "choice", tuple(WORDS.items()), _condition))
