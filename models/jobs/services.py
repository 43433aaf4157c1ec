"""The one door to start long work, and to stop it."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from models.jobs.models import ACTIVE, Job, Status
from models.jobs.registry import find
from models.jobs.runner import execute, tell
from models.jobs.tasks import enqueue


def start(
    kind: str,
    *,
    owner: Any,
    payload: dict[str, Any] | None = None,
    title: str = "",
    school: Any = None,
    key: str = "",
    immediately: bool = False,
) -> Job:
    """Start work in the background and return its Job.

    kind         a registered job kind; UnknownKind if nobody handles it
    owner        who starts it and may see it; None for the system itself
    payload      JSON: numbers and options, no personal data (it stays in the database for as long as the job does)
    title        what the owner reads; default is the title of the kind
    school       the school it is about: its id, or an object with one
    key          at most one active job per key: a second start returns the first job (double click, two tabs)
    immediately  run it here and now and return when it is over (commands); the Job returned then shows the end
    """
    declared = find(kind)
    row = Job(
        kind=kind,
        title=(title or declared.title)[:200],
        owner=owner,
        school_id=getattr(school, "pk", school),
        key=key,
        payload=payload or {},
        max_attempts=declared.max_attempts,
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        running = Job.objects.filter(key=key, status__in=ACTIVE).first() if key else None
        if running is None:
            raise
        return running
    if immediately:
        execute(row.pk)
        row.refresh_from_db()
    else:
        transaction.on_commit(lambda: enqueue([row.pk]))
    return row


def cancel(job: Job) -> bool:
    """Ask for `job` to stop: a queued one is cancelled at once, a running one at its next progress. False if it had ended."""
    waiting = Job.objects.filter(pk=job.pk, status=Status.QUEUED)
    if waiting.update(status=Status.CANCELLED, cancel_requested=True, finished_at=timezone.now()):
        tell(job.pk)
        return True
    return bool(Job.objects.filter(pk=job.pk, status=Status.RUNNING).update(cancel_requested=True))


def latest(user: Any, limit: int = 20) -> models.QuerySet[Job]:
    """The person's newest jobs, for the job list of either front door."""
    return Job.visible_to(user)[:limit]
