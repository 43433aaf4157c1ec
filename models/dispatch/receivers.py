"""派遣信息核对: when a student hands the papers in, they have checked them."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver
from django.utils import timezone

from models.dispatch.models import Dispatch
from workflows.levels import Verb
from workflows.signals import moving


@receiver(moving, sender=Dispatch)
def note_check(sender: type, ids: list[int], verb: str, by: Any, **event: Any) -> None:
    """本人核对时间 is that of the student's own submission; what staff hand in for them is not theirs."""
    if verb == Verb.SUBMIT and by is not None:
        Dispatch._base_manager.filter(pk__in=ids, student__user=by).update(confirmed_at=timezone.now())
