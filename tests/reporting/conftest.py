"""A school with a dozen graduates: profiles approved, destinations approved."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.db import connection
from django.utils import timezone

from models.outcomes.models import Outcome
from models.reporting.models import ReportSetting
from tests.factories import people
from tests.reporting.server import Reference
from workflows.levels import SCHOOL
from workflows.scoping import system

CODES = ("701", "71", "721")


@pytest.fixture
def made() -> Iterator[SimpleNamespace]:
    """`.students` twelve graduates in the order of their numbers, `.person` of the school's office."""
    with system("test"):
        found = people.school(colleges=2, classes=1)
        found.students = []
        for n in range(12):
            student = people.student(found, unit=found.classes[n % 2], account=False)
            Outcome.objects.bulk_create([
                Outcome(
                    student=student, school_id=student.school_id, cohort_id=student.cohort_id, org_path=student.org_path,
                    category=CODES[n % 3], status="approved", decided_at=timezone.now(),
                )
            ])  # fmt: skip
            found.students.append(student)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE students_graduateprofile SET status = 'approved'")
        found.person = people.staff(SCHOOL, found.center)
        found.setting = ReportSetting.objects.create(school=found.school)
        yield found


@pytest.fixture
def reference(made, settings, monkeypatch) -> Iterator[Reference]:
    """The reference server, with the school's setting pointing at it."""
    server = Reference(token="s3cret")
    settings.REPORT_HOSTS, settings.REPORT_PLAIN_HTTP = ["127.0.0.1"], True
    monkeypatch.setenv("REPORT_TOKEN_TEST", "s3cret")
    made.setting.endpoint, made.setting.token_name = server.url, "REPORT_TOKEN_TEST"
    made.setting.save()
    yield server
    server.close()
