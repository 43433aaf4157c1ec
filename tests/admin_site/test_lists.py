"""Lists and forms as everybody meets them: names as in the side bar, fields one can see, a way to find a row."""

from __future__ import annotations

import pytest
from django.forms import Select, Textarea, TextInput
from django.urls import reverse

from admin_site import navigation
from models.students.models import GraduateProfile
from workflows.models import ChangeRequest, Window
from workflows.scoping import system


def test_a_list_is_titled_as_in_the_side_bar(two_schools, client_of):
    client, seen = client_of(two_schools.us.school), 0
    for _group, entries in navigation.groups():
        for entry in entries:
            if entry.model and not entry.name:
                answer = client.get(reverse(entry.url_name()))
                if answer.status_code == 200:
                    title = answer.content.decode().partition("<title>")[2].partition("|")[0]
                    assert title.strip() == entry.title
                    seen += 1
    assert seen > 25


@pytest.mark.parametrize("name", ["rates_followup", "agreements_signingexclusion", "outcomes_outcomefield"])
def test_every_field_of_a_form_has_a_box(name, two_schools, client_of):
    """Fields a form declares itself are dressed as those of the model are; undressed they have no border."""
    form = client_of(two_schools.us.school).get(reverse(f"admin:{name}_add")).context["adminform"].form
    plain = {
        key: field.widget for key, field in form.fields.items() if type(field.widget) in (TextInput, Select, Textarea)
    }
    assert plain
    assert [key for key, widget in plain.items() if not widget.attrs.get("class")] == []


def test_change_requests_are_found_by_student(two_schools, client_of):
    with system("two students have asked"):
        for student in (two_schools.student, two_schools.second):
            profile = GraduateProfile.objects.get(student=student)
            ChangeRequest.objects.create(
                matter="students.graduateprofile", object_id=profile.pk, org_path=profile.org_path, values={"political_status": "01"},
                school_id=student.school_id, subject_user=student.user, reason="已转正",
            )  # fmt: skip
    client, url = client_of(two_schools.us.school), reverse("admin:workflows_changerequest_changelist")
    assert client.get(url).context["cl"].result_count == 2
    found = client.get(url, {"q": two_schools.second.number}).context["cl"].result_list
    assert [one.subject_user_id for one in found] == [two_schools.second.user_id]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_an_impossible_date_is_a_sentence(day, two_schools, client_of):
    """Year 1 overflows on its way to the database in this time zone; both were taken."""
    client, url = client_of(two_schools.us.school), reverse("admin:workflows_window_add")
    data = {
        "matter": "students.graduateprofile",
        "opens_at_0": day,
        "opens_at_1": "00:00",
        "closes_at_0": day,
        "closes_at_1": "23:59",
    }
    answer = client.post(url, {**data, "school": two_schools.here.school.pk})
    assert answer.status_code == 200
    assert "日期的年份应在 1900～2100 年之间，请检查。" in answer.content.decode()
    with system("a test looks"):
        assert not Window.objects.exists()


def test_matters_stand_in_the_order_of_a_season(two_schools, client_of):
    """The record first, then what rests on it; settings after the work."""
    groups = dict(navigation.groups())
    titles = [entry.title for entry in groups["学生信息"] + groups["签约与去向"]]
    order = ["生源信息", "就业推荐表", "协议书申请", "就业协议书", "解约申请", "毕业去向", "派遣与档案转递", "签约设置"]
    assert [title for title in titles if title in order] == order
    page = client_of(two_schools.us.school).get(reverse("admin:index")).content.decode().partition("待我办理")[2]
    places = [page.find(f">{title}<") for title in order[:-1]]
    assert -1 not in places
    assert places == sorted(places)
