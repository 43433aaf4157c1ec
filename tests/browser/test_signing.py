"""Two lives that sign, to the row in the report: on paper and back through a termination; online over stepping back. (Three more: test_outcomes.py.)"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from models.agreements import policy
from models.agreements.models import Agreement, SigningInvitation, Termination
from models.notices import sms
from models.outcomes.models import Outcome
from models.students.models import GraduateProfile
from tests.browser import lives
from tests.factories import signing as make
from workflows.actions import perform
from workflows.levels import Status, Verb
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WORDS = ("JPG", "PNG", "A", "paper", "jpg")


@pytest.fixture
def world():
    with system("a test sets up its world"):
        made = lives.world("林签约", phone=False)
        policy.forget()
        make.setting(made, termination_month=7, termination_day=1)  # open whenever the test runs
        made.student = made.students[0]
        made.employer = make.employer(made)
        return made


@pytest.fixture
def photo(tmp_path) -> Path:
    """What a telephone takes of the stamped paper."""
    path = tmp_path / "paper.jpg"
    path.write_bytes(make.photo().read())
    return path


def fill(page, values: dict) -> None:
    """Every field, typed or chosen."""
    for name, value in values.items():
        field = page.locator(f"[name={name}]")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def stamp(phone, world, photo) -> Agreement:
    """From the numbered paper to the agreement that college and school have approved."""
    page = phone.look(*WORDS)
    with page.expect_download() as download:
        page.get_by_role("link", name="下载协议书").click()
    assert download.value.suggested_filename.startswith("就业协议书")
    page.get_by_role("link", name="已盖章，去上传").click()
    phone.look(*WORDS).locator("input[type=file]").set_input_files(str(photo))
    phone.press(page.get_by_role("button", name="上传", exact=True))
    phone.look(*WORDS).get_by_role("button", name="提交审核").click()
    expect(phone.look(*WORDS).get_by_text("等待院系").first).to_be_visible()
    with system("a test plays the reviewers"):
        row = Agreement.objects.get(student=world.student, in_force=True)
        perform(row, Verb.APPROVE, by=world.staff.college)
        perform(row, Verb.APPROVE, by=world.staff.school)
        assert Outcome.objects.get(student=world.student, is_current=True).agreement_id == row.pk
    return row


def test_on_paper_to_the_report_and_back(visit, world, photo, tmp_path):
    phone = visit.phone()
    phone.arrive(world.student.user)
    page = phone.go("/student/signing/")
    page.get_by_role("link", name="去验证").click()
    phone.look().get_by_role("button", name="获取验证码").click()
    phone.look().get_by_label("短信验证码").fill(sms.memory[-1][1].split("验证码 ")[1][:8])
    page.get_by_role("button", name="验证", exact=True).click()
    phone.look().get_by_role("button", name="线下签约：录入协议书").click()
    page = phone.look()
    phone.press(page.get_by_role("button", name="保存并生成协议书"))
    phone.look()
    expect(page.get_by_text("请填写单位名称。").first).to_be_visible()
    fill(page, {name: value for name, value in make.PAPER.items() if name != "region"})
    lists = page.locator("[data-picker=region]").first.locator("select")
    for place, label in enumerate(("重庆市", "渝中区")):
        lists.nth(place).select_option(label=label)
        phone.settle()
    phone.press(page.get_by_role("button", name="保存并生成协议书"))
    stamp(phone, world, photo)
    office = lives.reported(visit, world, world.student, tmp_path)
    before = lives.outcome_of(world.student).pk
    end(phone, world, photo)
    with system("a test looks"):
        assert Outcome.objects.get(pk=before).status == Status.VOIDED
        assert not Outcome.objects.filter(student=world.student, is_current=True).exists()
    assert lives.report(office, tmp_path) == [], "what was undone is not reported"


def end(phone, world, photo) -> None:
    """Through the termination: asked on the phone, proved, approved; the right to sign is back."""
    page = phone.go("/student/signing/terminations/")
    page.get_by_role("button", name="开始填写解约申请").click()
    page = phone.look(*WORDS)
    page.locator("[name=kind]").select_option("study")
    page.locator("[name=reason]").fill("已被录取为研究生")
    phone.press(page.get_by_role("button", name="提交解约申请"))
    expect(phone.look(*WORDS).locator("main")).to_contain_text("已提交")
    with system("a test plays the college"):
        row = Termination.objects.get(student=world.student)
        perform(row, Verb.APPROVE, by=world.staff.college)
    page = phone.page
    page.goto(phone.base + f"/student/signing/terminations/{row.pk}/")
    page = phone.look(*WORDS)
    expect(page.get_by_text("等待学生上传").first).to_be_visible()
    page.locator("#up-proof").set_input_files(str(photo))
    page.locator("#up-proof + button").click()
    expect(phone.look(*WORDS).get_by_text("目前由学校办理").first).to_be_visible()
    with system("a test plays the school"):
        row = Termination.objects.get(pk=row.pk)
        perform(row, Verb.APPROVE, by=world.staff.school)
        assert Agreement.objects.get(student=world.student).status == Status.VOIDED
    expect(phone.go("/student/signing/").get_by_role("button", name="线下签约：录入协议书")).to_be_visible()


def offer(desk, world) -> None:
    """The employer finds the student by name, year and telephone, and invites."""
    with system("a test looks up the number"):
        number = GraduateProfile.objects.get(student=world.student).phone
    page = desk.go("/employer/signing/")
    for label, value in (("姓名", world.student.name), ("毕业年份", "2027"), ("手机号码", number)):
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="查找", exact=True).click()
    asked = ("job_title", "job_category", "household_reception", "archive_reception")
    fill(desk.look(), {name: make.OFFER[name] for name in asked})
    page.get_by_role("button", name="发出邀请").click()
    expect(desk.look().get_by_text("已向").first).to_be_visible()


def accept(phone) -> None:
    """The student reads, and confirms twice."""
    page = phone.go("/student/signing/")
    page.locator("a[href*='/signing/offers/']").first.click()
    page = phone.look()
    page.get_by_role("button", name="现在签约").click()
    expect(phone.look().get_by_text("勾选同意").first, "the rules must be read first").to_be_visible()
    page.get_by_label("我已阅读，同意并遵守以上规定").check()
    page.get_by_role("button", name="现在签约").click()
    phone.look().get_by_role("button", name="确定签约").click()
    phone.look()


def test_online_over_stepping_back_to_the_report(visit, world, photo, tmp_path):
    with system("a test sets up its world"):
        make.setting(world, need_phone=False)
    desk, phone = visit.desk(), visit.phone()
    desk.arrive(world.employer.account)
    phone.arrive(world.student.user)
    offer(desk, world)
    accept(phone)
    expect(phone.page.get_by_role("button", name="取消签约")).to_be_visible()
    with system("a test looks"):
        assert Agreement.objects.get(student=world.student).in_force
    phone.page.get_by_role("button", name="取消签约").click()
    phone.look()
    with system("a test looks; from now on accepting is signing"):
        assert SigningInvitation.objects.get().state == "retracted"
        assert not Agreement.objects.get(student=world.student).in_force
        make.setting(world, consideration_hours=0)
        policy.forget()
    offer(desk, world)
    accept(phone)
    phone.page.goto(phone.base + "/student/signing/agreement/")
    phone.look(*WORDS).get_by_role("button", name="生成协议书").click()
    row = stamp(phone, world, photo)
    assert row.mode == Agreement.Mode.ONLINE
    lives.reported(visit, world, world.student, tmp_path)
