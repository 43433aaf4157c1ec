"""E6: the line to the database is cut after COMMIT. The person sees an error and presses again; what was done is done once.

Each with its control: the same retry without the key that tells it from a new request does the thing twice.
"""

from __future__ import annotations

import pytest
from django.db import connection

from models.jobs.models import Job
from tests.factories import people
from tests.race.proxy import through_a_proxy
from tests.review.conftest import login, stored, submit, world  # noqa: F401
from tests.review.test_batch_pages import batch, chosen, confirm
from workflows.levels import Status, Verb
from workflows.models import ReviewLog
from workflows.scoping import system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]


def approvals(record) -> int:
    with system("a test looks"):
        return ReviewLog.objects.filter(object_id=record.pk, verb=Verb.APPROVE).count()


@pytest.mark.parametrize("has_key", [True, False], ids=["the same request again", "control: a request without its key"])
def test_a_batch_whose_answer_was_lost_is_done_once(world, login, submit, stored, has_key):  # noqa: F811
    """The school also acts for the next level: done a second time, the record would be one level too far."""
    record = submit(world.records[0])
    client, data = login(world.staff.school), chosen(record)
    client.raise_request_exception = False
    preview, second = client.post(batch("approve"), data), client.post(batch("approve"), data)
    with through_a_proxy() as proxy:
        proxy.cut_after('INSERT INTO "jobs_job"')
        lost = confirm(client, preview, data, batch("approve"))
        assert (lost.status_code, proxy.cuts) == (500, 1)
    connection.close()
    assert stored(record).status == Status.PENDING_COLLEGE  # it was committed, though nobody heard
    again = confirm(client, preview if has_key else second, data, batch("approve"))
    assert again.status_code == 302
    if has_key:
        assert (Job.objects.filter(kind="batch.run").count(), approvals(record)) == (1, 1)
        assert stored(record).status == Status.PENDING_COLLEGE
        assert "1" in client.get(again.url).content.decode()
    else:
        assert (Job.objects.filter(kind="batch.run").count(), approvals(record)) == (2, 2)


@pytest.mark.parametrize("has_version", [True, False], ids=["with the version it showed", "control: without"])
def test_a_single_approval_whose_answer_was_lost_is_done_once(world, login, submit, stored, has_version):  # noqa: F811
    record = submit(world.records[0])
    client = login(world.staff.school)
    client.raise_request_exception = False
    url = f"/admin/students/graduateprofile/{record.pk}/change/"
    data = {"deed": "approve", "expected": record.version}
    with through_a_proxy() as proxy:
        proxy.cut_after('INSERT INTO "workflows_reviewlog"')
        assert client.post(url, data).status_code == 500
        assert proxy.cuts == 1
    connection.close()
    assert stored(record).status == Status.PENDING_COLLEGE
    if not has_version:
        data["expected"] = stored(record).version  # what a form without a version would amount to
    answer = client.post(url, data)
    assert answer.status_code == (409 if has_version else 302)
    assert approvals(record) == (1 if has_version else 2)


def test_the_proxy_passes_everything_on_when_it_is_not_told_to_cut(world):  # noqa: F811
    with through_a_proxy() as proxy:
        with system("a test looks"):
            person = people.student(world)
            assert type(person).objects.filter(pk=person.pk).exists()
        assert proxy.cuts == 0
