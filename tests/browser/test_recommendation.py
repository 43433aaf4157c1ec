"""A recommendation form's whole life: written on a phone with a cropped picture, reviewed, printed, verified by a stranger, sent back."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from PIL import Image
from playwright.sync_api import expect
from pypdf import PdfReader

from models.recommendations.models import RecommendationForm
from tests.factories import people
from tests.recommendations.conftest import WRITTEN, approve_profile, picture
from workflows.levels import Status
from workflows.scoping import system

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PASSWORD = "Test-2027!"
FORM = "/student/matters/recommendationform/"
ROOT = "/admin/recommendations/recommendationform/"
WORDS = ("JPG", "PNG", "CET", "SHA", "jpg", "photo")


@pytest.fixture
def world():
    with system("a test sets up its world"):
        made = people.school()
        made.staff = people.reviewers(made)
        made.student = people.student(made, name="孙𬱖㐂")
        approve_profile(made.student, made.staff)
        return made


def test_a_forms_life(visit, world, tmp_path):
    student = visit.phone()
    student.log_in(world.student.user.username, PASSWORD)
    write(student, tmp_path)
    submitted(world)
    for level in ("counselor", "college"):
        reviewer = visit.desk()
        reviewer.log_in(getattr(world.staff, level).username, PASSWORD)
        approve(reviewer)
    pdf = download(student, tmp_path)
    text = PdfReader(io.BytesIO(pdf.read_bytes())).pages[0].extract_text()
    assert "孙𬱖㐂" in text
    stranger = visit.phone()
    token = re.search(r"验证码：(\S{22})", text).group(1)
    address = f"/verify/{token}/"
    verify(stranger, address, pdf)
    print_many(reviewer)
    send_back(reviewer)
    stranger.page.goto(stranger.base + address)
    expect(stranger.page.locator("main")).to_contain_text("无效")


def write(student, folder: Path) -> None:
    page = student.go("/student/")
    page.locator(".task", has_text="填写就业推荐表").get_by_role("button", name="开始填写").click()
    student.look(*WORDS)
    page.locator("textarea[name=experience]").fill("2023\n2024\n2025\n2026\n2027")
    expect(page.locator("#f-experience-count")).to_contain_text("超出限制：5 / 4 行")
    for name, value in WRITTEN.items():
        page.locator(f"[name={name}]").fill(value)
    expect(page.locator("#f-experience-count")).to_contain_text("已写 2 / 4 行")
    photo = folder / "photo.jpg"
    photo.write_bytes(picture((1200, 900)))
    page.set_input_files("input[name='evidence.photo']", photo)
    frame = page.locator(".crop-frame")
    frame.wait_for()
    crop = page.locator("input[name='evidence.photo.crop']")
    before = crop.input_value()
    frame.focus()
    page.keyboard.press("ArrowRight")
    expect(crop).not_to_have_value(before)
    student.look(*WORDS)
    student.press(page.get_by_role("button", name="上传", exact=True))
    page.get_by_text("文件已上传").wait_for()
    student.look(*WORDS)
    preview = page.get_by_role("link", name=re.compile("预览")).get_attribute("href")
    answer = page.request.get(student.base + preview)
    assert "草稿预览" in PdfReader(io.BytesIO(answer.body())).pages[0].extract_text()
    student.press(page.get_by_role("button", name="提交审核"))
    page.get_by_text("已提交审核").wait_for()
    student.look(*WORDS)


def submitted(world) -> None:
    with system("a test looks"):
        record = RecommendationForm.objects.get(student=world.student)
        assert record.status == Status.PENDING_COUNSELOR
        with default_storage.open(record.evidence()[0].stored.name) as file:
            assert Image.open(io.BytesIO(file.read())).size == (413, 579)


def approve(reviewer) -> None:
    page = reviewer.go(f"{ROOT}?status=waiting")
    page.get_by_role("link", name="孙𬱖㐂").first.click()
    reviewer.look(*WORDS)
    expect(page.locator(".rv-thumb")).to_be_visible()
    page.get_by_role("button", name=re.compile("^通过并看下一条")).click()
    reviewer.settle().wait_for_url("**/queue-end/**")


def download(student, folder: Path) -> Path:
    page = student.go("/student/")
    page.goto(student.base + FORM)
    student.look(*WORDS)
    with page.expect_download() as got:
        page.get_by_role("link", name="下载 PDF").click()
    target = folder / "form.pdf"
    got.value.save_as(target)
    assert got.value.suggested_filename.endswith("_孙𬱖㐂_就业推荐表.pdf")
    return target


def verify(stranger, address: str, pdf: Path) -> None:
    page = stranger.page
    page.goto(stranger.base + address)  # code and digest are Latin letters: not held against the Chinese of the page
    expect(page.locator("main")).to_contain_text("该文件真实有效")
    expect(page.locator("main")).not_to_contain_text("孙𬱖㐂")
    page.set_input_files("input[name=file]", pdf)
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("完全一致").wait_for()
    changed = pdf.with_name("altered.pdf")
    changed.write_bytes(pdf.read_bytes().replace(b"%%EOF", b"%%EOF "))
    page.set_input_files("input[name=file]", changed)
    page.get_by_role("button", name="核对文件").click()
    page.get_by_text("请勿采信").wait_for()
    stranger.go("/verify/")


def print_many(reviewer) -> None:
    page = reviewer.go(f"{ROOT}?status=approved")
    page.locator("input[name=ids]").first.check()
    page.get_by_role("button", name="打印 PDF").click()
    reviewer.look(*WORDS)
    expect(page.locator("body")).to_contain_text("可以打印 1 份")
    page.get_by_role("button", name="打印 1 份").click()
    page.get_by_text("已开始打印").wait_for()
    reviewer.look(*WORDS)


def send_back(reviewer) -> None:
    page = reviewer.go(f"{ROOT}?status=approved")
    reviewer.press(page.get_by_role("link", name="孙𬱖㐂").first)
    page.get_by_role("button", name=re.compile("^退回…")).click()
    page.get_by_label("证件照不符合要求").check()
    page.get_by_role("button", name="退回修改").click()
    reviewer.settle().get_by_text("已退回").first.wait_for()
