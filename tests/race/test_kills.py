"""G1: thirty kills (kill -9) at random moments of each long job. After each the rules of `manage.py verify` hold; the job goes on where it
stopped or ends with a sentence and can be begun again; in the end everything is there once."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from exports import batch_jobs
from exports.exporting import engine as exporting
from exports.exporting.order import Order
from exports.importing import engine as importing
from exports.selection import Selection
from models.accounts.functions import sync_groups
from models.audit.models import Action, AuditEntry
from models.jobs.files import store_private
from models.jobs.models import Job, Status
from models.jobs.services import start
from models.notices.models import Notice
from models.releases.models import ExportRecord, State
from models.students.bulk import NewStudent, write_students
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow, ImportRun
from models.transfer.services import begin, settle
from tests.factories import people
from tests.imports.conftest import person, roster
from tests.jobs.test_jobs import DATABASE_QUEUE
from tests.race.killing import killed, taken_up_again, verified, worker
from workflows.levels import COUNSELOR, SCHOOL, Verb
from workflows.levels import Status as Record
from workflows.models import ReviewLog
from workflows.scoping import acting, system
from workflows.seeding import Event, Story, replay

pytestmark = [pytest.mark.nightly, pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

KILLS = 30
LEASE = 0.3
RULES = (
    "audit",
    "exports",
    "files",
    "imports.counted",
    "imports.reasons",
    "jobs.private",
    "organisation",
    "review",
    "students",
)


@pytest.fixture
def world(settings, monkeypatch, tmp_path):
    """A school with a counsellor and a clerk; short leases and small chunks, so that kills come between and inside of them."""
    settings.MEDIA_ROOT = tmp_path
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.TASKS, settings.JOB_LEASE_SECONDS = DATABASE_QUEUE, LEASE
    monkeypatch.setattr(batch_jobs, "CHUNK", 40)
    monkeypatch.setattr(importing, "CHUNK", 25)
    monkeypatch.setattr(exporting, "DIRECT_ROWS", 10)
    with system("a test sets up rows"):
        sync_groups()
        made = people.school()
        made.counselor, made.clerk = people.staff(COUNSELOR, made.classes[0]), people.staff(SCHOOL, made.center)
    return made


def students(made: SimpleNamespace, count: int) -> list[int]:
    """Students whose records were handed in properly; the keys of the records."""
    unit = made.classes[0]
    with system("a test sets up rows"):
        write_students(
            made.school,
            [
                NewStudent(
                    {
                        "cohort_id": made.cohort.pk, "major_id": unit.parent.major.pk, "unit_id": unit.pk, "number": f"2023{n:07d}", "name": f"学生{n}",
                        "sex": "1", "id_number": people.id_number(n), "exam_number": f"2399{n:010d}", "nation": "01", "degree": "31",
                        "study_length": "4", "training_mode": "1", "enrol_year": 2023, "grad_year": 2027, "grad_month": "202706",
                    },
                    {**people.GOOD_PROFILE, "phone": f"199{n:08d}"},
                )
                for n in range(1, count + 1)
            ],
        )  # fmt: skip
        stories = {}
        for record in GraduateProfile.objects.select_related("student__user").order_by("pk"):
            owner = record.student.user
            handed_in = Event(Verb.SUBMIT, Record.PENDING_COUNSELOR, timezone.now(), (owner.pk, owner.name), "student")
            stories[record.pk] = Story(record.org_path, [handed_in])
        replay(GraduateProfile, stories, ("counselor", "college", "school", "province"))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # nobody else has told the planner how many there are
        return list(stories)


class Imports:
    """Rosters of new students, one after the other."""

    rows, serial = 120, 0

    def __init__(self, made: SimpleNamespace) -> None:
        self.made, self.done, self.broken = made, 0, 0

    def begin(self) -> Job:
        first = self.serial + 1
        self.serial += self.rows
        sheet = [person(n) for n in range(first, self.serial + 1)]
        sheet.append(person(self.serial + 1, 学号=sheet[0]["学号"]))  # the one wrong row of each file
        stored = store_private("x.xlsx", roster(sheet), "imports")
        with system("a test sets up rows"):
            self.run = ImportRun.objects.create(
                kind="students", school=self.made.school, cohort=self.made.cohort, owner=self.made.clerk, org_path=self.made.school.path, file=stored,
                file_name="名单.xlsx", status=ImportRun.Status.CHECKED,
            )  # fmt: skip
            return begin(self.run, "run", self.made.clerk)

    def begin_again(self, job: Job) -> Job:
        with system("a test does what the page does"):
            run = settle(ImportRun.objects.get(pk=self.run.pk))
            self.broken += 1
            return begin(run, "resume", self.made.clerk)

    def check(self) -> None:
        self.done += 1
        run = ImportRun.objects.get(pk=self.run.pk)
        assert (run.status, run.rows, run.created, run.failed) == ("done", self.rows + 1, self.rows, 1)
        assert ImportRow.objects.filter(run=run, written=True).count() == self.rows + 1
        made = self.done * self.rows
        assert Student.objects.count() == GraduateProfile.objects.count() == made
        assert Student.history.count() == GraduateProfile.history.count() == made
        assert AuditEntry.objects.filter(action=Action.IMPORT, object_id=str(run.pk)).count() == 1
        told = Counter(Notice.objects.filter(recipient=self.made.clerk).values_list("title", flat=True))
        # Each import that ended is told once, and once each job that was broken off for good.
        assert told == +Counter({"导入完成：名单.xlsx": self.done, "导入没有完成：名单.xlsx": self.broken})


class Approvals:
    """Batches of a counsellor, of 200 records each."""

    size = 200

    def __init__(self, made: SimpleNamespace) -> None:
        self.made, self.waiting, self.begun = made, students(made, 4000), 0

    def begin(self) -> Job:
        self.ids, self.waiting = self.waiting[: self.size], self.waiting[self.size :]
        assert self.ids, "more kills than records: make more of them"
        self.begun += 1
        return self._start()

    def begin_again(self, job: Job) -> Job:
        return self._start()

    def _start(self) -> Job:
        payload = {"operation": "approve", "model": "students.graduateprofile", "ids": self.ids, "args": {}}
        with acting(self.made.counselor):
            return start("batch.run", owner=self.made.counselor, payload=payload)

    def check(self) -> None:
        asked = GraduateProfile.objects.filter(pk__in=self.ids)
        assert set(asked.values_list("status", flat=True)) == {"pending_college"}
        assert ReviewLog.objects.filter(verb=Verb.APPROVE, object_id__in=self.ids).count() == self.size
        assert GraduateProfile.history.filter(id__in=self.ids, history_change_reason="通过").count() == self.size
        assert ReviewLog.objects.filter(verb=Verb.APPROVE).count() == self.size * self.begun


class Exports:
    """Files of 1,500 records."""

    def __init__(self, made: SimpleNamespace) -> None:
        self.made = made
        students(made, 1500)

    def begin(self) -> Job:
        columns = ("student.number", "student.name", "student.id_number", "home_address")
        self.record = exporting.order_export(Selection("students.graduateprofile"), self.made.clerk, Order(columns))
        return self.record.job

    def begin_again(self, job: Job) -> Job:
        return self.begin()

    def check(self) -> None:
        record = ExportRecord._base_manager.get(pk=self.record.pk)
        assert (record.state, record.rows) == (State.DONE, 1500)
        assert Path(django_settings.MEDIA_ROOT, record.file.name).stat().st_size == record.file_size
        assert Notice.objects.filter(recipient=self.made.clerk, key=f"export:{record.pk}").count() == 1
        assert AuditEntry.objects.filter(action=Action.EXPORT, detail__record=record.pk).count() == 1


@pytest.mark.parametrize("kind", [Imports, Approvals, Exports])
def test_thirty_kills(world, kind):
    case, chance = kind(world), random.Random(20261122)
    began = time.monotonic()
    job = case.begin()
    assert not killed(worker(job), 60)
    length = time.monotonic() - began
    with system("a test looks"):
        case.check()
    kills, ends = 0, Counter()
    while kills < KILLS:
        job = case.begin()
        while killed(worker(job), chance.uniform(0, length)):
            kills += 1
            verified(*RULES)  # as it was left
            job = taken_up_again(job, LEASE)
            ends[job.status] += 1
            if job.status == Status.FAILED:
                assert "进程中断" in job.error
                job = case.begin_again(job)
            verified()  # with upkeep done, all of it
        with system("a test looks"):
            job.refresh_from_db()
            assert job.status == Status.DONE, job.error
            case.check()
        verified()
    assert ends[Status.QUEUED] > KILLS / 3
