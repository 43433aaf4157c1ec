"""A row somebody waits for is the row as it is after the wait, with what it points at by then."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections, transaction

from models.agreements.signing import locked_student
from models.organisation.models import OrgUnit
from models.outcomes.models import Outcome
from models.students.models import GraduateProfile, Student
from tests.race.waiting import until_somebody_waits
from tests.review.conftest import world  # noqa: F401
from workflows import actions, holding
from workflows.scoping import system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def waited(look: Callable[[], Any], **changes: Any) -> list[Any]:
    """What `look`, or its exception, gives to somebody who had to wait while a student's row became something else."""
    found: list[Any] = []

    def wait() -> None:
        try:
            with system("a test waits"), transaction.atomic():
                found.append(look())
        except Exception as error:
            found.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=wait)
    with transaction.atomic():
        rows = Student._base_manager.filter(pk=changes.pop("pk"))
        rows.select_for_update().get()  # as who moves a student does
        rows.update(**changes)
        thread.start()
        until_somebody_waits()
    thread.join(30)
    return found


@pytest.fixture
def student(world):  # noqa: F811
    with system("a test looks"):
        return Student._base_manager.get(pk=world.records[0].student_id)


@pytest.fixture
def elsewhere(student):
    """Another class of the school."""
    with system("a test sets up rows"):
        return OrgUnit._base_manager.filter(kind=student.unit.kind).exclude(pk=student.unit_id).first()


def test_a_student_who_moves_meanwhile_is_found_in_the_new_class(student, elsewhere):
    (row,) = waited(lambda: locked_student(student), pk=student.pk, unit=elsewhere)
    assert (row.unit_id, row.unit.name) == (elsewhere.pk, elsewhere.name)


def test_control_one_look_alone_does_not_find_them(student, elsewhere, monkeypatch):
    monkeypatch.setattr(holding, "LOOKS", 1)
    (error,) = waited(lambda: locked_student(student), pk=student.pk, unit=elsewhere)
    assert "没有找到该学生" in str(error)


def test_a_relation_filled_meanwhile_is_read_with_its_row(student, world):  # noqa: F811
    user = student.user
    with system("a test sets up rows"):
        Student._base_manager.filter(pk=student.pk).update(user=None)
    (row,) = waited(lambda: locked_student(student), pk=student.pk, user=user)
    assert row.user == user


def test_control_one_look_alone_reads_it_as_empty(student, world, monkeypatch):  # noqa: F811
    monkeypatch.setattr(holding, "LOOKS", 1)
    user = student.user
    with system("a test sets up rows"):
        Student._base_manager.filter(pk=student.pk).update(user=None)
    (row,) = waited(lambda: locked_student(student), pk=student.pk, user=user)
    assert (row.user_id, row.user) == (user.pk, None)


def begun(student):
    """A record made from a student's row that was read before it changed."""
    row = Outcome(student=student, category="701")
    row.save()
    return row.org_path


def test_a_record_begun_while_the_student_moves_stands_in_the_new_class(student, elsewhere):
    (path,) = waited(lambda: begun(student), pk=student.pk, unit=elsewhere, org_path=elsewhere.path)
    assert path == elsewhere.path


def test_control_read_without_waiting_it_stands_in_the_old_one(student, elsewhere, monkeypatch):
    monkeypatch.setattr(holding, "steady", lambda row: row)
    (path,) = waited(lambda: begun(student), pk=student.pk, unit=elsewhere, org_path=elsewhere.path)
    assert path != elsewhere.path


def test_a_record_that_is_really_gone_is_said_to_be(world):  # noqa: F811
    with system("a test looks"), transaction.atomic(), pytest.raises(Exception, match="没有找到"):
        actions.locked(GraduateProfile(pk=0), None)
