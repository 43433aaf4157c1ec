"""Large exports with full numbers wait for a second person (design/security D2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from exports.exporting import approval, engine
from exports.exporting.order import Order
from models.audit.models import Action, AuditEntry
from models.jobs.models import Job
from models.jobs.models import Status as JobStatus
from models.notices.models import Notice
from models.releases.models import ExportRecord, ExportRule, State
from models.releases.upkeep import close_undecided
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.errors import Invalid, NotAllowed, WrongState
from workflows.levels import COLLEGE, PROVINCE, SCHOOL
from workflows.scoping import system

FULL = Order(("student.number", "phone"), reveal=True, purpose="上报省级平台")


@pytest.fixture
def limit(world):
    """Three rows are many here; the other school keeps the usual number."""
    with system("test"):
        return ExportRule.objects.create(school=world.made.school, approval_rows=3)


def client_of(user):
    client = Client()
    client.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return client


def test_it_waits_without_a_file_and_the_others_are_told(world, limit):
    record = engine.order_export(world.whole, world.data, FULL)
    record = ExportRecord.own(world.data).get(pk=record.pk)
    assert (record.state, record.file.name, record.asked, record.job) == (State.WAITING, "", 4, None)
    assert len(record.selection["keys"]) == 4, "agreed to are these rows"
    assert not record.is_available
    (notice,) = Notice._base_manager.filter(title__startswith="待您批准")
    assert notice.recipient == world.school
    assert "上报省级平台" in notice.body
    entry = AuditEntry.unscoped.filter(action=Action.EXPORT).get()
    assert entry.detail["waits"] is True


@pytest.mark.parametrize(("rows", "change"), [(4, {}), (0, {}), (3, {"reveal": False, "purpose": ""})])
def test_few_rows_no_limit_or_masked_numbers_need_nobody(world, limit, rows, change):
    with system("test"):
        ExportRule.objects.filter(pk=limit.pk).update(approval_rows=rows)
    order = Order(**{**FULL.__dict__, **change})
    assert engine.order_export(world.whole, world.data, order).state == State.DONE


def test_the_usual_number_holds_where_a_school_has_set_none(world):
    assert not approval.is_needed(world.made.school.pk, 1000, reveal=True)
    assert approval.is_needed(world.made.school.pk, 1001, reveal=True)
    assert approval.is_needed(None, 1001, reveal=True), "rows of several schools"


def test_approved_it_is_made_in_the_name_of_who_asked_with_the_rows_agreed_to(world, limit, run_jobs):
    record = engine.order_export(world.whole, world.data, FULL)
    with system("test"):
        people.student(world.made)
    client = client_of(world.school)
    page = client.get(reverse("admin:releases_exportrecord_change", args=[record.pk])).content.decode()
    assert "批准导出 4 条" in page
    client.post(reverse("admin:exports_decide", args=[record.pk]), {"decision": "agree", "opinion": "同意"})
    run_jobs()
    record.refresh_from_db()
    assert (record.state, record.rows, record.decided_by, record.opinion) == (State.DONE, 4, world.school, "同意")
    assert Job.objects.get(pk=record.job_id).owner == world.data
    assert Notice._base_manager.filter(recipient=world.data, title__startswith="导出完成").exists()
    link = reverse("admin:exports_download", args=[record.pk])
    assert client_of(world.data).get(link).status_code == 200
    assert client.get(link).status_code == 404, "who agrees does not get the file"
    entry = AuditEntry.unscoped.filter(action=Action.EXPORT, actor=world.school).get()
    assert entry.detail["deed"] == "批准导出"


def test_refused_with_a_reason_nothing_is_made(world, limit, run_jobs):
    record = engine.order_export(world.whole, world.data, FULL)
    with pytest.raises(Invalid, match="原因"):
        approval.decide(record, by=world.school, agree=False, opinion=" ")
    approval.decide(record, by=world.school, agree=False, opinion="请缩小范围")
    assert run_jobs() == []
    record.refresh_from_db()
    assert (record.state, record.file.name) == (State.REFUSED, "")
    assert Notice._base_manager.get(recipient=world.data, title__startswith="导出未获批准").body == "原因：请缩小范围"
    page = client_of(world.data).get(reverse("admin:exports")).content.decode()
    assert "请缩小范围" in page
    with pytest.raises(WrongState):
        approval.decide(record, by=world.school, agree=True)


def test_who_asked_may_not_agree_nor_who_holds_less_than_the_school(world, limit):
    record = engine.order_export(world.whole, world.school, FULL)
    with system("test"):
        stranger = people.staff(SCHOOL, world.other.center)
        college = people.staff(COLLEGE, world.made.colleges[0])
        province = people.staff(PROVINCE)
    for person in (world.school, stranger, college, world.data):
        with pytest.raises(NotAllowed):
            approval.decide(record, by=person, agree=True)
    assert (
        client_of(stranger).post(reverse("admin:exports_decide", args=[record.pk]), {"decision": "agree"}).status_code
        == 404
    )
    page = client_of(world.school).get(reverse("admin:releases_exportrecord_change", args=[record.pk])).content.decode()
    assert "不能批准自己的导出" in page
    assert approval.deciders(record) == [province], "nobody else in the school: the province is asked"
    with pytest.raises(IntegrityError), transaction.atomic():
        ExportRecord._base_manager.filter(pk=record.pk).update(decided_by=world.school)
    approval.decide(record, by=province, agree=True)


def test_the_job_of_what_was_not_agreed_to_makes_nothing(world, limit, run_jobs):
    """However a job of it comes about: the door behind the door."""
    record = engine.order_export(world.whole, world.data, FULL)
    with system("test"), transaction.atomic():
        approval.make_later(record)
    (job,) = run_jobs()
    assert job.status == JobStatus.FAILED
    record.refresh_from_db()
    assert (record.state, record.file.name) == (State.WAITING, "")


def test_who_has_lost_the_function_meanwhile_gets_nothing(world, limit, run_jobs):
    record = engine.order_export(world.whole, world.data, FULL)
    with system("test"):
        world.data.staff_appointments.all().delete()
    approval.decide(record, by=world.school, agree=True)
    (job,) = run_jobs()
    assert job.status == JobStatus.FAILED
    record.refresh_from_db()
    assert record.state == State.FAILED


def test_undecided_for_a_week_it_is_closed(world, limit, time_machine):
    record = engine.order_export(world.whole, world.data, FULL)
    with system("test"):
        assert close_undecided() == 0
        time_machine.move_to(timezone.now() + timedelta(days=8))
        assert close_undecided() == 1
    record.refresh_from_db()
    assert record.state == State.REFUSED
    assert "自动关闭" in record.opinion


def test_the_pages_lead_there(world, limit):
    client = client_of(world.data)
    form = {
        "selection": world.whole.as_json(),
        "all": "1",
        "step": "export",
        "columns": ["phone"],
        "reveal": "1",
        "purpose": "上报省级平台",
    }
    answer = client.post(reverse("admin:students_graduateprofile_export"), form, follow=True)
    assert "等待批准" in answer.content.decode()
    assert "有 1 个导出等待您批准" in client_of(world.school).get(reverse("admin:exports")).content.decode()
    log = client_of(world.school).get(reverse("admin:releases_exportrecord_changelist"), {"state": "waiting"})
    assert "待批准" in log.content.decode()
    page = client.get(reverse("admin:students_graduateprofile_export")).content.decode()
    assert "须由另一人批准后才生成文件" in page
    assert "导入模板：学生" in page
    assert GraduateProfile._base_manager.count() == 5


def test_a_school_sets_its_own_number(world, limit):
    client = client_of(world.school)
    page = reverse("admin:releases_exportrule_change", args=[limit.pk])
    seen = client.get(page).context["seen"]
    assert client.post(page, {"approval_rows": "50", "_seen": seen}).status_code == 302
    limit.refresh_from_db()
    assert limit.approval_rows == 50
    assert client_of(world.counselor).get(page).status_code == 403
    with system("test"):
        stranger = people.staff(SCHOOL, world.other.center)
    assert client_of(stranger).post(page, {"approval_rows": "0"}).status_code in (403, 404)
