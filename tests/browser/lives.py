"""The steps that the lives of graduates share, from the approved record to the row in the report."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import openpyxl
from playwright.sync_api import expect

from models.outcomes.models import Outcome
from models.students.models import Student
from tests.browser.conftest import Visitor
from tests.factories import people
from tests.factories import signing as make
from workflows.levels import Status
from workflows.scoping import system

OUTCOMES = "/admin/outcomes/outcome/"
ORDER = "/admin/reporting/reportbatch/order/"


def world(*names: str, phone: bool = True) -> SimpleNamespace:
    """A school with reviewers (.staff) and graduates of these names (.students) whose 生源 record is approved."""
    made = people.school()
    made.staff = people.reviewers(made)
    made.students = [make.signer(made, phone=phone, name=name) for name in names]
    return made


def begin(student: Visitor, user, branch: str, leaf: str):
    """From the first page to the form of a destination."""
    student.arrive(user)
    page = student.go("/student/")
    page.locator("form[action='/student/matters/outcome/begin/'] button").click()
    return choose(student, branch, leaf)


def choose(student: Visitor, branch: str, leaf: str):
    """By the big branches to the form of a leaf."""
    page = student.look()
    page.get_by_role("heading", name=branch).click()
    page.get_by_role("button", name=leaf, exact=True).click()
    student.look().wait_for_url("**/student/matters/outcome/")
    return page


def attach(student: Visitor, file: Path) -> None:
    """The first file the destination asks for."""
    page = student.page
    page.locator("input[type=file]").first.set_input_files(file)
    student.press(page.get_by_role("button", name="上传", exact=True).first)
    student.look().get_by_text(file.name).first.wait_for()


def hand_in(student: Visitor) -> None:
    """To the reviewers."""
    student.press(student.page.get_by_role("button", name="提交审核"))
    student.look().get_by_text("已提交审核").first.wait_for()


def reviewed(visit, world: SimpleNamespace, person: Student) -> Visitor:
    """College and school approve the destination from their queues; the school's reviewer, who goes on."""
    for level in ("college", "school"):
        reviewer = visit.desk()
        reviewer.arrive(getattr(world.staff, level))
        page = reviewer.go(f"{OUTCOMES}overview/")
        page.get_by_role("link", name="待我办理").first.click()
        reviewer.look()
        page.get_by_role("link", name=person.name).first.click()
        reviewer.look()
        page.keyboard.press("a")
        reviewer.look().wait_for_url("**/queue-end/**")
    assert outcome_of(person).status == Status.APPROVED
    return reviewer


def outcome_of(person: Student) -> Outcome:
    """The destination in force."""
    with system("a test looks at the outcome"):
        return Outcome.objects.get(student=person, is_current=True)


def report(office: Visitor, folder: Path) -> list[str]:
    """A new batch of employment data, built and downloaded by the office; the student numbers in its file."""
    page = office.go(ORDER)
    for label, value in (("上报内容", "employment"), ("范围", "full"), ("方式", "file")):
        page.get_by_label(label).select_option(value)
    page.get_by_role("button", name="生成批次").click()
    office.look()
    expect(page.locator(".rt-big")).to_contain_text("上报条数")
    if not page.get_by_role("button", name="下载上报文件").count():
        return []
    with page.expect_download() as download:
        page.get_by_role("button", name="下载上报文件").click()
    path = folder / "report.xlsx"
    download.value.save_as(path)
    with system("a test reads the numbers"):
        numbers = set(Student.objects.values_list("number", flat=True))
    rows = openpyxl.load_workbook(path).active.values
    return [str(cell) for row in rows for cell in row if str(cell) in numbers]


def reported(visit, world: SimpleNamespace, person: Student, folder: Path) -> Visitor:
    """The end of every life: approved by college and school, and a row of the office's report."""
    office = reviewed(visit, world, person)
    assert report(office, folder) == [person.number]
    expect(office.page.get_by_role("region", name="上报明细")).to_contain_text(person.name)
    return office
