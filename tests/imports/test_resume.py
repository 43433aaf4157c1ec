"""A killed import goes on exactly where it stopped: nothing twice, nothing left out (security row G1, invariant 5)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import connection

from exports.importing import engine, runs
from models.audit.models import AuditEntry
from models.jobs.files import store_private
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow, ImportRun
from tests.factories.people import school
from tests.imports.conftest import person, roster
from workflows.scoping import system


class Killed(BaseException):
    """As a process that is ended: nothing of ours catches it."""


def whole(run: ImportRun, rows: int) -> None:
    """Every row has one result, every student one of everything."""
    assert (run.status, run.rows, run.created, run.failed) == ("done", rows, rows - 1, 1)
    assert ImportRow.objects.filter(run=run, written=True).count() == rows
    assert Student.objects.count() == GraduateProfile.objects.count() == rows - 1
    assert Student.history.count() == GraduateProfile.history.count() == rows - 1
    assert AuditEntry.objects.filter(action="import", object_id=str(run.pk)).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("when", ["in the first chunk", "between", "in the last chunk", "before the end"])
def test_killed_and_begun_again(when, made, upload, everything, monkeypatch):
    monkeypatch.setattr(engine, "CHUNK", 4)
    people = [person(n, 班级=f"新班{n % 3}") for n in range(1, 11)]
    people.append(person(11, 学号=people[0]["学号"]))  # its earlier row was written before the kill
    run = upload(roster(people))
    last = {"in the first chunk": 5, "between": 5, "in the last chunk": 12, "before the end": 12}[when]

    def checkpoint(number: int) -> None:
        if number == last and when.startswith("in the"):
            raise Killed

    def progress(done: int, total: int, message: str) -> None:
        if (when == "between" and done == 4) or (when == "before the end" and done == 11):
            raise Killed

    with pytest.raises(Killed):
        runs.execute(run, progress=progress, checkpoint=checkpoint)
    kept = ImportRow.objects.filter(run=run, written=True).count()
    assert kept == {"in the first chunk": 0, "between": 4, "in the last chunk": 8, "before the end": 11}[when]
    assert Student.objects.count() == min(kept, 10)
    run = ImportRun.objects.select_related("school", "cohort").get(pk=run.pk)
    runs.execute(run)
    whole(run, 11)
    assert ImportRow.objects.get(run=run, number=12).errors[0]["code"] == "duplicate_in_file"


_CHILD = """
import django; django.setup()
from models.transfer.models import ImportRun
from exports.importing import engine, runs
from workflows.scoping import system
engine.CHUNK = 50
with system("a test's process"):
    print("ready", flush=True)
    runs.execute(ImportRun.objects.select_related("school", "cohort").get(pk={pk}))
"""


@pytest.mark.nightly
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_kill_minus_nine_at_random_moments(tmp_path):
    """A process of its own is killed again and again while it writes; the last one is let finish."""
    with system("test set-up"):
        made = school()
        people = [person(n) for n in range(1, 1500)] + [person(1500, 学号=person(1)["学号"])]
        run = ImportRun.objects.create(
            kind="students",
            school=made.school,
            cohort=made.cohort,
            org_path=made.school.path,
            file=_stored(roster(people)),
            file_name="名单.xlsx",
        )
    settings_of = connection.settings_dict
    url = f"postgres://{settings_of['USER']}@{settings_of['HOST']}:{settings_of['PORT']}/{settings_of['NAME']}"
    environment = {
        **os.environ,
        "DATABASE_URL": url,
        "DATA_DIR": str(settings.DATA_DIR),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }
    kills = 0
    for _attempt in range(60):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD.format(pk=run.pk)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(random.uniform(0.05, 0.6))
        if kills < 8 and child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
        child.stdout.close()
        if child.returncode == 0:
            break
    assert kills >= 3
    with system("test looks"):
        whole(ImportRun.objects.get(pk=run.pk), 1500)


def _stored(data: bytes) -> str:
    return store_private("x.xlsx", data, "imports")
