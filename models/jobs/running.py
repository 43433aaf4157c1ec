"""A job while it runs: what a handler is given. Every write is guarded by the lease."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone

from models.jobs.errors import Cancelled, LeaseLost
from models.jobs.files import safe_filename
from models.jobs.models import Job, Status

WRITE_EVERY = 0.5  # seconds between two progress writes


def lease_end() -> datetime:
    """Until when a lease taken or renewed now holds."""
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


class RunningJob:
    """The handler's view of its job.

    payload     what `start` was given; read only
    state       the cursor of the last checkpoint, {} on the first attempt
    attempt     1, 2, … ; above 1 the handler continues after a killed worker
    row         the Job itself, for owner, school_id and title; handlers do not save it
    """

    def __init__(self, row: Job) -> None:
        self.row = row
        self.payload: dict[str, Any] = row.payload
        self.state: dict[str, Any] = row.state
        self.attempt = row.attempts
        self.finished = False
        self.last_sign = time.monotonic()
        self._written = 0.0
        self._progress: dict[str, Any] = {}

    @property
    def owner(self) -> Any:
        """The person who started the job; None for the system's own."""
        return self.row.owner

    @property
    def _mine(self) -> models.QuerySet[Job]:
        return Job.objects.filter(pk=self.row.pk, status=Status.RUNNING, worker=self.row.worker)

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is. Cheap: writes at most twice a second, and renews the lease by it.

        Call it between transactions, not inside one: what is written inside is not seen before the commit.
        Raises Cancelled when the owner asked to stop, LeaseLost when another worker has the job by now.
        """
        self.last_sign = time.monotonic()
        self._progress["done"] = max(0, done)
        if total is not None:
            self._progress["total"] = max(0, total)
        if message:
            self._progress["message"] = message[:200]
        if self.last_sign - self._written >= WRITE_EVERY:
            self._write()

    def checkpoint(self, state: dict[str, Any]) -> None:
        """Keep `state` as the place to continue from, and write the progress.

        Call it inside the transaction that writes the chunk: either both are there after a kill, or neither. Raises LeaseLost or
        Cancelled, which rolls the chunk back.
        """
        self.last_sign = time.monotonic()
        self._write(state=state)
        self.state = state

    def finish(self, result: dict[str, Any] | None = None, file: str = "", file_name: str = "") -> None:
        """End the job well. `file` is the stored name from store_private; `file_name` what it is called when downloaded.

        A handler that just returns a dict need not call this. Inside a transaction the end is seen, and told, on commit.
        """
        self._end(
            Status.DONE,
            result=result or {},
            result_file=file,
            file_name=safe_filename(file_name) if file_name else "",
            message="",
            error="",
        )

    def fail(self, sentence: str) -> None:
        """End the job with a sentence for the owner; handlers raise JobError instead."""
        self._end(Status.FAILED, error=sentence[:500])

    def cancelled(self) -> None:
        """End the job as cancelled."""
        self._end(Status.CANCELLED, message="")

    def let_go(self) -> None:
        """Give the job back unfinished: the reaper takes it up again."""
        self._mine.update(lease_until=timezone.now() - timedelta(seconds=1))

    def renew(self) -> bool:
        """Renew the lease from the pulse thread; False when there is nothing left to renew."""
        return bool(self._mine.update(lease_until=lease_end()))

    def _end(self, status: Status, **fields: Any) -> None:
        ended = {"status": status, "finished_at": timezone.now(), "worker": "", "lease_until": None}
        changed = self._mine.update(**{**self._progress, **fields, **ended})
        if not changed:
            raise LeaseLost
        self.finished = True

    def _write(self, **fields: Any) -> None:
        self._written = time.monotonic()
        if not self._mine.filter(cancel_requested=False).update(**self._progress, **fields, lease_until=lease_end()):
            raise Cancelled if self._mine.filter(cancel_requested=True).exists() else LeaseLost
