"""The main job as people do it: a roster comes in, a student checks it on a phone, four levels review it, the result goes out."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import expect

from models.accounts.models import User
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.levels import Status
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HEADERS = [
    "学号",
    "姓名",
    "性别",
    "身份证号",
    "考生号",
    "民族",
    "政治面貌",
    "学院",
    "专业",
    "班级",
    "学历",
    "学制",
    "培养方式",
    "生源地代码",
    "城乡生源",
    "入学年份",
    "毕业年份",
    "毕业时间",
    "师范生类别",
    "困难生类别",
    "手机号码",
    "电子邮箱",
    "家庭地址",
]
NUMBER, ID = "20230090001", people.id_number(4321)


@pytest.fixture
def world():
    with system("a test sets up its world"):
        people.load_codes()
        made = people.school()
        made.staff = people.reviewers(made)
        return made


def roster(path: Path, made, rows: int = 3) -> Path:
    """A workbook as an office has it: a title, a note, other header words, one row that cannot be meant."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "名单"
    sheet.append(["嘉陵大学2027届毕业生名单"])
    sheet.append(
        [
            {"身份证号": "身份证号码", "学院": "所在学院", "手机号码": "联系电话"}.get(header, header)
            for header in HEADERS
        ]
    )
    for n in range(rows):
        wrong = n == rows - 1
        sheet.append([
            f"2023009000{n + 1}", f"张三{'丰阳光'[n]}", "男", people.id_number(4321 + n)[: 17 if wrong else 18], f"2399000000{n:04d}", "汉", "团员",
            made.colleges[0].name, made.majors[0].name, made.classes[0].name, "本科", 4, "非定向", "500103", "城镇", 2023, "2027", "2027年6月", "非师范生",
            "非困难生", "+86 199-0000-000" + str(n), f"s{n}@example.edu.cn", "示例省示例市示例区示例路1号",
        ])  # fmt: skip
    book.save(path)
    return path


def test_from_roster_to_export(visit, world, tmp_path):
    office = visit.desk()
    office.log_in(world.staff.school.username, people.demo_password())
    import_the_roster(office, roster(tmp_path / "名单.xlsx", world))

    student = visit.phone()
    activate(student)
    check_and_submit(student)

    for level in ("counselor", "college", "school"):
        reviewer = visit.desk()
        reviewer.log_in(getattr(world.staff, level).username, people.demo_password())
        approve_from_the_queue(reviewer)
    with system("a test looks at the outcome"):
        assert GraduateProfile.objects.get(student__number=NUMBER).status == Status.APPROVED

    page = student.go("/student/")
    expect(page.locator("main")).to_contain_text("审核通过")
    exported = export_approved(office, tmp_path)
    assert [row for row in exported if row[exported[0].index("学号")] == NUMBER]


def import_the_roster(office, path: Path) -> None:
    page = office.go("/admin/transfer/importrun/upload/?kind=students")
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="上传并匹配列").click()
    office.look()
    expect(page.get_by_role("button", name="开始核对")).to_be_visible()
    assert "必需的列还没有对应" not in page.inner_text("body")
    page.get_by_role("button", name="开始核对").click()
    page.get_by_role("button", name="确认导入").wait_for()
    office.look()
    page.get_by_role("button", name="确认导入").click()
    page.get_by_text("下载有误数据").wait_for()
    office.look()
    expect(page.locator("body")).to_contain_text("身份证号应为 18 位")
    with page.expect_download() as download:
        page.get_by_text("下载有误数据").click()
    wrong = path.with_name("有误数据.xlsx")
    download.value.save_as(wrong)
    rows = list(openpyxl.load_workbook(wrong).active.values)
    assert "错误原因" in rows[-2]
    assert any("18 位" in str(cell) for cell in rows[-1])
    with system("a test looks at the outcome"):
        assert GraduateProfile.objects.count() == 2


def activate(student) -> None:
    page = student.go("/activate/")
    page.get_by_label("学号").fill(NUMBER)
    page.get_by_label("姓名").fill("张三丰")
    page.get_by_label("证件号").fill(ID)
    page.get_by_role("button", name="下一步").click()
    student.look()
    for field in page.locator("input[type=password]").all():
        field.fill("Ocean-Wave-27")
    for name, value in (("phone", "19912345678"), ("email", "zsf@example.edu.cn")):
        page.locator(f"input[name={name}]").fill(value)
    page.locator("input[name=consent]").check()
    student.press(page.get_by_role("button", name="完成激活"))
    page.wait_for_url("**/student/")
    student.look()
    with system("a test reads the mailbox"):
        assert User.objects.get(student__number=NUMBER).email == ""
    page.get_by_role("link", name="填写验证码").click()
    student.look()


def check_and_submit(student) -> None:
    page = student.go("/student/matters/graduateprofile/")
    expect(page.get_by_text(NUMBER).first).to_be_visible()
    page.locator("input[name=home_address]").fill("")
    student.press(page.get_by_role("button", name="提交审核"))
    student.look()
    expect(page.locator("main")).to_contain_text("请填写家庭地址")
    page.locator("input[name=home_address]").fill("示例省示例市示例区新路9号")
    student.press(page.get_by_role("button", name="保存草稿"))
    student.look()
    student.press(page.get_by_role("button", name="提交审核"))
    student.look()
    expect(page.locator("main")).to_contain_text(re.compile("辅导员待审|等待辅导员"))


def approve_from_the_queue(reviewer) -> None:
    """From the blue number to the record, by keyboard to the end of the queue."""
    page = reviewer.go("/admin/students/graduateprofile/overview/")
    page.get_by_role("link", name="待我办理").first.click()
    reviewer.look()
    page.get_by_role("link", name="张三丰").first.click()
    reviewer.look()
    expect(page.locator("body")).to_contain_text("示例省示例市示例区新路9号")
    page.keyboard.press("a")
    reviewer.look()
    page.wait_for_url("**/queue-end/**")


def export_approved(office, folder: Path) -> list[tuple]:
    page = office.go("/admin/students/graduateprofile/?status=approved")
    page.get_by_role("link", name="导出").last.click()
    office.look()
    with page.expect_download() as download:
        page.get_by_role("button", name="导出 1 条").click()
    target = folder / "导出.xlsx"
    download.value.save_as(target)
    rows = [row for row in openpyxl.load_workbook(target).active.values if "学号" in row or NUMBER in row]
    assert len(rows) == 2
    return rows
