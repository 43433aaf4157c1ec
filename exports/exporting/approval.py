"""The second person: a large export of full numbers is made only after somebody else, who answers for the data, has agreed.

The record waits without a file, its rows frozen; who may decide is told. Approved, it is made by a job in the name of who asked,
who must still have every right to it then; refused, or not decided in time, it stays on record with the reason and nothing is made.
Source: design/security D2.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from models.accounts.models import StaffAppointment, User
from models.audit.models import Action
from models.audit.services import record as audit
from models.jobs.services import start
from models.notices.models import Notice
from models.notices.services import tell
from models.releases.models import ExportRecord, ExportRule, State
from workflows.errors import Invalid, NotAllowed, WrongState

APPROVE = "releases.approve_exportrecord"
KIND = "exports.run"
LONGEST = 200
MOST_TOLD = 20
Level = StaffAppointment.Level


def is_needed(school_id: int | None, count: int, *, reveal: bool) -> bool:
    """Whether an export of `count` rows with full numbers must wait for a second person."""
    limit = ExportRule.rows_for(school_id)
    return reveal and bool(limit) and count > limit


def may_decide(record: ExportRecord, user: Any) -> bool:
    """Whether `user` is that second person: has the function, holds the whole school, and did not ask for it."""
    scope = user.scope
    holds = scope.everything or (record.school_id is not None and scope.covers(f"{record.school_id}/"))
    return holds and record.owner_id != user.pk and user.has_perm(APPROVE)


def deciders(record: ExportRecord) -> list[User]:
    """Who is told: the school's own people with the function, or the province's where the school has nobody else."""
    held = StaffAppointment._base_manager.exclude(user=record.owner_id).filter(user__is_active=True)
    for place in (Q(level=Level.SCHOOL, unit__school_id=record.school_id), Q(level=Level.PROVINCE)):
        people = User.objects.filter(pk__in=held.filter(place).values("user")).order_by("pk")[:MOST_TOLD]
        if found := [person for person in people if may_decide(record, person)]:
            return found
    return []


def ask(record: ExportRecord) -> None:
    """Tell those who may decide; in the transaction of the record."""
    people = deciders(record)
    title = f"待您批准：导出{record.title} {record.asked} 条（含完整证件号或手机号）"
    body = (
        f"申请人：{record.owner.name}。用途：{record.purpose}。请在「导出记录」中批准或不批准；批准后系统才生成文件。"
    )
    tell(_notice(person, title, body, record, "ask") for person in people)


def decide(record: ExportRecord, *, by: Any, agree: bool, opinion: str = "", request: Any = None) -> ExportRecord:
    """Approve or refuse a waiting export. Raises NotAllowed, WrongState (somebody was first) or Invalid (a refusal says why)."""
    opinion = opinion.strip()
    if not may_decide(record, by):
        refusal = NotAllowed("批准导出须由本人以外、管辖该校并有「批准导出」功能的人员办理。")
        audit(Action.EXPORT, request=request, actor=by, obj=record, result="denied", reason=refusal.sentence)
        raise refusal
    if not agree and not opinion:
        raise Invalid({"opinion": "请填写不批准的原因，申请人会看到。"})
    if len(opinion) > LONGEST:
        raise Invalid({"opinion": f"意见最多 {LONGEST} 个字。"})
    with transaction.atomic():
        waiting = ExportRecord._base_manager.filter(pk=record.pk, state=State.WAITING)
        fields = {"state": State.RUNNING if agree else State.REFUSED, "opinion": opinion}
        if not waiting.update(decided_by=by, decided_at=timezone.now(), **fields):
            raise WrongState("这次导出已经处理过，请刷新页面查看结果。")
        record = ExportRecord._base_manager.select_related("owner").get(pk=record.pk)
        deed = "批准导出" if agree else "不批准导出"
        audit(
            Action.EXPORT, request=request, actor=by, obj=record, school_id=record.school_id, deed=deed, record=record.pk,
            count=record.asked, owner=record.owner.get_username(), purpose=record.purpose, opinion=opinion,
        )  # fmt: skip
        if agree:
            make_later(record)
        else:
            title = f"导出未获批准：{record.title} {record.asked} 条"
            tell([_notice(record.owner, title, f"原因：{opinion}", record, "refused")])
    return record


def make_later(record: ExportRecord) -> None:
    """Have the file made by a job of the person who asked for it; in the caller's transaction."""
    job = start(
        KIND,
        owner=record.owner,
        payload={"record": record.pk},
        title=f"导出{record.title} {record.asked} 条",
        school=record.school_id,
    )
    ExportRecord._base_manager.filter(pk=record.pk).update(job=job)
    record.job = job


def _notice(person: Any, title: str, body: str, record: ExportRecord, what: str) -> Notice:
    key = f"export:{record.pk}:{what}:{person.pk}"
    return Notice(recipient=person, kind=Notice.Kind.ANNOUNCE, title=title[:100], body=body, key=key)
