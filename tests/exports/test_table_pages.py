"""导出 above the lists of majors, units, staff and codes."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from models.releases.models import ExportRecord
from tests.factories import people
from workflows.levels import COLLEGE, PROVINCE
from workflows.scoping import system

LISTS = {
    "majors": "organisation_major", "departments": "organisation_orgunit", "staff": "accounts_user", "codes": "codes_code",
}  # fmt: skip


def client_of(user):
    client = Client()
    client.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return client


def rows(response):
    data = BytesIO(b"".join(response.streaming_content))
    return list(openpyxl.load_workbook(data).worksheets[0].iter_rows(values_only=True))


@pytest.mark.parametrize("kind", list(LISTS))
def test_the_list_leads_to_the_export_and_the_export_to_the_file(world, kind):
    client, name = client_of(world.school), LISTS[kind]
    query = {"table": "nation"} if kind == "codes" else {}
    link = reverse(f"admin:{name}_export")
    assert link in client.get(reverse(f"admin:{name}_changelist"), query).content.decode()
    page = client.get(link, query).content.decode()
    assert "没有改动的行导入时显示为" in page
    address = f"{link}?table=nation" if query else link
    answer = client.post(address, {"step": "export", "format": "xlsx"})
    assert answer["Content-Disposition"].startswith("attachment")
    assert len(rows(answer)) > 1


def test_the_filter_of_the_list_holds_and_is_on_record(world):
    address = f"{reverse('admin:organisation_major_export')}?college={world.made.colleges[0].pk}"
    answer = client_of(world.school).post(address, {"step": "export", "format": "xlsx"})
    assert [row[2] for row in rows(answer)] == ["专业名称", "专业11"]
    assert ExportRecord.own(world.school).get().described == ["学校：嘉陵大学", "学院：第1学院"]


def test_one_school_at_a_time_for_the_province(world):
    with system("test"):
        client = client_of(people.staff(PROVINCE))
    page = client.get(reverse("admin:organisation_major_export")).content.decode()
    assert "一个文件一所学校" in page
    answer = client.post(
        reverse("admin:organisation_major_export"),
        {"step": "export", "format": "xlsx", "school": world.other.school.pk},
    )
    assert len(rows(answer)) == 3
    assert ExportRecord._base_manager.get().school_id == world.other.school.pk


def test_phones_of_staff_need_function_and_purpose(world):
    link = reverse("admin:accounts_user_export")
    with system("test"):
        college = people.staff(COLLEGE, world.made.colleges[0])
    page = client_of(college).post(link, {"step": "export", "format": "xlsx", "reveal": "1", "purpose": "通讯录核对"})
    assert "您没有导出完整证件号和手机号的功能" in page.content.decode()
    page = client_of(world.school).post(link, {"step": "export", "format": "xlsx", "reveal": "1"})
    assert "必须写明用途" in page.content.decode()
    assert client_of(world.counselor).get(link).status_code == 403


@pytest.mark.parametrize("form", [{"format": "exe"}, {"school": "x"}, {"format": "xlsx", "school": "999"}])
def test_nonsense_is_no_error(world, form):
    answer = client_of(world.school).post(reverse("admin:organisation_major_export"), {"step": "export", **form})
    assert answer.status_code == 200
