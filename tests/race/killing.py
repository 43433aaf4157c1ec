"""Processes of our own that are killed with kill -9: forked from the test, so that thirty kills cost seconds and not minutes.

A forked worker has connections of its own (those of the test are closed first) and ends without the test's clean-up.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db import connections

from models.jobs.models import Job, Status
from models.jobs.reaper import reap
from models.jobs.runner import execute
from workflows.scoping import system, within


def forked(work: Callable[[], Any]) -> int:
    """Begin `work` in a process of its own; its number. It ends with 0, or with 1 and a trace when `work` raises."""
    connections.close_all()
    if number := os.fork():
        return number
    try:
        work()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def killed(work: Callable[[], Any], seconds: float) -> bool:
    """Run `work` in a process of its own and kill it after `seconds`; False when it was done before."""
    number = forked(work)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(number, os.WNOHANG)[0]:
            return False
        time.sleep(0.002)
    os.kill(number, signal.SIGKILL)
    _pid, status = os.waitpid(number, 0)
    return os.WIFSIGNALED(status)


def worker(job: Job) -> Callable[[], None]:
    """What a worker does with this job, nobody's limits around it but those of the job's owner."""

    def work() -> None:
        with within(None):
            execute(job.pk)

    return work


def verified(*codes: str) -> None:
    """`manage.py verify`; what it says when it finds something."""
    out = StringIO()
    try:
        call_command("verify", *codes, stdout=out)
    except SystemExit:
        raise AssertionError(out.getvalue()) from None


def taken_up_again(job: Job, lease: float) -> Job:
    """What upkeep makes of a job whose worker is gone, when its lease has run out: waiting again, or ended with a sentence."""
    time.sleep(lease + 0.02)
    with within(None):
        reap()
    with system("a test looks"):
        job.refresh_from_db()
    assert job.status in (Status.QUEUED, Status.FAILED, Status.DONE)
    return job
