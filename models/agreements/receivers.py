"""Decisions about agreements, terminations and applications have their effects in the same transaction."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save
from django.dispatch import receiver
from django.utils import timezone

from models.agreements import effects
from models.agreements.agreement import Agreement
from models.agreements.numbering import NumberApplication
from models.agreements.termination import PROOF, Termination
from models.evidence.models import Evidence
from workflows import policy
from workflows.signals import moving


@receiver(moving, sender=Agreement, dispatch_uid="agreements.agreement")
def on_agreement(sender: Any, signal: Any, **event: Any) -> None:
    """An agreement moved."""
    effects.agreement_moved(**event)


@receiver(moving, sender=Termination, dispatch_uid="agreements.termination")
def on_termination(sender: Any, signal: Any, **event: Any) -> None:
    """A termination moved."""
    effects.termination_moved(**event)


@receiver(moving, sender=NumberApplication, dispatch_uid="agreements.application")
def on_application(sender: Any, signal: Any, **event: Any) -> None:
    """An application for a number moved."""
    effects.application_moved(**event)


@receiver(post_save, sender=Evidence, dispatch_uid="agreements.proof")
def on_proof(sender: Any, instance: Evidence, created: bool, **kwargs: Any) -> None:
    """The proof has come: from now on the school has the termination."""
    if created and instance.kind == PROOF and instance.record_type == policy.label(Termination):
        rows = Termination._base_manager.filter(pk=instance.record_id)
        rows.update(step_since=timezone.now(), rules_stamp="")
