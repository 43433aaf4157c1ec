"""解约: begun by student or employer from an agreement, answered by the employer, forced by the school; exceptions from "only once".

Statuses move through `workflows.actions`; what an approval does to the agreement stands in `effects`. Every refusal is a sentence.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from models.agreements.agreement import Agreement
from models.agreements.policy import setting_for
from models.agreements.signing import locked_student
from models.agreements.telling import tell_employer, tell_student
from models.agreements.termination import PROOF, Termination, TerminationException
from models.audit.models import Action
from models.audit.services import record as audit
from models.evidence.kinds import EvidenceKind
from models.evidence.services import attach
from workflows import actions
from workflows.errors import Absent, Closed, Conflict, Invalid, NotAllowed, WrongState
from workflows.levels import COLLEGE, PENDING, SCHOOL, Status, Verb

FORCE = "agreements.force_termination"
OPEN = (Status.DRAFT, *PENDING.values(), Status.RETURNED)
NEW_YEAR_MONTH = 7  # months from July on belong to the year before graduation


def opens_on(record: Any) -> date:
    """The day from which agreements of this record's cohort may be ended."""
    setting = setting_for(record.school_id, record.cohort_id)
    year = record.cohort.year - (setting.termination_month >= NEW_YEAR_MONTH)
    day = min(setting.termination_day, 28) if setting.termination_month == 2 else setting.termination_day
    return date(year, setting.termination_month, day)


def spent(student: Any) -> bool:
    """Whether the student's one termination is used up."""
    return Termination._base_manager.filter(student_id=student.pk, counts=True, status=Status.APPROVED).exists()


def exception_for(student: Any) -> TerminationException | None:
    """An exception the school granted and no request has used."""
    rows = TerminationException._base_manager.filter(student_id=student.pk)
    return rows.exclude(termination__status__in=(*OPEN, Status.APPROVED)).order_by("at").first()


def open_for(agreement: Any) -> Termination | None:
    """The request under way for this agreement."""
    return Termination._base_manager.filter(agreement_id=agreement.pk, status__in=OPEN).first()


def refusal(agreement: Agreement) -> str:
    """Why this agreement may not be ended now, as a sentence; "" when it may."""
    if not agreement.in_force:
        return "这份协议书已经不再有效，无需解约。"
    if agreement.mode == Agreement.Mode.OFFLINE and agreement.status != Status.APPROVED:
        return "协议书审核通过后才能解约；还没有通过的，可以直接放弃或联系老师退回。"
    if agreement.considering:
        return "还在签约考虑期内，可以直接取消签约，不必解约。"
    begins = opens_on(agreement)
    if timezone.localdate() < begins:
        return f"解约从 {begins} 开始办理，请届时再申请。"
    setting = setting_for(agreement.school_id, agreement.cohort_id)
    if setting.terminate_once and spent(agreement.student) and exception_for(agreement.student) is None:
        return "每名学生只能解约一次，您已办理过解约；情况特殊的，请联系学校就业部门批准例外。"
    return ""


def refusal_to_submit(row: Termination) -> str:
    """The same, for a request that has been begun and is submitted now."""
    begins = opens_on(row.agreement)
    if timezone.localdate() < begins:
        return f"解约从 {begins} 开始办理，请届时再提交。"
    if row.counts and spent(row.student):
        return "每名学生只能解约一次，您已办理过解约；情况特殊的，请联系学校就业部门批准例外后重新申请。"
    return ""


@transaction.atomic
def begin(agreement: Agreement, *, by: Any) -> Termination:
    """A draft to fill in, for the student or the employer of the agreement; the one there is, where theirs is open already."""
    student = locked_student(agreement.student)
    row = actions.locked(agreement, by)
    party = _party(row, student, by)
    if (held := open_for(row)) is not None:
        if held.applicant_id == by.pk:
            return held
        raise Conflict("这份协议书已有一份解约申请正在办理。")
    if sentence := refusal(row):
        raise WrongState(sentence)
    made = Termination(student=student, agreement=row, applicant=by, initiator=party, kind=party)
    made.mode = Termination.Mode.PROOF if party == Termination.Party.STUDENT else Termination.Mode.CONSENT
    _count(made)
    if party == Termination.Party.EMPLOYER:
        made.employer_answer, made.employer_answered_at = Termination.Answer.CONSENTED, timezone.now()
    _store(made, by, "发起解约")
    return made


def _party(row: Agreement, student: Any, by: Any) -> str:
    if student.user_id == by.pk:
        return Termination.Party.STUDENT
    if row.employer is not None and row.employer.account_id == by.pk:
        return Termination.Party.EMPLOYER
    raise Absent("没有找到这份协议书。")


def _count(made: Termination) -> None:
    """Whether it will use up the only termination, or an exception."""
    setting = setting_for(made.student.school_id, made.student.cohort_id)
    made.exception = exception_for(made.student) if setting.terminate_once and spent(made.student) else None
    made.counts = setting.terminate_once and made.exception is None


def _store(made: Termination, by: Any, why: str) -> None:
    made.version = made.baseline_version = 1
    made._history_user, made._change_reason = by, why
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        raise Conflict("这份协议书已有一份解约申请正在办理。") from error


