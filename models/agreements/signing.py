"""An agreement from its first line to the review: begun, generated (number, content fixed), sealed, or given up. Mode 2 begins here."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from models.agreements import eligibility, numbers, phones
from models.agreements.agreement import STAMPED, Agreement
from models.agreements.settings import Stamping
from models.evidence.services import remove
from models.students.models import Student
from workflows import actions, fields, holding, rules
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import Status, Verb

OWN = (Status.DRAFT, Status.RETURNED)


def locked_student(student: Any) -> Student:
    """The student's row, locked till the end of the transaction: what one student signs happens one after the other. Raises Absent."""
    rows = Student._base_manager.select_related("cohort", "major", "school", "unit", "user")
    return holding.taken(rows.filter(pk=student.pk), "没有找到该学生。")


def draft_of(student: Any) -> Agreement | None:
    """The offline agreement the student is writing, not generated yet."""
    rows = Agreement._base_manager.filter(student_id=student.pk, in_force=False, status__in=OWN)
    return rows.order_by("-pk").first()


def latest(student: Any) -> Agreement | None:
    """The agreement the signing centre shows: in force, else being written, else the last one."""
    rows = Agreement._base_manager.select_related(*Agreement.joins(), "employer").filter(student_id=student.pk)
    found = list(rows.order_by("-pk")[:20])
    for one in found:
        if one.in_force:
            return one
    return next((one for one in found if one.status in OWN), found[0] if found else None)


@transaction.atomic
def begin(student: Any, *, by: Any) -> Agreement:
    """线下签约：a draft to fill in; the one there is, where the student has begun already. Raises a Refused when they may not sign."""
    row = locked_student(student)
    if row.user_id != by.pk:
        raise NotAllowed("只有本人可以填写就业协议书。")
    if (draft := draft_of(row)) is not None:
        return draft
    eligibility.require_free(row)
    eligibility.require(row, Agreement.Mode.OFFLINE)
    made = Agreement(student=row, mode=Agreement.Mode.OFFLINE, stamping=Stamping.PAPER)
    made.version = made.baseline_version = 1
    made._history_user, made._change_reason = by, "本人建立"
    made.save()
    return made


@transaction.atomic
def generate(agreement: Agreement, *, by: Any, expected: int | None = None) -> Agreement:
    """保存并生成协议书：complete and sound, it takes its number, holds the student's right to sign, and its content is fixed for the paper.

    Again after a change: the number stays, the paper must be made anew. Invalid names what is missing; RulesFailed what is wrong.
    """
    student = locked_student(agreement.student)
    row = actions.locked(agreement, by)
    if row.subject_user_id != by.pk:
        raise NotAllowed("只有本人可以生成协议书。")
    if expected is not None and row.version != expected:
        raise Conflict("该协议书刚刚在别处修改，请刷新后再操作。")
    if row.status not in OWN:
        raise WrongState(f"当前状态为「{Status(row.status).label}」，不能再生成协议书。")
    if row.considering:
        raise WrongState(f"考虑期至 {timezone.localtime(row.consider_until):%Y-%m-%d %H:%M}，结束后才能生成协议书。")
    if row.generated_hash and row.number and row.generated_hash == row.digest():
        actions.reflect(agreement, row)
        return agreement
    if missing := fields.missing(row):
        raise Invalid(missing)
    if blocking := [one for one in rules.refresh(row) if one.severity == rules.Severity.ERROR]:
        sentence = "有必须处理的问题：" + "；".join(one.sentence for one in blocking)
        raise RulesFailed(sentence, details=[one.as_dict() for one in blocking])
    _fix(row, student, by)
    actions.reflect(agreement, row)
    return agreement


def _fix(row: Agreement, student: Student, by: Any) -> None:
    if not row.in_force:
        eligibility.require_free(student)
        eligibility.require(student, row.mode)
        row.in_force = True
    if not row.number:
        numbers.take(row, by=by)
    for outdated in [one for one in row.evidence() if one.kind == STAMPED]:  # stamps on what it no longer says
        remove(outdated, by, record=row)
    row.employer_sealed_at = row.student_sealed_at = None
    row.generated_at, row.generated_hash = timezone.now(), row.digest()
    save(row, by, "生成协议书")


def save(row: Agreement, by: Any, why: str) -> None:
    """Store a locked agreement with its history; Conflict where the student signed another one meanwhile."""
    row.version += 1
    row._history_user, row._change_reason = by, why
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict("您已有一份协议书正在办理或已经生效，不能另行签约。") from error


@transaction.atomic
def discard(agreement: Agreement, *, by: Any) -> None:
    """放弃：the student gives up an agreement on paper that has not gone to review; its number is spent, the right to sign is back."""
    locked_student(agreement.student)
    row = actions.locked(agreement, by)
    if row.subject_user_id != by.pk:
        raise NotAllowed("只有本人可以放弃这份协议书。")
    if row.mode == Agreement.Mode.ONLINE:
        raise WrongState("线上应约的协议对双方生效，不能自行放弃；需要更换单位的，请办理解约。")
    if row.status not in OWN:
        raise WrongState(f"当前状态为「{Status(row.status).label}」，不能放弃；审核通过后请办理解约。")
    actions.consequence(row, Verb.VOID, text="本人放弃这份协议书")
    actions.reflect(agreement, Agreement._base_manager.get(pk=row.pk))


# -- electronic seals ----------------------------------------------------------------------------------------------------


@transaction.atomic
def seal_as_employer(agreement: Agreement, *, by: Any) -> Agreement:
    """电子签章：the employer's seal on a generated online agreement."""
    row = _to_seal(agreement, by)
    if row.employer is None or row.employer.account_id != by.pk:
        raise Absent("没有找到这份协议书。")
    if row.employer_sealed_at is None:
        row.employer_sealed_at = timezone.now()
        save(row, by, "单位电子签章")
    actions.reflect(agreement, row)
    return agreement


@transaction.atomic
def seal_as_student(agreement: Agreement, code: str, *, by: Any) -> Agreement:
    """电子签名：the student's, with a code sent to the phone that was proved."""
    row = _to_seal(agreement, by)
    if row.subject_user_id != by.pk:
        raise NotAllowed("只有本人可以签名。")
    if row.student_sealed_at is None:
        phones.verify(row.student, code, purpose=phones.SEALING)
        row.student_sealed_at = timezone.now()
        save(row, by, "学生电子签名")
    actions.reflect(agreement, row)
    return agreement


def _to_seal(agreement: Agreement, by: Any) -> Agreement:
    row = actions.locked(agreement, by)
    if row.stamping != Stamping.E_SIGN:
        raise WrongState("这份协议书使用纸质盖章，请打印盖章后上传。")
    if row.status not in OWN or not row.number or row.generated_hash != row.digest():
        raise WrongState("请先生成协议书，再签章。")
    return row
