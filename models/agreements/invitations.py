"""线上应约 (mode 1): the one door to an invitation's state. Employers find a student they already know, offer, recall; students answer.

    sent → considering → concluded           accepted twice over; after the consideration time it is signed
    sent → refused | recalled | expired      nobody signs
    sent → lapsed → sent                     the student accepted another offer; back when that one is retracted and time is left
    considering → retracted                  the student steps back within the consideration time: as if nothing had been accepted

Accepting locks the student's row, so that of any number of acceptances at once one signs; the database holds the rest out
(`one_agreement_in_force`, `one_considered_invitation`). Every change writes an InvitationEvent in the same transaction.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from models.agreements import eligibility
from models.agreements.agreement import Agreement
from models.agreements.employer_fields import ARCHIVE_FIELDS, POST_FIELDS, copied
from models.agreements.finding import student_of
from models.agreements.inviting import InvitationEvent, SigningInvitation, State
from models.agreements.policy import setting_for
from models.agreements.signing import draft_of, locked_student
from models.agreements.telling import tell_employer, tell_student
from models.employers.models import Employer
from models.employers.services import may_act_at
from workflows import actions, holding
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, WrongState
from workflows.fields import kind_of, please, stored
from workflows.levels import Verb

# from → to, by whom: "employer", "student" or "system". Everything else is refused.
TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("", State.SENT): ("employer",),
    (State.SENT, State.CONSIDERING): ("student",),
    (State.SENT, State.REFUSED): ("student",),
    (State.SENT, State.RECALLED): ("employer",),
    (State.SENT, State.EXPIRED): ("system",),
    (State.SENT, State.LAPSED): ("system",),
    (State.LAPSED, State.SENT): ("system",),
    (State.LAPSED, State.EXPIRED): ("system",),
    (State.CONSIDERING, State.CONCLUDED): ("system",),
    (State.CONSIDERING, State.RETRACTED): ("student",),
}
OFFER_FIELDS = (*POST_FIELDS, *ARCHIVE_FIELDS)


# -- the employer ----------------------------------------------------------------------------------------------------------


def send(employer: Employer, ticket: str, values: dict[str, Any], *, by: Any, request: Any = None) -> SigningInvitation:
    """发出邀请. Invalid names the fields that are wrong; a second one to the same student while the first is open is a Conflict."""
    if employer.account_id != by.pk:
        raise NotAllowed("只有单位账号可以发出签约邀请。")
    student = student_of(ticket, employer)
    if (refusal := may_act_at(employer, student.school_id)) is not None:
        raise refusal
    setting = setting_for(student.school_id, student.cohort_id)
    if not setting.online_open:
        raise NotAllowed("该校目前没有开放线上应约，请与学生线下签约。")
    if eligibility.obstacles(student) or eligibility.in_force(student) is not None:
        raise WrongState("该学生目前不能接收签约邀请，请与学生联系。")
    made = SigningInvitation(
        employer=employer, student=student, school_id=student.school_id, cohort_id=student.cohort_id,
        org_path=student.org_path, sent_by=by, expires_at=timezone.now() + timedelta(days=setting.validity_days),
    )  # fmt: skip
    _fill(made, values)
    try:
        with transaction.atomic():
            made.save()
            _note(made, "", by, "")
    except IntegrityError as error:
        raise Conflict("已有一份给该学生的邀请正在等待答复，可在邀请列表中查看。") from error
    until = f"{timezone.localtime(made.expires_at):%Y-%m-%d %H:%M}"
    tell_student(
        student,
        "收到签约邀请",
        f"{employer.name} 邀请您签约，职位：{made.job_title}。请在 {until} 前答复，过期视为放弃。",
        by,
    )
    return made


def _fill(made: SigningInvitation, values: dict[str, Any]) -> None:
    """Clean and put the offer's values; Invalid field by field."""
    errors = {}
    for name in SigningInvitation.subject_fields:
        field, raw = SigningInvitation._meta.get_field(name), values.get(name)
        raw = raw.strip() if isinstance(raw, str) else raw
        if raw in (None, ""):
            if name in SigningInvitation.required_fields:
                errors[name] = please(str(field.verbose_name), kind_of(field))
            continue
        try:
            if (isinstance(raw, str) and "\x00" in raw) or isinstance(raw, list | dict | bool):
                raise ValidationError("填写的格式不正确。")
            if (limit := getattr(field, "max_length", None)) and len(str(raw)) > limit:
                raise ValidationError(f"最多填写 {limit} 个字。")
            setattr(made, name, stored(field, raw, made))
        except ValidationError as error:
            errors[name] = f"{field.verbose_name}：{error.messages[0]}"
    if errors:
        raise Invalid(errors)


