"""What is done with destinations: made from an agreement, taken back with it, confirmed and disputed by the graduate, counted.

Statuses move through `workflows.actions` only. Every function runs in one transaction and raises a `workflows.errors.Refused`
with a sentence where it cannot be done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models, transaction

from models.employers.models import Employer
from models.employers.services import remember
from models.employers.uscc import is_valid
from models.outcomes.outcome import Outcome
from models.students.models import Student
from workflows import actions, answers, bulkrows, fields, holding, policy, rules
from workflows.errors import Absent, Closed, Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import COLLEGE, SCHOOL, Status, Verb

LEVELS = (COLLEGE, SCHOOL)
BY_AGREEMENT = "10"  # what the ministry calls a destination that rests on an agreement (standards.md §2.1)


def current_of(student: Any) -> Outcome | None:
    """The student's current destination."""
    return Outcome._base_manager.filter(student_id=student.pk, is_current=True).first()


def countable(queryset: models.QuerySet) -> models.QuerySet:
    """The destinations a rate may count: current, approved, not in dispute, staff's changes confirmed by the graduate."""
    return queryset.filter(is_current=True, status=Status.APPROVED, frozen=False, awaits_confirmation=False)


# -- agreements ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def sync_from_agreement(student: Any, values: Mapping[str, Any], agreement_id: int, number: str, by: Any) -> Outcome:
    """An agreement of the student was approved: its destination exists, says the same, and waits at the college.

    values   the shared employer fields (`outcome.EMPLOYER_FIELDS`), job_category, job_title, signed_on …; unknown names are ignored
    by       who approved the agreement, for the history
    The destination that was current before steps back and is remembered; `release_agreement` restores it.
    """
    known = {field.name for field in Outcome._meta.concrete_fields}
    wanted = {name: value for name, value in values.items() if name in known and value is not None}
    wanted |= {"category": values.get("category") or BY_AGREEMENT, "agreement_number": number}
    row = holding.held(Outcome._base_manager.filter(agreement_id=agreement_id).exclude(status=Status.VOIDED))
    if row is None:
        before = holding.held(Outcome._base_manager.filter(student_id=student.pk, is_current=True))
        if before is not None:
            Outcome._base_manager.filter(pk=before.pk).update(is_current=False)
        row = Outcome(student=student, agreement_id=agreement_id, replaced=before, source=Outcome.Source.AGREEMENT)
        row.version = row.baseline_version = 1
        for name, value in wanted.items():
            setattr(row, name, value)
        row._history_user, row._change_reason = by, "协议书审核通过"
        row.save()
    else:
        for name, value in wanted.items():
            setattr(row, name, value)
        if row.status not in (Status.DRAFT, Status.RETURNED):
            row.version += 1
            row._history_user, row._change_reason = by, "协议书内容有更新"
            row.rules_stamp = ""
            row.save()
            return row
    actions.enter(row, levels=LEVELS, by=by, text=f"由就业协议书 {number} 生成".strip())
    return row


@transaction.atomic
def release_agreement(agreement_id: int, by: Any, reason: str) -> Outcome | None:
    """The agreement no longer holds: its destination is void, and what was current before it is current again.

    Returns the destination that was voided, None when the agreement had none.
    """
    row = Outcome._base_manager.filter(agreement_id=agreement_id).exclude(status=Status.VOIDED).first()
    if row is None:
        return None
    actions.consequence(row, Verb.VOID, text=reason)
    row.refresh_from_db()
    return row


# -- by staff ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def begin_for(student: Any, by: Any) -> Outcome:
    """代为登记: a draft that a member of staff fills in for the student, who confirms it. The open one where there is one. Raises a Refused."""
    if not by.has_perm("outcomes.change_outcome"):
        raise NotAllowed("您没有修改毕业去向的功能，请联系学校管理员在「功能分配」中开通。")
    if not by.scope.covers(student.org_path):
        raise Absent("没有找到该学生，或不在您的管辖范围内。")
    if student.cohort.closed:
        raise Closed(f"{student.cohort}已归档，不能再办理。")
    holding.taken(Student._base_manager.filter(pk=student.pk), "没有找到该学生。")
    held = current_of(student)
    if held is not None and held.status != Status.VOIDED:
        return held
    row = Outcome(student=student, source=Outcome.Source.STAFF, version=1, baseline_version=1)
    row._history_user, row._change_reason = by, "老师代为登记"
    row.save()
    return row


