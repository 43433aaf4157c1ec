"""A school whose first student's 生源信息 is approved, so that the recommendation form can be begun."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from models.evidence.services import attach
from models.recommendations.models import RecommendationForm
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.actions import perform
from workflows.levels import Verb
from workflows.scoping import system

WRITTEN = {
    "foreign_language": "英语 CET-6 520 分",
    "experience": "2023.09—2027.06 嘉陵大学 班长\n2025.07—2025.09 示例公司 实习",
    "awards": "2024.12 校级一等奖学金",
    "self_recommendation": "本人踏实肯学，" * 12,
}


def picture(size=(900, 1200), kind="JPEG", colour="white") -> bytes:
    """A portrait of sorts: a blue head on a plain ground."""
    image = Image.new("RGB", size, colour)
    ImageDraw.Draw(image).ellipse((size[0] * 0.3, size[1] * 0.2, size[0] * 0.7, size[1] * 0.6), fill="steelblue")
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def upload(content: bytes | None = None, name: str = "照片.jpg") -> SimpleUploadedFile:
    """An upload of a picture."""
    return SimpleUploadedFile(name, picture() if content is None else content)


def approve_profile(student, reviewers) -> None:
    """The student's 生源信息 through all its levels."""
    record = GraduateProfile._base_manager.get(student=student)
    perform(record, Verb.SUBMIT, by=student.user)
    for by in (reviewers.counselor, reviewers.college, reviewers.school):
        perform(record, Verb.APPROVE, by=by)


def form_of(student, **values) -> RecommendationForm:
    """A filled-in draft with its picture."""
    record = RecommendationForm(student=student, version=1, baseline_version=1, **{**WRITTEN, **values})
    record.save()
    attach(record, "photo", upload(), student.user)
    return record


def approved(record, reviewers) -> RecommendationForm:
    """The form, submitted and approved by everybody."""
    perform(record, Verb.SUBMIT, by=record.student.user)
    for by in (reviewers.counselor, reviewers.college):
        perform(record, Verb.APPROVE, by=by)
    return record


@pytest.fixture
def place(db):
    """`.school .cohort .classes … .reviewers .student .form` (a complete draft)."""
    with system("test data"):
        made = people.school()
        reviewers = people.reviewers(made)
        student = people.student(made)
        approve_profile(student, reviewers)
        yield SimpleNamespace(**vars(made), reviewers=reviewers, student=student, form=form_of(student))
