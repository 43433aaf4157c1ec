"""申请修改：the subject of an approved record asks for changes; the last level accepts (applied and logged) or refuses."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from workflows import actions, fields, holding, permits, policy, rules
from workflows.chain import matter_by_label
from workflows.errors import Absent, Conflict, Invalid, RulesFailed
from workflows.levels import Verb
from workflows.models import ChangeRequest

NOT_FOUND = "没有找到该申请，或不在您的管辖范围内。"


def ask(record: Any, values: dict[str, Any], reason: str, *, by: Any, origin: str | None = None) -> ChangeRequest:
    """File a request; values are checked as if they were being stored. Raises a Refused; one request waits at a time."""
    if not reason.strip():
        raise Invalid({"reason": "请填写申请修改的理由。"})
    with transaction.atomic():
        row = actions.locked(record, by)
        permit = permits.check(row, Verb.ASK_CHANGE, by)
        actions.check_open(row, Verb.ACCEPT_CHANGE)
        allowed = {spec.name: spec for spec in fields.of_record(row) if spec.is_writable}
        changed = fields.assign(row, values, allowed)
        if not changed:
            raise Invalid({"values": "没有要修改的内容，请先改动至少一项。"})
        row = actions.locked(record, by)  # as stored: asking changes nothing yet
        request = ChangeRequest(
            matter=policy.label(type(row)),
            object_id=row.pk,
            org_path=row.org_path,
            school_id=row.school_id,
            subject_user=by,
            values=changed,
            reason=reason.strip(),
        )
        try:
            with transaction.atomic():
                request.save()
        except IntegrityError as error:
            raise Conflict("您已有一份修改申请正在等待处理，请等待结果。") from error
        actions.log_only(row, Verb.ASK_CHANGE, by, permit, reason, changed, origin)
    return request


def decide(
    request: ChangeRequest, *, accept: bool, by: Any, opinion: str = "", origin: str | None = None
) -> ChangeRequest:
    """Accept (values applied, history and log written) or refuse, with a reason, a waiting request. Raises a Refused."""
    if not accept and not opinion.strip():
        raise Invalid({"opinion": "请填写不同意的原因，学生会看到。"})
    verb = Verb.ACCEPT_CHANGE if accept else Verb.REFUSE_CHANGE
    with transaction.atomic():
        rows = by.scope_of(ChangeRequest._base_manager.filter(pk=request.pk))
        about = rows.first()
        if about is None:
            raise Absent(NOT_FOUND)
        row = actions.locked(matter_by_label(about.matter)(pk=about.object_id), by)
        held = holding.taken(rows, NOT_FOUND)
        if held.state != ChangeRequest.State.WAITING:
            raise Conflict(f"该申请已由{held.decided_by}处理。")
        permit = permits.check(row, verb, by)
        applied: dict[str, Any] = {}
        if accept:
            applied = actions.correct(row, {name: new for name, (_old, new) in held.values.items()}, asked_for=True)
            blocking = rules.blocking(rules.refresh(row))
            if blocking:
                raise RulesFailed(
                    "按申请修改后会违反规则：" + "；".join(f.sentence for f in blocking),
                    details=[f.as_dict() for f in blocking],
                )
            row.baseline_version = row.version + 1
        held.state = ChangeRequest.State.ACCEPTED if accept else ChangeRequest.State.REFUSED
        held.decided_by, held.opinion, held.decided_at = by, opinion.strip(), timezone.now()
        held.save()
        actions.log_only(row, verb, by, permit, opinion, applied, origin)
    return held


def waiting_for(record: Any) -> ChangeRequest | None:
    """The request of this record that waits for a decision."""
    return ChangeRequest._base_manager.filter(
        matter=policy.label(type(record)), object_id=record.pk, state=ChangeRequest.State.WAITING
    ).first()
