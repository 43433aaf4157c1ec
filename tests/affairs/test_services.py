"""学籍异动, 换届, 专业转移: what moves with a student, who may do it, what is refused and why."""

from __future__ import annotations

import pytest

from models.audit.models import Action, AuditEntry
from models.notices.models import Notice
from models.organisation.models import Cohort
from models.students import affairs, facts, transfers
from models.students.models import GraduateProfile, MajorTransfer, RollChange, Student
from tests.factories import people
from workflows.actions import perform
from workflows.errors import Absent, Closed, Conflict, Invalid, NotAllowed, WrongState
from workflows.levels import Status, Verb
from workflows.models import ChangeRequest, ReviewLog
from workflows.requests import ask as ask_change

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]


def profile(student) -> GraduateProfile:
    return GraduateProfile.objects.get(student=student)


def fresh(student) -> Student:
    return Student.objects.get(pk=student.pk)


def test_a_new_student_is_stored_without_looking_for_what_is_about_them(world, django_assert_max_num_queries):
    """The row, its history and the name's endings; what moves with a student is asked for when one that was there is saved."""
    known = world.students[0]
    with django_assert_max_num_queries(8):
        new = Student(**{
            name: getattr(known, name)
            for name in ("cohort", "major", "unit", "name", "sex", "nation", "degree", "study_length", "training_mode", "enrol_year", "grad_year", "grad_month")
        }, number="2023999", id_number=people.id_number(999), exam_number="23999999999999")  # fmt: skip
        new.save()
    assert (new.org_path, new.school_id) == (known.unit.path, known.unit.school_id)


# -- 学籍异动 --------------------------------------------------------------------------------------------------------------


def test_off_the_roll_a_student_leaves_the_work_lists_and_comes_back(world, django_capture_on_commit_callbacks):
    student, by = world.students[0], world.staff.college
    with django_capture_on_commit_callbacks(execute=True):
        entry = affairs.change_roll(student, "02", "因病休学一年", by=by)
    assert (entry.old_status, entry.new_status, entry.by, entry.reason) == ("01", "02", by, "因病休学一年")
    assert (fresh(student).on_roll, profile(student).on_roll) == (False, False)
    history = Student.history.filter(id=student.pk).first()
    assert (history.history_user, history.history_change_reason, history.roll_status) == (
        by,
        "学籍异动：因病休学一年",
        "02",
    )
    assert AuditEntry.objects.get(action=Action.ROLL_CHANGE).detail == {"old": "在读", "new": "休学"}
    assert "休学" in Notice.objects.get(recipient=student.user).body
    affairs.change_roll(fresh(student), "05", "复学", by=by)
    assert profile(student).on_roll
    assert RollChange.objects.filter(student=student).count() == 2


def test_a_roll_change_is_refused_with_a_sentence(world):
    student, by = world.students[0], world.staff.college
    for status, reason, names in (
        ("01", "原因", {"new_status"}),
        ("zz", "原因", {"new_status"}),
        ("02", " ", {"reason"}),
        ("02", "长" * 201, {"reason"}),
    ):
        with pytest.raises(Invalid) as refusal:
            affairs.change_roll(student, status, reason, by=by)
        assert set(refusal.value.errors) == names
    with pytest.raises(NotAllowed):
        affairs.change_roll(student, "02", "原因", by=world.staff.counselor)
    with pytest.raises(Absent):
        affairs.change_roll(world.elsewhere, "02", "原因", by=by)
    with pytest.raises(Conflict):
        affairs.change_roll(student, "02", "原因", by=by, expected=student.version + 5)
    world.cohort.closed = True
    world.cohort.save()
    with pytest.raises(Closed):
        affairs.change_roll(student, "02", "原因", by=by)
    assert not RollChange.objects.exists()


# -- 换届 ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def later(world):
    return Cohort.objects.create(school=world.school, year=2028)


