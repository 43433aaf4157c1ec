"""E4, E6: a thousand acceptances at once sign one agreement; without lock and constraint they sign many. Numbers are never given twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from models.agreements import eligibility, invitations, policy, signing
from models.agreements.inviting import InvitationEvent
from models.agreements.models import Agreement, AgreementNumber, SigningInvitation
from models.employers import uscc
from models.employers.models import Employer
from models.students.models import Student
from tests.factories import people
from tests.factories import signing as make
from workflows import holding
from workflows.errors import Refused
from workflows.scoping import acting, system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS, OFFERS = 32, 1000


def storm(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    """Every thread at once; Refused is an answer, anything else a fault."""
    barrier, answers, faults = threading.Barrier(threads), [None] * threads, []

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            answers[number] = work(number)
        except Refused as refusal:
            answers[number] = refusal
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    started = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(120)
    assert not faults, faults[:3]
    return answers


@pytest.fixture
def world(monkeypatch):
    policy.forget()
    with system("a test sets up rows"):
        made = people.school()
        made.student = make.signer(made)
    monkeypatch.setattr(invitations, "may_act_at", lambda employer, school: None)  # admission is not what is under test
    return made


def offers(made: SimpleNamespace, count: int) -> list[int]:
    """As many employers, each with an open offer to the student."""
    with system("a test sets up rows"):
        student, sender = made.student, made.student.user
        employers = Employer.objects.bulk_create(
            Employer(name=f"示例{n}有限公司", uscc=uscc.made_up(7_000_000 + n), checked_at=timezone.now())
            for n in range(count)
        )
        rows = SigningInvitation.objects.bulk_create(
            SigningInvitation(
                employer=employer, student=student, school=made.school, cohort=made.cohort, org_path=student.org_path, sent_by=sender,
                expires_at=timezone.now() + timedelta(days=5), job_title="职位", job_category="13", household_reception="refused",
                archive_reception="agency",
            )
            for employer in employers
        )  # fmt: skip
        InvitationEvent.objects.bulk_create(InvitationEvent(invitation=row, to_state="sent") for row in rows)
    return [row.pk for row in rows]


def accept_all(made: SimpleNamespace, keys: list[int]) -> int:
    """Every offer accepted, a thread for each thirty-second; how many signed."""

    def work(number: int) -> int:
        signed = 0
        student = Student._base_manager.select_related("user").get(pk=made.student.pk)
        with acting(student.user):
            for pk in keys[number::THREADS]:
                row = SigningInvitation._base_manager.select_related("student__user", "employer").get(pk=pk)
                try:
                    invitations.accept(row, read_rules=True, sure=True, by=student.user)
                    signed += 1
                except Refused:
                    pass
        return signed

    return sum(storm(work))


def test_a_thousand_acceptances_sign_one_agreement(world):
    keys = offers(world, OFFERS)
    assert accept_all(world, keys) == 1
    with system("a test looks"):
        assert Agreement.objects.filter(student=world.student, in_force=True).count() == 1
        assert Agreement.objects.count() == 1
        states = list(SigningInvitation.objects.values_list("state", flat=True))
    assert (states.count("considering"), states.count("lapsed")) == (1, OFFERS - 1)


def test_control_without_lock_and_constraint_there_are_many(world, monkeypatch):
    """The storm is a real one: with the guards off the same code signs more than one."""
    keys = offers(world, 96)

    def unlocked(student):
        return Student._base_manager.select_related("cohort", "major", "school", "unit", "user").get(pk=student.pk)

    monkeypatch.setattr(invitations, "locked_student", unlocked)
    monkeypatch.setattr(holding, "hold_subjects", lambda rows: None)
    monkeypatch.setattr(invitations, "_lapse_others", lambda accepted, by: None)
    guards = ("one_agreement_in_force", "one_considered_invitation")
    with connection.cursor() as cursor:
        definitions = []
        for name in guards:
            cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [name])
            definitions.append(cursor.fetchone()[0])
            cursor.execute(f"DROP INDEX {name}")
        try:
            accept_all(world, keys)
            with system("a test looks"):
                assert Agreement.objects.filter(student=world.student, in_force=True).count() > 1
        finally:
            cursor.execute("UPDATE agreements_agreement SET in_force = false")
            cursor.execute("UPDATE agreements_signinginvitation SET state = 'lapsed'")
            for definition in definitions:
                cursor.execute(definition)


def test_the_same_acceptance_from_everywhere_is_one(world):
    """E6: a doubled click, a repeated request after a lost answer: one row, and everybody is told the same."""
    (pk,) = offers(world, 1)

    def work(number: int) -> int:
        student = Student._base_manager.select_related("user").get(pk=world.student.pk)
        with acting(student.user):
            row = SigningInvitation._base_manager.select_related("student__user", "employer").get(pk=pk)
            return invitations.accept(row, read_rules=True, sure=True, by=student.user).pk

    assert len(set(storm(work))) == 1
    with system("a test looks"):
        assert Agreement.objects.count() == 1


def test_numbers_taken_at_once_are_all_different(world):
    with system("a test sets up rows"):
        drafts = [make.drafted(make.signer(world)) for _ in range(THREADS)]

    def work(number: int) -> str:
        draft = drafts[number]
        user = type(world.student.user).objects.get(pk=draft.student.user_id)
        with acting(user):
            return signing.generate(Agreement.objects.select_related("student").get(pk=draft.pk), by=user).number

    taken = storm(work)
    assert len(set(taken)) == THREADS
    with system("a test looks"):
        assert AgreementNumber.objects.filter(state="used").count() == THREADS
        assert eligibility.in_force(drafts[0].student) is not None
