"""A job whose every step leaves exactly one row, or none: whatever is repeated or skipped after a kill shows."""

import time

from django.db import transaction

from models.jobs.models import WorkerBeat
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob

STEPS = 12


@job_handler("test.killed", title="会被打断的任务")
def steps(job: RunningJob) -> dict:
    """Twelve steps of a twentieth of a second; a step done twice breaks the primary key."""
    for number in range(job.state.get("at", 0) + 1, STEPS + 1):
        with transaction.atomic():
            WorkerBeat.objects.create(worker=f"step-{number}")
            job.checkpoint({"at": number})
        job.progress(number, STEPS)
        time.sleep(0.05)
    return {"steps": STEPS}
