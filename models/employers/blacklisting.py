"""不受信单位：placing and lifting, each with a reason and an audit row."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from models.audit.models import Action
from models.audit.services import record
from models.employers.library import Employer
from models.employers.records import Blacklist
from models.organisation.models import School
from workflows import holding
from workflows.errors import Conflict, Invalid, NotAllowed

PLACE, LIFT = "employers.add_blacklist", "employers.change_blacklist"


def _of_school(by: Any, school_id: int, code: str) -> None:
    """Only the school office excludes on behalf of its school, and only who has the function."""
    if not by.has_perm(code) or not any(
        path == "" or path == f"{school_id}/" for level in ("school", "province") for path in by.level_paths(level)
    ):
        raise NotAllowed("只有学校就业部门可以管理本校的不受信单位名单。")


def place(employer: Employer, school: School, reason: str, *, by: Any, request: HttpRequest | None = None) -> Blacklist:
    """Exclude `employer` at `school`. Raises a Refused; what is under way there stops by itself, because every door asks `may_act_at`."""
    _of_school(by, school.pk, PLACE)
    if not reason.strip():
        raise Invalid({"reason": "请填写列入原因。"})
    row = Blacklist(school=school, employer=employer, reason=reason.strip()[:500], placed_by=by)
    row._history_user, row._change_reason = by, "列入"
    try:
        with transaction.atomic():
            row.save()
            record(Action.BLACKLIST, request=request, actor=by, obj=employer, school_id=school.pk, deed="列入")
    except IntegrityError as error:
        raise Conflict("该单位已在本校不受信单位名单中。") from error
    return row


def lift(row: Blacklist, reason: str, *, by: Any, request: HttpRequest | None = None) -> Blacklist:
    """End an exclusion, with the reason. Raises a Refused."""
    _of_school(by, row.school_id, LIFT)
    if not reason.strip():
        raise Invalid({"reason": "请填写解除原因。"})
    with transaction.atomic():
        held = holding.locking(Blacklist._base_manager.all()).get(pk=row.pk)
        if held.lifted_at is not None:
            raise Conflict("该单位已解除，请刷新后查看。")
        held.lifted_by, held.lifted_at, held.lift_reason = by, timezone.now(), reason.strip()[:500]
        held._history_user, held._change_reason = by, "解除"
        held.save()
        record(Action.BLACKLIST, request=request, actor=by, obj=held.employer, school_id=held.school_id, deed="解除")
    return held
