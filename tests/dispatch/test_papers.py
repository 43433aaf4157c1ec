"""派遣与档案转递: the student's check is noted, the route is suggested to staff, 报到证 is offered to no later year."""

from __future__ import annotations

import pytest
from django.test import Client

from models.dispatch.models import LEGACY_FIELDS, Dispatch
from models.outcomes.models import Outcome
from tests.factories import people
from workflows import fields
from workflows.actions import perform
from workflows.levels import SCHOOL, Verb
from workflows.scoping import system

pytestmark = pytest.mark.django_db


@pytest.fixture
def year() -> int:
    """Graduation year of `made`."""
    return 2027


@pytest.fixture
def made(year):
    with system("test"):
        found = people.school(colleges=1, classes=1, year=year)
        found.student = people.student(found, enrol_year=year - 4)
        found.office = people.staff(SCHOOL, found.center)
        found.row = Dispatch.objects.create(student=found.student, archive_transfer="", household_transfer="")
        yield found


def outcome(made, category: str, **values) -> Outcome:
    student = made.student
    return Outcome.objects.create(student=student, category=category, **values)


def test_the_students_submission_is_their_check(made):
    row, student = made.row, made.student
    row.archive_transfer = row.household_transfer = "1"
    for name in ("archive_unit", "archive_address", "archive_contact", "archive_phone", "household_address"):
        setattr(row, name, "023-65100000" if name.endswith("phone") else "示例区人才服务中心")
    row.save()
    perform(row, Verb.SUBMIT, by=student.user)
    row.refresh_from_db()
    assert row.confirmed_at is not None


def test_students_read_on_their_phone_where_their_archive_went(made):
    made.row.posted_on, made.row.parcel_number, made.row.parcel_carrier = "2026-07-05", "1099000000012", "EMS"
    made.row.archive_unit = "示例区人才服务中心"
    made.row.save()
    client = Client()
    client.force_login(made.student.user)
    text = client.get("/student/matters/dispatch/", follow=True).text
    assert "您的档案已于 2026-07-05 以EMS寄往示例区人才服务中心，邮件号 1099000000012。" in text


def test_the_route_of_the_destination_is_offered_to_staff_with_its_reason(made):
    assert made.row.fill_cases() == []
    outcome(made, "801", school_name="示例大学")
    (case,) = made.row.fill_cases()
    assert (case.values["archive_unit"], case.hints) == ("示例大学", "升学的，档案转往录取院校。")
    client = Client()
    client.force_login(made.office)
    page = client.get(f"/admin/dispatch/dispatch/{made.row.pk}/change/", {"case": "route"}).text
    assert "按毕业去向建议" in page
    assert "升学的，档案转往录取院校。" in page


@pytest.mark.parametrize(("year", "has"), [(2022, True), (2023, False)])
def test_report_cards_are_of_former_years_only(made, has):
    client = Client()
    client.force_login(made.office)
    label = str(Dispatch._meta.get_field("report_number").verbose_name)
    modes = {spec.mode for spec in fields.of_record(made.row) if spec.name in LEGACY_FIELDS}
    assert (fields.HIDDEN not in modes) == has
    for page in (f"{made.row.pk}/change/", "columns/", "export/"):
        assert (label in client.get(f"/admin/dispatch/dispatch/{page}").text) == has, page
