"""Three lives from the telephone to the report: postgraduate study, the army, still looking. (Two more sign: test_signing.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect
from pypdf import PdfWriter

from tests.browser import lives
from workflows.levels import Status
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def world():
    with system("a test sets up its world"):
        return lives.world("张文博", "李卫国", "王求职")


@pytest.fixture
def letter(tmp_path) -> Path:
    """A letter as a file. (No picture: its thumbnail would write the audit trail while the page is read, which SQLite in memory refuses.)"""
    path = tmp_path / "通知书.pdf"
    pages = PdfWriter()
    pages.add_blank_page(600, 800)
    pages.write(path)
    return path


def test_postgraduate_study(visit, world, letter, tmp_path):
    person, student = world.students[0], visit.phone()
    page = lives.begin(student, person.user, "升学", "研究生")
    student.press(page.get_by_role("button", name="提交审核"))
    expect(student.look().locator("main")).to_contain_text("请填写升学院校名称")
    page.locator("input[name=school_name]").fill("示例海洋大学")
    page.locator("input[name=study_major]").fill("海洋科学")
    page.locator("select[name=study_degree]").select_option(label="硕士研究生")
    lives.attach(student, letter)
    lives.hand_in(student)
    lives.reported(visit, world, person, tmp_path)
    row = lives.outcome_of(person)
    assert (row.status, row.category, row.school_name) == (Status.APPROVED, "801", "示例海洋大学")
    expect(student.go("/student/matters/outcome/").locator("main")).to_contain_text("审核通过")


def test_the_army(visit, world, letter, tmp_path):
    person, student = world.students[1], visit.phone()
    page = lives.begin(student, person.user, "灵活就业", "自由职业")
    page.get_by_role("link", name="重新选择毕业去向").click()
    lives.choose(student, "国家政策性就业", "应征义务兵")
    expect(page.locator("main")).not_to_contain_text("工作内容")
    lives.attach(student, letter)
    lives.hand_in(student)
    lives.reported(visit, world, person, tmp_path)
    assert lives.outcome_of(person).category == "46"


def test_still_looking(visit, world, tmp_path):
    person, student = world.students[2], visit.phone()
    page = lives.begin(student, person.user, "未就业", "求职中")
    page.locator("textarea[name=remark]").fill("希望在本省从事海洋监测")
    lives.hand_in(student)
    office = lives.reported(visit, world, person, tmp_path)
    page = office.go("/admin/outcomes/outcome/unplaced/")
    page.locator("tfoot a").last.click()
    expect(office.look().locator("body")).to_contain_text(person.name)
    page = student.go("/student/matters/outcome/")
    page.get_by_text("这不是真实情况").click()
    page.get_by_label("哪里与事实不符").fill("我已经找到工作")
    student.press(page.get_by_role("button", name="提交给学校核实"))
    student.look().get_by_text("等待学校核实").first.wait_for()
    assert lives.outcome_of(person).frozen is True
    assert lives.report(office, tmp_path) == [], "what is disputed is not reported"
