"""Invariants of signing that `manage.py verify` holds the stored data against (domain.md §5.3, §5.4; security 3.6)."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Q

from models.agreements.agreement import Agreement
from models.agreements.invitations import TABLE
from models.agreements.inviting import InvitationEvent, SigningInvitation, State
from models.agreements.numbering import AgreementNumber
from models.agreements.termination import Termination
from models.dispatch.models import Dispatch
from models.outcomes.models import Outcome
from workflows.checks import Fault, check
from workflows.levels import Status


@check("agreements.one", "每名学生至多一份有效的协议书")
def one_in_force() -> Iterator[Fault]:
    """The database guarantees it; this finds a database without its constraints."""
    rows = Agreement._base_manager.filter(in_force=True).order_by().values("student_id").annotate(n=Count("pk"))
    for student, number in rows.filter(n__gt=1).values_list("student_id", "n"):
        yield Fault(f"学生 {student}", f"有 {number} 份有效的协议书。")


@check("agreements.rests", "审核通过的协议书有毕业去向和派遣信息，作废的没有")
def outcome_and_dispatch() -> Iterator[Fault]:
    """Approved ⇒ both exist and name it; anything else ⇒ neither rests on it."""
    resting = Outcome._base_manager.exclude(status=Status.VOIDED)
    for title, rows in (("毕业去向", resting), ("派遣信息", Dispatch._base_manager.all())):
        having = rows.exclude(agreement=None).values("agreement_id")
        approved = Agreement._base_manager.filter(status=Status.APPROVED)
        for pk, number in approved.exclude(pk__in=having).values_list("pk", "number"):
            yield Fault(f"就业协议书 {pk}（{number}）", f"已审核通过，但没有相应的{title}。")
        wrong = rows.exclude(agreement=None).exclude(agreement__status=Status.APPROVED)
        for pk, agreement in wrong.values_list("pk", "agreement_id"):
            yield Fault(f"{title} {pk}", f"仍依据协议书 {agreement}，而该协议书并未审核通过。")
    for pk, ours, theirs in (
        resting.exclude(agreement=None).exclude(agreement_number=F("agreement__number"))
        .values_list("pk", "agreement_number", "agreement__number")
    ):  # fmt: skip
        yield Fault(f"毕业去向 {pk}", f"协议书编号 {ours} 与协议书的 {theirs} 不同。")


@check("agreements.numbers", "协议书编号只用一次，编号库与协议书一致")
def numbers_agree() -> Iterator[Fault]:
    """Every number on an agreement stands in the pool as used by that very agreement."""
    used = AgreementNumber._base_manager.filter(state=AgreementNumber.State.USED)
    for pk, number in (
        Agreement._base_manager.exclude(number="").exclude(pk__in=used.values("agreement_id")).values_list("pk", "number")
    ):  # fmt: skip
        yield Fault(f"就业协议书 {pk}", f"编号 {number} 不在编号库中，或未标记为已使用。")
    for number, held in used.exclude(agreement__number=F("number")).values_list("number", "agreement__number"):
        yield Fault(f"协议书编号 {number}", f"所属的协议书编号是 {held or '（空）'}。")


@check("agreements.invitations", "邀请的状态等于邀请记录推出的状态，每一步都是允许的")
def invitations_fold() -> Iterator[Fault]:
    """state = the last event's; each event begins where the one before ended and is in the table."""
    last: dict[int, str] = {}
    events = InvitationEvent._base_manager.order_by("invitation_id", "pk")
    for pk, came_from, to in events.values_list("invitation_id", "from_state", "to_state").iterator(chunk_size=2000):
        if last.get(pk, "") != came_from:
            yield Fault(f"应约邀请 {pk}", f"一步从「{came_from}」开始，而上一步的结果是「{last.get(pk, '')}」。")
        elif (came_from, to) not in TABLE:
            yield Fault(f"应约邀请 {pk}", f"不能从「{came_from}」到「{to}」。")
        last[pk] = to
    for pk, state in SigningInvitation._base_manager.values_list("pk", "state").iterator(chunk_size=2000):
        if last.get(pk) != state:
            yield Fault(f"应约邀请 {pk}", f"状态是「{state}」，但邀请记录推出的是「{last.get(pk, '（无）')}」。")
    accepted = SigningInvitation._base_manager.filter(state__in=(State.CONSIDERING, State.CONCLUDED))
    for pk in accepted.exclude(Q(agreement__mode="online")).values_list("pk", flat=True):
        yield Fault(f"应约邀请 {pk}", "已应约，但没有线上协议书。")


@check("agreements.terminations", "解约生效的协议书已作废，每名学生至多计一次解约")
def terminations_hold() -> Iterator[Fault]:
    """Approved ⇒ its agreement is void; the once rule held."""
    done = Termination._base_manager.filter(status=Status.APPROVED)
    for pk, agreement in done.exclude(agreement__status=Status.VOIDED).values_list("pk", "agreement_id"):
        yield Fault(f"解约申请 {pk}", f"已审核通过，但协议书 {agreement} 没有作废。")
    twice = done.filter(counts=True).order_by().values("student_id").annotate(n=Count("pk")).filter(n__gt=1)
    for student, number in twice.values_list("student_id", "n"):
        yield Fault(f"学生 {student}", f"有 {number} 次计数的解约。")