def test_everything_about_the_student_moves_to_the_other_year(world, later, submit, django_capture_on_commit_callbacks):
    from tests.specimen.models import Specimen

    student, by = world.students[0], world.staff.school
    other = Specimen(student=student, title="题目", version=1, baseline_version=1)
    other.save()
    record = submit(world.records[0])
    logs = list(ReviewLog.objects.values_list("pk", "org_path"))
    with django_capture_on_commit_callbacks(execute=True):
        result = affairs.move_cohort(Student.objects.filter(pk=student.pk), later, by=by, reason="延期毕业")
    assert (result.done, result.refused) == ([student.pk], {})
    moved = fresh(student)
    assert (moved.cohort, moved.grad_year, moved.grad_month, moved.version) == (
        later,
        2028,
        "202806",
        student.version + 1,
    )
    for row in (profile(student), Specimen.objects.get(pk=other.pk)):
        assert (row.cohort, row.rules_stamp) == (later, "")
        history = type(row).history.filter(id=row.pk).first()
        assert (history.cohort_id, history.history_user, history.history_change_reason, history.version) == (
            later.pk, by, "换届：延期毕业", row.version,
        )  # fmt: skip
    assert profile(student).status == record.status  # where the review stands does not change
    assert list(ReviewLog.objects.values_list("pk", "org_path")) == logs
    assert "2028届" in Notice.objects.get(recipient=student.user).title
    assert AuditEntry.objects.get(action=Action.MOVE_COHORT).detail["students"] == [student.pk]
    perform(profile(student), Verb.APPROVE, by=world.staff.counselor)


def test_many_are_moved_and_each_refusal_is_named(world, later):
    first, second, third = world.students
    twin = people.student(world, id_number=second.id_number, cohort=later, grad_year=2028)
    third.enrol_year, third.grad_year, third.grad_month = 2027, 2027, "202706"
    third.save()
    earlier = Cohort.objects.create(school=world.school, year=2026)
    rows = Student.objects.filter(pk__in=[first.pk, second.pk])
    foreseen = affairs.preview_move(rows, later, world.staff.school)
    result = affairs.move_cohort(rows, later, by=world.staff.school, reason="延期")
    assert (foreseen.done, foreseen.refused) == (result.done, result.refused)
    assert result.done == [first.pk]
    assert result.refused == {second.pk: f"2028届已有证件号相同的学生（学号 {twin.number}），请先核对是否为同一人。"}
    late = affairs.move_cohort(Student.objects.filter(pk=third.pk), earlier, by=world.staff.school, reason="更正")
    assert late.refused == {third.pk: "入学年份 2027 晚于 2026 年，请先核对入学年份。"}
    again = affairs.move_cohort(rows, later, by=world.staff.school, reason="延期")
    assert again.unchanged == [first.pk]


def test_two_of_one_batch_with_the_same_number_are_not_both_moved(world, later):
    old = Cohort.objects.create(school=world.school, year=2026)
    twin = people.student(world, id_number=world.students[0].id_number, cohort=old, grad_year=2026)
    rows = Student.objects.filter(pk__in=[world.students[0].pk, twin.pk])
    result = affairs.move_cohort(rows, later, by=world.staff.school, reason="延期")
    assert (len(result.done), len(result.refused)) == (1, 1)


def test_a_move_needs_the_function_the_scope_and_an_open_year_of_the_school(world, later):
    rows = Student.objects.filter(pk=world.students[0].pk)
    with pytest.raises(NotAllowed):
        affairs.move_cohort(rows, later, by=world.staff.college, reason="延期")
    with pytest.raises(Invalid):
        affairs.move_cohort(rows, later, by=world.staff.school, reason=" ")
    other = people.school("19902", "缙云学院")
    elsewhere = people.staff("school", other.center)
    assert set(affairs.move_cohort(rows, other.cohort, by=elsewhere, reason="延期").refused) == {world.students[0].pk}
    assert set(affairs.move_cohort(rows, other.cohort, by=world.staff.school, reason="延期").refused) == {
        world.students[0].pk
    }
    later.closed = True
    later.save()
    with pytest.raises(Closed):
        affairs.move_cohort(rows, later, by=world.staff.school, reason="延期")
    assert fresh(world.students[0]).cohort == world.cohort


# -- 专业转移 --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def receiver(world):
    return people.staff("college", world.colleges[1])


