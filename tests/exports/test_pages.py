"""The export page, one's own exports, and the log."""

from __future__ import annotations

import json
from io import BytesIO

import openpyxl
import pytest
from django.urls import reverse

from admin_site.exports import sets
from exports.exporting import engine
from models.accounts.models import StaffAppointment
from models.audit.models import Action, AuditEntry
from models.releases.models import ExportRecord
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.levels import COLLEGE, COUNSELOR, SCHOOL
from workflows.scoping import system

PAGE = "admin:students_graduateprofile_export"


@pytest.fixture
def login(client):
    def as_(user):
        client.force_login(user, backend="models.accounts.backends.FunctionBackend")
        return client

    return as_


def posted(world, **more):
    return {
        "selection": world.whole.as_json(),
        "all": "1",
        "step": "export",
        "columns": ["student.number", "phone"],
        **more,
    }


def body(response):
    return b"".join(response.streaming_content)


def rows(response):
    return list(openpyxl.load_workbook(BytesIO(body(response))).worksheets[0].iter_rows(values_only=True))


@pytest.mark.parametrize(
    ("level", "may"), [(COUNSELOR, False), (COLLEGE, False), (SCHOOL, True), (StaffAppointment.Level.DATA, True)]
)
def test_full_numbers_are_not_given_by_the_pattern_for_all_exports(world, level, may):
    with system("test"):
        unit = {COUNSELOR: world.made.classes[0], COLLEGE: world.made.colleges[0]}.get(level, world.made.center)
        user = people.staff(level, unit)
    assert user.has_perm("students.export_graduateprofile")
    assert user.has_perm("accounts.export_identity") is may


def test_the_page_says_what_will_be_exported_and_offers_the_columns(world, login):
    response = login(world.counselor).get(reverse(PAGE), {"status": "draft"})
    page = response.content.decode()
    assert response.status_code == 200
    assert "导出 2 条" in page
    assert "状态：未提交" in page
    assert 'value="student.number" checked' in page
    assert "官方列：就业信息上报（50 列）" in page
    assert "data-reveal" not in page
    assert "data-reveal" in login(world.data).get(reverse(PAGE)).content.decode()


def test_a_small_export_is_the_answer_itself(world, login):
    response = login(world.counselor).post(reverse(PAGE), posted(world))
    assert response["Content-Disposition"].startswith("attachment")
    assert {"private", "no-store"} <= {part.strip() for part in response["Cache-Control"].split(",")}
    assert [row[0] for row in rows(response)] == ["学号", *(student.number for student in world.students[::2])]
    assert AuditEntry.unscoped.filter(action=Action.EXPORT, actor=world.counselor, ip="127.0.0.1").count() == 1


def test_ticked_records_come_by_post_from_the_list(world, login):
    ticked = {"selection": world.whole.as_json(), "ids": [world.profiles[0].pk]}
    page = login(world.counselor).post(reverse(PAGE), ticked).content.decode()
    assert "导出 1 条" in page


def test_a_forged_selection_stays_in_scope(world, login):
    with system("test"):
        foreign = GraduateProfile.objects.get(student=world.stranger)
    forged = json.dumps(
        {"model_label": "students.graduateprofile", "ids": [foreign.pk], "cohort_ids": [world.other.cohort.pk]}
    )
    response = login(world.school).post(reverse(PAGE), posted(world, selection=forged))
    assert "没有可导出的记录" in response.content.decode()
    other_model = json.dumps({"model_label": "accounts.user"})
    assert login(world.school).post(reverse(PAGE), posted(world, selection=other_model)).status_code == 400


def test_a_forged_reveal_or_column_is_refused(world, login):
    response = login(world.counselor).post(reverse(PAGE), posted(world, reveal="1", purpose="上报省级平台"))
    assert "您没有导出完整证件号和手机号的功能" in response.content.decode()
    response = login(world.counselor).post(reverse(PAGE), posted(world, columns=["student.user.password"]))
    assert "请刷新页面后重新选择" in response.content.decode()
    assert not ExportRecord._base_manager.exists()


