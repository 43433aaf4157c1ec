"""What follows from decisions about agreements and terminations, in their own transaction: all of it or none (domain.md §5.4).

An approved agreement makes destination and dispatch, which wait at the college; one that ends, or goes back, takes them with it.
An approved termination voids its agreement, and with it the right to sign is back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from models.agreements import numbers, terminations
from models.agreements.agreement import Agreement
from models.agreements.employer_fields import EMPLOYER_FIELDS, ArchiveReception, HouseholdReception
from models.agreements.numbering import AgreementNumber, NumberApplication
from models.agreements.telling import tell_employer, tell_student
from models.agreements.termination import Termination
from models.codes.lookup import table
from models.dispatch import services as dispatch
from models.employers import services as employers
from models.outcomes import services as outcomes
from workflows import actions, holding
from workflows.errors import Conflict, Invalid, WrongState
from workflows.levels import PENDING, SCHOOL, Status, Verb

TO_LIBRARY = {
    "employer_name": "name", "uscc": "uscc", "employer_type": "employer_type", "industry": "industry", "region": "region",
    "address": "address", "postcode": "postcode", "contact": "contact", "contact_phone": "phone", "contact_mobile": "mobile",
    "contact_email": "email",
}  # fmt: skip
ROUTES = {ArchiveReception.OWN: "employer", ArchiveReception.AGENCY: "agency", ArchiveReception.REFUSED: "origin"}


def outcome_values(row: Agreement) -> dict[str, Any]:
    """What the destination takes over."""
    names = (*EMPLOYER_FIELDS, "job_category", "job_title", "signed_on", "starts_on", "monthly_pay")
    return {"employer": row.employer, **{name: getattr(row, name) for name in names}}


def dispatch_values(row: Agreement) -> dict[str, Any]:
    """What 派遣与档案转递 takes over: the reception said in the agreement as codes of the official tables."""
    codes = {entry.flags.get("route"): entry.code for entry in table("archive_transfer").entries if entry.active}
    received = row.archive_reception in (ArchiveReception.OWN, ArchiveReception.AGENCY)
    values: dict[str, Any] = {"archive_transfer": codes.get(ROUTES.get(row.archive_reception), "")}
    for name in ("archive_unit", "archive_region", "archive_address", "archive_department", "archive_contact",
                 "archive_phone", "archive_postcode"):  # fmt: skip
        values[name] = getattr(row, name) if received else ""
    if row.household_reception == HouseholdReception.RECEIVED:
        moves = [e.code for e in table("household_transfer").entries if e.flags.get("moves") and e.flags.get("address")]
        values |= {"household_transfer": moves[0] if moves else "", "household_address": row.household_address}
        values["household_unit"] = row.employer_name
    return values


# -- agreements ----------------------------------------------------------------------------------------------------------


def agreement_moved(ids: Iterable[int], verb: str, from_status: str, to_status: str, by: Any, **event: Any) -> None:
    """Everything that hangs on an agreement's status."""
    text = event.get("text") or event.get("reasons") or ""
    if verb == Verb.APPROVE and event.get("corrections") and not event.get("text"):
        raise Invalid({"text": "更正了内容的，请在意见中说明原因，学生会看到。"})
    rows = Agreement._base_manager.select_related("student__cohort", "employer").filter(pk__in=list(ids)).order_by("pk")
    for row in rows:
        if verb == Verb.APPROVE and to_status == Status.APPROVED:
            approved(row, by)
        elif from_status == Status.APPROVED and verb in (Verb.RETURN, Verb.VOID):
            released(row, by, str(text) or "就业协议书不再有效")
        if verb == Verb.VOID:
            ended(row, str(text))
        elif verb == Verb.REOPEN:
            reopened(row)


def approved(row: Agreement, by: Any) -> None:
    """The library knows the employer, destination and dispatch rest on the agreement."""
    values = {name: getattr(row, ours) for ours, name in TO_LIBRARY.items()}
    employer = employers.remember(values, "approved", by)
    if row.employer_id is None:
        Agreement._base_manager.filter(pk=row.pk).update(employer=employer)
        row.employer = employer
    outcomes.sync_from_agreement(row.student, outcome_values(row), row.pk, row.number, by)
    dispatch.sync_from_agreement(row.student, dispatch_values(row), row.pk, by)


def released(row: Agreement, by: Any, why: str) -> None:
    """Destination and dispatch no longer rest on it; what stood there before is back."""
    outcomes.release_agreement(row.pk, by, why)
    dispatch.release_agreement(row.pk, by, why)


def ended(row: Agreement, why: str) -> None:
    """When and why it ended. A termination under way has nothing left to end."""
    Agreement._base_manager.filter(pk=row.pk).update(ended_at=timezone.now(), ended_why=why[:200])
    waiting = Termination._base_manager.filter(agreement_id=row.pk).exclude(status__in=(Status.VOIDED, Status.APPROVED))
    for termination in waiting.order_by("pk"):
        actions.consequence(termination, Verb.VOID, text="协议书已作废，解约申请终止")


def reopened(row: Agreement) -> None:
    """恢复办理 of an agreement voided by mistake: it holds the right to sign again, if nothing else does and nobody ended it properly."""
    if Termination._base_manager.filter(agreement_id=row.pk, status=Status.APPROVED).exists():
        raise WrongState("这份协议书已经解约，不能恢复；请学生重新签约。")
    try:
        with transaction.atomic():
            Agreement._base_manager.filter(pk=row.pk).update(
                in_force=bool(row.number) or row.mode == Agreement.Mode.ONLINE, ended_at=None, ended_why=""
            )
    except IntegrityError as error:
        raise Conflict("该学生已有另一份有效的协议书，不能恢复这一份。") from error