def test_the_leaving_college_asks_the_receiving_one_takes_and_everything_moves(
    world, receiver, submit, django_capture_on_commit_callbacks
):
    student, by = world.students[0], world.staff.college
    record = submit(world.records[0])
    with django_capture_on_commit_callbacks(execute=True):
        transfer = transfers.ask(student, world.majors[1], "学业发展需要", by=by)
        assert fresh(student).major == world.majors[0]  # asking moves nothing
        assert list(receiver.scope_of(MajorTransfer.objects.all())) == [transfer]
        transfers.accept(transfer, by=receiver, to_unit=world.classes[2])
    moved = fresh(student)
    assert (moved.major, moved.unit, moved.org_path) == (world.majors[1], world.classes[2], world.classes[2].path)
    now = profile(student)
    assert (now.org_path, now.status) == (world.classes[2].path, Status.PENDING_COUNSELOR)
    assert receiver.scope_of(GraduateProfile.objects.filter(pk=record.pk)).exists()
    assert not by.scope_of(GraduateProfile.objects.filter(pk=record.pk)).exists()
    history = GraduateProfile.history.filter(id=record.pk).first()
    assert (history.org_path, history.history_user, history.history_change_reason) == (
        world.classes[2].path, receiver, "专业转移：学业发展需要",
    )  # fmt: skip
    assert Notice.objects.get(recipient=by).title == f"{student.name} 的专业转移已接收"
    assert Notice.objects.filter(recipient=student.user).count() == 1
    assert AuditEntry.objects.filter(action=Action.MAJOR_TRANSFER).count() == 2
    assert [row.state for row in MajorTransfer.history.filter(id=transfer.pk)] == ["accepted", "waiting"]


def test_a_waiting_change_request_goes_with_the_record(world, receiver, submit):
    student = world.students[0]
    record = submit(world.records[0])
    for person in (world.staff.counselor, world.staff.college, world.staff.school):
        perform(record, Verb.APPROVE, by=person)
    ask_change(profile(student), {"political_status": "01"}, "已转正", by=student.user)
    transfer = transfers.ask(student, world.majors[1], "转专业", by=world.staff.college)
    transfers.accept(transfer, by=receiver, to_unit=world.classes[2])
    assert ChangeRequest.objects.get().org_path == world.classes[2].path


def test_what_came_from_the_old_major_comes_from_the_new_one(world, receiver):
    new = world.majors[1]
    new.study_length = "5"
    new.save()
    student = world.students[0]
    transfer = transfers.ask(student, new, "转专业", by=world.staff.college)
    transfers.accept(transfer, by=receiver, to_unit=world.classes[2])
    assert fresh(student).study_length == "5"
    special = world.students[1]
    special.study_length = "3"  # not what the major says: this student's own
    special.save()
    transfer = transfers.ask(special, new, "转专业", by=world.staff.college)
    transfers.accept(transfer, by=receiver, to_unit=world.classes[2])
    assert fresh(special).study_length == "3"


def test_the_school_does_both_at_once(world):
    student = world.students[0]
    done = transfers.move_now(student, world.classes[3], world.majors[1], "学校统一调整", by=world.staff.school)
    assert done.state == MajorTransfer.State.ACCEPTED
    assert fresh(student).unit == world.classes[3]


def test_a_move_that_fails_leaves_no_request_behind(world):
    with pytest.raises(NotAllowed):
        transfers.move_now(world.students[0], world.classes[2], world.majors[1], "转专业", by=world.staff.college)
    assert not MajorTransfer.objects.exists()


def test_refusing_needs_a_reason_and_tells_who_asked(world, receiver, django_capture_on_commit_callbacks):
    transfer = transfers.ask(world.students[0], world.majors[1], "转专业", by=world.staff.college)
    with pytest.raises(Invalid):
        transfers.refuse(transfer, " ", by=receiver)
    with django_capture_on_commit_callbacks(execute=True):
        transfers.refuse(transfer, "名额已满", by=receiver)
    assert "名额已满" in Notice.objects.get(recipient=world.staff.college).body
    assert fresh(world.students[0]).major == world.majors[0]
    with pytest.raises(WrongState):
        transfers.accept(transfer, by=receiver, to_unit=world.classes[2])
    transfers.ask(
        world.students[0], world.majors[1], "再次申请", by=world.staff.college
    )  # one that is decided does not block


