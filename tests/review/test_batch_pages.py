"""Batches through the pages: preview, confirmation, result; once each, with every refused record named."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from exports.batches import OPERATIONS
from exports.selection import Selection
from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.jobs.models import Job
from models.notices.models import Notice
from models.organisation.models import Cohort
from models.students.models import GraduateProfile, Student
from tests.factories import people
from workflows.levels import Status
from workflows.models import ReviewLog
from workflows.scoping import system

LABEL = "students.graduateprofile"


def batch(verb, label=LABEL):
    return reverse(f"admin:{label.replace('.', '_')}_batch", args=[verb])


def chosen(*records, label=LABEL, **extra):
    return {"selection": Selection(label).as_json(), "ids": [record.pk for record in records], **extra}


def confirm(client, preview, data, url):
    """Press the button of the preview, as a browser would."""
    return client.post(url, {**data, "step": "confirm", "token": preview.context["token"]})


def text_of(response) -> str:
    return response.content.decode()


def test_approving_shows_what_will_and_what_will_not_go_through_then_does_it(world, login, submit, stored):
    good, draft = submit(world.records[0]), world.records[1]
    client, data = login(world.staff.counselor), chosen(world.records[0], world.records[1])
    preview = client.post(batch("approve"), data)
    page = text_of(preview)
    assert (list(preview.context["preview"].done), list(preview.context["preview"].refused)) == ([good.pk], [draft.pk])
    assert "当前状态为「未提交」，不能通过。" in page
    assert world.students[1].name in page  # named, with a link
    assert stored(good).status == Status.PENDING_COUNSELOR  # looking does nothing
    result = client.get(confirm(client, preview, data, batch("approve")).url)
    assert (result.context["result"]["done"], result.context["result"]["refused"]) == (1, 1)
    assert stored(good).status == Status.PENDING_COLLEGE
    with system("a test looks"):
        entry = AuditEntry.objects.get(action=Action.BATCH_REVIEW)
        log = ReviewLog.objects.get(object_id=good.pk, verb="approve")
    assert (entry.actor_id, entry.ip, entry.detail["done"], entry.detail["refused"]) == (
        world.staff.counselor.pk,
        "127.0.0.1",
        1,
        1,
    )
    assert log.ip == "127.0.0.1"
    rows = list(
        load_workbook(io.BytesIO(b"".join(client.get(result.context["download"]).streaming_content))).active.values
    )
    assert rows[0][-1] == "未办理的原因"
    assert rows[1][1] == world.students[1].number
    assert rows[1][-1] == "当前状态为「未提交」，不能通过。"
    assert len(rows) == 2


def test_a_confirmation_sent_twice_is_carried_out_once(world, login, submit, stored):
    """The school also acts for the next level: a second run would carry the records one level too far."""
    record = submit(world.records[0])
    client, data = login(world.staff.school), chosen(record)
    preview = client.post(batch("approve"), data)
    first = confirm(client, preview, data, batch("approve"))
    second = confirm(client, preview, data, batch("approve"))
    assert first.url == second.url
    assert stored(record).status == Status.PENDING_COLLEGE
    assert Job.objects.filter(kind="batch.run").count() == 1


def test_a_confirmation_without_a_preview_is_refused(world, login, submit, stored):
    record = submit(world.records[0])
    answer = login(world.staff.counselor).post(batch("approve"), {**chosen(record), "step": "confirm"})
    assert answer.status_code == 400
    assert stored(record).status == Status.PENDING_COUNSELOR


def test_all_that_match_is_the_list_and_not_only_what_was_ticked(world, login, submit, stored):
    records = [submit(record) for record in world.records]
    client = login(world.staff.counselor)
    data = {"selection": Selection(LABEL, (world.cohort.pk,), status="waiting").as_json(), "all": "1"}
    preview = client.post(batch("approve"), data)
    assert len(preview.context["preview"].done) == 3
    confirm(client, preview, data, batch("approve"))
    assert {stored(record).status for record in records} == {Status.PENDING_COLLEGE}
    assert stored(world.foreign).status == Status.DRAFT


def test_foreign_records_cannot_be_slipped_in(world, login, submit, stored):
    foreign = submit(world.foreign)
    client, data = login(world.staff.counselor), chosen(foreign)
    preview = client.post(batch("approve"), data)
    assert preview.context["preview"].counted == 0
    assert confirm(client, preview, data, batch("approve")).status_code == 400
    assert stored(foreign).status == Status.PENDING_COUNSELOR


def test_many_records_are_done_in_the_background_with_the_same_result(
    world, login, submit, stored, run_jobs, monkeypatch, settings
):
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.dummy.DummyBackend", "QUEUES": ["default"]}}
    monkeypatch.setattr("admin_site.matters.batch.DIRECT", 1)
    monkeypatch.setattr("exports.batch_jobs.CHUNK", 2)
    records = [submit(record) for record in world.records]
    client, data = login(world.staff.counselor), chosen(*records)
    preview = client.post(batch("approve"), data)
    assert "将在后台办理" in text_of(preview)
    answer = confirm(client, preview, data, batch("approve"))
    assert "正在排队" in text_of(client.get(answer.url))
    assert stored(records[0]).status == Status.PENDING_COUNSELOR
    run_jobs()
    assert client.get(answer.url).context["result"]["done"] == 3
    assert {stored(record).status for record in records} == {Status.PENDING_COLLEGE}
    assert login(world.staff.school).get(answer.url).status_code == 404  # somebody else's batch


def test_a_job_begun_again_goes_on_where_it_stopped(world, submit, stored, monkeypatch):
    """A worker killed after the first chunk: what was approved at one level is not approved at the next."""
    from exports import batch_jobs
    from models.jobs.services import start

    monkeypatch.setattr("exports.batch_jobs.CHUNK", 1)
    records = [submit(record) for record in world.records]
    real, calls = batch_jobs._chunk, []

    def dying(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    payload = {"operation": "approve", "model": LABEL, "ids": [r.pk for r in records], "args": {}}
    monkeypatch.setattr(batch_jobs, "_chunk", dying)
    from contextlib import suppress

    with suppress(KeyboardInterrupt):
        start("batch.run", owner=world.staff.school, payload=payload, immediately=True)
    job = Job.objects.get()
    assert [stored(r).status for r in records] == [
        Status.PENDING_COLLEGE,
        Status.PENDING_COUNSELOR,
        Status.PENDING_COUNSELOR,
    ]
    from models.jobs.models import Status as JobStatus
    from models.jobs.runner import execute
    from workflows.scoping import within

    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED, worker="", lease_until=None)
    with within(None):
        execute(job.pk)
    assert [stored(r).status for r in records] == [Status.PENDING_COLLEGE] * 3
    assert Job.objects.get().result["done"] == 3


def test_a_batch_return_carries_the_reasons_to_every_student(
    world, login, submit, stored, django_capture_on_commit_callbacks
):
    records = [submit(record) for record in world.records[:2]]
    client, data = login(world.staff.counselor), chosen(*records)
    form = client.post(batch("return"), data)
    assert "家庭地址不完整" in text_of(form)
    empty = client.post(batch("return"), {**data, "step": "check"})
    assert empty.status_code == 400
    data |= {"reasons": ["家庭地址不完整"], "text": "请补全"}
    preview = client.post(batch("return"), {**data, "step": "check"})
    with django_capture_on_commit_callbacks(execute=True):
        confirm(client, preview, data, batch("return"))
    assert {stored(record).last_reason for record in records} == {"家庭地址不完整；请补全"}
    with system("a test looks"):
        assert Notice.objects.filter(recipient__in=[p.user for p in world.students[:2]], kind="review").count() == 2


def test_one_field_of_many_is_set_where_it_can_be(world, login, submit, stored):
    pending, draft = submit(world.records[0]), world.records[1]
    client, data = login(world.staff.counselor), chosen(world.records[0], world.records[1])
    question = client.post(batch("edit"), {**data, "step": "check", "field": "hardship"})
    assert question.status_code == 200
    assert 'name="value"' in text_of(question)
    data |= {"field": "hardship", "value": "2"}
    preview = client.post(batch("edit"), {**data, "step": "check"})
    assert len(preview.context["preview"].done) == 2
    confirm(client, preview, data, batch("edit"))
    assert [stored(record).hardship for record in (pending, draft)] == ["2", "2"]
    assert stored(pending).changes["hardship"] == ["0", "2"]
    refused = client.post(batch("edit"), {**data, "step": "check", "field": "student.name"})
    assert refused.status_code == 400


def test_reminding_reaches_who_has_an_account_and_names_who_has_none(world, login, django_capture_on_commit_callbacks):
    with system("a test sets up rows"):
        lonely = people.student(world, account=False)
        record = GraduateProfile.objects.get(student=lonely)
    client, data = login(world.staff.counselor), {**chosen(world.records[0], record), "text": "请尽快提交。"}
    preview = client.post(batch("remind"), {**data, "step": "check"})
    assert (preview.context["preview"].done, preview.context["preview"].refused) == (
        [world.records[0].pk], {record.pk: "该学生还没有账号。"},
    )  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        confirm(client, preview, data, batch("remind"))
    with system("a test looks"):
        assert Notice.objects.get(kind="remind").recipient_id == world.students[0].user_id


def test_passwords_are_reset_and_accounts_unlocked_from_the_students_list(world, login):
    person = world.students[0]
    client, label = login(world.staff.counselor), "students.student"
    for verb in ("reset_password", "unlock"):
        data = chosen(person, label=label)
        preview = client.post(batch(verb, label), data)
        result = client.get(confirm(client, preview, data, batch(verb, label)).url)
        assert result.context["result"]["done"] == 1
    assert User.objects.get(pk=person.user_id).password_state == User.PasswordState.NONE
    with system("a test looks"):
        entry = AuditEntry.objects.filter(action=Action.PASSWORD_RESET, object_type="accounts.user").get()
    assert entry.actor_id == world.staff.counselor.pk


def test_moving_students_from_the_list_of_a_matter_moves_the_students(world, login, stored):
    with system("a test sets up rows"):
        later = Cohort.objects.create(school=world.school, year=2028)
    client, data = login(world.staff.school), {**chosen(world.records[0]), "cohort": later.pk, "reason": "延期毕业"}
    preview = client.post(batch("move_cohort"), {**data, "step": "check"})
    confirm(client, preview, data, batch("move_cohort"))
    assert stored(world.records[0]).cohort_id == later.pk
    assert stored(world.students[0]).grad_month == "202806"
    with system("a test looks"):
        assert Student.objects.get(pk=world.students[1].pk).cohort_id == world.cohort.pk


@pytest.mark.parametrize("verb", sorted(OPERATIONS))
def test_who_lacks_the_function_gets_neither_button_nor_page(world, login, verb):
    with system("a test sets up rows"):
        data = people.staff("data", world.center)
    client = login(data)
    for label in (LABEL, "students.student"):
        allowed = {"edit"} if label == "students.student" else set()
        answer = client.post(batch(verb, label), chosen(world.records[0], label=label))
        assert answer.status_code == (200 if verb in allowed else 403)


def test_nonsense_is_answered_with_a_sentence(world, login):
    client = login(world.staff.counselor)
    for data in (
        {},
        {"selection": "[]"},
        {"selection": Selection("students.student").as_json(), "ids": ["1"]},
        chosen(),
    ):
        answer = client.post(batch("approve"), data)
        assert answer.status_code == 400
        assert "请" in text_of(answer)
    assert client.post(batch("no-such-verb"), chosen(world.records[0])).status_code == 403
    assert client.get(batch("approve")).status_code == 302