# -- terminations ----------------------------------------------------------------------------------------------------------


def termination_moved(ids: Iterable[int], verb: str, from_status: str, to_status: str, by: Any, **event: Any) -> None:
    """Who has it next is told; an approval ends the agreement; what is ended stays ended."""
    moved = Termination._base_manager.filter(pk__in=list(ids))
    moved.update(step_since=timezone.now())
    if verb in (Verb.RETURN, Verb.WITHDRAW):  # what the employer said was about the request as it stood
        moved.exclude(initiator=Termination.Party.EMPLOYER).update(employer_answer="", employer_answered_at=None)
    rows = Termination._base_manager.select_related("student", "agreement__employer", "agreement__student")
    for row in rows.filter(pk__in=list(ids)).order_by("pk"):
        if verb == Verb.APPROVE and to_status == Status.APPROVED:
            end_agreement(row, by)
        elif verb == Verb.APPROVE and to_status == PENDING[SCHOOL]:
            _ask_for_proof(row, by)
        elif verb == Verb.SUBMIT and row.initiator != Termination.Party.STAFF:
            _submitted(row, by)


def _submitted(row: Termination, by: Any) -> None:
    """Asked again at the last moment: the day, the once rule, whether there is an agreement to end."""
    if sentence := terminations.refusal_to_submit(row):
        raise WrongState(sentence)
    if row.initiator == Termination.Party.EMPLOYER:
        tell_student(row.student, "单位申请解约", f"{row.agreement.employer_name} 申请解约，原因：{row.reason}", by)


def _ask_for_proof(row: Termination, by: Any) -> None:
    if not row.waits_for():
        return
    if row.mode == Termination.Mode.CONSENT:
        title, body = (
            "学生申请解约，请答复",
            f"{row.student.name} 申请解除就业协议书（{row.agreement.number}），院系已同意。",
        )
        tell_employer(row.agreement.employer, title, body + "请在单位中心同意解约，或上传解除证明。", by)
    tell_student(row.student, "院系已同意解约", row.waits_for(), by)


def end_agreement(row: Termination, by: Any) -> None:
    """The agreement is void, with all that rested on it; the right to sign is back."""
    try:
        with transaction.atomic():
            actions.consequence(row.agreement, Verb.VOID, text=f"解约：{row.get_mode_display()}")
    except IntegrityError as error:
        raise Conflict("协议书刚刚被他人办理，请刷新后再操作。") from error
    tell_employer(
        row.agreement.employer,
        "解约已生效",
        f"与 {row.student.name} 的就业协议书（{row.agreement.number}）已解除。",
        by,
    )
    if row.applicant_id != row.student.user_id:
        tell_student(
            row.student, "解约已生效", f"与 {row.agreement.employer_name} 的就业协议书已解除，您可以重新签约。", by
        )


# -- applications for a number ---------------------------------------------------------------------------------------------


def application_moved(ids: Iterable[int], verb: str, from_status: str, to_status: str, by: Any, **event: Any) -> None:
    """An approved application hands out a number; one that goes back takes an unused number out of use."""
    rows = NumberApplication._base_manager.select_related(
        "student__major", "student__school", "student__cohort", "number"
    )
    for row in rows.filter(pk__in=list(ids)).order_by("pk"):
        if verb == Verb.APPROVE and to_status == Status.APPROVED:
            hand_out(row, by, _wanted.get({}).get(row.pk, ""))
        elif from_status == Status.APPROVED and verb in (Verb.RETURN, Verb.VOID) and row.number is not None:
            if row.number.state == AgreementNumber.State.USED:
                raise WrongState(f"编号 {row.number} 已用于协议书，不能退回这份申请。")
            numbers.spoil(row.number, "协议书申请被退回或作废", by=by)
            NumberApplication._base_manager.filter(pk=row.pk).update(number=None)


_wanted: ContextVar[dict[int, str]] = ContextVar("wanted_numbers")


@contextmanager
def wanted_number(application_id: int, number: str) -> Iterator[None]:
    """Within the block, an approval of this application hands out this very number."""
    token = _wanted.set({application_id: number})
    try:
        yield
    finally:
        _wanted.reset(token)


def hand_out(row: NumberApplication, by: Any, number: str = "") -> AgreementNumber:
    """The number for an application: the next one, or `number`. An agreement on paper under way loses its old number with the paper."""
    running = holding.locking(Agreement._base_manager.filter(student_id=row.student_id, in_force=True)).first()
    if running is not None and running.status not in (Status.DRAFT, Status.RETURNED):
        raise WrongState("该学生的协议书正在审核或已经生效，不能再发编号；请先退回协议书或办理解约。")
    held = holding.locking(
        AgreementNumber._base_manager.filter(student_id=row.student_id, state=AgreementNumber.State.ISSUED)
    )
    for old in held:
        numbers.spoil(old, f"换发：{row.get_kind_display()}", by=by)
    made = numbers.issue(row.student, by=by, number=number)
    NumberApplication._base_manager.filter(pk=row.pk).update(number=made)
    if running is not None:
        numbers.replace(running, f"换发：{row.get_kind_display()}", by=by)
        running.generated_hash = ""
        running.version += 1
        running._history_user, running._change_reason = by, "换发协议书编号"
        running.save()
    tell_student(row.student, "协议书编号已发放", f"您的协议书编号为 {made.number}，请在签约中心生成协议书。", by)
    return made
