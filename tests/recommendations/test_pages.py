"""就业推荐表 as the student meets it: filling in, picture, draft preview, submission, the printed form; page and API."""

from __future__ import annotations

import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pypdf import PdfReader

from models.audit.models import Action, AuditEntry
from models.documents.models import IssuedDocument
from models.recommendations.models import RecommendationForm
from tests.factories import people
from tests.recommendations.conftest import WRITTEN, approve_profile, approved, picture
from workflows.levels import Status
from workflows.scoping import system, within

PAGE = "/student/matters/recommendationform/"
API = "/api/matters/recommendationform/"


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def fresh(place):
    """Another student with approved 生源信息 and nothing written yet: `.student .client`."""
    other = people.student(place)
    approve_profile(other, place.reviewers)
    with within(None):
        yield other, client_of(other.user)


def record_of(student) -> RecommendationForm:
    with system("look"):
        return RecommendationForm.objects.select_related("student__user").get(student=student)


def test_from_nothing_to_submitted_without_script(fresh):
    student, client = fresh
    assert "就业推荐表" in client.get("/student/").content.decode()
    assert client.post(PAGE + "begin/").status_code == 302
    page = client.get(PAGE).content.decode()
    assert "上传材料" in page
    assert 'data-crop="413:579"' in page
    assert "最多 4 行，每行最多 60 个字" in page
    record = record_of(student)
    answer = client.post(PAGE, {"version": record.version, "do": "submit", **WRITTEN})
    assert "请上传证件照。" in answer.content.decode()
    record = record_of(student)
    photo = SimpleUploadedFile("我.jpg", picture((1200, 900)))
    data = {
        "version": record.version,
        "do": "submit",
        "evidence.photo": photo,
        "evidence.photo.crop": "0.2,0,0.5,1",
        **WRITTEN,
    }
    assert client.post(PAGE, data).status_code == 302
    assert record_of(student).status == Status.PENDING_COUNSELOR


def test_a_picture_that_is_not_taken_is_said_beside_it(fresh):
    student, client = fresh
    client.post(PAGE + "begin/")
    photo = SimpleUploadedFile("我.jpg", picture((200, 280)))
    answer = client.post(PAGE, {"version": 1, "do": "attach", "evidence.photo": photo, **WRITTEN})
    page = answer.content.decode()
    assert page.count("短边至少 295 像素") == 2  # in the list on top and beside the picture
    assert record_of(student).awards == WRITTEN["awards"]  # what was typed is kept


def test_too_long_is_refused_and_nothing_lost(fresh):
    student, client = fresh
    client.post(PAGE + "begin/")
    answer = client.post(PAGE, {"version": 1, "do": "save", **WRITTEN, "experience": "a\nb\nc\nd\ne"})
    assert "最多 4 行，现在有 5 行" in answer.content.decode()
    assert record_of(student).experience == ""
    assert record_of(student).awards == WRITTEN["awards"]


def test_a_draft_is_previewed_and_says_so(place):
    with within(None):
        answer = client_of(place.student.user).get(PAGE + "preview/")
    assert answer.headers["Content-Type"] == "application/pdf"
    text = PdfReader(io.BytesIO(answer.content)).pages[0].extract_text()
    assert "草稿预览" in text
    assert place.student.name in text
    assert not IssuedDocument._base_manager.exists()


def test_the_form_is_printed_after_approval_and_stays_the_same_file(place):
    with within(None):
        client = client_of(place.student.user)
        early = client.get(PAGE + "pdf/", follow=True)
        assert "审核通过后才能打印" in early.content.decode()
    with system("review"):
        approved(place.form, place.reviewers)
    with within(None):
        assert "下载 PDF" in client.get(PAGE).content.decode()
        first, second = (b"".join(client.get(PAGE + "pdf/").streaming_content) for _once in range(2))
    assert first == second
    assert first.startswith(b"%PDF-")
    assert IssuedDocument._base_manager.count() == 1
    assert AuditEntry.unscoped.filter(action=Action.ISSUE).count() == 2


def test_others_get_nothing(place):
    with system("another student"):
        other = people.student(place).user
        kept = place.form.evidence()[0].pk
    with within(None):
        client = client_of(other)
        for address in ("pdf/", "preview/", f"evidence/{kept}/"):
            assert client.get(PAGE + address).status_code == 404
        assert client.get(f"{API}{place.form.pk}/evidence/{kept}/").status_code == 404
        assert client.delete(f"{API}{place.form.pk}/evidence/{kept}/").status_code == 404
        assert client_of(place.student.user).get(f"{PAGE}evidence/{kept}/").status_code == 200
        assert Client().get(f"{API}{place.form.pk}/evidence/{kept}/").status_code == 401


def test_by_the_api(fresh):
    student, client = fresh
    made = client.post(API)
    assert made.status_code == 201
    kinds = made.json()["evidence"]
    assert [(kind["kind"], kind["required"], kind["writable"], kind["files"]) for kind in kinds] == [
        ("photo", True, True, [])
    ]
    fields = {field["name"]: field for field in made.json()["fields"]}
    assert fields["experience"]["limits"] == {"lines": 4, "width": 60}
    assert fields["self_recommendation"]["limits"] == {"characters": 300, "lines": 8}
    answer = client.post(
        f"{API}mine/evidence/", {"kind": "photo", "file": SimpleUploadedFile("a.png", picture(kind="PNG"))}
    )
    assert answer.status_code == 201
    kept = answer.json()["evidence"][0]["files"][0]
    assert client.get(f"{API}mine/evidence/{kept['id']}/").headers["Content-Disposition"].startswith("attachment")
    assert client.delete(f"{API}mine/evidence/{kept['id']}/").json()["evidence"][0]["files"] == []
    assert client.get(f"{API}mine/evidence/{kept['id']}/").status_code == 404
    bad = client.post(f"{API}mine/evidence/", {"kind": "photo", "file": SimpleUploadedFile("a.jpg", b"<svg>")})
    assert bad.status_code == 400
    assert "只接受 JPG、PNG 格式" in json.dumps(bad.json(), ensure_ascii=False)
    assert (
        client.post(f"{API}mine/evidence/", {"kind": "x", "file": SimpleUploadedFile("a.jpg", b"x")}).status_code == 404
    )
    for crop in ("", "1,2", "a,b,c,d", "nan,nan,nan,nan", "inf,0,1,1", "-1,0,1,1", "0,0,1,1"):
        photo = SimpleUploadedFile("a.jpg", picture((600, 800), colour=f"#00{len(crop):02x}00"))
        assert client.post(f"{API}mine/evidence/", {"kind": "photo", "file": photo, "crop": crop}).status_code in (
            201,
            400,
        )
    assert record_of(student).status == Status.DRAFT
