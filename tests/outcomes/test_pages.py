"""The pages of 毕业去向: the student's choice and form, confirmation and dispute; staff's templates, not-employed list, settings."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from models.outcomes.models import FillTemplate, Outcome, OutcomeField
from tests.factories import outcomes as make
from tests.factories import people
from workflows import rules
from workflows.actions import perform
from workflows.levels import Status, Verb

pytestmark = pytest.mark.django_db
HOME = "/student/matters/outcome/"


def client(user) -> Client:
    made = Client()
    made.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return made


def test_a_student_chooses_first_then_meets_only_the_fields_of_the_choice(place):
    student = people.student(place)
    me = client(student.user)
    me.post(f"{HOME}begin/")
    assert me.get(HOME).url == f"{HOME}choose/"
    page = me.get(f"{HOME}choose/").content.decode()
    assert all(title in page for title in ("国家政策性就业", "西部计划", "未就业", "求职中"))
    row = Outcome.objects.get(student=student)
    me.post(f"{HOME}choose/", {"choice": "801", "version": row.version})
    page = me.get(HOME).content.decode()
    assert "升学院校名称" in page
    assert "单位名称" not in page
    row.refresh_from_db()
    me.post(HOME, {"do": "save", "version": row.version, "school_name": "示例大学"})
    row.refresh_from_db()
    me.post(f"{HOME}choose/", {"choice": "701", "version": row.version})
    row.refresh_from_db()
    assert (row.category, row.school_name) == ("701", "")
    assert me.post(f"{HOME}choose/", {"choice": "nonsense", "version": row.version}).status_code == 200
    row.refresh_from_db()
    me.post(HOME, {"do": "submit", "version": row.version, "remark": ""})
    row.refresh_from_db()
    assert row.status == Status.PENDING_COLLEGE
    assert me.get(f"{HOME}choose/").url == HOME


def test_confirm_and_dispute_on_the_page_and_over_the_api(place):
    row = make.outcome(place)
    me = client(row.student.user)
    perform(row, Verb.SUBMIT, by=row.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college, values={"job_title": "测试工程师"})
    page = me.get(HOME).content.decode()
    assert "请确认老师填写的内容" in page
    assert "测试工程师" in page
    assert "去确认" in me.get("/student/").content.decode()
    api = me.get("/api/matters/outcome/mine/").json()
    assert "confirm" in api["actions"]
    assert api["to_confirm"][0]["new"] == "测试工程师"
    me.post(HOME, {"do": "confirm", "version": row.version})
    row.refresh_from_db()
    assert row.awaits_confirmation is False
    answer = me.post(
        "/api/matters/outcome/mine/dispute/",
        json.dumps({"version": row.version, "text": "我没有去"}),
        content_type="application/json",
    )
    assert answer.status_code == 200, answer.content
    row.refresh_from_db()
    assert row.frozen is True
    assert "等待学校核实" in me.get(HOME).content.decode()
    desk = client(place.staff.school)
    page = desk.get(f"/admin/outcomes/outcome/{row.pk}/change/").content.decode()
    assert "我没有去" in page
    desk.post(
        f"/admin/outcomes/outcome/{row.pk}/change/", {"deed": "settle", "expected": row.version, "answer": "已核实"}
    )
    row.refresh_from_db()
    assert (row.frozen, row.dispute_answer, row.awaits_confirmation) == (False, "已核实", True)


def test_staff_fill_in_by_template_from_the_not_employed_list(place):
    FillTemplate.objects.create(
        school=place.school, name="西部计划", category="503", values={"job_title": "志愿者"}, hints="填服务单位"
    )
    student = people.student(place)
    desk = client(place.staff.school)
    page = desk.get("/admin/outcomes/outcome/unplaced/").content.decode()
    assert student.name in page
    answer = desk.post(f"/admin/outcomes/outcome/register/{student.pk}/")
    row = Outcome.objects.get(student=student)
    assert answer.url.startswith(f"/admin/outcomes/outcome/{row.pk}/change/")
    case = FillTemplate.objects.get()
    page = desk.get(f"/admin/outcomes/outcome/{row.pk}/change/?case=t{case.pk}").content.decode()
    assert "填服务单位" in page
    assert "志愿者" in page
    posted = {f"v-{name}": value for name, value in make.values("503").items()}
    desk.post(
        f"/admin/outcomes/outcome/{row.pk}/change/",
        {"deed": "save", "expected": row.version, "v-category": "503", **posted},
    )
    row.refresh_from_db()
    assert (row.category, row.employer_name) == ("503", "示例软件有限公司")
    desk.post(f"/admin/outcomes/outcome/{row.pk}/hand-in/", {"expected": row.version})
    row.refresh_from_db()
    assert row.status == Status.PENDING_COLLEGE
    college = client(people.staff("college", place.colleges[1]))
    assert student.name not in college.get("/admin/outcomes/outcome/unplaced/").content.decode()
    assert college.post(f"/admin/outcomes/outcome/register/{student.pk}/").status_code == 404


def test_the_list_behind_the_figures_is_the_filter_of_the_student_list(place):
    people.student(place)
    placed, waiting = make.outcome(place), make.outcome(place, "701")
    for row in (placed, waiting):
        perform(row, Verb.SUBMIT, by=row.student.user)
        perform(row, Verb.APPROVE, by=place.staff.college)
        perform(row, Verb.APPROVE, by=place.staff.school)
    desk = client(place.staff.school)
    for key, student in (("placed", placed.student), ("unplaced", waiting.student)):
        page = desk.get("/admin/students/student/", {"f.placement": key}).content.decode()
        assert student.number in page
        assert page.count("/admin/students/student/") > 0
    page = desk.get("/admin/students/student/", {"f.placement": "none"}).content.decode()
    assert placed.student.number not in page


def test_the_school_sees_and_changes_what_is_asked(place):
    desk = client(place.staff.school)
    page = desk.get("/admin/outcomes/outcomefield/in-force/").content.decode()
    assert "录取通知书" in page
    answer = desk.post(
        "/admin/outcomes/outcomefield/add/",
        {
            "school": place.school.pk,
            "category": "80",
            "field": "starts_on",
            "need": "required",
            "help_text": "",
            "source": "",
        },
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert OutcomeField.objects.get().need == "required"
    other = people.school("19977", "外校")
    answer = desk.post(
        "/admin/outcomes/outcomefield/add/",
        {"school": other.school.pk, "category": "80", "field": "starts_on", "need": "hidden"},
    )
    assert OutcomeField.objects.count() == 1
    for name, data in (
        (
            "filltemplate",
            {
                "school": place.school.pk,
                "name": "入伍",
                "category": "46",
                "order": 0,
                "is_active": "on",
                "value_employer_type": "40",
            },
        ),
    ):
        answer = desk.post(f"/admin/outcomes/{name}/add/", data)
        assert answer.status_code == 302, answer.content.decode()[:3000]
    assert FillTemplate.objects.get().values == {"employer_type": "40"}


def test_a_rule_is_set_in_the_back_office(place):
    desk = client(place.staff.school)
    answer = desk.post(
        "/admin/workflows/rulesetting/add/",
        {"school": place.school.pk, "chosen": "outcomes.outcome:R13", "severity": "error", "limit": ""},
    )
    assert answer.status_code == 302, answer.content.decode()[:2000]
    row = make.outcome(place, job_category="90")
    assert "R13" in {found.rule for found in rules.blocking(rules.refresh(row))}
