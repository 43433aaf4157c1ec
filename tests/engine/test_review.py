"""The promise of the review chain: student → counsellor → college → school → the province's rules, each by who may."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from models.students.models import GraduateProfile
from tests.factories import people
from workflows.actions import perform, save_fields
from workflows.batch import perform_many, preview
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import Status, Verb
from workflows.models import Flow, ReviewLog
from workflows.requests import ask, decide
from workflows.scoping import UnscopedQuery, within

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]


@pytest.fixture
def world():
    made = people.school()
    made.staff = people.reviewers(made)
    made.student = people.student(made)
    made.record = GraduateProfile.objects.get(student=made.student)
    return made


def reload(record):
    return GraduateProfile.objects.get(pk=record.pk)


def test_the_whole_chain_ends_approved_by_the_province_rules(world):
    record = world.record
    save_fields(record, {"phone": "19988887777"}, by=world.student.user)
    perform(record, Verb.SUBMIT, by=world.student.user)
    assert record.status == Status.PENDING_COUNSELOR
    assert reload(record).changes["phone"][1] == "19988887777"
    perform(record, Verb.APPROVE, by=world.staff.counselor)
    perform(record, Verb.APPROVE, by=world.staff.college)
    perform(record, Verb.APPROVE, by=world.staff.school)
    assert reload(record).status == Status.APPROVED
    log = list(ReviewLog.objects.filter(object_id=record.pk).order_by("seq"))
    assert [(row.verb, row.level, row.to_status) for row in log] == [
        ("submit", "", "pending_counselor"),
        ("approve", "counselor", "pending_college"),
        ("approve", "college", "pending_school"),
        ("approve", "school", "pending_province"),
        ("approve", "province", "approved"),
    ]
    assert log[-1].actor is None
    assert [row.from_status for row in log[1:]] == [row.to_status for row in log[:-1]]


def test_a_return_needs_a_reason_and_goes_back_to_the_student(world):
    record = world.record
    perform(record, Verb.SUBMIT, by=world.student.user)
    with pytest.raises(Invalid):
        perform(record, Verb.RETURN, by=world.staff.counselor)
    perform(record, Verb.RETURN, by=world.staff.counselor, reasons=["家庭地址不完整"], text="请写到门牌号")
    now = reload(record)
    assert (now.status, now.returns, now.last_reason) == (Status.RETURNED, 1, "家庭地址不完整；请写到门牌号")
    save_fields(record, {"home_address": "示例省示例市示例区示例路2号"}, by=world.student.user)
    perform(record, Verb.SUBMIT, by=world.student.user)
    assert reload(record).status == Status.PENDING_COUNSELOR


def test_a_return_from_the_school_can_come_back_to_the_school(world):
    Flow.objects.create(matter="students.graduateprofile", levels="counselor,college,school", resubmit="returner")
    record = world.record
    perform(record, Verb.SUBMIT, by=world.student.user)
    for person in (world.staff.counselor, world.staff.college):
        perform(record, Verb.APPROVE, by=person)
    perform(record, Verb.RETURN, by=world.staff.school, text="请核对")
    perform(record, Verb.SUBMIT, by=world.student.user)
    assert reload(record).status == Status.PENDING_SCHOOL


def test_levels_in_flight_keep_the_chain_they_were_submitted_under(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    Flow.objects.create(matter="students.graduateprofile", levels="counselor")
    perform(world.record, Verb.APPROVE, by=world.staff.counselor)
    assert reload(world.record).status == Status.PENDING_COLLEGE


def test_who_does_not_hold_the_level_is_refused(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    with pytest.raises(NotAllowed):
        perform(world.record, Verb.APPROVE, by=world.staff.college)
    with pytest.raises(NotAllowed):
        perform(world.record, Verb.APPROVE, by=world.student.user)
    stranger = people.staff("counselor", world.classes[-1])
    with pytest.raises(Absent):
        perform(world.record, Verb.APPROVE, by=stranger)


def test_the_school_acts_for_lower_levels_and_the_log_says_so(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    log = perform(world.record, Verb.APPROVE, by=world.staff.school)
    assert (log.level, log.acting_for, log.to_status) == ("school", "counselor", "pending_college")


def test_a_stale_form_is_refused_with_what_changed(world):
    seen = world.record.version
    save_fields(world.record, {"qq": "123456"}, by=world.student.user)
    with pytest.raises(Conflict) as refusal:
        save_fields(world.record, {"qq": "654321"}, by=world.student.user, expected=seen)
    assert refusal.value.details == [{"name": "qq", "label": "QQ", "old": "", "new": "123456"}]


def test_withdrawing_is_possible_until_somebody_has_acted(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    perform(world.record, Verb.WITHDRAW, by=world.student.user)
    assert reload(world.record).status == Status.DRAFT
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    perform(world.record, Verb.APPROVE, by=world.staff.counselor)
    with pytest.raises(WrongState):
        perform(world.record, Verb.WITHDRAW, by=world.student.user)


def test_locked_fields_and_locked_states_cannot_be_written(world):
    with pytest.raises(Invalid):
        save_fields(world.record, {"teacher_training": "1"}, by=world.student.user)
    with pytest.raises(Invalid):
        save_fields(world.record, {"student.name": "别人"}, by=world.student.user)
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    with pytest.raises(WrongState):
        save_fields(world.record, {"qq": "123456"}, by=world.student.user)


def test_missing_fields_and_broken_rules_stop_a_submission(world):
    save_fields(world.record, {"email": ""}, by=world.student.user)
    with pytest.raises(Invalid) as refusal:
        perform(world.record, Verb.SUBMIT, by=world.student.user)
    assert refusal.value.errors == {"email": "请填写电子邮箱。"}
    save_fields(world.record, {"email": "a@example.edu.cn"}, by=world.student.user)
    world.student.sex = "2"
    world.student.save()
    with pytest.raises(RulesFailed) as broken:
        perform(world.record, Verb.SUBMIT, by=world.student.user)
    assert [f["rule"] for f in broken.value.details] == ["R01"]


def test_correct_and_approve_tells_what_was_corrected(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    log = perform(world.record, Verb.APPROVE, by=world.staff.counselor, values={"home_postcode": "400000"})
    assert log.corrections == {"home_postcode": ["", "400000"]}
    assert reload(world.record).home_postcode == "400000"


def test_a_change_can_be_asked_for_after_approval(world):
    record = world.record
    perform(record, Verb.SUBMIT, by=world.student.user)
    for person in (world.staff.counselor, world.staff.college, world.staff.school):
        perform(record, Verb.APPROVE, by=person)
    request = ask(reload(record), {"political_status": "01"}, "已转正", by=world.student.user)
    assert reload(record).political_status == "03"
    with pytest.raises(Conflict):
        ask(reload(record), {"political_status": "02"}, "再来", by=world.student.user)
    decide(request, accept=True, by=world.staff.school)
    now = reload(record)
    assert (now.political_status, now.status) == ("01", Status.APPROVED)
    assert [row.verb for row in ReviewLog.objects.filter(object_id=record.pk).order_by("-seq")[:2]] == [
        "accept_change",
        "ask_change",
    ]


def test_a_warning_makes_the_record_wait_at_the_province_with_the_rule_named(world):
    world.student.grad_month = "202612"
    world.student.save()
    record = world.record
    perform(record, Verb.SUBMIT, by=world.student.user)
    for person in (world.staff.counselor, world.staff.college, world.staff.school):
        perform(record, Verb.APPROVE, by=person)
    now = reload(record)
    assert now.status == Status.PENDING_PROVINCE
    assert [f["rule"] for f in now.findings] == ["R27"]
    perform(now, Verb.APPROVE, by=world.staff.province)
    assert reload(record).status == Status.APPROVED


def test_both_doors_do_the_same(world):
    others = [GraduateProfile.objects.get(student=people.student(world)) for _ in range(6)]
    for record in others:
        perform(record, Verb.SUBMIT, by=record.student.user)
    bad = others[-1]
    bad.student.sex = "2"
    bad.student.save()
    rows = GraduateProfile.objects.filter(pk__in=[r.pk for r in others[1:]])
    expected = preview(rows, Verb.APPROVE, world.staff.counselor)
    result = perform_many(rows, Verb.APPROVE, by=world.staff.counselor)
    assert (result.done, result.refused) == (expected.done, expected.refused)
    assert result.done == [r.pk for r in others[1:-1]]
    assert "R01" in result.refused[bad.pk]
    perform(others[0], Verb.APPROVE, by=world.staff.counselor)
    single, batch = reload(others[0]), reload(others[1])
    skip = {
        "_state",
        "id",
        "student_id",
        "phone",
        "submitted_at",
        "submitted_by_id",
        "decided_at",
        "updated_at",
        "created_at",
        "changes",
    }

    def facts(row):
        return {k: v for k, v in row.__dict__.items() if k not in skip and not k.startswith("_")}

    assert facts(single) == facts(batch)
    logs = [ReviewLog.objects.filter(object_id=r.pk).order_by("-seq").first() for r in (single, batch)]
    same = (
        "verb",
        "level",
        "acting_for",
        "from_status",
        "to_status",
        "actor_id",
        "actor_name",
        "held_path",
        "opinion",
        "reasons",
        "seq",
        "org_path",
    )
    assert [getattr(logs[0], f) for f in same] == [getattr(logs[1], f) for f in same]
    histories = [GraduateProfile.history.filter(id=r.pk).order_by("-history_id").first() for r in (single, batch)]
    assert [h.version for h in histories] == [single.version, batch.version]
    assert [h.history_user_id for h in histories] == [world.staff.counselor.pk] * 2
    assert [h.history_change_reason for h in histories] == ["通过", "通过"]


def test_a_batch_at_the_school_level_passes_the_province_by_its_rules(world):
    records = [GraduateProfile.objects.get(student=people.student(world)) for _ in range(3)]
    records[2].student.grad_month = "202612"
    records[2].student.save()
    for record in records:
        perform(record, Verb.SUBMIT, by=record.student.user)
    rows = GraduateProfile.objects.filter(pk__in=[r.pk for r in records])
    for person in (world.staff.counselor, world.staff.college, world.staff.school):
        assert len(perform_many(rows, Verb.APPROVE, by=person).done) == 3
    assert [reload(r).status for r in records] == ["approved", "approved", "pending_province"]
    for record in records:
        log = list(ReviewLog.objects.filter(object_id=record.pk).order_by("seq"))
        assert [r.to_status for r in log][-1] == reload(record).status
        assert [r.from_status for r in log[1:]] == [r.to_status for r in log[:-1]]


def test_a_batch_return_counts_and_carries_the_reason(world):
    perform(world.record, Verb.SUBMIT, by=world.student.user)
    perform_many(GraduateProfile.objects.all(), Verb.RETURN, by=world.staff.counselor, reasons=["家庭地址不完整"])
    now = reload(world.record)
    assert (now.status, now.returns, now.last_reason, now.returned_by_level) == (
        "returned",
        1,
        "家庭地址不完整",
        "counselor",
    )


def test_an_unscoped_query_raises(world):
    with within(None), pytest.raises(UnscopedQuery):
        list(GraduateProfile.objects.all())


def test_a_person_sees_the_rows_of_their_scope_only(world):
    elsewhere = people.student(world, unit=world.classes[-1])
    counselor = world.staff.counselor
    assert list(counselor.scope_of(GraduateProfile.objects.all())) == [world.record]
    assert GraduateProfile.objects.visible_to(world.staff.school).count() == 2
    assert list(GraduateProfile.objects.visible_to(elsewhere.user).values_list("student", flat=True)) == [elsewhere.pk]


def test_a_setting_for_everybody_exists_once_on_every_engine(world):
    """NULL school and cohort count as equal, by constraint: two rows would make the levels a matter of chance."""
    Flow.objects.create(matter="students.graduateprofile", levels="counselor")
    with pytest.raises(IntegrityError), transaction.atomic():
        Flow.objects.create(matter="students.graduateprofile", levels="school")
    with pytest.raises(ValidationError):
        Flow(matter="students.graduateprofile", levels="school").full_clean()
