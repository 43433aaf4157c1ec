"""What follows from a decision about a destination, inside its transaction: which of a student's destinations is current."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from models.audit.models import Action
from models.audit.services import record
from models.outcomes import services
from models.outcomes.outcome import Outcome
from workflows.levels import Status, Verb
from workflows.signals import moving


@receiver(moving, sender=Outcome)
def keep_current(sender: type, ids: list[int], verb: str, to_status: str, **event: Any) -> None:
    """An approved destination becomes the current one; a voided one gives way to what it had replaced."""
    if to_status == Status.APPROVED:
        services.step_up(ids)
        services.remember_employers(ids, event.get("by"))
    elif verb == Verb.VOID:
        services.step_down(ids)


@receiver(moving, sender=Outcome)
def trail_of_disputes(sender: type, ids: list[int], verb: str, by: Any = None, **event: Any) -> None:
    """That somebody said "this is not true", and how the school settled it, also stands in the trail."""
    if verb in (Verb.DISPUTE, Verb.SETTLE):
        for row in Outcome._base_manager.filter(pk__in=ids).select_related("student"):
            record(Action.DESTINATION_DISPUTE, actor=by, obj=row, school_id=row.school_id, verb=str(Verb(verb).label))