def test_reveal_needs_a_purpose_and_keeps_the_choices(world, login):
    response = login(world.data).post(reverse(PAGE), posted(world, reveal="1", layout="upload50"))
    page = response.content.decode()
    assert "必须写明用途" in page
    assert 'value="upload50" data-layout checked' in page
    done = login(world.data).post(reverse(PAGE), posted(world, reveal="1", purpose="上报省级平台"))
    assert rows(done)[1][1] == world.profiles[0].phone


def test_without_the_function_the_page_is_forbidden(world, login):
    with system("test"):
        from django.contrib.auth.models import Permission

        from models.accounts.models import FunctionOverride

        for code in ("export_graduateprofile",):
            FunctionOverride.objects.create(
                user=world.counselor, permission=Permission.objects.get(codename=code), granted=False
            )
    assert login(world.counselor).get(reverse(PAGE)).status_code == 403


def test_a_large_export_goes_to_the_background(world, login, monkeypatch, run_jobs, django_capture_on_commit_callbacks):
    monkeypatch.setattr(engine, "DIRECT_ROWS", 1)
    response = login(world.school).post(reverse(PAGE), posted(world))
    assert response.url == reverse("admin:exports")
    assert "data-active" in login(world.school).get(response.url).content.decode()
    run_jobs()
    record = ExportRecord.own(world.school).get()
    assert reverse("admin:exports_download", args=[record.pk]) in login(world.school).get(response.url).content.decode()
    assert len(rows(login(world.school).get(reverse("admin:exports_download", args=[record.pk])))) == 5


def test_a_file_opens_for_its_maker_alone(world, login):
    record = engine.export(world.whole, world.counselor, ["student.number"])
    link = reverse("admin:exports_download", args=[record.pk])
    assert login(world.counselor).get(link).status_code == 200
    assert login(world.school).get(link).status_code == 404
    assert AuditEntry.unscoped.filter(action=Action.VIEW_FILE, actor=world.counselor).count() == 1


def test_sets_of_columns_are_kept_and_forgotten(world, login):
    client = login(world.counselor)
    client.post(reverse(PAGE), posted(world, step="save", set_name="班主任核对用"))
    world.counselor.refresh_from_db()
    assert sets.sets_of(world.counselor, GraduateProfile) == {"班主任核对用": ["student.number", "phone"]}
    assert "班主任核对用" in client.get(reverse(PAGE)).content.decode()
    client.post(reverse(PAGE), posted(world, step="delete:班主任核对用"))
    world.counselor.refresh_from_db()
    assert sets.sets_of(world.counselor, GraduateProfile) == {}


def test_the_log_is_the_schools_own(world, login):
    with system("test"):
        other = people.staff(SCHOOL, world.other.center)
    record = engine.export(world.whole, world.data, ["phone"], reveal=True, purpose="上报省级平台")
    log, entry = (
        reverse("admin:releases_exportrecord_changelist"),
        reverse("admin:releases_exportrecord_change", args=[record.pk]),
    )
    page = login(world.school).get(log).content.decode()
    assert "上报省级平台" in page
    assert world.data.name in page
    assert "手机号码" in login(world.school).get(entry).content.decode()
    assert "上报省级平台" not in login(other).get(log).content.decode()
    assert login(other).get(entry).status_code == 404
    assert login(world.counselor).get(log).status_code == 403


@pytest.mark.parametrize("value", ["1", "0"])
def test_the_log_is_filtered_by_what_was_revealed(world, login, value):
    engine.export(world.whole, world.data, ["phone"], reveal=True, purpose="上报省级平台")
    engine.export(world.whole, world.data, ["student.name"])
    page = (
        login(world.school).get(reverse("admin:releases_exportrecord_changelist"), {"revealed": value}).content.decode()
    )
    assert ("上报省级平台" in page) is (value == "1")


def test_students_have_the_page_too(world, login):
    page = login(world.counselor).get(reverse("admin:students_student_export")).content.decode()
    assert "导出 2 条" in page
    assert "官方列" not in page
