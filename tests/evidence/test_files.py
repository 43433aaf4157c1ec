"""Files of a record: what is taken, what becomes of it, who may (security C3, C4, C5, G2)."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject

from models.evidence import upkeep
from models.evidence.kinds import EvidenceKind
from models.evidence.looking import fingerprint, look, part_of
from models.evidence.models import Evidence
from models.evidence.services import attach, find, follow, preload, remove
from models.jobs import files
from models.recommendations.models import RecommendationForm
from tests.factories import people
from tests.recommendations.conftest import form_of, picture, place, upload
from workflows import checks
from workflows.actions import perform
from workflows.errors import Absent, Invalid, NotAllowed, WrongState
from workflows.levels import Verb

__all__ = ["place"]

PROOF = EvidenceKind("proof", "接收函", many=True, most=2)


def pdf(pages=1, script="", attachment=False, password="") -> bytes:
    writer = PdfWriter()
    for _page in range(pages):
        writer.add_blank_page(595, 842)
    if script:
        deed = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject(script)}
        writer.root_object[NameObject("/OpenAction")] = writer._add_object(DictionaryObject(deed))
    if attachment:
        writer.add_attachment("x.exe", b"MZ")
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def looked(content: bytes, kind: EvidenceKind = PROOF, name: str = "x"):
    return look(SimpleUploadedFile(name, content), kind)


GIF = b"GIF89a" + bytes(40)
BOMB = picture((6000, 5000), "PNG")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<html><script>alert(1)</script>", "只接受 JPG、PNG、PDF 格式"),
        (b"<svg onload=alert(1)>", "只接受"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "只接受"),
        (GIF, "只接受"),
        (b"MZ", "只接受"),
        (b"", "只接受"),
        (picture()[:2000], "图片已损坏"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "图片已损坏"),
        (BOMB, "2500 万像素"),
        (picture((500, 900)), "只有 500×900 像素，短边至少 600 像素"),
        (b"%PDF-1.7\nnothing of the kind", "PDF 已损坏"),
        (pdf(31), "有 31 页，最多 30 页"),
        (pdf(script="app.alert(1)"), "脚本或附件"),
        (pdf(attachment=True), "脚本或附件"),
        (pdf(password="x"), "设有密码"),
    ],
    ids=["html", "svg", "eps", "gif", "exe", "empty", "cut short", "fake png", "bomb", "small", "fake pdf", "long pdf", "script", "attachment", "locked"],
)  # fmt: skip
def test_refused_with_a_sentence(content, sentence):
    with pytest.raises(Invalid) as refusal:
        looked(content)
    assert sentence in refusal.value.errors["evidence.proof"]


def test_too_big_a_file_is_not_even_read():
    with pytest.raises(Invalid) as refusal:
        looked(picture(), EvidenceKind("proof", "接收函", max_size=1000))
    assert "接收函超过" in refusal.value.errors["evidence.proof"]


def test_a_picture_is_turned_upright_and_written_anew():
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "SecretMaker"
    out = io.BytesIO()
    Image.new("RGB", (1200, 700), "navy").save(out, "JPEG", exif=exif.tobytes())
    found = looked(out.getvalue() + b"<script>hidden</script>", name="我.png")
    again = Image.open(io.BytesIO(found.content))
    assert (again.size, again.format, found.extension) == ((700, 1200), "JPEG", ".jpg")
    assert b"SecretMaker" not in found.content
    assert b"script" not in found.content
    assert not again.getexif()


def test_what_is_transparent_becomes_paper():
    out = io.BytesIO()
    Image.new("RGBA", (700, 700), (0, 0, 0, 0)).save(out, "PNG")
    found = looked(out.getvalue())
    kept = Image.open(io.BytesIO(found.content))
    assert (kept.format, found.extension, found.content_type) == ("JPEG", ".jpg", "image/jpeg")
    assert kept.getpixel((10, 10)) == (255, 255, 255)


def test_a_photo_of_twelve_megapixels_is_made_smaller():
    assert max(Image.open(io.BytesIO(looked(picture((4000, 3000))).content)).size) == 3000


def test_a_fingerprint_survives_scaling_and_tells_others_apart():
    one = Image.open(io.BytesIO(picture((900, 1200))))
    same = Image.open(io.BytesIO(picture((450, 600))))
    other = Image.radial_gradient("L")
    apart = bin(int(fingerprint(one), 16) ^ int(fingerprint(same), 16)).count("1")
    assert apart <= 4
    assert bin(int(fingerprint(one), 16) ^ int(fingerprint(other), 16)).count("1") > 12


@pytest.mark.parametrize(
    ("size", "crop", "box"),
    [
        ((900, 1200), None, (22, 0, 878, 1200)),
        ((1200, 900), None, (279, 0, 921, 900)),
        ((1000, 1000), (0.1, 0.2, 0.5, 0.7), (100, 200, 599, 900)),
        ((1000, 1000), (0.9, 0.9, 0.5, 0.7), (900, 900, 971, 1000)),
        ((900, 1200), (0, 0, 0, 0), (22, 0, 878, 1200)),
        ((900, 1200), ("x", 0, 1, 1), (22, 0, 878, 1200)),
        ((900, 1200), (float("nan"), 0, 1, 1), (22, 0, 878, 1200)),
    ],
)
def test_the_chosen_part_has_the_shape_and_lies_in_the_picture(size, crop, box):
    assert part_of(size, (413, 579), crop) == box


def test_a_portrait_is_brought_to_size(place):
    kept = place.form.evidence()[0]
    with default_storage.open(kept.stored.name) as file:
        content = file.read()
    assert Image.open(io.BytesIO(content)).size == (413, 579)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert kept.size == len(content)
    assert kept.org_path == place.form.org_path


def test_one_is_enough_and_the_second_takes_its_place(place):
    first = place.form.evidence()[0]
    attach(place.form, "photo", upload(picture(colour="red")), place.student.user)
    assert [one.pk for one in place.form.evidence()] != [first.pk]
    assert len(place.form.evidence()) == 1
    with pytest.raises(Absent):
        find(place.form, first.pk)
    assert Evidence._base_manager.filter(record_id=place.form.pk).count() == 2


def test_the_same_file_twice_is_said_so(place):
    with pytest.raises(Invalid, match="已经上传过"):
        attach(place.form, "photo", upload(), place.student.user)


def test_no_more_than_the_kind_takes(place, monkeypatch):
    monkeypatch.setattr(RecommendationForm, "evidence_kinds", lambda self: (PROOF,))
    for colour in ("red", "green"):
        attach(place.form, "proof", upload(picture(colour=colour)), place.student.user)
    with pytest.raises(Invalid, match="最多 2 个"):
        attach(place.form, "proof", upload(picture(colour="blue")), place.student.user)


def test_who_may(place):
    kept = place.form.evidence()[0]
    other = people.student(place)
    with pytest.raises(Absent):
        attach(place.form, "photo", upload(picture(colour="red")), other.user)
    with pytest.raises(NotAllowed):
        remove(kept, place.reviewers.counselor)  # the default functions of a counsellor do not change forms
    with pytest.raises(Absent):
        attach(place.form, "certificate", upload(), place.student.user)
    perform(place.form, Verb.SUBMIT, by=place.student.user)
    with pytest.raises(WrongState, match="辅导员待审"):
        remove(kept, place.student.user)
    remove(kept, place.reviewers.college)
    with pytest.raises(Absent):
        remove(kept, place.reviewers.college)


def test_a_full_disk_leaves_neither_row_nor_stump(place, monkeypatch):
    """Security G2."""
    rows = Evidence._base_manager.count()
    held = set(on_disk())

    def full(path: Path, fileobj) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "_write", full)
    with pytest.raises(Invalid) as refusal:
        attach(place.form, "photo", upload(picture(colour="red")), place.student.user)
    assert refusal.value.errors == {
        "evidence.photo": "服务器磁盘空间不足，文件没有保存。请联系系统管理员清理磁盘后重试。"
    }
    assert Evidence._base_manager.count() == rows
    assert set(on_disk()) == held
    assert len(place.form.evidence()) == 1  # the old one is still there


def test_a_row_that_cannot_be_written_takes_its_file_along(place, monkeypatch):
    held = set(on_disk())
    monkeypatch.setattr(Evidence._base_manager, "create", lambda **values: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        attach(place.form, "photo", upload(picture(colour="red")), place.student.user)
    assert set(on_disk()) == held


def on_disk() -> list[str]:
    root = Path(default_storage.path("evidence"))
    return [str(path) for path in root.rglob("*") if path.is_file()] if root.is_dir() else []


def test_many_records_cost_one_query(place, django_assert_num_queries):
    forms = [place.form, form_of(people.student(place))]
    for form in forms:
        form.__dict__.pop("_evidence", None)
    with django_assert_num_queries(1):
        preload(forms)
        assert [len(form.evidence()) for form in forms] == [1, 1]


def test_files_follow_the_record(place):
    for unit in (place.classes[-1], place.classes[1]):
        place.student.unit = unit
        place.student.save()
        assert Evidence._base_manager.get(record_id=place.form.pk).org_path == unit.path
    Evidence._base_manager.update(org_path="")
    follow(RecommendationForm, [place.form.pk])
    assert Evidence._base_manager.get(record_id=place.form.pk).org_path == place.classes[1].path


def test_upkeep_takes_what_nobody_needs(place, settings):
    attach(place.form, "photo", upload(picture(colour="red")), place.student.user)
    old = Evidence._base_manager.exclude(removed_at=None).get()
    assert default_storage.exists(old.stored.name)
    assert upkeep.forget_removed() == 0
    settings.EVIDENCE_KEEP_DAYS = 0
    assert upkeep.forget_removed() == 1
    assert not default_storage.exists(old.stored.name)


def test_verify_finds_a_file_that_is_elsewhere_or_nowhere(place):
    code = "evidence.record"
    assert [finding.count for finding in checks.run([code])] == [0]
    Evidence._base_manager.update(org_path="9/")
    assert [finding.count for finding in checks.run([code])] == [1]
    Evidence._base_manager.update(record_id=10**9)
    assert "没有这条记录" in next(iter(checks.run([code]))).faults[0].sentence
