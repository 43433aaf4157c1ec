"""确认无误, 提出异议, 处理异议: what the subject says about what others wrote, and what the school answers. See workflows.confirming."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from workflows import actions, permits, rules
from workflows.errors import Closed, Conflict, Invalid
from workflows.levels import Verb

LONGEST = 500


def _held(record: Any, verb: Verb, by: Any, expected: int | None) -> tuple[Any, Any]:
    """The locked record and the capacity in which `by` does `verb`."""
    row = actions.locked(record, by)
    if expected is not None and row.version != expected:
        raise Conflict("该记录刚刚被他人修改或办理，请刷新后再操作。")
    permit = permits.check(row, verb, by)
    if row.cohort_id and row.cohort.closed:
        raise Closed(f"{row.cohort}已归档，不能再办理。")
    return row, permit


def _words(text: str, empty: str, name: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid({name: empty})
    if len(text) > LONGEST:
        raise Invalid({name: f"最多填写 {LONGEST} 个字。"})
    return text


def confirm(record: Any, by: Any, *, expected: int | None = None, origin: str | None = None) -> Any:
    """The subject has read what others wrote and says that it is true. Returns the record; raises a Refused."""
    with transaction.atomic():
        row, permit = _held(record, Verb.CONFIRM, by, expected)
        seen = dict(row.staff_changed)
        row.staff_changed, row.awaits_confirmation, row.student_confirmed_at = {}, False, timezone.now()
        rules.refresh(row)
        actions.log_only(row, Verb.CONFIRM, by, permit, "", seen, origin)
    actions.reflect(record, row)
    return record


def dispute(record: Any, by: Any, text: str, *, expected: int | None = None, origin: str | None = None) -> Any:
    """The subject says "this is not true": the record stands still until the school has settled it. Raises a Refused."""
    text = _words(text, "请写明哪里与事实不符。", "text")
    with transaction.atomic():
        row, permit = _held(record, Verb.DISPUTE, by, expected)
        row.frozen, row.disputed_at, row.dispute_text, row.dispute_answer = True, timezone.now(), text, ""
        rules.refresh(row)
        actions.log_only(row, Verb.DISPUTE, by, permit, text, {}, origin)
    actions.reflect(record, row)
    return record


def settle(
    record: Any,
    by: Any,
    answer: str,
    *,
    values: Mapping[str, Any] | None = None,
    expected: int | None = None,
    origin: str | None = None,
) -> Any:
    """The school level answers a dispute, with or without corrections; the record moves again and the subject confirms it anew."""
    answer = _words(answer, "请写明核实的结果，学生会看到。", "answer")
    with transaction.atomic():
        row, permit = _held(record, Verb.SETTLE, by, expected)
        applied = actions.correct(row, dict(values)) if values else {}
        row.frozen, row.dispute_answer = False, answer
        # What the person called untrue is true only once they say so, corrected or not.
        row.awaits_confirmation, row.student_confirmed_at = True, None
        rules.refresh(row)
        actions.log_only(row, Verb.SETTLE, by, permit, answer, applied, origin)
    actions.reflect(record, row)
    return record
