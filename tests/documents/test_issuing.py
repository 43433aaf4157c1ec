"""Documents given out: one, many, in a zip, in one file, by command; and what verification says of them afterwards."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from exports.documents import printing
from exports.documents.forms import PrintedForm
from exports.documents.issuing import issued
from exports.documents.kinds import KIND, ONE_FILE, ZIP
from exports.documents.recommendation import FORM
from exports.selection import Selection
from models.accounts.models import User
from models.documents.models import IssuedDocument
from models.documents.services import REVOKED, SUPERSEDED, VALID, by_content, newest, state
from models.evidence.services import attach
from models.jobs import files
from models.jobs.models import Job
from models.jobs.services import start
from models.notices.models import Notice
from models.recommendations.models import RecommendationForm
from tests.factories import people
from tests.recommendations.conftest import approve_profile, approved, form_of, picture, place, upload
from workflows import requests
from workflows.actions import perform, save_fields
from workflows.batch import perform_many
from workflows.errors import Refused, WrongState
from workflows.levels import Verb
from workflows.scoping import system, within

__all__ = ["place"]


def content_of(document: IssuedDocument) -> bytes:
    with default_storage.open(document.stored.name, "rb") as file:
        return file.read()


@pytest.fixture
def document(place) -> IssuedDocument:
    approved(place.form, place.reviewers)
    return issued(FORM, place.form, by=place.student.user, base="https://jiuye.example.edu.cn")


@pytest.fixture
def visitor() -> Client:
    """Somebody off the street."""
    return Client()


def verdict(visitor: Client, document: IssuedDocument) -> str:
    with within(None):
        page = visitor.get(f"/verify/{document.token}/").content.decode()
    return next(word for word in ("该文件真实有效", "失效", "目前未审核通过", "内容已有更正") if word in page)


def test_only_an_approved_form_is_given_out(place):
    with pytest.raises(WrongState, match="审核通过后才能打印"):
        issued(FORM, place.form, by=None)
    assert not IssuedDocument._base_manager.exists()


def test_what_the_page_tells_a_stranger(document, place, visitor):
    with within(None):
        page = visitor.get(f"/verify/{document.token}/").content.decode()
    assert "该文件真实有效" in page
    assert document.sha256 in page
    for public in ("嘉陵大学", "2027届", "第1学院", f"{place.student.name[0]}**"):
        assert public in page
    record = place.form
    for private in (
        place.student.name,
        place.student.number,
        place.student.id_number,
        record.phone,
        record.email,
        "校级一等奖学金",
        "_照片",
    ):
        assert private not in page


def test_unknown_codes_look_alike(document, visitor):
    with within(None):
        for token in ("x", document.token[:-1], document.token.swapcase(), "../../etc", "a" * 400, "%00"):
            answer = visitor.get(f"/verify/{token}/")
            assert answer.status_code == 404
            assert answer.content
        assert visitor.post("/verify/", {"token": "nothing"}).status_code == 404
        assert visitor.post("/verify/", {"token": f" {document.token} "}).status_code == 302


def test_the_file_is_told_from_an_altered_one(document, visitor):
    pdf = content_of(document)
    place_of_change = len(pdf) // 2
    altered = pdf[:place_of_change] + bytes([pdf[place_of_change] ^ 1]) + pdf[place_of_change + 1 :]
    held = set(default_storage.listdir("documents")[0])
    with within(None):
        for address in ("/verify/", f"/verify/{document.token}/"):
            same = visitor.post(address, {"file": SimpleUploadedFile("a.pdf", pdf)})
            assert "完全一致" in same.content.decode()
            other = visitor.post(address, {"file": SimpleUploadedFile("a.pdf", altered)}).content.decode()
            assert "完全一致" not in other
            assert "请勿采信" in other
        assert visitor.post("/verify/", {}).status_code == 400
    assert set(default_storage.listdir("documents")[0]) == held  # nothing of it was kept


def test_a_form_sent_back_ends_its_paper_for_good(document, place, visitor):
    perform(place.form, Verb.RETURN, by=place.reviewers.college, reasons=["证件照不符合要求"])
    document.refresh_from_db()
    assert state(document).value == REVOKED
    assert verdict(visitor, document) == "失效"
    approved(place.form, place.reviewers)
    document.refresh_from_db()
    assert state(document).value == REVOKED
    again = issued(FORM, place.form, by=place.student.user)
    assert again.pk != document.pk
    assert state(again).value == VALID


def test_a_batch_return_ends_it_too(document, place):
    perform_many(
        RecommendationForm.objects.filter(pk=place.form.pk), Verb.RETURN, by=place.reviewers.college, text="重填"
    )
    document.refresh_from_db()
    assert document.revoked_at


def test_a_correction_supersedes_it(document, place, visitor):
    save_fields(place.form, {"awards": "2025.12 省级三好学生"}, by=place.reviewers.college)
    document.refresh_from_db()
    assert state(document).value == SUPERSEDED
    assert verdict(visitor, document) == "内容已有更正"
    assert newest(place.form, FORM.kind) is None
    assert state(issued(FORM, place.form, by=None)).value == VALID


def test_another_name_or_picture_supersedes_it(document, place):
    place.student.name = "张㐂"
    place.student.save()
    assert state(document).value == SUPERSEDED
    place.form.refresh_from_db(fields=["awards"])
    fresh = RecommendationForm.objects.get(pk=place.form.pk)
    second = issued(FORM, fresh, by=None)
    attach(fresh, "photo", upload(picture(colour="red")), place.reviewers.college)
    assert state(second).value == SUPERSEDED


def test_a_change_asked_for_and_refused_leaves_it_valid(document, place):
    asked = requests.ask(place.form, {"awards": "无"}, "写错了", by=place.student.user)
    assert state(document).value == VALID
    requests.decide(asked, accept=False, by=place.reviewers.college, opinion="与档案一致")
    assert state(document).value == VALID
    assert issued(FORM, RecommendationForm.objects.get(pk=place.form.pk), by=None).pk == document.pk


def test_a_full_disk_leaves_no_document(place, monkeypatch):
    """Security G2."""
    approved(place.form, place.reviewers)

    def full(path, fileobj) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    with pytest.raises(Refused, match="磁盘空间不足"):
        issued(FORM, place.form, by=None)
    assert not IssuedDocument._base_manager.exists()


@pytest.fixture
def three(place) -> list[RecommendationForm]:
    """Three approved forms in two classes, and one that is not."""
    found = [approved(place.form, place.reviewers)]
    found[0].student.unit_id = place.classes[1].pk
    place.student.unit = place.classes[1]
    place.student.save()
    for number in range(3):
        student = people.student(place)
        approve_profile(student, place.reviewers)
        record = form_of(student)
        found.append(approved(record, place.reviewers) if number < 2 else record)
    return found


def run(by: User, how: str, ids: list[int], form: PrintedForm = FORM) -> Job:
    payload = {"form": form.kind, "ids": ids, "how": how, "base": "https://jiuye.example.edu.cn"}
    return start(KIND, owner=by, payload=payload, immediately=True)


def test_a_zip_sorted_by_class(three, place):
    job = run(place.reviewers.school, ZIP, [record.pk for record in three])
    assert (job.status, job.result["printed"], job.result["refused"]) == ("done", 3, 1)
    told = Notice._base_manager.get(key=f"print:{job.pk}")
    assert told.title == "打印完成：就业推荐表 3 份"
    assert "另有 1 份还不能打印" in told.body
    with default_storage.open(job.result_file.name) as file, zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        assert [name.split("/")[1] for name in names] == ["专业11-2301", "专业11-2301", "专业11-2302"]
        found = by_content(archive.read(names[0]))
    assert len(found) == 1
    assert found[0].record_id in {record.pk for record in three}
    run(place.reviewers.school, ZIP, [record.pk for record in three])
    assert IssuedDocument._base_manager.count() == 3  # those that hold are not made again


def test_one_file_in_which_each_has_its_own_code(three, place, visitor):
    job = run(place.reviewers.school, ONE_FILE, [record.pk for record in three])
    with default_storage.open(job.result_file.name) as file:
        content = file.read()
    reader = PdfReader(io.BytesIO(content))
    assert len(reader.pages) == 3
    documents = by_content(content)
    assert [document.page for document in documents] == [1, 2, 3]
    for document, page in zip(documents, reader.pages, strict=True):
        assert document.token in page.extract_text()
        assert state(document).value == VALID
    with within(None):
        page = visitor.post("/verify/", {"file": SimpleUploadedFile("a.pdf", content)}).content.decode()
    assert "共含 3 份" in page


def test_more_than_one_file_can_hold_are_refused_with_the_way_out(three, place, client, monkeypatch, capsys):
    """A PDF is put together in memory; separate files are not, so they are what is offered."""
    monkeypatch.setattr("exports.documents.kinds.ONE_FILE_MOST", 2)
    sentence = (
        "一个 PDF 文件最多合并 2 份，这里有 3 份。请改选“每人一个 PDF 文件，按班级打包下载”，或按院系、班级分批打印。"
    )
    keys = [record.pk for record in three]
    job = run(place.reviewers.school, ONE_FILE, keys)
    assert (job.status, job.error) == ("failed", sentence)
    assert not IssuedDocument._base_manager.exists()
    with within(None), pytest.raises(CommandError, match="最多合并 2 份"):
        call_command("print_recommendations", school="19901", cohort=2027, out="/nonexistent", one_file=True)
    assert run(place.reviewers.school, ZIP, keys).status == "done"
    client.force_login(place.reviewers.school, backend="models.accounts.backends.FunctionBackend")
    url = reverse("admin:recommendations_recommendationform_print")
    chosen = {"selection": Selection("recommendations.recommendationform", ids=tuple(keys)).as_json()}
    for how in ("", ONE_FILE):
        page = client.post(url, {**chosen, "how": how})
        assert sentence in page.text
        assert 'value="zip" checked' in page.text
        assert 'value="file"' not in page.text


def test_nobody_prints_beyond_their_scope(three, place):
    other = people.staff("college", place.colleges[1])
    job = run(other, ZIP, [record.pk for record in three])
    assert job.status == "failed"
    assert not IssuedDocument._base_manager.exists()


def test_many_are_laid_out_in_processes_of_their_own(three, place, monkeypatch):
    monkeypatch.setattr("exports.documents.pool.INLINE", 1)
    ids = [record.pk for record in three[:3]]
    made = [document for _record, document in printing.separately(FORM, RecommendationForm, ids, by=None)]
    assert [document.record_id for document in made] == ids
    assert all(
        document.token in PdfReader(io.BytesIO(content_of(document))).pages[0].extract_text() for document in made
    )


def test_the_command_writes_the_same(three, place, tmp_path, capsys):
    with within(None):
        call_command("print_recommendations", school="19901", cohort=2027, out=tmp_path)
        assert "已打印 3 份" in capsys.readouterr().out
        written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.pdf"))
        assert [name.split("/")[:2] for name in written] == [["第1学院", "专业11-2301"]] * 2 + [
            ["第1学院", "专业11-2302"]
        ]
        call_command("print_recommendations", school="19901", cohort=2027, out=tmp_path / "one", one_file=True)
        assert len(list((tmp_path / "one").iterdir())) == 1
        for wrong in ({"school": "99999", "cohort": 2027}, {"school": "19901", "cohort": 1999}):
            with pytest.raises(CommandError, match="没有找到学校"):
                call_command("print_recommendations", out=tmp_path, **wrong)


def test_the_back_office_prints_one_and_many(three, place):
    with system("test"):
        user = people.staff("school", place.center)
    client = Client()
    client.force_login(user, backend="models.accounts.backends.FunctionBackend")
    root = "/admin/recommendations/recommendationform/"
    with within(None):
        page = client.get(f"{root}{three[0].pk}/change/").content.decode()
        assert "下载就业推荐表 PDF" in page
        assert "证件照" in page
        one = client.get(f"{root}{three[0].pk}/pdf/")
        assert b"".join(one.streaming_content).startswith(b"%PDF-")
        selection = Selection("recommendations.recommendationform", (place.cohort.pk,)).as_json()
        asked = client.post(f"{root}print/", {"selection": selection, "all": "1"}).content.decode()
        assert "可以打印 <b>3</b> 份" in asked
        assert client.post(f"{root}print/", {"selection": selection, "all": "1", "how": "zip"}).status_code == 302
        assert client.get(f"{root}print/").status_code == 302
        kept = three[3].evidence()[0]
        assert client.get(f"{root}{three[3].pk}/evidence/{kept.pk}/").status_code == 200
        assert client.get(f"{root}{three[3].pk}/evidence/999999/").status_code == 404
        new = {"kind": "photo", "evidence.photo": upload(picture(colour="green"))}
        assert client.post(f"{root}{three[3].pk}/evidence/", new).status_code == 302
        assert client.post(f"{root}{three[3].pk}/evidence/", {"remove": "999999"}).status_code == 302
    begun = Job.objects.get(kind=KIND)
    assert (begun.payload["how"], len(begun.payload["ids"])) == ("zip", 4)
    assert [one.pk for one in RecommendationForm._base_manager.get(pk=three[3].pk).evidence()] != [kept.pk]