@transaction.atomic
def hand_in(outcome: Outcome, by: Any, *, expected: int | None = None) -> Outcome:
    """送审: what staff filled in goes to review like a student's; who handed it in does not review it. Raises a Refused."""
    row = actions.locked(outcome, by)
    if expected is not None and row.version != expected:
        raise Conflict("该记录刚刚被他人修改，请核对后再送审。")
    if not by.has_perm("outcomes.change_outcome"):
        raise NotAllowed("您没有修改毕业去向的功能，请联系学校管理员在「功能分配」中开通。")
    if row.archived:
        raise Closed(f"{row.cohort}已归档，不能再办理。")
    if row.source not in (Outcome.Source.STAFF, Outcome.Source.IMPORT) or row.status not in (
        Status.DRAFT,
        Status.RETURNED,
    ):
        raise WrongState("只有老师代填、尚未提交的去向可以由老师送审。")
    if empty := fields.missing(row):
        raise Invalid(empty)
    found = rules.blocking(rules.run(row, rules.SUBMISSION))
    if found:
        sentences = "；".join(one.sentence for one in found)
        raise RulesFailed(f"有必须处理的问题：{sentences}", details=[one.as_dict() for one in found])
    levels = policy.flow_for(Outcome, row.school_id, row.cohort_id).levels
    actions.enter(row, levels=levels, by=by, text=f"{by.name}代为登记并送审", submitted_by=by)
    return row


def remember_employers(ids: list[int], by: Any) -> None:
    """The employers of approved destinations stand in the library, and the destinations point at them (set-wise for known ones)."""
    rows = bulkrows.those(Outcome._base_manager, "id", ids).filter(employer=None).exclude(uscc="")
    waiting: dict[str, list[Outcome]] = {}
    for row in rows.order_by("pk"):
        if is_valid(row.uscc) and row.employer_name:
            waiting.setdefault(row.uscc, []).append(row)
    known = dict(
        bulkrows.those(Employer._base_manager, "uscc", sorted(waiting))
        .filter(checked_at__isnull=False)
        .values_list("uscc", "pk")
    )
    links: dict[int, dict[str, Any]] = {}
    for code, held in waiting.items():
        if code not in known:
            one = held[0]
            facts = {"name": one.employer_name, "uscc": code, **{name: getattr(one, name) for name in ("employer_type", "industry", "region", "address", "postcode")}}  # fmt: skip
            known[code] = remember(facts, Employer.Source.APPROVED, by).pk
        links |= {row.pk: {"employer_id": known[code]} for row in held}
    bulkrows.update(Outcome, links, touch=False)


def step_up(ids: list[int]) -> None:
    """These destinations are approved: each becomes its student's current one. Runs inside the transaction of the approval."""
    for row in holding.locking(Outcome._base_manager.filter(pk__in=ids, is_current=False).order_by("pk")):
        before = holding.locking(Outcome._base_manager.filter(student_id=row.student_id, is_current=True)).first()
        if before is not None:
            Outcome._base_manager.filter(pk=before.pk).update(is_current=False)
        Outcome._base_manager.filter(pk=row.pk).update(is_current=True, replaced=before)


def step_down(ids: list[int]) -> None:
    """These destinations are void: what each had replaced is current again, unless it is void itself."""
    rows = holding.locking(Outcome._base_manager.filter(pk__in=ids, is_current=True).order_by("pk"))
    for row in rows:
        Outcome._base_manager.filter(pk=row.pk).update(is_current=False)
        before = row.replaced_id
        seen = {row.pk}
        while before is not None and before not in seen:
            seen.add(before)
            older = holding.locking(Outcome._base_manager.all()).get(pk=before)
            if older.status != Status.VOIDED:
                Outcome._base_manager.filter(pk=older.pk).update(is_current=True)
                break
            before = older.replaced_id


def confirm(outcome: Outcome, by: Any, *, expected: int | None = None, origin: str | None = None) -> Outcome:
    """The graduate has read what others wrote and says that it is true. Raises a Refused."""
    return answers.confirm(outcome, by, expected=expected, origin=origin)


def dispute(outcome: Outcome, by: Any, text: str, *, expected: int | None = None, origin: str | None = None) -> Outcome:
    """The graduate says "this is not true": the record is frozen and goes to the school level. Raises a Refused."""
    return answers.dispute(outcome, by, text, expected=expected, origin=origin)


def settle(
    outcome: Outcome,
    by: Any,
    answer: str,
    *,
    values: Mapping[str, Any] | None = None,
    expected: int | None = None,
    origin: str | None = None,
) -> Outcome:
    """The school has looked into a dispute: with or without corrections the record is free again, and the graduate is told."""
    return answers.settle(outcome, by, answer, values=values, expected=expected, origin=origin)
