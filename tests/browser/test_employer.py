"""An employer's life in a browser: registration on a phone, licence, review, a change of data, another school, exclusion."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from models.employers import uscc
from models.employers.models import Employer
from tests.employers.conftest import mailed_code
from tests.factories import people
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
CODE, WORD = uscc.made_up(4711), "Quiet-Harbour-27"


@pytest.fixture
def world():
    with system("a test sets up its world"):
        made = people.school()
        made.other = people.school("19902", "缙云学院")
        made.office = people.staff("school", made.center, name="周老师")
        return made


def licence(folder: Path) -> Path:
    path, out = folder / "营业执照.jpg", io.BytesIO()
    Image.effect_noise((1000, 800), 60).convert("RGB").save(out, "JPEG")
    path.write_bytes(out.getvalue())
    return path


def register(phone) -> None:
    page = phone.go("/employer/register/")
    page.get_by_label("统一社会信用代码").fill(CODE.lower())
    page.get_by_label("单位名称").fill("示例新办有限公司")
    page.get_by_label("首先入驻的学校").select_option(label="嘉陵大学")
    page.get_by_label("联系人姓名").fill("赵经理")
    page.get_by_label("联系人手机").fill("19900000001")
    page.get_by_label("电子邮箱").fill("s1@example.edu.cn")
    page.get_by_label("登录密码", exact=True).fill(WORD)
    page.get_by_label("再输入一次登录密码").fill(WORD)
    page.get_by_label("我已阅读并同意").check()
    phone.press(page.get_by_role("button", name="发送验证码"))
    page = phone.look()
    page.get_by_label("验证码").fill(mailed_code())
    phone.press(page.get_by_role("button", name="完成注册"))
    expect(phone.look().locator("main")).to_contain_text("现在要做")


def fill_in(phone, folder: Path) -> None:
    page = phone.page
    page.get_by_role("link", name="去填写").click()
    page = phone.look()
    page.get_by_label("单位性质").select_option("31")
    page.get_by_label("单位行业").select_option("22")
    place = page.locator("[data-picker='region'] select")
    for step, code in enumerate(("500000", "500103")):
        place.nth(step).select_option(code)
        phone.settle()
    page.get_by_label("通讯地址").fill("示例路1号")
    phone.press(page.get_by_role("button", name="保存草稿").last)
    page = phone.look()
    page.locator("input[type=file]").first.set_input_files(licence(folder))
    phone.press(page.get_by_role("button", name="上传", exact=True).first)
    page = phone.look()
    page.get_by_text("营业执照.jpg").first.wait_for()
    phone.press(page.get_by_role("button", name="提交审核"))
    expect(phone.look().locator("main")).to_contain_text("学校待审")


def approve(desk) -> None:
    page = desk.go("/admin/employers/employerverification/overview/")
    page.get_by_role("link", name="待我办理").first.click()
    page = desk.look()
    page.get_by_role("link", name="示例").first.click()
    page = desk.look()
    page.get_by_role("button", name="通过并看下一条").click()
    desk.look()


def test_from_registration_to_exclusion(visit, world, tmp_path):
    phone, desk = visit.phone(), visit.desk()
    register(phone)
    fill_in(phone, tmp_path)
    desk.log_in(world.office.username, people.demo_password())
    approve(desk)
    page = phone.go("/employer/")
    expect(page.locator("main")).to_contain_text("已入驻")

    # A change of data is reviewed beside what was approved.
    page.get_by_role("link", name="查看单位资料").click()
    page = phone.look()
    page.get_by_role("button", name="修改资料").click()
    page = phone.look()
    page.get_by_label("单位名称").fill("示例更名有限公司")
    phone.press(page.get_by_role("button", name="提交审核"))
    phone.look()
    page = desk.go("/admin/employers/employerverification/?status=waiting")
    page.get_by_role("link", name="示例").first.click()
    expect(desk.look().locator("del").first).to_contain_text("示例新办有限公司")
    desk.page.get_by_role("button", name="通过并看下一条").click()
    desk.look()
    with system("a test looks"):
        row = Employer.objects.get(uscc=CODE)
        assert (row.name, row.former_names) == ("示例更名有限公司", ["示例新办有限公司"])

    # Another school, and an exclusion at the first.
    page = phone.go("/employer/")
    page.get_by_label("申请入驻其他学校").select_option(label="缙云学院")
    phone.press(page.get_by_role("button", name="申请入驻"))
    page = phone.look()
    phone.press(page.get_by_role("button", name="提交审核"))
    expect(phone.look().locator("main")).to_contain_text("学校待审")
    page = desk.go(f"/admin/employers/employer/{row.pk}/blacklist/")
    page.get_by_label("列入原因").fill("招聘信息不实")
    page.get_by_role("button", name="列入名单").click()
    desk.look("https", "www")
    page = phone.go("/employer/")
    expect(page.locator("main")).to_contain_text("已暂停")
    assert "招聘信息不实" not in page.content()
    desk.go("/admin/employers/blacklist/")
    desk.go("/admin/employers/accountappeal/")


@pytest.mark.parametrize("path", ["/employer/register/", "/employer/appeal/", "/employer/appeal/done/"])
def test_the_door_on_phone_and_desk(visit, world, path):
    visit.phone().go(path)
    visit.desk().go(path)
