"""What is done with 派遣与档案转递: made from an agreement, taken back with it, and the route a destination suggests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from models.dispatch.models import ARCHIVE_FIELDS, HOUSEHOLD_FIELDS, Dispatch
from models.dispatch.routing import Suggestion, route
from workflows import actions, holding
from workflows.levels import COLLEGE, SCHOOL, Status, Verb

__all__ = ["Suggestion", "release_agreement", "route", "sync_from_agreement"]

LEVELS = (COLLEGE, SCHOOL)
CARRIED = (*ARCHIVE_FIELDS, *HOUSEHOLD_FIELDS)  # what an agreement brings, and what is put back when it ends


# -- agreements ----------------------------------------------------------------------------------------------------------


@transaction.atomic
def sync_from_agreement(student: Any, values: Mapping[str, Any], agreement_id: int, by: Any) -> Dispatch:
    """An agreement of the student was approved: 派遣信息 exists, says the same, and waits at the college.

    values   archive_* and household_* fields of `CARRIED`; other names are ignored
    What the record said before is kept in `before_agreement`; `release_agreement` puts it back.
    """
    row = holding.held(Dispatch._base_manager.filter(student_id=student.pk))
    if row is None:
        row = Dispatch(student=student)
        row.version = row.baseline_version = 1
    else:
        _take_back(row, "就业协议书审核通过，派遣信息随之更新")
        if row.agreement_id != agreement_id and row.agreement_id is None:
            row.before_agreement = {name: getattr(row, name) for name in CARRIED}
    for name in CARRIED:
        if values.get(name) is not None:
            setattr(row, name, values[name])
    row.agreement_id, row.confirmed_at = agreement_id, None
    _save(row, by, "协议书审核通过")
    actions.enter(row, levels=LEVELS, by=by, text="由就业协议书生成")
    return row


@transaction.atomic
def release_agreement(agreement_id: int, by: Any, reason: str) -> Dispatch | None:
    """The agreement no longer holds: what stood here before is back, and the student checks it anew.

    Returns the record, None when the agreement had none.
    """
    row = holding.held(Dispatch._base_manager.filter(agreement_id=agreement_id))
    if row is None:
        return None
    _take_back(row, reason)
    for name in CARRIED:
        setattr(row, name, row.before_agreement.get(name, ""))
    row.agreement_id, row.before_agreement, row.confirmed_at = None, {}, None
    _save(row, by, "协议书终止")
    return row


def _take_back(row: Dispatch, why: str) -> None:
    """To a status from which it can be submitted."""
    if row.status == Status.VOIDED:
        actions.consequence(row, Verb.REOPEN, text=why)
    elif row.status not in (Status.DRAFT, Status.RETURNED):
        actions.consequence(row, Verb.RETURN, text=why)


def _save(row: Dispatch, by: Any, why: str) -> None:
    if row.pk is not None:
        row.version += 1
        row.changes_count += 1
    row.rules_stamp = ""
    row._history_user, row._change_reason = by, why
    row.save()
