"""What follows from 单位审核, inside its transaction: the library learns what was approved, and the reviewing school is open."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from models.employers.admission import admit_at_home
from models.employers.library import PARTICULARS, Employer
from models.employers.matters import EmployerVerification
from models.employers.services import remember
from workflows.levels import Status, Verb
from workflows.signals import moving


@receiver(moving, sender=EmployerVerification, dispatch_uid="employers.verified")
def on_verification(ids: list[int], verb: str, to_status: str, by: Any, **kwargs: Any) -> None:
    """Approved: into the library, and in at home. 修改资料: marked as 复审 until it is approved again."""
    rows = EmployerVerification._base_manager.filter(pk__in=ids)
    if verb == Verb.AMEND:
        rows.update(revising=True)
    if to_status != Status.APPROVED:
        return
    for row in rows.select_related("employer__account", "school"):
        values = {name: getattr(row, name) for name in PARTICULARS}
        remember({**values, "uscc": row.employer.uscc}, Employer.Source.ACCOUNT, by)
        admit_at_home(row, by)
    rows.update(revising=False)
