"""Selection: it never leaves the scope, takes listed look-ups only, survives JSON, and says in words what it is."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

import pytest
from django.http import QueryDict
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exports.filters import available
from exports.selection import BadSelection, Selection
from models.students.models import GraduateProfile, Student
from tests.matters.conftest import fresh
from workflows.levels import Status
from workflows.models import ExtraField
from workflows.scoping import acting, system


def select(user, query="", model=GraduateProfile, cohorts=None):
    with acting(user):
        return list(Selection.from_params(model, QueryDict(query), cohorts).queryset(user))


def test_it_never_leaves_the_scope_of_the_person_it_is_asked_for(world):
    with system("counting all"):
        everything = GraduateProfile.objects.filter(on_roll=True).count()
        here = GraduateProfile.objects.filter(on_roll=True, school=world.here.school).count()
        college = GraduateProfile.objects.filter(on_roll=True, org_path__startswith=world.here.colleges[0].path).count()
        ids = list(GraduateProfile.objects.values_list("pk", flat=True))
    assert len(select(world.staff.province)) == everything
    assert len(select(world.staff.school)) == here < everything
    assert len(select(world.staff.college)) == college < here
    # Foreign keys posted by hand, foreign cohorts, foreign units: nothing comes back but one's own.
    posted = Selection(model_label="students.graduateprofile", ids=tuple(ids))
    with acting(world.staff.college):
        found = posted.queryset(world.staff.college)
        assert {row.org_path.startswith(world.here.colleges[0].path) for row in found} == {True}
    assert select(world.staff.school, cohorts=[world.there.cohort.pk]) == []
    assert select(world.staff.school, f"unit={world.there.colleges[0].path}") == []


def test_the_scope_is_that_of_the_person_also_when_the_system_acts(world):
    selection = Selection(model_label="students.student")
    with system("a job works for its owner"):
        assert (
            selection.queryset(world.staff.school).count()
            == selection.queryset(fresh(world.staff.school)).count()
            == 152
        )


def test_json_brings_the_same_selection_back():
    selection = Selection(
        "students.graduateprofile",
        (3, 5),
        "returned",
        "王",
        {"student.nation": ["01", "02"], "submitted_at": ["2026-11-01~"]},
        "1/2/",
        "all",
        "abc",
        (4, 5),
    )
    assert Selection.from_json(selection.as_json()) == selection


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"model_label": "accounts.user"}', '{"model_label": "students.student", "ids": ["x"]}',
     '{"model_label": "students.student", "ids": 5}', '{"model_label": "students.student", "surprise": 1}',
     '{"model_label": "students.student", "unit": "1/2"}', '{"model_label": "students.student", "filters": []}',
     '{"model_label": "students.student", "ids": [' + ",".join(["1"] * 1 + [str(n) for n in range(2, 5003)]) + "]}",
     '{"model_label": "students.student", "ids": [1e400]}'],
)  # fmt: skip
def test_json_that_is_none_of_ours_is_refused(text):
    with pytest.raises(BadSelection):
        Selection.from_json(text)


def test_masked_columns_are_never_filters(db):
    for model in (GraduateProfile, Student):
        names = set(available(model))
        assert not names & {"student.id_number", "id_number", "phone", "home_phone"}
        assert all("." not in name or name in model.columns for name in names)


def test_look_ups_that_are_not_on_the_list_change_nothing(world):
    with system("all"):
        one = Student.objects.first()
    usual = {row.pk for row in select(world.staff.school, model=Student)}
    for name in ("id_number", "number", "name", "org_path", "user__password", "school", "pk"):
        for suffix in ("", "__startswith", "__contains", "__regex", "__gt", "__isnull", "__exact"):
            for prefix in ("", "f.", "f.student."):
                found = {
                    row.pk for row in select(world.staff.school, f"{prefix}{name}{suffix}={one.id_number}", Student)
                }
                assert found == usual


def test_filters_mean_what_they_say(world):
    rows = select(world.staff.school, "f.student.sex=1")
    assert {row.student.sex for row in rows} == {"1"}
    assert len(select(world.staff.school, "f.student.sex=1&f.student.sex=2")) == len(select(world.staff.school))
    assert len(select(world.staff.school, "f.origin_region=500000")) == len(
        select(world.staff.school)
    )  # the county lies in the city
    assert select(world.staff.school, "f.origin_region=-") == []
    assert select(world.staff.school, "f.household_moved=1") == []
    assert {row.returns for row in select(world.staff.school, "f.again=2")} == {2, 3}
    assert {row.student.roll_status for row in select(world.staff.school, "roll=off")} == {"02"}
    assert len(select(world.staff.school, "roll=all")) == 160
    with pytest.raises(BadSelection, match="没有「zz」这一项"):
        select(world.staff.school, "f.student.sex=zz")
    with pytest.raises(BadSelection, match="不是日期"):
        select(world.staff.school, "f.submitted_at.from=yesterday")


def test_dates_include_both_days(world):
    with system("a record submitted in the evening"):
        row = GraduateProfile.objects.filter(school=world.here.school, on_roll=True).first()
        GraduateProfile.objects.filter(pk=row.pk).update(
            submitted_at=datetime(2026, 11, 20, 23, 59, tzinfo=timezone.get_current_timezone())
        )
    assert [
        r.pk for r in select(world.staff.school, "f.submitted_at.from=2026-11-20&f.submitted_at.to=2026-11-20")
    ] == [row.pk]
    assert select(world.staff.school, "f.submitted_at.from=2026-11-21&f.submitted_at.to=2026-11-30") == []
    assert [r.pk for r in select(world.staff.school, "f.submitted_at=%2B")] == [row.pk]


def test_a_schools_own_fields_are_filters_of_that_school_only(world):
    with system("own fields, one with a hostile key"):
        for key, kind in (("contains", "choice"), ("score", "number"), ("day", "date"), ("words", "text")):
            ExtraField.objects.create(
                matter="students.graduateprofile",
                school=world.here.school,
                key=key,
                label=key,
                kind=kind,
                choices="甲\n乙",
            )
        rows = list(GraduateProfile.objects.filter(school=world.here.school, on_roll=True)[:3])
        values = (
            {"contains": "甲", "score": 5, "day": "2026-11-20", "words": "x"},
            {"contains": "乙", "score": 10.5},
            {"score": "五"},
        )
        for row, extra in zip(rows, values, strict=True):
            GraduateProfile.objects.filter(pk=row.pk).update(extra=extra)
    user = world.staff.school
    assert [r.pk for r in select(user, "f.extra.contains=甲")] == [rows[0].pk]
    assert {r.pk for r in select(user, "f.extra.score.from=5.5&f.extra.score.to=11")} == {rows[1].pk}
    assert [r.pk for r in select(user, "f.extra.day.from=2026-11-20&f.extra.day.to=2026-11-20")] == [rows[0].pk]
    assert [r.pk for r in select(user, "f.extra.words=%2B")] == [rows[0].pk]
    assert len(select(user, "f.extra.contains=-")) == len(select(user)) - 2
    with acting(world.foreign.school):
        assert not [
            name
            for name in Selection("students.graduateprofile").filters_for(world.foreign.school)
            if name.startswith("extra.")
        ]


def test_waiting_is_the_queue_of_the_person(world):
    for user, status in (
        (world.staff.counselor, "pending_counselor"),
        (world.staff.college, "pending_college"),
        (world.staff.school, "pending_school"),
    ):
        rows = select(user, "status=waiting")
        assert rows
        assert {row.status for row in rows} == {status}


def test_it_says_in_words_what_it_is(world):
    user = world.staff.school
    query = QueryDict(
        f"unit={world.here.colleges[0].path}&q=王&roll=all&f.student.nation=01&f.submitted_at.from=2026-11-01"
    )
    with acting(user):
        parts = Selection.from_params(GraduateProfile, query).describe(user)
    assert [(part.label, part.text) for part in parts] == [
        ("院系班级", "第1学院"), ("查找", "王"), ("学籍", "含不在籍"), ("民族", "汉族"), ("提交时间", "2026-11-01 起"),
    ]  # fmt: skip


def test_a_foreign_unit_is_not_named(world):
    user = world.staff.school
    with acting(user):
        parts = Selection.from_params(GraduateProfile, QueryDict(f"unit={world.there.colleges[0].path}")).describe(user)
    assert [part.text for part in parts] == ["所选部门"]


KEYS = ["status", "q", "unit", "roll", "paste", "f.student.nation", "f.submitted_at.from", "f.submitted_at.to", "f.returns.from", "f.household_moved",
        "f.extra.x", "f.id_number", "f.again", "f.origin_region", "f.email", "f.", "x", "id_number__startswith"]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from(KEYS),
            st.text(max_size=25)
            | st.sampled_from(["-", "+", "~", "1/", "1/2/", "99999999999999999999/", *Status.values]),
        ),
        max_size=5,
    )
)
def test_whatever_the_address_says_it_is_understood_or_refused(world, pairs):
    query = QueryDict(mutable=True)
    for key, value in pairs:
        query.appendlist(key, value)
    user = world.staff.school
    with acting(user):
        for model in (GraduateProfile, Student):
            with suppress(BadSelection):
                selection = Selection.from_params(model, query, [world.here.cohort.pk])
                assert selection.queryset(user).count() <= 160
                assert Selection.from_json(selection.as_json()) == selection
                selection.describe(user)


def test_posted_json_cannot_name_other_columns(world):
    data = json.loads(Selection("students.student").as_json())
    data["filters"] = {"id_number": ["99"], "user__password": ["x"]}
    user = world.staff.school
    with acting(user):
        assert Selection.from_json(json.dumps(data)).queryset(user).count() == 152


def test_an_empty_filter_beside_a_range_of_the_same_column_counts_as_none():
    made = Selection.from_params(GraduateProfile, QueryDict("f.returns=&f.returns.to=3"), None)
    assert made.filters == {"returns": ["~3"]}
    assert Selection.from_params(GraduateProfile, QueryDict("f.returns=&f.returns.to="), None).filters == {}
