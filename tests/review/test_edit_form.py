"""The edit form of staff: emptying what is shown masked, and files of a school's own fields."""

from __future__ import annotations

import io

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from models.evidence import uploads
from models.students.models import GraduateProfile
from tests.evidence.test_files import pdf
from tests.review.test_review_page import form_data, post, text_of, url
from workflows import policy
from workflows.levels import Status
from workflows.models import ExtraField
from workflows.scoping import system


class TestEmptying:
    """A masked number starts empty and stays as it is; it is emptied by its own box, or in full view by emptying it."""

    def edit(self, client, record, **data):
        return post(client, record, "save", **{**form_data(client.get(url(record))), **data})

    def test_the_box_empties_and_nothing_else_does(self, world, login, stored):
        record = world.records[0]
        client = login(world.staff.counselor)
        assert "清空手机号码" in text_of(client.get(url(record)))
        self.edit(client, record, **{"v-qq": "1234567"})
        now = stored(record)
        assert (now.phone, now.qq) == (record.phone, "1234567")
        self.edit(client, now, **{"v-phone.clear": "on"})
        now = stored(record)
        assert now.phone == ""
        page = text_of(client.get(url(now)))
        assert "清空手机号码" not in page

    def test_not_a_new_number_and_none_at_once(self, world, login, stored):
        record = world.records[0]
        answer = self.edit(login(world.staff.counselor), record, **{"v-phone.clear": "on", "v-phone": "19911112222"})
        assert "只能选一项" in text_of(answer)
        assert stored(record).phone == record.phone

    def test_shown_in_full_it_is_emptied_like_any_other(self, world, login, stored):
        record = world.records[0]
        client = login(world.staff.counselor)
        shown = post(client, record, "reveal")
        fields = form_data(shown)
        assert fields["v-phone"] == record.phone
        post(client, record, "save", **fields)
        assert stored(record).phone == record.phone
        post(client, record, "save", **{**fields, "v-phone": ""})
        assert stored(record).phone == ""


class TestFiles:
    """A school's own file field: staff put one in, replace and remove it, under the checks of the student's page."""

    PDF = pdf()

    @pytest.fixture(autouse=True)
    def field(self, world):
        with system("settings"):
            ExtraField.objects.create(
                matter=policy.label(GraduateProfile), school=world.school, key="proof", label="困难证明", kind="file"
            )

    def put(self, client, record, content, name="证明.pdf", deed="save"):
        fields = form_data(client.get(url(record)))
        return post(client, record, deed, **{**fields, "v-extra.proof": SimpleUploadedFile(name, content)})

    def test_in_again_and_out(self, world, login, stored):
        client, record = login(world.staff.counselor), world.records[0]
        assert self.put(client, record, self.PDF).status_code == 302
        first = stored(record).extra["proof"]
        assert first["name"] == "证明.pdf"
        page = text_of(client.get(url(record)))
        assert "现为 证明.pdf" in page
        fetched = client.get(f"/admin/students/graduateprofile/{record.pk}/file/extra.proof/")
        assert b"".join(fetched.streaming_content) == self.PDF
        now = stored(record)
        post(client, now, "save", **{**form_data(client.get(url(now))), "v-qq": "1234567"})
        assert stored(record).extra["proof"] == first, "nothing chosen, nothing changed"
        self.put(client, stored(record), self.PDF, name="新证明.pdf")
        assert stored(record).extra["proof"]["name"] == "新证明.pdf"
        now = stored(record)
        post(client, now, "save", **{**form_data(client.get(url(now))), "v-extra.proof.clear": "on"})
        assert not stored(record).extra.get("proof")
        history = text_of(client.get(reverse("admin:students_graduateprofile_history", args=[record.pk])))
        assert "新证明.pdf" in history

    def test_with_an_approval(self, world, login, submit, stored):
        record = submit(world.records[0])
        assert self.put(login(world.staff.counselor), record, self.PDF, deed="correct").status_code == 302
        now = stored(record)
        assert (now.status, now.extra["proof"]["name"]) == (Status.PENDING_COLLEGE, "证明.pdf")

    @pytest.mark.parametrize(
        ("content", "name", "sentence"),
        [
            (b"MZ" + b"\0" * 64, "证明.pdf", "文件只接受 JPG、PNG、PDF 格式"),
            (b"<html>", "证明.html", "文件类型不支持"),
            (b"\xff\xd8\xff" + b"x" * 50, "照片.jpg", "图片已损坏"),
        ],
        ids=["exe", "html", "cut short"],
    )
    def test_what_is_no_document_is_refused(self, world, login, stored, content, name, sentence):
        record = world.records[0]
        answer = self.put(login(world.staff.counselor), record, content, name)
        assert answer.status_code == 400
        assert sentence in text_of(answer)
        assert "proof" not in stored(record).extra

    def test_a_picture_is_written_anew(self, world, login, stored):
        out = io.BytesIO()
        exif = Image.Exif()
        exif[0x010E] = "secret place"
        Image.new("RGB", (40, 30), "navy").save(out, "JPEG", exif=exif.tobytes())
        assert b"secret place" in out.getvalue()
        record = world.records[0]
        self.put(login(world.staff.counselor), record, out.getvalue() + b"<?php", "照片.jpg")
        with default_storage.open(stored(record).extra["proof"]["stored"]) as file:
            content = file.read()
        assert content.startswith(b"\xff\xd8\xff")
        assert b"secret place" not in content
        assert b"<?php" not in content

    def test_too_large(self, world, login, stored, monkeypatch):
        monkeypatch.setattr(uploads, "MEGABYTES", 0)
        assert "超过 0 MB" in text_of(self.put(login(world.staff.counselor), world.records[0], self.PDF))
