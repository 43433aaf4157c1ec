"""The history of a record in plain words: who changed what from what to what, when, on which occasion."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from models.organisation.models import Cohort
from models.students import affairs
from tests.factories import people
from workflows.actions import perform, save_fields
from workflows.batch import perform_many
from workflows.levels import Verb
from workflows.models import ExtraField
from workflows.scoping import system
from workflows.story import PAGE, story, timeline


def sentences(record, **options) -> list[str]:
    with system("a test reads"):
        return [entry.sentence for entry in story(record, **options).entries]


def test_it_says_who_changed_what_from_what_to_what_on_which_occasion(world, submit):
    counselor, student = world.staff.counselor, world.students[0]
    record = submit(world.records[0])
    with system("the counsellor corrects"):
        perform(
            record,
            Verb.APPROVE,
            by=counselor,
            values={"origin_region": "500105", "phone": "19988887777", "qq": "1234567"},
        )
        told = story(record).entries
    assert told[0].sentence == (
        f"{counselor.name}（辅导员）把 生源地 从 重庆市渝中区 改为 重庆市江北区；"
        f"手机号码 从 {record_phone(world)} 改为 199****7777；填写 QQ 为 1234567"
    )
    assert told[0].occasion == "修改后通过"
    assert told[1].sentence == f"{student.name}（本人）提交审核"


def record_phone(world) -> str:
    phone = world.records[0].phone
    return f"{phone[:3]}****{phone[-4:]}"


def test_it_names_the_system_the_acting_level_and_reasons(world, submit):
    record = submit(world.records[0])
    with system("the chain"):
        perform(record, Verb.RETURN, by=world.staff.school, reasons=["家庭地址不完整"], text="请补全")
        perform(record, Verb.SUBMIT, by=world.students[0].user)
        for person in (world.staff.counselor, world.staff.college, world.staff.school):
            perform(record, Verb.APPROVE, by=person)
        told = story(record).entries
        log = timeline(record)
    assert told[0].sentence == "系统（省级）通过"
    back = next(entry for entry in told if entry.verb == Verb.RETURN)
    assert back.sentence == f"{world.staff.school.name}（学校，代辅导员审核）退回修改"
    assert (back.reasons, back.opinion) == (("家庭地址不完整",), "请补全")
    assert [entry.verb for entry in log] == ["submit", "return", "submit", "approve", "approve", "approve", "approve"]


def test_staff_edits_own_fields_and_moves_are_told_as_well(world, submit):
    record = world.records[0]
    with system("edits"):
        ExtraField.objects.create(matter="students.graduateprofile", school=world.school, key="team", label="分组")
        save_fields(record, {"extra.team": "甲组", "household_moved": "true"}, by=world.staff.counselor)
        later = Cohort.objects.create(school=world.school, year=2028)
        affairs.move_cohort(
            type(world.students[0]).objects.filter(pk=world.students[0].pk),
            later,
            by=world.staff.school,
            reason="延期毕业",
        )
        record.refresh_from_db()
    told = sentences(record)
    assert told[0] == f"{world.staff.school.name}把 毕业届 从 2027届 改为 2028届"
    assert told[1] == f"{world.staff.counselor.name}把 户口是否转入学校 从 否 改为 是；填写 分组 为 甲组"
    assert sentences(world.students[0])[0] == (
        f"{world.staff.school.name}把 毕业年份 从 2027 改为 2028；毕业时间 从 202706 改为 202806；毕业届 从 2027届 改为 2028届"
    )


def test_a_batch_is_told_like_a_single_step(world, submit):
    first, second = submit(world.records[0]), submit(world.records[1])
    with system("two doors"):
        perform(first, Verb.APPROVE, by=world.staff.counselor)
        perform_many(type(second).objects.filter(pk=second.pk), Verb.APPROVE, by=world.staff.counselor)
        second.refresh_from_db()
    assert sentences(first)[0] == sentences(second)[0]


def test_it_costs_six_queries_at_most_and_pages_after_two_hundred(world):
    record = world.records[0]
    with system("a long story"):
        for number in range(PAGE + 5):
            record.qq = f"{10000 + number}"
            record.version += 1
            record.save()
        story(record)  # the settings of the school are remembered by the process
        for page, length in ((1, PAGE), (2, 6)):
            with CaptureQueriesContext(connection) as asked:
                told = story(record, page=page)
            assert len(told.entries) == length
            assert len(asked) <= 6, [q["sql"][:120] for q in asked]
        assert (told.pages, told.total) == (2, PAGE + 6)
        last_of_first, first_of_second = story(record, page=1).entries[-1], story(record, page=2).entries[0]
        with CaptureQueriesContext(connection) as asked:
            story(world.students[0])
        assert len(asked) <= 6
    assert last_of_first.changes[0].old == first_of_second.changes[0].new  # nothing is lost between the pages


def test_the_page_is_scoped_masked_and_paged(world, login, submit):
    record = submit(world.records[0])
    client = login(world.staff.counselor)
    for label, pk in (("students_graduateprofile", record.pk), ("students_student", world.students[0].pk)):
        page = client.get(reverse(f"admin:{label}_history", args=[pk])).content.decode()
        assert "修改记录" in page
        assert world.students[0].id_number not in page
        assert record.phone not in page
        assert client.get(reverse(f"admin:{label}_history", args=[pk]) + "?p=99").status_code == 200
        assert client.get(reverse(f"admin:{label}_history", args=["x"])).status_code == 404
    with system("a test sets up rows"):
        stranger = people.staff("counselor", world.classes[-1])
    foreign = login(stranger)
    assert foreign.get(reverse("admin:students_graduateprofile_history", args=[record.pk])).status_code == 404
    assert foreign.get(reverse("admin:students_student_history", args=[world.students[0].pk])).status_code == 404
