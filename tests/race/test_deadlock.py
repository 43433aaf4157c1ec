"""Two deeds that wait for each other's rows: the database breaks them apart, the loser reads a sentence and nothing of theirs is left."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections, transaction

from models.students.models import GraduateProfile
from tests.race.waiting import until_somebody_waits
from tests.review.conftest import login, stored, submit, world  # noqa: F401
from workflows.levels import Status
from workflows.models import ReviewLog
from workflows.scoping import system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def test_the_loser_of_a_deadlock_is_told_to_try_again_and_can(world, login, submit, stored):  # noqa: F811
    record, answers = submit(world.records[0]), []
    client, user = login(world.staff.school), world.staff.school
    client.raise_request_exception = False
    url, data = f"/admin/students/graduateprofile/{record.pk}/change/", {"deed": "approve", "expected": record.version}

    def approve() -> None:
        try:
            answers.append(client.post(url, data))
        finally:
            connections.close_all()

    thread = threading.Thread(target=approve)
    with system("a test stands in the way"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL deadlock_timeout = '30s'")  # the other one looks first, and loses
        cursor.execute(
            "SELECT 1 FROM accounts_user WHERE id = %s FOR UPDATE", [user.pk]
        )  # the log of an approval names its doer
        thread.start()
        until_somebody_waits()
        GraduateProfile.objects.select_for_update().get(pk=record.pk)
    thread.join(30)
    (answer,) = answers
    assert answer.status_code == 409
    assert "您的操作没有生效" in answer.content.decode()
    with system("a test looks"):
        assert ReviewLog.objects.filter(object_id=record.pk, verb="approve").count() == 0
    assert client.post(url, data).status_code == 302
    assert stored(record).status == Status.PENDING_COLLEGE
