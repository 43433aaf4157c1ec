"""One order of locks: whoever decides about a student's record holds the student first, so nobody waits for each other in a circle."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from models.agreements import policy
from models.agreements.models import Agreement
from models.organisation.models import OrgUnit
from models.outcomes.models import Outcome
from models.students import affairs
from models.students.models import Student
from tests.factories import people
from tests.factories import signing as make
from tests.race.waiting import until_somebody_waits
from workflows import actions, bulkrows, holding
from workflows.batch import perform_many
from workflows.levels import Status, Verb
from workflows.scoping import acting, system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world():
    """An agreement that waits for the school's approval, which makes the student's destination."""
    policy.forget()
    with system("a test sets up rows"):
        made = people.school()
        made.staff = people.reviewers(made)
        made.student = make.signer(made)
        made.agreement = make.submitted(made.student)
        actions.perform(made.agreement, Verb.APPROVE, by=made.staff.college)
        made.elsewhere = OrgUnit._base_manager.filter(kind=OrgUnit.Kind.CLASS).exclude(pk=made.student.unit_id).first()
    assert made.agreement.status == Status.PENDING_SCHOOL
    return made


def one(made: Any) -> None:
    actions.perform(Agreement(pk=made.agreement.pk), Verb.APPROVE, by=made.staff.school)


def many(made: Any) -> None:
    assert perform_many(Agreement.objects.filter(pk=made.agreement.pk), Verb.APPROVE, by=made.staff.school).done


def meet(made: Any, approve: Any) -> list[Exception]:
    """Somebody moves the student while `approve` begins; what came in the way of either."""
    faults: list[Exception] = []

    def decide() -> None:
        try:
            with acting(made.staff.school):
                approve(made)
        except OperationalError as error:
            faults.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=decide)
    try:
        with system("a test moves a student"), transaction.atomic():
            bulkrows.lock(Student, [made.student.pk], whole=True)
            thread.start()
            until_somebody_waits()
            values = {"unit_id": made.elsewhere.pk}
            affairs.write(made.school, {made.student.pk: values}, by=made.staff.school, reason="专业转移")
    except OperationalError as error:
        faults.append(error)
    thread.join(30)
    return faults


@pytest.mark.parametrize("approve", [one, many])
def test_a_decision_and_a_move_of_its_student_come_one_after_the_other(world, approve):
    assert meet(world, approve) == []
    with system("a test looks"):
        outcome = Outcome.objects.get(student=world.student)
        assert outcome.org_path == Student.objects.get(pk=world.student.pk).org_path == world.elsewhere.path
        assert Agreement.objects.get(pk=world.agreement.pk).status == Status.APPROVED


def test_control_without_the_order_they_wait_for_each_other(world, monkeypatch):
    monkeypatch.setattr(holding, "hold_subjects", lambda rows: None)
    (fault,) = meet(world, one)
    assert "deadlock" in str(fault)


def test_control_without_the_order_a_batch_waits_too(world, monkeypatch):
    monkeypatch.setattr(holding, "subject_of", lambda model: None)
    (fault,) = meet(world, many)
    assert "deadlock" in str(fault)