def recall(invitation: SigningInvitation, *, by: Any) -> SigningInvitation:
    """撤回, while the student has not answered."""
    with transaction.atomic():
        row = _lock(invitation)
        if row.employer.account_id != by.pk:
            raise Absent("没有找到这份邀请。")
        _move(row, State.RECALLED, by, answered=True)
    tell_student(row.student, "签约邀请已撤回", f"{row.employer.name} 撤回了签约邀请。", by)
    return row


# -- the student -----------------------------------------------------------------------------------------------------------


def read(invitation: SigningInvitation, *, by: Any) -> None:
    """The student has opened the letter."""
    rows = SigningInvitation._base_manager.filter(pk=invitation.pk, read_at=None, student__user_id=by.pk)
    rows.update(read_at=timezone.now())


def refuse(invitation: SigningInvitation, why: str, *, by: Any) -> SigningInvitation:
    """拒绝."""
    with transaction.atomic():
        row = _own(invitation, by)
        row.refusal = why.strip()[:200]
        _move(row, State.REFUSED, by, answered=True, note=row.refusal)
    tell_employer(row.employer, "学生未接受签约邀请", f"{row.student.name} 没有接受签约邀请。{row.refusal}", by)
    return row


def accept(invitation: SigningInvitation, *, read_rules: bool, sure: bool, by: Any) -> Agreement:
    """应约：both confirmations given, the offer becomes an agreement; the student may step back until the consideration time is over.

    Done twice by the same student it answers the same agreement. Other open offers to the student lapse.
    """
    if not read_rules:
        raise Invalid({"read_rules": "请先阅读并同意签约须知。"})
    if not sure:
        raise Invalid({"sure": "请再次确认与该单位签约。"})
    with transaction.atomic():
        student = locked_student(invitation.student)
        row = _own(invitation, by)
        if row.state in (State.CONSIDERING, State.CONCLUDED) and row.agreement_id:
            return row.agreement
        if row.late:
            raise WrongState("邀请已过期，视为放弃；仍想签约的，请联系单位重新发出邀请。")
        _check(row, State.CONSIDERING)
        if may_act_at(row.employer, row.school_id) is not None:
            raise WrongState("该单位目前不能在本校签约，请联系学校就业部门。")
        eligibility.require_free(student)
        eligibility.require(student, Agreement.Mode.ONLINE)
        if (draft := draft_of(student)) is not None:
            actions.consequence(draft, Verb.VOID, text="学生选择了线上应约")
        row.agreement = _agree(row, student, by)
        row.consider_until = row.agreement.consider_until
        _move(row, State.CONSIDERING, by, answered=True)
        _lapse_others(row, by)
        if row.consider_until <= timezone.now():
            _move(row, State.CONCLUDED, None)
    tell_employer(
        row.employer, "学生已应约", f"{student.name} 接受了签约邀请，考虑期至 {_spoken(row.consider_until)}。", by
    )
    return row.agreement


def _agree(row: SigningInvitation, student: Any, by: Any) -> Agreement:
    setting, employer = setting_for(student.school_id, student.cohort_id), row.employer
    made = Agreement(
        student=student, mode=Agreement.Mode.ONLINE, stamping=setting.stamping, in_force=True, employer=employer,
        employer_name=employer.name[:100], uscc=employer.uscc, employer_type=employer.employer_type, industry=employer.industry,
        region=employer.region, address=employer.address, postcode=employer.postcode, contact=employer.contact,
        contact_phone=employer.phone, contact_mobile=employer.mobile, contact_email=employer.email,
        signed_on=timezone.localdate(), consider_until=timezone.now() + timedelta(hours=setting.consideration_hours),
        **copied(row, OFFER_FIELDS),
    )  # fmt: skip
    made.version = made.baseline_version = 1
    made._history_user, made._change_reason = by, "应约"
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("您已有一份协议书正在办理或已经生效，不能另行签约。") from error
    return made


def _lapse_others(accepted: SigningInvitation, by: Any) -> None:
    others = holding.locking(SigningInvitation._base_manager.filter(student_id=accepted.student_id, state=State.SENT))
    for other in others.select_related("employer").exclude(pk=accepted.pk).order_by("pk"):
        other.lapsed_by = accepted
        _move(other, State.LAPSED, None, note="学生与其他单位签约")
        tell_employer(other.employer, "签约邀请已失效", "学生已与其他单位签约，您发出的邀请自动失效。", by)


