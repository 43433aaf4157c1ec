"""Rules of 派遣与档案转递: R30 and R31 of the rule pack (standards.md §8.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from models.codes.lookup import table
from models.dispatch.routing import route
from models.outcomes.models import Outcome
from models.students.models import GraduateProfile
from workflows import bulkrows
from workflows.rules import Rule, Severity

# Raise it when a rule changes: stored findings are then worked out afresh.
PACK = "2026.1"
Found = Iterator[tuple[str, str, str]]


def gather(rows: list[Any]) -> None:
    """On every row's `rule_facts`: the current destination, and whether the household registration stands at the school."""
    students = sorted({row.student_id for row in rows})
    current = {
        one.student_id: one
        for one in bulkrows.those(Outcome._base_manager.filter(is_current=True), "student_id", students)
    }
    moved = dict(
        bulkrows.those(GraduateProfile._base_manager, "student_id", students).values_list(
            "student_id", "household_moved"
        )
    )
    for row in rows:
        row.rule_facts = {"outcome": current.get(row.student_id), "household_moved": moved.get(row.student_id)}


def destination(record: Any) -> Found:
    """R30: the transfer type is the one the destination suggests; who keeps the papers at the school for a while says so."""
    outcome = record.rule_facts["outcome"]
    if outcome is None or not outcome.category or not record.archive_transfer:
        return
    types = table("archive_transfer")
    suggested = route(outcome)
    if (
        record.archive_transfer == suggested.archive_transfer
        or types.flags(record.archive_transfer).get("route") == "keep"
    ):
        return
    kind = table("outcome_category").name(outcome.category)
    yield (
        "archive_transfer",
        f"毕业去向为「{kind}」，档案转递类型填的是「{types.name(record.archive_transfer)}」，一般为「{types.name(suggested.archive_transfer)}」。",
        f"{suggested.why}请核对。",
    )


def household(record: Any) -> Found:
    """R31: only who moved the registration to the school moves it from there."""
    if record.rule_facts["household_moved"] is False and table("household_transfer").flags(
        record.household_transfer
    ).get("moves"):
        yield (
            "household_transfer",
            "户口没有转入学校，不需要办理迁移。",
            "请选择“不迁移（户口未转入学校）”，或核对生源信息。",
        )


DISPATCH_RULES = (
    Rule("R30", Severity.WARNING, "档案去向与毕业去向相符", "人社厅发〔2023〕20号；高校档案转递办法", destination),
    Rule("R31", Severity.WARNING, "户口迁移与户口所在相符", "省级就业系统校验规则", household),
)
