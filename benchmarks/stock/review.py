"""Stock batch approval: an admin action that loops over the FSM transition, `save()` (whose signal writes the history) and a log row."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone

from workflows.models import ReviewLog


def approve_each(queryset: models.QuerySet, by: Any) -> int:
    """Approve every record of `queryset`, each with its history and log row; returns how many."""
    done = 0
    for record in queryset:
        old = record.status
        record.move_approve()
        record.version += 1
        record.decided_at = timezone.now()
        record._history_user = by
        record.save()
        ReviewLog.objects.create(
            matter="students.graduateprofile", object_id=record.pk, seq=record.version, verb="approve", level="college", from_status=old,
            to_status=record.status, actor=by, actor_name=by.name, org_path=record.org_path, at=timezone.now(),
        )  # fmt: skip
        done += 1
    return done
