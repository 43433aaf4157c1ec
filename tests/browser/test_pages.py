"""Every page behind the menu, at a desk and on a phone: accessible, quiet, Chinese, no wider than the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from models.jobs.models import Job
from models.reporting.models import ReportBatch, ReportItem
from models.students.models import GraduateProfile
from tests.browser.conftest import DESK, PHONE
from tests.factories import people
from workflows.actions import perform
from workflows.levels import Verb
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world():
    with system("a test sets up its world"):
        people.load_codes()
        made = people.school()
        made.staff = people.reviewers(made)
        made.students = [people.student(made) for _ in range(3)]
        for one in made.students[1:]:
            perform(GraduateProfile.objects.get(student=one), Verb.SUBMIT, by=one.user)
        perform(
            GraduateProfile.objects.get(student=made.students[1]),
            Verb.RETURN,
            by=made.staff.counselor,
            text="家庭地址不完整",
        )
        return made


def menu(page: Page) -> list[str]:
    """Addresses behind the side bar."""
    links = page.locator("#nav-sidebar-apps a, nav a").evaluate_all("list => list.map(a => a.getAttribute('href'))")
    return sorted(
        {link.split("#")[0] for link in links if link and link.startswith("/admin/") and "logout" not in link}
    )


@pytest.mark.parametrize("part", [0, 1])
@pytest.mark.parametrize("role", ["province", "school", "counselor"])
def test_the_back_office(visit, world, role, part):
    """Every page at a desk, the school's also on a phone; in two halves, so that two workers share."""
    person = getattr(world.staff, role)
    desk = visit.desk()
    desk.log_in(person.username, people.demo_password())
    found = menu(desk.page)
    assert len(found) > 3
    record = GraduateProfile._base_manager.get(student=world.students[2])
    base = "/admin/students/graduateprofile/"
    found += [
        f"{base}{record.pk}/change/",
        f"{base}{record.pk}/history/",
        f"{base}overview/",
        f"/admin/students/student/{record.student_id}/change/",
    ]
    for path in list(dict.fromkeys(found))[part::2]:
        desk.go(path)
        if role == "school":
            desk.other_size(PHONE)
            desk.page.set_viewport_size(DESK)


def test_the_student_side(visit, world):
    for visitor, student in ((visit.phone(), world.students[1]), (visit.desk(), world.students[0])):
        visitor.log_in(student.user.username, people.demo_password())
        for path in (
            "/student/",
            "/student/matters/graduateprofile/",
            "/student/matters/graduateprofile/log/",
            "/student/notices/",
            "/student/account/",
            "/privacy/",
        ):
            visitor.go(path)


def test_the_doors_for_strangers(visit, world):
    visitor = visit.phone()
    for path in ("/login/", "/activate/", "/forgot/", "/privacy/"):
        visitor.go(path)


def test_a_batch_that_is_being_built_shows_its_rows_by_itself_when_it_is_done(visit, world):
    """Nobody is left before 正在生成 above a batch that is ready."""
    with system("a batch is being built"):
        batch = ReportBatch.objects.create(
            school=world.school, cohort=world.cohort, kind="basic", layout="upload50", made_by=world.staff.school,
            job=Job.objects.create(kind="reporting.batch", title="上报", owner=world.staff.school),
        )  # fmt: skip
    desk = visit.desk()
    desk.arrive(world.staff.school)
    page = desk.go(f"/admin/reporting/reportbatch/{batch.pk}/change/")
    page.get_by_text("完成后自动显示明细").wait_for()
    with system("it is built"):
        ReportItem.objects.create(batch=batch, student=world.students[0])
        ReportBatch.objects.filter(pk=batch.pk).update(state="ready", count=1)
        Job.objects.filter(pk=batch.job_id).update(status="done")
    page.get_by_role("link", name=world.students[0].name).wait_for()
    assert page.get_by_text("正在生成").count() == 0
    desk.look()


def test_saving_and_checking_without_a_new_page(visit, world):
    """What is typed while the answer is on its way stays; without a script the same buttons do the same (tests/self_service)."""
    phone = visit.phone()
    phone.log_in(world.students[0].user.username, people.demo_password())
    page = phone.go("/student/matters/graduateprofile/")
    page.evaluate("window.stayed = true")
    number = page.locator("input[name=phone]")
    number.fill("138")
    number.blur()
    page.locator("#f-phone-error").wait_for()
    phone.settle()
    assert number.get_attribute("aria-invalid") == "true"
    number.fill("19912345678")
    page.get_by_role("button", name="保存草稿").last.click()
    page.locator("input[name=home_address]").fill("输入中")
    page.get_by_text("草稿已保存（").wait_for()
    phone.settle()
    assert page.locator("#f-phone-error").count() == 0
    assert page.locator("input[name=home_address]").input_value() == "输入中"
    assert page.evaluate("window.stayed") is True
    with system("a test looks"):
        record = GraduateProfile.objects.get(student=world.students[0])
        assert record.phone == "19912345678"
    assert page.locator("input[name=version]").input_value() == str(record.version)
    phone.press(page.get_by_role("button", name="提交审核"))
    phone.look()
    with system("a test looks"):
        record = GraduateProfile.objects.get(student=world.students[0])
        assert (record.status, record.home_address) == ("pending_counselor", "输入中")