def step_back(invitation: SigningInvitation, *, by: Any) -> SigningInvitation:
    """考虑期内取消：the agreement is void, offers that had lapsed through it are open again as far as their time is not over."""
    with transaction.atomic():
        locked_student(invitation.student)
        row = _own(invitation, by)
        if row.state == State.CONSIDERING and row.consider_until <= timezone.now():
            raise WrongState("考虑期已结束，协议已经生效；需要更换单位的，请办理解约。")
        _move(row, State.RETRACTED, by, answered=True)
        actions.consequence(row.agreement, Verb.VOID, text="学生在考虑期内取消签约")
        _restore_others(row, by)
    tell_employer(row.employer, "学生在考虑期内取消签约", f"{row.student.name} 在考虑期内取消了签约。", by)
    return row


def _restore_others(retracted: SigningInvitation, by: Any) -> None:
    now = timezone.now()
    lapsed = holding.locking(SigningInvitation._base_manager.filter(lapsed_by=retracted, state=State.LAPSED))
    for other in lapsed.select_related("employer").order_by("pk"):
        other.lapsed_by = None
        again = SigningInvitation._base_manager.filter(
            employer=other.employer, student_id=other.student_id, state__in=(State.SENT, State.CONSIDERING)
        )
        if other.expires_at > now and not again.exists():
            _move(other, State.SENT, None, note="学生取消了与其他单位的签约")
            tell_employer(other.employer, "签约邀请恢复有效", "学生取消了与其他单位的签约，您的邀请恢复有效。", by)
        else:
            _move(other, State.EXPIRED, None, note="有效期已过")


# -- time ------------------------------------------------------------------------------------------------------------------


def settle_due(student: Any = None) -> dict[str, int]:
    """What time has decided: offers not answered are declined, accepted ones are signed. For everybody (upkeep) or one student."""
    now, done = timezone.now(), {"expired": 0, "concluded": 0}
    rows = SigningInvitation._base_manager.all()
    rows = rows.filter(student_id=student.pk) if student is not None else rows
    due = {
        State.EXPIRED: rows.filter(state=State.SENT, expires_at__lte=now),
        State.CONCLUDED: rows.filter(state=State.CONSIDERING, consider_until__lte=now),
    }
    for to, found in due.items():
        for pk in found.order_by("pk").values_list("pk", flat=True)[:2000]:
            with transaction.atomic():
                row = _lock(SigningInvitation(pk=pk))
                if (row.state, to) not in TABLE or _early(row, to, now):
                    continue  # answered meanwhile
                _move(row, to, None, note="过期未答复，视为放弃" if to == State.EXPIRED else "考虑期结束")
            done[str(to)] += 1
            _tell_settled(row, to)
    return done


def _early(row: SigningInvitation, to: str, now: Any) -> bool:
    return row.expires_at > now if to == State.EXPIRED else row.consider_until is None or row.consider_until > now


def _tell_settled(row: SigningInvitation, to: str) -> None:
    if to == State.EXPIRED:
        tell_employer(row.employer, "签约邀请已过期", f"{row.student.name} 没有在有效期内答复，视为放弃。", None)
        tell_student(row.student, "签约邀请已过期", f"{row.employer.name} 的签约邀请过期未答复，视为放弃。", None)
    else:
        tell_employer(
            row.employer, "签约已生效", f"与 {row.student.name} 的签约考虑期结束，请等待学生生成协议书并盖章。", None
        )
        tell_student(row.student, "签约已生效", f"与 {row.employer.name} 的考虑期结束，请生成协议书并完成盖章。", None)


# -- help ------------------------------------------------------------------------------------------------------------------


def _lock(invitation: SigningInvitation) -> SigningInvitation:
    rows = SigningInvitation._base_manager.select_related("employer", "student__user", "agreement")
    return holding.taken(rows.filter(pk=invitation.pk), "没有找到该签约邀请。")


def _own(invitation: SigningInvitation, by: Any) -> SigningInvitation:
    row = _lock(invitation)
    if row.student.user_id != by.pk:
        raise Absent("没有找到这份邀请。")
    return row


def _check(row: SigningInvitation, to: str) -> None:
    if (row.state, to) not in TABLE:
        raise WrongState(f"邀请目前为「{State(row.state).label}」，不能再办理。")


def _move(row: SigningInvitation, to: str, by: Any, *, answered: bool = False, note: str = "") -> None:
    """The only statement that changes a state."""
    _check(row, to)
    came_from = row.state
    row.__dict__["state"] = str(to)
    if answered:
        row.answered_at = timezone.now()
    row.save()
    _note(row, came_from, by, note)


def _note(row: SigningInvitation, came_from: str, by: Any, note: str) -> None:
    InvitationEvent(invitation=row, from_state=came_from, to_state=row.state, actor=by, note=note[:200]).save()


def _spoken(moment: Any) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"