@transaction.atomic
def cancel(termination: Termination, *, by: Any) -> None:
    """The applicant gives up a request that nobody has decided on; nothing has changed."""
    row = actions.locked(termination, by)
    if row.applicant_id != by.pk:
        raise Absent("没有找到这份解约申请。")
    if row.status not in (Status.DRAFT, Status.RETURNED):
        raise WrongState("申请已提交；尚无人办理的可以先撤回，再取消。")
    actions.consequence(row, Verb.VOID, text="申请人取消解约申请")
    actions.reflect(termination, Termination._base_manager.get(pk=row.pk))


@transaction.atomic
def answer(termination: Termination, *, consents: bool, note: str, by: Any) -> Termination:
    """The employer agrees to the end of the agreement or not (mode 1), once the college has agreed."""
    row = actions.locked(termination, by)
    if not row.is_employer(by):
        raise Absent("没有找到这份解约申请。")
    if row.mode != Termination.Mode.CONSENT:
        raise WrongState("这份解约申请由学生上传解除证明，不需要单位在线答复。")
    if row.status != PENDING[SCHOOL]:
        raise WrongState("院系同意后单位才能答复；已经办结的不能再答复。")
    if row.employer_answer == Termination.Answer.CONSENTED:
        actions.reflect(termination, row)
        return termination
    if not consents and not note.strip():
        raise Invalid({"note": "不同意解约的，请说明原因。"})
    row.employer_answer = Termination.Answer.CONSENTED if consents else Termination.Answer.REFUSED
    row.employer_answered_at = row.step_since = timezone.now()
    row.employer_note, row.rules_stamp = note.strip()[:500], ""
    row.version += 1
    row._history_user, row._change_reason = by, "单位答复"
    row.save()
    word = row.get_employer_answer_display()
    tell_student(row.student, f"单位{word}", f"{row.agreement.employer_name}：{row.employer_note or word}", by)
    actions.reflect(termination, row)
    return termination


# -- the school ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def allow_again(student: Any, reason: str, *, by: Any, request: Any = None) -> TerminationException:
    """解约例外：the school lets a student end an agreement once more."""
    if not by.has_perm("agreements.add_terminationexception") or not by.holds(SCHOOL, student):
        raise NotAllowed("您没有批准解约例外的功能，请联系学校管理员在「功能分配」中开通。")
    if not reason.strip():
        raise Invalid({"reason": "请填写批准例外的原因。"})
    row = locked_student(student)
    if exception_for(row) is not None:
        raise Conflict("该学生已有一个尚未使用的解约例外。")
    made = TerminationException(student=row, org_path=row.org_path, reason=reason.strip()[:200], by=by)
    made.save()
    audit(Action.SETTING_CHANGE, request=request, actor=by, obj=made, purpose=reason, deed="批准解约例外")
    tell_student(row, "学校已批准解约例外", f"原因：{made.reason}。您可以再办理一次解约。", by)
    return made


def force(agreement: Agreement, reason: str, proof: Any, *, by: Any, request: Any = None) -> Termination:
    """强制解约：with the paper proof at hand the school ends an agreement at once; it does not count as the student's own."""
    with transaction.atomic():
        student = locked_student(agreement.student)
        row = actions.locked(agreement, by)
        if not by.has_perm(FORCE) or not by.holds(SCHOOL, row):
            raise NotAllowed("您没有强制解约的功能，请联系学校管理员在「功能分配」中开通。")
        if not reason.strip():
            raise Invalid({"reason": "请填写强制解约的原因。"})
        if proof is None:
            raise Invalid({"proof": "请上传纸质解约证明的照片或扫描件。"})
        if row.cohort.closed:
            raise Closed(f"{row.cohort}已归档，不能再办理。")
        if not row.in_force:
            raise WrongState("这份协议书已经不再有效，无需解约。")
        if (held := open_for(row)) is not None:
            actions.consequence(held, Verb.VOID, text="学校强制解约，原申请终止")
        made = Termination(student=student, agreement=row, initiator=Termination.Party.STAFF)
        made.mode, made.kind, made.reason, made.counts = (
            Termination.Mode.FORCED,
            Termination.Kind.OTHER,
            reason.strip()[:1000],
            False,
        )
        _store(made, by, "强制解约")
        attach(made, _proof_kind(made), proof, by)
        actions.enter(made, levels=(SCHOOL,), by=by, text="学校登记强制解约")
        actions.perform(made, Verb.APPROVE, by=by, text=reason.strip())
        audit(
            Action.FORCED_TERMINATION, request=request, actor=by, obj=made, purpose=reason,
            number=row.number, employer=row.employer_name,
        )  # fmt: skip
    tell_employer(row.employer, "协议书已由学校解除", f"{student.name} 的就业协议书（{row.number}）已由学校解除。", by)
    return made


def _proof_kind(made: Termination) -> EvidenceKind:
    return next(kind for kind in made.evidence_kinds() if kind.key == PROOF)


# -- who holds it ----------------------------------------------------------------------------------------------------------


def holder(row: Termination) -> str:
    """Who has to do the next thing."""
    if row.status in (Status.DRAFT, Status.RETURNED):
        return str(row.get_initiator_display())
    if row.status == PENDING[COLLEGE]:
        return "院系"
    if row.status == PENDING[SCHOOL]:
        if not row.waits_for():
            return "学校"
        return "学生" if row.mode == Termination.Mode.PROOF else "用人单位"
    return "已办结"
