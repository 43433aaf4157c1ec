"""What the documents app does when records move."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from models.documents.services import revoke
from workflows.levels import Status
from workflows.signals import moving

REASONS = {Status.RETURNED: "审核通过后又被退回", Status.VOIDED: "已作废"}


@receiver(moving, dispatch_uid="documents.revoke")
def record_left_approval(sender: type, ids: list[int], from_status: str, to_status: str, **kwargs: Any) -> None:
    """In the same transaction: what rested on the approval no longer holds, and stays so when the record is approved again."""
    if from_status == Status.APPROVED and to_status != Status.APPROVED:
        revoke(sender, ids, REASONS.get(Status(to_status), "审核结果已撤销"))
