"""Running one job: claim, handler inside the owner's scope, pulse, and an end for every way it can go."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import F
from django.utils import timezone

from models.jobs.errors import Cancelled, JobError, LeaseLost
from models.jobs.models import Job, Status
from models.jobs.registry import Kind, find
from models.jobs.running import RunningJob, lease_end
from models.jobs.signals import job_finished
from workflows.scoping import acting, system

logger = logging.getLogger(__name__)


class Pulse:
    """Calls `beat` every `seconds` in a thread of its own while the block runs; stops for good when `beat` returns False."""

    def __init__(self, seconds: float, beat: Callable[[], bool]) -> None:
        self._seconds, self._beat = seconds, beat
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            while not self._over.wait(self._seconds):
                try:
                    if not self._beat():
                        return
                except (OperationalError, InterfaceError) as error:
                    logger.warning("pulse missed: %s", error)
                    connections.close_all()
        finally:
            connections.close_all()


def execute(job_id: int) -> None:
    """Run job `job_id` if it is still waiting; somebody else's, ended or unknown jobs are left alone. Never raises for the job."""
    worker = f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    claimed = Job.objects.filter(pk=job_id, status=Status.QUEUED).update(
        status=Status.RUNNING,
        worker=worker,
        lease_until=lease_end(),
        attempts=F("attempts") + 1,
        started_at=timezone.now(),
    )
    if not claimed:
        return
    row = Job.objects.select_related("owner").get(pk=job_id)
    running = RunningJob(row)
    try:
        _run(running, find(row.kind))
    except LeaseLost:
        logger.warning("job %s: the lease went to another worker", job_id)
        return
    except (OperationalError, InterfaceError):
        # The database, not the job, has failed: the lease runs out, or is given back, and the reaper begins again.
        logger.exception("job %s: database unavailable", job_id)
        _quietly(running.let_go)
        return
    except Exception:
        number = uuid.uuid4().hex[:8]
        logger.exception("job %s (%s) failed, number %s", job_id, row.kind, number)
        sentence = f"任务没有完成：程序出错，错误编号 {number}。请稍后重试；若再次失败，请把编号告诉系统管理员。"
        _quietly(lambda: running.fail(sentence))
    except BaseException:  # SystemExit, KeyboardInterrupt: the process is being ended under us
        _quietly(running.let_go)
        raise
    tell(job_id)


def _run(running: RunningJob, kind: Kind) -> None:
    if running.owner is not None and not running.owner.is_active:
        running.fail("发起人的账号已停用，任务没有执行。")
        return

    def beat() -> bool:
        silent = time.monotonic() - running.last_sign
        return silent < kind.patience and running.renew()

    try:
        with Pulse(settings.JOB_LEASE_SECONDS / 4, beat), _scope(running, kind):
            result = kind.handler(running)
            if not running.finished:
                running.finish(result)
    except Cancelled:
        running.cancelled()
    except JobError as error:
        running.fail(error.sentence)
    except ValidationError as error:
        running.fail("；".join(error.messages))


def _scope(running: RunningJob, kind: Kind) -> AbstractContextManager[None]:
    if kind.as_system or running.owner is None:
        return system(f"job {kind.name}: declared to need no person's limits, or started by the system")
    return acting(running.owner)


def tell(job_id: int) -> None:
    """Send job_finished on commit, if the job has ended."""

    def send() -> None:
        row = Job.objects.select_related("owner").filter(pk=job_id).first()
        if row and not row.is_active:
            for _receiver, answer in job_finished.send_robust(sender=Job, job=row):
                if isinstance(answer, Exception):
                    logger.error("job_finished receiver failed", exc_info=answer)

    transaction.on_commit(send)


def _quietly(function: Callable[[], Any]) -> None:
    """Call it; if the database is away or the lease is gone, the reaper will see to the job."""
    try:
        function()
    except (OperationalError, InterfaceError, LeaseLost) as error:
        logger.warning("job end could not be written: %r", error)
