"""G1: a worker killed with kill -9 in the middle of a job; another one finishes it, each step done once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from models.jobs.services import start
from tests.jobs.killed.job_handlers import STEPS
from tests.jobs.test_jobs import DATABASE_QUEUE

pytestmark = [pytest.mark.machine, pytest.mark.django_db(transaction=True)]


class Outside:
    """The database as other processes see it: PostgreSQL's test database itself, or a copy in a file of SQLite's in memory."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "copy.sqlite3"
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(self.file)])
            self.url = f"sqlite:///{self.file}"
        else:
            database = connection.settings_dict
            host, port = database["HOST"] or "127.0.0.1", database["PORT"] or 5432
            password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
            self.url = f"postgres://{database['USER']}{password}@{host}:{port}/{database['NAME']}"

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query that both engines understand."""
        if connection.vendor == "sqlite":
            outside = sqlite3.connect(self.file)
            try:
                return outside.execute(sql).fetchall()
            finally:
                outside.close()
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def steps(self) -> int:
        """How many steps are done."""
        return len(self.rows("SELECT worker FROM jobs_workerbeat WHERE worker LIKE 'step-%'"))


@pytest.fixture
def outside(tmp_path, settings):
    """A waiting job, and the database for the workers; their upkeep may start jobs of its own meanwhile."""
    settings.TASKS = DATABASE_QUEUE
    start("test.killed", owner=None)
    return Outside(tmp_path)


@pytest.fixture
def worker(outside, tmp_path):
    """Starts worker processes, and sees to it that none survives the test."""
    processes = []

    def begin() -> subprocess.Popen:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.jobs.killed.settings",
            "DATABASE_URL": outside.url,
            "JOB_LEASE_SECONDS": "0.4",
            "DATA_DIR": str(tmp_path),
        }
        with (tmp_path / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", "--interval", "0.05"],
                cwd=django_settings.BASE_DIR,
                env=environment,
                stdout=log,
                stderr=log,
            )
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(question: Callable[[], object], what: str, process: subprocess.Popen, seconds: float = 60) -> None:
    """Wait for `question` to be true; a worker that ends by itself will not make it so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if question():
            return
        if process.poll() is not None:
            pytest.fail(f"the worker ended by itself with {process.returncode}, see worker.log, before: {what}")
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen in {seconds} s")


def status(outside: Outside) -> str:
    return outside.rows("SELECT status FROM jobs_job WHERE kind = 'test.killed'")[0][0]


def messages(outside: Outside) -> list[str]:
    """States of the messages about the job."""
    [[job]] = outside.rows("SELECT id FROM jobs_job WHERE kind = 'test.killed'")
    told = outside.rows("SELECT status, args_kwargs FROM django_tasks_database_dbtaskresult")
    about = [(state, json.loads(call) if isinstance(call, str) else call) for state, call in told]
    return sorted(state for state, call in about if call["args"] == [job])


def test_killed_once(outside, worker):
    first = worker()
    until(lambda: outside.steps() >= 3, "third step", first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert status(outside) == "running"
    assert outside.steps() < STEPS

    second = worker()
    until(lambda: status(outside) not in {"running", "queued"}, "end of the job", second)
    assert outside.rows("SELECT status, attempts, done FROM jobs_job WHERE kind = 'test.killed'") == [
        ("done", 2, STEPS)
    ]
    assert outside.steps() == STEPS
    # The killed worker's message is closed, not left running for ever; upkeep's own messages may be in any state. The living
    # worker closes its own a moment after the job.
    until(lambda: messages(outside) == ["FAILED", "SUCCESSFUL"], "end of both messages", second, 20)

    second.send_signal(signal.SIGTERM)
    assert second.wait(20) == 0
    # The second worker has said good-bye; the killed one could not.
    assert len(outside.rows("SELECT worker FROM jobs_workerbeat WHERE worker NOT LIKE 'step-%'")) == 1


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(outside, worker, seed):
    """Two kills at random moments, start-up and the claim included, then a worker that is let live."""
    chance = random.Random(seed)
    for _ in range(2):
        process = worker()
        time.sleep(chance.uniform(0.2, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
    # A worker may have died between taking the message and claiming the job: found after a minute.
    last = worker()
    until(lambda: status(outside) == "done", "end of the job", last, 120)
    assert outside.steps() == STEPS
    assert outside.rows("SELECT attempts FROM jobs_job WHERE kind = 'test.killed'")[0][0] <= 3