def test_only_the_right_side_may_do_each_step(world, receiver):
    student = world.students[0]
    with pytest.raises(NotAllowed):
        transfers.ask(student, world.majors[1], "转专业", by=world.staff.counselor)
    with pytest.raises(Absent):
        transfers.ask(student, world.majors[1], "转专业", by=receiver)
    transfer = transfers.ask(student, world.majors[1], "转专业", by=world.staff.college)
    with pytest.raises(Conflict):
        transfers.ask(student, world.majors[1], "又一份", by=world.staff.college)
    for deed in (
        lambda by: transfers.accept(transfer, by=by, to_unit=world.classes[2]),
        lambda by: transfers.refuse(transfer, "不", by=by),
    ):
        with pytest.raises(NotAllowed):
            deed(world.staff.college)
    with pytest.raises(NotAllowed):
        transfers.cancel(transfer, by=receiver)
    other = people.school("19902", "缙云学院")
    with pytest.raises(Absent):
        transfers.accept(transfer, by=people.staff("college", other.colleges[0]), to_unit=world.classes[2])
    with pytest.raises(Invalid):
        transfers.accept(transfer, by=receiver, to_unit=world.classes[0])  # a class of another major
    with pytest.raises(Invalid):
        transfers.accept(transfer, by=receiver)
    transfers.cancel(transfer, by=world.staff.college)
    assert MajorTransfer.objects.get(pk=transfer.pk).state == MajorTransfer.State.CANCELLED
    with pytest.raises(Invalid):
        transfers.ask(student, other.majors[0], "转校", by=world.staff.school)
    with pytest.raises(Invalid):
        transfers.ask(student, world.majors[0], "原专业", by=world.staff.school)


def test_a_student_who_moved_meanwhile_is_not_moved_again(world, receiver):
    student = world.students[0]
    transfer = transfers.ask(student, world.majors[1], "转专业", by=world.staff.college)
    facts.save_facts(student, {"unit": world.classes[1]}, by=world.staff.school)
    with pytest.raises(Conflict):
        transfers.accept(transfer, by=receiver, to_unit=world.classes[2])


# -- roll facts ------------------------------------------------------------------------------------------------------------


def test_a_corrected_number_moves_the_account_with_it_and_rules_run_again(world):
    student = world.students[0]
    changed = facts.save_facts(student, {"number": "2023999999", "name": "新名", "sex": "1"}, by=world.staff.college)
    assert changed == {
        "number": [world.students[0].history.last().number, "2023999999"],
        "name": [student.history.last().name, "新名"],
    }
    student.user.refresh_from_db()
    assert (student.user.username, student.user.name) == ("19901-2023999999", "新名")
    assert profile(student).rules_stamp == ""
    assert student.version == world.students[1].version + 1


def test_facts_are_checked_over_all_students_and_not_only_those_in_sight(world):
    counts = Student.history.count()
    for values, name in (
        ({"number": world.elsewhere.number}, "number"),
        ({"id_number": world.elsewhere.id_number}, "id_number"),
        ({"grad_month": "2027"}, "grad_month"),
        ({"nation": "zz"}, "nation"),
        ({"enrol_year": 2030}, "enrol_year"),
        ({"unit": world.classes[2]}, "unit"),
        ({"roll_status": "02"}, "roll_status"),
        ({"org_path": "1/"}, "org_path"),
    ):
        with pytest.raises(Invalid) as refusal:
            facts.save_facts(world.students[0], values, by=world.staff.college)
        assert set(refusal.value.errors) == {name}
    with pytest.raises(NotAllowed):
        facts.save_facts(world.students[0], {"name": "新名"}, by=world.staff.counselor)
    with pytest.raises(Absent):
        facts.save_facts(world.elsewhere, {"name": "新名"}, by=world.staff.college)
    with pytest.raises(Conflict):
        facts.save_facts(fresh(world.students[0]), {"name": "新名"}, by=world.staff.college, expected=99)
    assert Student.history.count() == counts
