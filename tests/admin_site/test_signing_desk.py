"""签约工作台: every block does what it says for whom it is for, and nothing for anybody else."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from models.agreements import applying, policy
from models.agreements.models import Agreement, AgreementNumber, NumberApplication, Termination, TerminationException
from models.jobs.models import Job
from tests.factories import people
from tests.factories import signing as make
from workflows.actions import perform
from workflows.levels import Status, Verb
from workflows.scoping import system

URL = "/admin/agreements/agreementnumber/desk/"


@pytest.fixture
def place(db):
    policy.forget()
    with system("a test sets up its world"):
        made = people.school()
        made.staff = people.reviewers(made)
        make.setting(made, termination_month=7, termination_day=1)
    yield made
    policy.forget()


@pytest.fixture
def post(place, client_of):
    """What the office posts, by block."""
    client = client_of(place.staff.school)

    def send(deed: str, *, by=None, **values):
        data = {f"{deed}-{name}": value for name, value in values.items() if name != "chosen"}
        return (client_of(by) if by else client).post(
            URL, {"deed": deed, **data, **({"chosen": values["chosen"]} if "chosen" in values else {})}
        )

    return send


def test_the_desk_opens_for_the_office_and_not_for_a_counsellor_without_functions(place, client_of):
    assert "批量审核打印" in client_of(place.staff.school).get(URL).content.decode()
    page = client_of(place.staff.college).get(URL).content.decode()
    for title in ("强制解约", "批准解约例外", "生成编号"):
        assert f"<summary>{title}</summary>" not in page


def test_numbers_are_made_allotted_and_given_out_in_a_row(place, post):
    assert post("generate", cohort=place.cohort.pk, count=6).status_code == 302
    with system("a test looks"):
        pool = list(AgreementNumber.objects.order_by("number").values_list("number", flat=True))
        assert len(pool) == 6
        rows = []
        for _ in range(2):
            student = make.signer(place)
            row = applying.begin(student, by=student.user)
            perform(row, Verb.SUBMIT, by=student.user)
            rows.append(row)
    assert post("allot", college=place.colleges[1].pk, first=pool[4], count=2).status_code == 302
    refused = post("print", first=pool[5], tag="", chosen=[row.pk for row in rows])
    assert refused.status_code in (400, 409)
    assert "编号" in refused.content.decode()
    answer = post("print", first=pool[0], tag="甲批", chosen=[row.pk for row in rows])
    assert answer["Content-Type"] == "application/pdf"
    with system("a test looks"):
        given = NumberApplication.objects.select_related("number").order_by("student__number")
        assert [row.number.number for row in given] == pool[:2]
    assert post("reset", number=pool[0], why="卡纸").status_code == 302
    with system("a test looks"):
        assert AgreementNumber.objects.get(number=pool[0]).state == "spoilt"


def test_exception_force_and_material(place, post, run_jobs):
    with system("a test sets up its world"):
        student = make.signer(place)
        agreement = make.approved(student, place.staff)
    assert post("except", student="没有这个人", reason="单位倒闭").status_code == 400
    assert post("except", student=student.number, reason="单位倒闭").status_code == 302
    with system("a test looks"):
        assert TerminationException.objects.get().student == student
    assert post("force", number=agreement.number, reason="单位注销", sure="on").status_code == 400, (
        "without proof nothing happens"
    )
    assert post("force", number=agreement.number, reason="单位注销", sure="on", proof=make.photo()).status_code == 302
    with system("a test looks"):
        row = Termination.objects.get()
        assert (row.mode, row.status) == ("forced", Status.APPROVED)
        assert not Agreement.objects.get(pk=agreement.pk).in_force
    assert post("materials", status="all").status_code == 302
    run_jobs()
    with system("a test looks"):
        job = Job.objects.get(kind="agreements.materials")
        assert job.status == "done", job.error
        with default_storage.open(
            job.result_file.name if hasattr(job.result_file, "name") else job.result_file, "rb"
        ) as source:
            names = zipfile.ZipFile(io.BytesIO(source.read())).namelist()
    assert names
    assert all(name.startswith(f"{student.number}_{student.name}_") for name in names)


def test_a_college_cannot_force_or_except(place, post):
    with system("a test sets up its world"):
        agreement = make.approved(make.signer(place), place.staff)
    for deed, values in (
        ("force", {"number": agreement.number, "reason": "x", "sure": "on"}),
        ("except", {"student": "1", "reason": "x"}),
    ):
        assert post(deed, by=place.staff.college, **values).status_code == 403
    with system("a test looks"):
        assert Agreement.objects.get(pk=agreement.pk).in_force


def test_lists_open(place, client_of):
    client = client_of(place.staff.school)
    for name in ("agreementnumber", "signinginvitation", "signingsetting", "signingexclusion", "terminationexception"):
        assert client.get(reverse(f"admin:agreements_{name}_changelist")).status_code == 200
    with system("a test sets up its world"):
        student = people.student(place)
    added = client.post(
        reverse("admin:agreements_signingexclusion_add"),
        {"number": student.number, "kind": "recommended", "reason": "推免名单"},
    )
    assert added.status_code == 302
