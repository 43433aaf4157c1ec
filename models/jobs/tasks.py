"""The queue: django-tasks carries job numbers, nothing else. On Django 6 the import becomes `django.tasks`."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.utils import timezone
from django_tasks import task

from models.jobs.models import Job
from models.jobs.runner import execute


@task()
def run_job(job_id: int) -> None:
    """Run one job. Harmless when delivered twice: only one run can claim it."""
    execute(job_id)


def enqueue(job_ids: Iterable[int]) -> None:
    """Hand jobs to the queue and note the queue's number for each, by which a lost message is found."""
    for job_id in job_ids:
        Job.objects.filter(pk=job_id).update(queued_at=timezone.now())
        result = run_job.enqueue(job_id)
        Job.objects.filter(pk=job_id).update(task_id=result.id)


def database_queue() -> bool:
    """Whether the queue is a table of ours, where messages can be looked at; tests and a Redis queue have none."""
    return str(settings.TASKS["default"]["BACKEND"]).startswith("django_tasks_db.")
