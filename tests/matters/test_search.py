"""The search box and the paste box: what was typed is told by its shape, and each shape is one exact or range look-up."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exports.pasted import kind_of, locate
from exports.search import placeholder, questions
from exports.selection import Selection
from models.lists.models import LIMIT, PastedList, TooMany, split
from models.students.models import GraduateProfile, NameEnding, Student
from tests.factories import people
from workflows.scoping import acting, system


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("990101200403150012", ["id_number"]), ("990101 20040315 001x", ["id_number"]), ("19912345678", ["phone", "number"]),
        ("199 1234 5678", ["phone", "number"]), ("2023", ["number"]), ("23990000000001", ["number", "exam_number"]), ("B2023001", ["number", "id_number"]),
        ("王", ["name"]), ("雨涵", ["name"]), ("阿依古丽·买买提", ["name"]), ("２０２３", ["number"]), ("  ", []), ("\x00\u200b", []), ("John", ["name"]),
    ],
)  # fmt: skip
def test_the_shape_tells_what_is_meant(text, kinds):
    assert [question.kind for question in questions(GraduateProfile, text)] == kinds


def test_the_placeholder_promises_what_the_model_has():
    assert placeholder(GraduateProfile) == "学号、姓名、考生号、完整身份证号、完整手机号"
    assert "手机" not in placeholder(Student)


def found(user, text, model=GraduateProfile):
    with acting(user):
        return Selection(model._meta.label_lower, query=text).queryset(user)


def test_every_kind_of_search_finds_its_people(world):
    user = world.staff.school
    with system("one student"):
        one = Student.objects.filter(school=world.here.school).select_related("graduateprofile").first()
    for text in (one.number, one.id_number, one.id_number.lower(), one.exam_number):
        assert [row.student_id for row in found(user, text)] == [one.pk]
        assert [row.pk for row in found(user, text, Student)] == [one.pk]
    assert [row.student_id for row in found(user, one.graduateprofile.phone)] == [one.pk]
    assert found(user, one.number[:6]).count() == 160
    names = {row.name for row in found(user, "雨涵", Student)}
    assert len(names) == 5
    assert all(name.endswith("雨涵") for name in names)
    assert {row.name[0] for row in found(user, "王", Student)} == {"王"}
    assert {row.name for row in found(user, "阳雨", Student)} == {"欧阳雨涵"}
    assert not found(user, "涵", Student)  # one character is a beginning only


def test_numbers_of_people_are_matched_whole_or_not_at_all(world):
    user = world.staff.school
    with system("one student"):
        one = Student.objects.filter(school=world.here.school).select_related("graduateprofile").first()
    for text in (
        one.id_number[:17],
        one.id_number[-4:],
        one.id_number[6:14],
        one.graduateprofile.phone[:10],
        one.graduateprofile.phone[-4:],
    ):
        assert not found(user, text)


def test_a_search_does_not_reach_other_schools(world):
    with system("one student"):
        foreign = Student.objects.filter(school=world.there.school).select_related("graduateprofile").first()
    for text in (foreign.number, foreign.id_number, foreign.graduateprofile.phone, foreign.exam_number):
        assert not found(world.staff.school, text)
        assert found(world.foreign.school, text)


def test_the_index_of_names_is_kept_by_the_database_itself(world):
    user = world.staff.school
    with system("a name changes in a way that no code of ours sees"):
        one = Student.objects.filter(name="李雨涵").first()
        Student._base_manager.filter(pk=one.pk).update(name="司徒美堂")
    assert one.pk not in [row.pk for row in found(user, "雨涵", Student)]
    assert [row.pk for row in found(user, "徒美", Student)] == [one.pk]
    with system("and comes and goes"):
        Student._base_manager.filter(pk=one.pk).update(name="Aliya Khan")
    assert [row.pk for row in found(user, "khan", Student)] == [one.pk]
    assert [row.pk for row in found(user, "aliya", Student)] == [one.pk]
    before = set(NameEnding.objects.values_list("student_id", "ending"))
    NameEnding.objects.all().delete()
    call_command("rebuild_names", verbosity=0)
    assert set(NameEnding.objects.values_list("student_id", "ending")) == before
    with system("gone"):
        lone = people.student(world.here, account=False, name="诸葛孔明")
        lone.graduateprofile.delete()
        pk = lone.pk
        lone.delete()
    assert not NameEnding.objects.filter(student_id=pk).exists()


# -- paste box ---------------------------------------------------------------------------------------------------------------


def test_pasted_text_becomes_items():
    items, repeated = split("２０２３０００１\n 2023 0002 ,王 小明\t欧阳雨涵\r\n20230001；'20230003'、 ")
    assert items == ["20230001", "20230002", "王 小明", "欧阳雨涵", "20230003"]
    assert repeated == ["20230001"]


def test_more_than_the_limit_is_refused():
    with pytest.raises(TooMany, match=f"{LIMIT + 1} 个"):
        split("\n".join(str(n) for n in range(LIMIT + 1)))
    assert len(split("\n".join(str(n) for n in range(LIMIT)))[0]) == LIMIT


@pytest.mark.parametrize(
    ("item", "kind"), [("99010120040315001X", "id_number"), ("B23", "number"), ("欧阳雨涵", "name")]
)
def test_each_item_is_looked_up_as_what_it_is(item, kind):
    assert kind_of(item) == kind


@pytest.mark.parametrize("model", [Student, GraduateProfile])
def test_two_thousand_pasted_items_keep_their_order_in_one_statement(world, model):
    user = world.staff.school
    with system("numbers"):
        students = list(Student.objects.filter(school=world.here.school).order_by("-number"))
        foreign = Student.objects.filter(school=world.there.school).first()
    items = [student.number for student in students]
    items[5], items[10] = students[5].id_number, "欧阳雨涵"
    missing = [f"9{n:09d}" for n in range(LIMIT - len(items) - 1)]
    pasted = [*items[:80], *missing, foreign.number, *items[80:]]
    assert len(pasted) == LIMIT
    with (
        acting(user),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        answer = locate(Selection(model._meta.label_lower).base(user), pasted)
    assert len(queries) == 1
    assert answer.missing == [*missing, foreign.number]
    assert answer.several == ["欧阳雨涵"]
    with acting(user):
        place = dict(model.objects.values_list("pk", "pk" if model is Student else "student_id"))
    order = [place[pk] for pk in answer.ids]
    wanted, namesakes = [], [s.pk for s in sorted(students, key=lambda s: s.pk) if s.name == "欧阳雨涵"]
    for position, student in enumerate(students):
        wanted += namesakes if position == 10 else [student.pk]
    assert order == list(dict.fromkeys(wanted))


def test_a_pasted_list_is_its_owners_alone_and_ends_after_a_day(world, time_machine):
    user = world.staff.school
    kept = PastedList.objects.keep(user, "students.student", "1\n2")
    assert PastedList.objects.of(user, kept.key) == kept
    assert PastedList.objects.of(world.staff.college, kept.key) is None
    from datetime import timedelta

    from django.utils import timezone

    time_machine.move_to(timezone.now() + timedelta(days=1, minutes=1))
    assert PastedList.objects.of(user, kept.key) is None
    PastedList.objects.keep(user, "students.student", "3")
    assert PastedList.objects.count() == 1
