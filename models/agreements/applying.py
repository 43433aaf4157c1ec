"""协议书申请: begun by the student, approved one by one or with consecutive numbers for many, reset when the paper is spoilt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from models.agreements import effects, eligibility, numbers
from models.agreements.models import AgreementNumber, NumberApplication
from models.agreements.signing import locked_student
from models.audit.models import Action
from models.audit.services import record as audit
from workflows import actions, holding, permits
from workflows.errors import Conflict, Invalid, NotAllowed, Refused, WrongState
from workflows.levels import Status, Verb

Kind = NumberApplication.Kind


def is_first(student: Any) -> bool:
    """Whether the student has never been given a number on application."""
    return not NumberApplication._base_manager.filter(student_id=student.pk, status=Status.APPROVED).exists()


@transaction.atomic
def begin(student: Any, *, by: Any) -> NumberApplication:
    """A draft; the one there is, where one is open. The first application is of the kind 首次申请, whatever the student would choose."""
    row = locked_student(student)
    if row.user_id != by.pk:
        raise NotAllowed("只有本人可以申请协议书。")
    open_ = (
        NumberApplication._base_manager.filter(student=row).exclude(status__in=(Status.APPROVED, Status.VOIDED)).first()
    )
    if open_ is not None:
        return open_
    if found := eligibility.obstacles(row):
        raise NotAllowed("".join(one.text for one in found))
    made = NumberApplication(student=row, kind=Kind.FIRST if is_first(row) else "")
    made.version = made.baseline_version = 1
    made._history_user, made._change_reason = by, "本人建立"
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("您已有一份协议书申请正在办理。") from error
    return made


def approve_many(
    applications: Sequence[NumberApplication],
    *,
    first: str,
    tag: str,
    by: Any,
    origin: str | None = None,
    request: Any = None,
) -> dict[int, str]:
    """批量审核打印: approve these first or later applications, in the order given, with consecutive numbers from `first` on.

    All or nothing: as many free numbers as people, or nobody gets one. Returns {application: number}.
    """
    if not applications:
        raise Invalid({"applications": "请先选择要审核打印的申请。"})
    if len(tag) > 30:
        raise Invalid({"tag": "识别号最多 30 个字。"})
    wanted = numbers.between(applications[0].school, numbers.tidy(first), len(applications))
    with transaction.atomic():
        found = {}
        for row, number in zip(applications, wanted, strict=True):
            found[row.pk] = _approve_with(row, number, tag, by, origin)
        audit(
            Action.AGREEMENT_NUMBER, request=request, actor=by, obj=NumberApplication, school_id=applications[0].school_id,
            deed="批量审核打印", tag=tag, first=wanted[0], last=wanted[-1], count=len(wanted),
        )  # fmt: skip
    return found


def _approve_with(row: NumberApplication, number: str, tag: str, by: Any, origin: str | None) -> str:
    """The number is set aside for the application before its approval hands it out (effects.application_moved)."""
    taken = AgreementNumber._base_manager.filter(school_id=row.school_id, number=number).first()
    who = f"{row.student.name}（{row.student.number}）"
    if taken is None:
        raise Invalid({"first": f"编号库中没有编号 {number}（{who}），请先生成或导入连续的编号。"})
    if taken.state != AgreementNumber.State.FREE:
        raise Conflict(f"编号 {number} {taken.get_state_display()}（{who}），请更换起始编号。")
    NumberApplication._base_manager.filter(pk=row.pk).update(tag=tag)
    with effects.wanted_number(row.pk, number):
        try:
            actions.perform(row, Verb.APPROVE, by=by, origin=origin)
            while row.status != Status.APPROVED and permits.capacity(by, row.waiting_level, row):
                actions.perform(row, Verb.APPROVE, by=by, origin=origin)
        except Refused as refusal:
            raise (
                type(refusal)(f"{who}：{refusal.sentence}") if not isinstance(refusal, Invalid) else refusal
            ) from refusal
    if row.status != Status.APPROVED:
        raise WrongState(f"{who} 的申请还须下一级审核，不能批量发号。")
    return number


@transaction.atomic
def reset(
    application: NumberApplication, why: str, *, by: Any, number: str = "", request: Any = None
) -> AgreementNumber:
    """重置协议书编号: the number is spoilt, the student gets another one; to be printed again."""
    row = actions.locked(application, by)
    if (
        not by.has_perm(permits.permission(NumberApplication, "review"))
        or permits.capacity(by, permits.last_level(row), row) is None
    ):
        raise NotAllowed("您没有重置编号的功能，请联系学校管理员在「功能分配」中开通。")
    if row.status != Status.APPROVED or row.number_id is None:
        raise WrongState("审核通过并已发放编号的申请才能重置。")
    if not why.strip():
        raise Invalid({"why": "请填写重置的原因。"})
    old = holding.locking(AgreementNumber._base_manager.all()).get(pk=row.number_id)
    held = NumberApplication._base_manager.select_related(
        "student__major", "student__school", "student__cohort", "number"
    ).get(pk=row.pk)
    if old.state == AgreementNumber.State.ISSUED:
        numbers.spoil(old, f"重置：{why.strip()}", by=by)
    made = effects.hand_out(held, by, number)
    NumberApplication._base_manager.filter(pk=row.pk).update(resets=row.resets + 1)
    audit(
        Action.AGREEMENT_NUMBER,
        request=request,
        actor=by,
        obj=row,
        purpose=why,
        deed="重置",
        old=old.number,
        new=made.number,
    )
    return made
