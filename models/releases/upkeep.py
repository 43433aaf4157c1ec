"""Files of exports: removed after their days."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from models.jobs.files import remove_private
from models.jobs.models import FINISHED
from models.releases.models import ExportRecord, State

FOLDER = "releases"
GIVEN_UP = timedelta(hours=1)


def expire_files() -> int:
    """Remove the files that have had their days; the records stay. Returns how many."""
    old = list(ExportRecord._base_manager.exclude(file="").filter(expires_at__lt=timezone.now())[:1000])
    for row in old:
        remove_private(row.file.name)
    ExportRecord._base_manager.filter(pk__in=[row.pk for row in old]).update(file="")
    return len(old)


def close_broken() -> int:
    """Mark exports as failed whose job has ended without them, or that a killed process left half-way. Returns how many."""
    waiting = ExportRecord._base_manager.filter(state=State.RUNNING)
    ended = Q(job__status__in=FINISHED) | Q(job=None, created_at__lt=timezone.now() - GIVEN_UP)
    return ExportRecord._base_manager.filter(pk__in=waiting.filter(ended).values("pk")).update(state=State.FAILED)


def close_undecided() -> int:
    """Close the exports nobody has decided on in time; what was asked for then would be out of date. Returns how many."""
    limit = timezone.now() - timedelta(days=settings.JOB_FILE_DAYS)
    waiting = ExportRecord._base_manager.filter(state=State.WAITING, created_at__lt=limit)
    return waiting.update(state=State.REFUSED, opinion=f"超过 {settings.JOB_FILE_DAYS} 天没有批准，已自动关闭。")
