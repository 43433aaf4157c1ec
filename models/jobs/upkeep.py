"""The upkeep of this floor: old result files, finished queue messages, dead workers."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from models.jobs.files import remove_private
from models.jobs.models import FINISHED, Job, WorkerBeat
from models.jobs.tasks import database_queue

SAMPLED = 1000  # index entries looked at per index: under a second whatever the size


def expire_files() -> int:
    """Remove the result files of jobs that ended settings.JOB_FILE_DAYS ago; the job itself stays. Returns how many."""
    before = timezone.now() - timedelta(days=settings.JOB_FILE_DAYS)
    old = list(Job.objects.filter(status__in=FINISHED, finished_at__lt=before).exclude(result_file="")[:1000])
    for job in old:
        remove_private(job.result_file.name or "")
    Job.objects.filter(pk__in=[job.pk for job in old]).update(result_file="")
    return len(old)


def forget_workers() -> int:
    """Remove the beats of workers that have been silent for a day."""
    return WorkerBeat.objects.filter(beat_at__lt=timezone.now() - timedelta(days=1)).delete()[0]


def prune_queue() -> None:
    """Remove queue messages that ended a fortnight ago."""
    if database_queue():
        call_command("prune_db_task_results", verbosity=0)


def clear_sessions() -> None:
    """Remove sessions that have run out."""
    call_command("clearsessions", verbosity=0)


def refresh_statistics() -> None:
    """Tell SQLite's planner how the tables are filled; PostgreSQL finds out by itself.

    Without it, the search for one name walks through the whole cohort: it takes a common column for as telling as a key.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA analysis_limit = {SAMPLED}")
            cursor.execute("ANALYZE")
