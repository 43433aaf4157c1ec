"""E3: many reviewers on the same records at the same moment. One wins, nothing is done twice; without the guard it is.

PostgreSQL only: SQLite has one writer at a time and cannot show the fault.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections

from models.accounts.functions import sync_groups
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.actions import perform
from workflows.batch import perform_many
from workflows.errors import Conflict, NotAllowed, Refused
from workflows.levels import Status, Verb
from workflows.models import ReviewLog
from workflows.scoping import acting, system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS, ROUNDS, RECORDS = 16, 5, 60


@pytest.fixture
def world():
    """One school with its staff, and a submitted record for each round."""
    with system("a test sets up rows"):
        sync_groups()
        made = people.school()
        made.staff = people.reviewers(made)
        made.records = []
    submit(made, ROUNDS)
    return made


@pytest.fixture
def crowded(world):
    """The same with as many records as a batch is worth."""
    submit(world, RECORDS - ROUNDS)
    return world


def submit(made: Any, count: int) -> None:
    with system("a test sets up rows"):
        for _ in range(count):
            student = people.student(made)
            record = GraduateProfile.objects.get(student=student)
            perform(record, Verb.SUBMIT, by=student.user)
            made.records.append(record)


def storm(work: Callable[[int], Any]) -> list[Any]:
    """Run `work(number)` in every thread at once; what each returned, or the Refused it raised. Anything else fails the test."""
    barrier, answers, faults = threading.Barrier(THREADS), [None] * THREADS, []

    def run(number: int) -> None:
        try:
            barrier.wait(20)
            answers[number] = work(number)
        except Refused as refusal:
            answers[number] = refusal
        except Exception as error:  # a dead-lock, a broken constraint: exactly what must not be
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults
    return answers


def logs(record_ids: list[int]) -> int:
    with system("a test looks"):
        return ReviewLog.objects.filter(object_id__in=record_ids, verb=Verb.APPROVE).count()


def of(world, people_of_that_level: str) -> Any:
    """A fresh copy of the reviewer, as each request has its own."""
    return type(world.staff.counselor).objects.get(pk=getattr(world.staff, people_of_that_level).pk)


@pytest.mark.parametrize("level", ["counselor", "school"])
def test_of_many_single_approvals_exactly_one_wins(world, level):
    """The school could go on at the next level: what stops the others is the version they had seen."""
    for record in world.records[:ROUNDS]:

        def approve(_number: int, record=record) -> Any:
            user = of(world, level)
            with acting(user):
                return perform(GraduateProfile(pk=record.pk), Verb.APPROVE, by=user, expected=record.version)

        answers = storm(approve)
        won = [answer for answer in answers if isinstance(answer, ReviewLog)]
        assert len(won) == 1
        assert all(isinstance(answer, Conflict | NotAllowed) for answer in answers if answer is not won[0])
        assert logs([record.pk]) == 1
        with system("a test looks"):
            now = GraduateProfile.objects.get(pk=record.pk)
        assert (now.status, now.version) == (Status.PENDING_COLLEGE, record.version + 1)


def test_of_many_batches_each_record_is_moved_by_one(crowded):
    ids = [record.pk for record in crowded.records]

    def approve(number: int) -> list[int]:
        user = of(crowded, "counselor")
        mine = random.Random(number).sample(ids, len(ids))  # asked for in any order, locked in one
        with acting(user):
            return perform_many(GraduateProfile.objects.filter(pk__in=mine), Verb.APPROVE, by=user).done

    done = storm(approve)
    assert sorted(pk for part in done for pk in part) == sorted(ids)
    assert logs(ids) == len(ids)
    with system("a test looks"):
        rows = GraduateProfile.objects.filter(pk__in=ids)
        assert set(rows.values_list("status", flat=True)) == {Status.PENDING_COLLEGE}
        assert GraduateProfile.history.filter(id__in=ids, history_change_reason="通过").count() == len(ids)


def test_single_and_batch_approvals_meet_without_a_deadlock(crowded):
    ids = [record.pk for record in crowded.records]

    def approve(number: int) -> list[int]:
        user = of(crowded, "counselor")
        with acting(user):
            if number % 2:
                return perform_many(GraduateProfile.objects.filter(pk__in=ids), Verb.APPROVE, by=user).done
            won = []
            for record in random.Random(number).sample(crowded.records, 20):
                try:
                    won.append(perform(GraduateProfile(pk=record.pk), Verb.APPROVE, by=user).object_id)
                except Refused:
                    continue
            return won

    done = [pk for part in storm(approve) for pk in part]
    assert sorted(done) == sorted(ids)
    assert logs(ids) == len(ids)


def test_a_return_and_an_approval_do_not_both_happen(world):
    for record in world.records[:ROUNDS]:

        def act(number: int, record=record) -> Any:
            user = of(world, "counselor")
            verb, text = (Verb.APPROVE, "") if number % 2 else (Verb.RETURN, "请核对")
            with acting(user):
                return perform(GraduateProfile(pk=record.pk), verb, by=user, text=text, expected=record.version)

        answers = storm(act)
        won = [answer for answer in answers if isinstance(answer, ReviewLog)]
        assert len(won) == 1
        with system("a test looks"):
            assert GraduateProfile.objects.get(pk=record.pk).status == won[0].to_status
            assert ReviewLog.objects.filter(object_id=record.pk).count() == 2  # handed in, decided


def test_control_read_check_write_lets_several_win(world):
    """What the engine does not do. If this never failed, the tests above would prove nothing."""
    most = 0
    for record in world.records[:ROUNDS]:

        def approve(_number: int, record=record) -> int:
            with system("the control"):
                row = GraduateProfile.objects.get(pk=record.pk)
                if row.status != Status.PENDING_COUNSELOR:
                    return 0
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(0.01)")  # the reviewer's rules and template take time too
                return GraduateProfile._base_manager.filter(pk=row.pk).update(
                    decided_at=row.decided_at, status=Status.PENDING_COLLEGE
                )

        most = max(most, sum(storm(approve)))
    assert most > 1
