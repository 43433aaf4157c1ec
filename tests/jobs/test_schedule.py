"""Upkeep runs when due, once, and a failing one stops no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from models.jobs import schedule
from models.jobs.files import store_private
from models.jobs.models import Job, Status, Tick, WorkerBeat
from models.jobs.schedule import register_tick, tick
from models.jobs.upkeep import expire_files, forget_workers, refresh_statistics
from workflows.scoping import current

pytestmark = pytest.mark.django_db


@pytest.fixture
def only_mine(monkeypatch):
    """A schedule of its own."""
    monkeypatch.setattr(schedule, "_upkeep", {})
    monkeypatch.setattr(schedule, "load", lambda: None)


@pytest.mark.usefixtures("only_mine")
class TestTick:
    """Due, claimed, run."""

    def test_runs_when_due_and_keeps_the_outcome(self):
        register_tick("test.hourly", 3600, lambda: f"范围 {current().everything}")
        with time_machine.travel(timezone.now(), tick=False) as clock:
            assert tick() == {"test.hourly": "范围 True"}
            assert tick() == {}
            clock.shift(3599)
            assert tick() == {}
            clock.shift(1)
            assert tick() == {"test.hourly": "范围 True"}
            row = Tick.objects.get(name="test.hourly")
            assert (row.last_started, row.last_finished, row.outcome) == (timezone.now(), timezone.now(), "范围 True")

    def test_failing_one_stops_no_other(self):
        def broken():
            raise RuntimeError("no")

        register_tick("test.broken", 1, broken)
        register_tick("test.fine", 1, lambda: None)
        assert tick() == {"test.broken": "失败：RuntimeError", "test.fine": ""}

    def test_two_processes_do_it_once(self, monkeypatch):
        ran = []
        register_tick("test.once", 60, lambda: ran.append(1))
        due = schedule._due(force=False)
        assert len(due) == 1
        tick()
        # The other process had found it due before this one took it.
        assert [one for one in due if schedule._claim(one, force=False)] == []
        assert ran == [1]

    def test_a_name_is_registered_once(self):
        register_tick("test.name", 1, expire_files)
        register_tick("test.name", 1, expire_files)
        with pytest.raises(ValueError, match="twice"):
            register_tick("test.name", 1, forget_workers)

    def test_command_forces(self, capsys):
        register_tick("test.daily", 86400, lambda: 3)
        call_command("tick")
        call_command("tick")
        call_command("tick", force=True)
        assert capsys.readouterr().out == "test.daily：3\n" * 2


def test_what_this_floor_has_registered():
    outcomes = tick(force=True)
    names = {name for name in outcomes if name.startswith(("jobs.", "audit."))}
    assert names == {
        "audit.purge",
        "audit.seal",
        "jobs.files",
        "jobs.queue",
        "jobs.reap",
        "jobs.sessions",
        "jobs.statistics",
        "jobs.strays",
        "jobs.verify",
        "jobs.workers",
    }
    assert not [outcome for outcome in outcomes.values() if outcome.startswith("失败")]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL gathers its statistics itself")
def test_sqlite_is_told_how_its_tables_are_filled():
    for number in range(50):
        Job.objects.create(kind="test", title=f"导出 {number}", status=Status.DONE)
    refresh_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_stat1 WHERE tbl = %s AND stat LIKE '50 %%'", [Job._meta.db_table])
        assert cursor.fetchone()[0]


def finished(days, stored):
    return Job.objects.create(
        kind="test",
        title="导出",
        status=Status.DONE,
        result_file=stored,
        finished_at=timezone.now() - timedelta(days=days),
    )


def test_result_files_expire_and_jobs_stay(settings):
    settings.JOB_FILE_DAYS = 7
    old, young = (finished(days, store_private("a.xlsx", b"x", "jobs")) for days in (8, 6))
    paths = [Path(default_storage.path(job.result_file.name)) for job in (old, young)]
    assert expire_files() == 1
    assert [path.exists() for path in paths] == [False, True]
    old.refresh_from_db()
    assert (old.result_file.name, old.status) == ("", Status.DONE)


def test_dead_workers_are_forgotten():
    WorkerBeat.objects.create(worker="old", beat_at=timezone.now() - timedelta(days=2))
    WorkerBeat.objects.create(worker="new")
    forget_workers()
    assert [beat.worker for beat in WorkerBeat.objects.all()] == ["new"]
