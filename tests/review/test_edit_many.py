"""edit_many and save_fields are one promise through two doors; so are save_facts and the batch edit of roll facts."""

from __future__ import annotations

import pytest

from models.students import facts
from models.students.models import GraduateProfile, Student
from tests.factories import people
from workflows.actions import perform, save_fields
from workflows.batch_edit import edit_many, preview_edit
from workflows.errors import Invalid, NotAllowed, Refused
from workflows.levels import Verb
from workflows.models import ExtraField, FieldPolicy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]
SAME = (
    "status",
    "version",
    "baseline_version",
    "changes",
    "hardship",
    "qq",
    "origin_region",
    "household_moved",
    "extra",
)


def twins(world, status):
    """Two records alike, brought to `status`."""
    found = [GraduateProfile.objects.get(student=people.student(world)) for _ in range(2)]
    for record in found:
        if status != "draft":
            perform(record, Verb.SUBMIT, by=record.student.user)
        if status == "returned":
            perform(record, Verb.RETURN, by=world.staff.counselor, text="请核对")
        if status == "approved":
            for person in (world.staff.counselor, world.staff.college, world.staff.school):
                perform(record, Verb.APPROVE, by=person)
    return [GraduateProfile.objects.get(pk=record.pk) for record in found]


@pytest.mark.parametrize("status", ["draft", "pending", "returned", "approved"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hardship", "2"),
        ("qq", "1234567"),
        ("household_moved", "true"),
        ("extra.team", "甲组"),
        ("hardship", "0"),
        ("qq", ""),
    ],
)
def test_both_doors_do_the_same(world, status, name, value):
    ExtraField.objects.create(matter="students.graduateprofile", school=world.school, key="team", label="分组")
    single, many = twins(world, status)
    save_fields(single, {name: value}, by=world.staff.counselor, reason="批量修改")
    edit_many(GraduateProfile.objects.filter(pk=many.pk), name, value, by=world.staff.counselor)
    one, other = (GraduateProfile.objects.get(pk=record.pk) for record in (single, many))
    assert {f: getattr(one, f) for f in SAME} == {f: getattr(other, f) for f in SAME}
    histories = [
        [
            (h.version, h.history_type, h.history_user_id == world.staff.counselor.pk, h.history_change_reason)
            for h in GraduateProfile.history.filter(id=record.pk)
        ]
        for record in (single, many)
    ]
    assert histories[0] == histories[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("hardship", "77"), ("qq", "12"), ("student.name", "别人"), ("status", "approved"), ("nothing", "1")],
)
def test_both_doors_refuse_the_same(world, name, value):
    single, many = twins(world, "draft")
    with pytest.raises(Invalid):
        save_fields(single, {name: value}, by=world.staff.counselor)
    try:
        result = edit_many(GraduateProfile.objects.filter(pk=many.pk), name, value, by=world.staff.counselor)
    except Refused:
        result = None
    assert result is None or list(result.refused) == [many.pk]
    assert GraduateProfile.objects.get(pk=many.pk).version == many.version


def test_a_field_hidden_at_one_school_is_refused_there_and_named(world):
    FieldPolicy.objects.create(matter="students.graduateprofile", school=world.school, field="qq", mode="hidden")
    record = world.records[0]
    result = edit_many(GraduateProfile.objects.filter(pk=record.pk), "qq", "1234567", by=world.staff.counselor)
    assert result.refused == {record.pk: "该字段不能修改。"}


def test_preview_says_what_happens_and_writes_nothing(world):
    world.cohort.closed = True
    world.cohort.save()
    rows = GraduateProfile.objects.filter(student__in=world.students)
    foreseen = preview_edit(rows, "hardship", "2", world.staff.counselor)
    assert set(foreseen.refused) == {record.pk for record in world.records}
    world.cohort.closed = False
    world.cohort.save()
    foreseen = preview_edit(rows, "hardship", "2", world.staff.counselor)
    assert set(foreseen.done) == {record.pk for record in world.records}
    assert set(rows.values_list("hardship", flat=True)) == {"0"}
    assert edit_many(rows, "hardship", "2", by=world.staff.counselor).done == foreseen.done


def test_without_the_function_nothing_is_written(world):
    with pytest.raises(NotAllowed):
        edit_many(GraduateProfile.objects.all(), "qq", "1234567", by=people.staff("data", world.center))


def test_records_outside_the_scope_are_named_as_absent(world):
    result = edit_many(GraduateProfile.objects.all(), "qq", "1234567", by=world.staff.counselor)
    assert set(result.refused) == {world.foreign.pk}
    assert GraduateProfile.objects.get(pk=world.foreign.pk).qq == ""


def test_roll_facts_of_many_are_set_like_those_of_one(world):
    by = world.staff.school
    facts.save_facts(world.students[0], {"study_length": "5"}, by=by)
    result = facts.edit_many(Student.objects.filter(pk=world.students[1].pk), "study_length", "5", by=by)
    one, other = (Student.objects.get(pk=person.pk) for person in world.students[:2])
    assert result.done == [other.pk]
    assert (one.study_length, one.version) == (other.study_length, other.version) == ("5", one.version)
    assert [GraduateProfile.objects.get(student=person).rules_stamp for person in (one, other)] == ["", ""]
    with pytest.raises(Invalid):
        facts.edit_many(Student.objects.all(), "number", "1", by=by)
    with pytest.raises(Invalid):
        facts.edit_many(Student.objects.all(), "nation", "zz", by=by)
