"""去向登记信息表: for students and staff, one and many; it holds as long as what it says does."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pypdf import PdfReader

from exports.documents import printing
from exports.documents.destination import FORM
from exports.documents.issuing import issued
from models.dispatch.models import Dispatch
from models.documents.models import IssuedDocument
from models.documents.services import REVOKED, SUPERSEDED, VALID, state
from models.outcomes.models import Outcome
from tests.documents.test_issuing import ZIP, content_of, run
from tests.factories import outcomes as make
from tests.factories import people
from tests.outcomes.conftest import place
from tests.outcomes.test_flow import approved
from workflows.actions import perform
from workflows.errors import WrongState
from workflows.levels import Status, Verb
from workflows.scoping import within

__all__ = ["place"]
pytestmark = pytest.mark.django_db


def papers_of(row: Outcome, **values) -> Dispatch:
    """Where the archive goes, approved."""
    made = {
        "archive_transfer": "1",
        "archive_unit": "示例人才中心",
        "household_transfer": "1",
        "status": Status.APPROVED,
    }
    found = Dispatch(student=row.student, version=1, baseline_version=1, **{**made, **values})
    found.save()
    return found


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).replace("\n", "")


def test_it_says_what_was_registered_and_no_number_in_full(place):
    row = approved(place)
    papers_of(row)
    document = issued(FORM, row, by=row.student.user)
    pdf = content_of(document)
    said = text_of(pdf)
    for expected in (
        "毕业去向登记信息表",
        row.student.name,
        row.employer_name,
        row.uscc,
        "研发工程师",
        "示例人才中心",
        document.token,
    ):
        assert expected in said, expected
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    for hidden in (row.student.id_number, row.contact_mobile, row.contact_phone, row.contact_email):
        assert hidden not in said
    assert "升学院校" not in said, "what does not belong to the category is not there"
    with within(None):
        page = Client().get(f"/verify/{document.token}/").content.decode()
    assert "该文件真实有效" in page
    assert row.employer_name in page
    assert row.student.name not in page


@pytest.mark.parametrize("category", ["46", "76", "801", "85", "701", "501"])
def test_every_kind_of_destination_fits_a_page(place, category):
    row = approved(place, category)
    papers_of(row)
    pdf = content_of(issued(FORM, row, by=None))
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1
    assert row.get_category_display() in text_of(pdf)


def test_only_what_may_be_reported_is_given_out(place):
    draft = make.outcome(place)
    with pytest.raises(WrongState, match="审核通过后才能打印"):
        issued(FORM, draft, by=None)
    row = approved(place)
    for change, sentence in (
        ({"is_current": False}, "替代"),
        ({"frozen": True}, "不属实"),
        ({"awaits_confirmation": True}, "确认"),
    ):
        for name, value in change.items():
            setattr(row, name, value)
            with pytest.raises(WrongState, match=sentence):
                issued(FORM, row, by=None)
            setattr(row, name, not value)
    assert not IssuedDocument._base_manager.exists()


def test_it_holds_until_the_destination_or_the_papers_change(place):
    row = approved(place)
    papers = papers_of(row)
    first = issued(FORM, row, by=None)
    assert state(first).value == VALID
    assert issued(FORM, row, by=None) == first
    Dispatch._base_manager.filter(pk=papers.pk).update(archive_unit="另一个人才中心")
    assert state(first).value == SUPERSEDED
    row = Outcome._base_manager.get(pk=row.pk)
    second = issued(FORM, row, by=None)
    assert state(second).value == VALID
    Outcome._base_manager.filter(pk=row.pk).update(is_current=False)
    assert state(second).value == SUPERSEDED, "another destination has taken its place"
    Outcome._base_manager.filter(pk=row.pk).update(is_current=True)
    perform(Outcome._base_manager.get(pk=row.pk), Verb.RETURN, by=place.staff.school, text="单位有误")
    assert state(IssuedDocument._base_manager.get(pk=second.pk)).value == REVOKED


def test_the_student_and_the_staff_download_it(place):
    row = approved(place)
    student, school = Client(), Client()
    student.force_login(row.student.user)
    school.force_login(place.staff.school)
    with within(None):
        assert "打印毕业去向登记信息表" in student.get("/student/matters/outcome/").content.decode()
        answers = [
            student.get("/student/matters/outcome/pdf/"),
            school.get(f"/admin/outcomes/outcome/{row.pk}/pdf/"),
        ]
    assert [answer.headers["Content-Type"] for answer in answers] == ["application/pdf"] * 2
    first, second = (b"".join(answer.streaming_content) for answer in answers)
    assert first == second, "the same paper, whoever prints it"


def test_many_are_read_in_a_fixed_number_of_queries(place):
    rows = [approved(place) for _ in range(4)]
    for row in rows:
        papers_of(row)
    refused = make.outcome(place)
    chosen = printing.choose(FORM, Outcome.objects.all())
    assert sorted(chosen.ids) == [row.pk for row in rows]
    assert set(chosen.refused) == {refused.pk}
    asked = []
    for ids in (chosen.ids[:2], chosen.ids[:2], chosen.ids):
        with CaptureQueriesContext(connection) as queries:
            printed = printing.together(FORM, Outcome, ids)
        asked.append(len(queries))
    assert asked[1] == asked[2], "as many for four as for two"
    assert len(PdfReader(io.BytesIO(printed.content)).pages) == 4


def test_a_zip_for_the_staff(place):
    rows = [approved(place), approved(place)]
    job = run(place.staff.school, ZIP, [row.pk for row in rows], FORM)
    assert (job.status, job.result["printed"]) == ("done", 2)
    with default_storage.open(job.result_file.name) as file, zipfile.ZipFile(file) as archive:
        assert len(archive.namelist()) == 2
        assert all(name.endswith("_毕业去向登记信息表.pdf") for name in archive.namelist())
    other = run(people.staff("college", place.colleges[1]), ZIP, [row.pk for row in rows], FORM)
    assert other.status == "failed"
