"""A school's own file field: what is taken, how it is given back, and to whom (security rows C4, C5)."""

from __future__ import annotations

import io
import json
import os

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from models.audit.models import Action, AuditEntry
from models.jobs import strays
from models.jobs.files import store_private
from models.students.models import GraduateProfile
from models.transfer.models import ImportRow, ImportRun
from tests.evidence.test_files import GIF, pdf
from tests.factories import people
from workflows import policy
from workflows.models import ExtraField
from workflows.scoping import system

URL = "/api/matters/graduateprofile/mine/"
FILE = URL + "files/proof/"
PAGE = "/student/matters/graduateprofile/"
PDF = pdf()

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def field(place):
    with system("settings"):
        return ExtraField.objects.create(
            matter=policy.label(GraduateProfile), school=place.school, key="proof", label="困难证明", kind="file"
        )


def upload(client, content=PDF, name="证明.pdf", version=1):
    return client.post(FILE, {"version": version, "file": SimpleUploadedFile(name, content)})


def picture(kind="JPEG", size=(40, 30), exif=b""):
    out = io.BytesIO()
    Image.new("RGB", size, "navy").save(out, kind, **({"exif": exif} if exif else {}))
    return out.getvalue()


def test_round_trip_with_closed_headers_and_an_audit_row(place, student_client, fresh):
    assert upload(student_client).status_code == 200
    kept = fresh(place.record).extra["proof"]
    assert kept["name"] == "证明.pdf"
    assert kept["stored"].startswith("proofs/")
    assert "证明" not in kept["stored"]
    answer = student_client.get(FILE)
    assert b"".join(answer.streaming_content) == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer.headers["Cache-Control"]
    assert AuditEntry.unscoped.filter(action=Action.VIEW_FILE, object_id=str(place.record.pk)).count() == 1
    assert student_client.get(PAGE + "files/proof/").status_code == 200


def test_nobody_else_gets_it(place, student_client, client, client_of):
    upload(student_client)
    with system("another student"):
        other = people.student(place).user
    foreign = f"/api/matters/graduateprofile/{place.record.pk}/files/proof/"
    assert client.get(FILE).status_code == 401
    assert client_of(other).get(foreign).status_code == 404
    assert client_of(other).get(FILE).status_code == 404
    assert client_of(other).get(PAGE + "files/proof/").status_code == 404


@pytest.mark.parametrize(
    "name", ["../../etc/passwd.pdf", "a\r\nX: y.pdf", "‮gpj.exe.pdf", "长" * 300 + ".pdf", "con.pdf", "<b>.pdf"]
)
def test_a_persons_file_name_reaches_neither_disk_nor_header(place, student_client, fresh, name):
    answer = upload(student_client, name=name)
    if "\n" in name:  # breaks the part's own header: there is no file in what arrives
        assert (answer.status_code, fresh(place.record).extra) == (400, {})
        return
    kept = fresh(place.record).extra["proof"]
    assert default_storage.exists(kept["stored"])
    assert ".." not in kept["stored"]
    header = student_client.get(FILE).headers["Content-Disposition"]
    assert "\r" not in header
    assert "\n" not in header
    assert "/" not in kept["name"]
    assert "‮" not in kept["name"]
    assert len(kept["name"]) <= 120


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.html", b"<script>alert(1)</script>"), ("a.svg", b"<svg onload=alert(1)>"), ("a.pdf", b"<html>"), ("a.jpg", GIF), ("a.pdf", pdf(script="app.alert(1)")),
        ("a.pdf", pdf(attachment=True)), ("a.jpg", picture()[:100]), ("a.exe", b"MZ"), ("a", PDF), ("a.png", picture("PNG", (6000, 5000))),
    ],
    ids=["html", "svg", "html as pdf", "gif as jpg", "script", "attachment", "cut short", "exe", "no extension", "30 million pixels"],
)  # fmt: skip
def test_refused_with_a_sentence(place, student_client, fresh, name, content):
    answer = upload(student_client, content, name)
    assert answer.status_code == 400
    assert "extra.proof" in answer.json()["errors"]
    assert fresh(place.record).extra == {}


def test_too_big(place, student_client, monkeypatch):
    monkeypatch.setattr("models.evidence.uploads.MEGABYTES", 0)
    assert upload(student_client).status_code == 400


def test_a_picture_is_written_anew_without_what_the_phone_put_in(place, student_client, fresh):
    exif = Image.Exif()
    exif[0x010F] = "SecretMaker"
    assert (
        upload(student_client, picture(exif=exif.tobytes()) + b"<script>hidden</script>", "照片.jpg").status_code == 200
    )
    with default_storage.open(fresh(place.record).extra["proof"]["stored"]) as file:
        content = file.read()
    assert b"SecretMaker" not in content
    assert b"script" not in content
    assert Image.open(io.BytesIO(content)).size == (40, 30)


def test_a_picture_is_called_what_it_is(place, student_client, fresh):
    """PNG and JPEG are both written anew as JPEG, whatever the ending said."""
    assert upload(student_client, picture("PNG"), "照片.png").status_code == 200
    kept = fresh(place.record).extra["proof"]
    assert kept["name"] == "照片.jpg"
    assert kept["stored"].endswith(".jpg")
    with default_storage.open(kept["stored"]) as file:
        assert Image.open(file).format == "JPEG"


def test_a_file_field_cannot_be_spelled_out(place, student_client, fresh):
    forged = {"name": "x.pdf", "stored": "jobs/2026/11/secret.xlsx", "size": 1}
    for value in (forged, json.dumps(forged), "jobs/2026/11/secret.xlsx"):
        answer = student_client.patch(
            URL, json.dumps({"version": 1, "values": {"extra.proof": value}}), content_type="application/json"
        )
        assert answer.status_code == 400
    assert fresh(place.record).extra == {}


def test_by_the_page_without_script(place, student_client, fresh):
    answer = student_client.post(
        PAGE, {"version": 1, "do": "upload", "home_address": "新址", "extra.proof": SimpleUploadedFile("证明.pdf", PDF)}
    )
    assert answer.status_code == 302
    assert fresh(place.record).extra["proof"]["name"] == "证明.pdf"
    assert fresh(place.record).home_address == "新址"
    assert "已上传" in student_client.get(PAGE).content.decode()


def test_a_hidden_field_gives_nothing(place, student_client, field):
    upload(student_client)
    with system("settings"):
        field.mode = "hidden"
        field.save()
    assert student_client.get(FILE).status_code == 404


def test_a_file_stays_as_long_as_an_earlier_version_or_an_undo_names_it(place, student_client, fresh):
    """The upkeep of strays: a replaced file is still shown in the history of the record."""
    upload(student_client)
    first = fresh(place.record).extra["proof"]["stored"]
    upload(student_client, version=fresh(place.record).version)
    second = fresh(place.record).extra["proof"]["stored"]
    undone, stray = (store_private("x.pdf", PDF, "proofs") for _ in range(2))
    with system("an import that can be undone"):
        run = ImportRun.objects.create(kind="students", school=place.school, org_path=place.school.path)
        ImportRow.objects.create(
            run=run, number=2, status="updated", undo={"profile": [1, 1, {"extra": {"proof": {"stored": undone}}}]}
        )
    for name in (first, second, undone, stray):
        os.utime(default_storage.path(name), (0, 0))
    assert first != second
    strays.sweep("proofs")
    assert [default_storage.exists(name) for name in (first, second, undone, stray)] == [True, True, True, False]
