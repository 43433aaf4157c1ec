"""A destination's way: review, corrections the student confirms, disputes, what rests on an agreement, which one is current."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from models.audit.models import Action, AuditEntry
from models.codes import cache as code_tables
from models.codes.models import Code
from models.dispatch import services as papers
from models.dispatch.models import Dispatch
from models.employers.models import Employer
from models.outcomes import services
from models.outcomes.models import Outcome
from tests.factories import matters, people, signing
from tests.factories import outcomes as make
from workflows import answers, batch, batch_edit, fields, permits, rules
from workflows.actions import perform, save_fields
from workflows.checks_verify import decisions_were_permitted, status_is_folded, steps_are_legal, steps_follow
from workflows.errors import Conflict, Invalid, NotAllowed, WrongState
from workflows.levels import Status, Verb
from workflows.models import ExtraField, ReviewLog

pytestmark = pytest.mark.django_db


def approved(place, category: str = "11", **over) -> Outcome:
    row = make.outcome(place, category, **over)
    perform(row, Verb.SUBMIT, by=row.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college)
    perform(row, Verb.APPROVE, by=place.staff.school)
    return Outcome._base_manager.select_related("student__user", "cohort").get(pk=row.pk)


def sound() -> list[str]:
    """What `verify` says about the logs of destinations and papers."""
    checks = (status_is_folded, steps_follow, steps_are_legal, decisions_were_permitted)
    return [f.sentence for check in checks for f in check() if f.where.startswith(("毕业去向", "派遣"))]


def reportable(row) -> list[str]:
    row.rule_facts = None
    return [f.rule for f in rules.blocking(rules.run(row, rules.REPORT))]


# -- confirmation ----------------------------------------------------------------------------------------------------------


def test_college_then_school_and_the_employer_is_remembered(place):
    row = approved(place)
    assert (row.status, row.levels, row.is_current) == (Status.APPROVED, "college,school", True)
    assert row.employer == Employer.objects.get(uscc=row.uscc)
    assert list(services.countable(Outcome.objects.all())) == [row]
    assert reportable(row) == []


def test_what_a_reviewer_corrects_waits_for_the_student_before_it_is_reported(place):
    row = make.outcome(place)
    perform(row, Verb.SUBMIT, by=row.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college, values={"job_title": "测试工程师"})
    perform(row, Verb.APPROVE, by=place.staff.school)
    assert (row.status, row.awaits_confirmation, row.staff_changed) == (
        Status.APPROVED,
        True,
        {"job_title": ["研发工程师", "测试工程师"]},
    )
    assert reportable(row) == ["R28"]
    assert list(services.countable(Outcome.objects.all())) == []
    services.confirm(row, row.student.user)
    assert (row.awaits_confirmation, row.staff_changed, reportable(row)) == (False, {}, [])
    assert ReviewLog.objects.filter(object_id=row.pk, verb=Verb.CONFIRM).get().corrections == {
        "job_title": ["研发工程师", "测试工程师"]
    }
    assert list(services.countable(Outcome.objects.all())) == [row]
    assert sound() == []


def test_what_is_put_back_needs_no_confirmation(place):
    row = make.outcome(place)
    perform(row, Verb.SUBMIT, by=row.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college, values={"job_title": "测试工程师"})
    perform(row, Verb.APPROVE, by=place.staff.school, values={"job_title": "研发工程师"})
    assert (row.awaits_confirmation, row.staff_changed) == (False, {})


def test_only_the_student_confirms_and_only_when_there_is_something(place):
    row = approved(place)
    with pytest.raises(WrongState):
        services.confirm(row, row.student.user)
    with pytest.raises(NotAllowed):
        services.confirm(row, place.staff.school)


def test_submitting_again_stands_for_everything(place):
    row = make.outcome(place)
    perform(row, Verb.SUBMIT, by=row.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college, values={"job_title": "测试工程师"})
    perform(row, Verb.RETURN, by=place.staff.school, reasons=["单位名称与印章不一致"])
    perform(row, Verb.SUBMIT, by=row.student.user)
    assert row.awaits_confirmation is False


# -- disputes --------------------------------------------------------------------------------------------------------------


def test_a_dispute_freezes_the_record_till_the_school_has_settled_it(place):
    row = approved(place)
    services.dispute(row, row.student.user, "我没有去这家单位")
    assert (row.frozen, row.status) == (True, Status.APPROVED)
    assert reportable(row) == ["R29"]
    for verb, who in ((Verb.RETURN, place.staff.school), (Verb.ASK_CHANGE, row.student.user)):
        with pytest.raises(WrongState, match="冻结"):
            perform(row, verb, by=who, text="x")
    with pytest.raises(NotAllowed):
        services.settle(row, place.staff.college, "核实无误")
    with pytest.raises(Invalid):
        services.settle(row, place.staff.school, "  ")
    services.settle(row, place.staff.school, "已与单位核实，岗位更正", values={"job_title": "测试工程师"})
    assert (row.frozen, row.awaits_confirmation, row.dispute_answer) == (False, True, "已与单位核实，岗位更正")
    assert reportable(row) == ["R28"]
    services.confirm(row, row.student.user)
    assert reportable(row) == []
    assert sound() == []
    assert AuditEntry.unscoped.filter(action=Action.DESTINATION_DISPUTE, object_id=str(row.pk)).count() == 2


def test_what_a_batch_edit_changes_waits_for_the_student_too(place):
    """A correction is a correction, one by one or by the thousand."""
    ExtraField.objects.create(matter="outcomes.outcome", school=place.school, key="team", label="分组")
    row = approved(place)
    result = batch_edit.edit_many(Outcome.objects.filter(pk=row.pk), "extra.team", "甲", by=place.staff.school)
    assert result.done == [row.pk]
    row = Outcome._base_manager.select_related("student__user", "cohort").get(pk=row.pk)
    assert (row.awaits_confirmation, row.staff_changed) == (True, {"extra.team": [None, "甲"]})
    assert reportable(row) == ["R28"]
    services.confirm(row, row.student.user)
    assert reportable(row) == []


def test_a_category_is_not_changed_by_the_batch(place):
    """It decides what else is asked for, which differs from record to record."""
    row = approved(place)
    result = batch_edit.edit_many(Outcome.objects.filter(pk=row.pk), "category", "701", by=place.staff.school)
    assert result.refused == {row.pk: "该字段不能修改。"}


def test_nobody_edits_a_record_in_dispute(place):
    row = approved(place)
    services.dispute(row, row.student.user, "不是我填的")
    with pytest.raises(WrongState, match="冻结"):
        save_fields(row, {"job_title": "测试工程师"}, by=place.staff.school)
    result = batch_edit.edit_many(Outcome.objects.filter(pk=row.pk), "remark", "核实", by=place.staff.school)
    assert "冻结" in result.refused[row.pk]
    row.refresh_from_db()
    assert row.job_title == "研发工程师"


def test_staff_cannot_take_the_agreement_out_of_its_destination(place):
    """Domain invariant 4: number and destination stay together until the agreement ends."""
    agreement = signing.approved(signing.signer(place), place.staff)
    row, by = Outcome._base_manager.select_related("cohort").get(agreement=agreement), place.staff.school
    with pytest.raises(Invalid):
        save_fields(row, {"agreement_number": "X1"}, by=by)
    with pytest.raises(Invalid, match="协议书编号"):
        save_fields(row, {"category": "701"}, by=by)
    result = batch_edit.edit_many(Outcome.objects.filter(pk=row.pk), "agreement_number", "X1", by=by)
    assert list(result.refused) == [row.pk]
    save_fields(row, {"category": "511", "job_title": "科研助理"}, by=by)  # what the number stays with may be put right
    row.refresh_from_db()
    assert (row.category, row.agreement_number, row.awaits_confirmation) == ("511", agreement.number, True)


def test_a_batch_leaves_a_frozen_record_alone_and_says_why(place):
    calm, frozen = make.outcome(place), make.outcome(place)
    for row in (calm, frozen):
        perform(row, Verb.SUBMIT, by=row.student.user)
    services.dispute(frozen, frozen.student.user, "不是我填的")
    result = batch.perform_many(Outcome.objects.all(), Verb.APPROVE, by=place.staff.college)
    assert (result.done, list(result.refused)) == ([calm.pk], [frozen.pk])
    with pytest.raises(WrongState) as single:
        perform(frozen, Verb.APPROVE, by=place.staff.college)
    assert result.refused[frozen.pk] == single.value.sentence


def test_drafts_are_mended_not_disputed(place):
    row = make.outcome(place)
    with pytest.raises(WrongState):
        answers.dispute(row, row.student.user, "不对")


# -- which one is current ----------------------------------------------------------------------------------------------------


def test_a_student_has_one_current_destination_whatever_the_code_does(place):
    row = approved(place)
    with pytest.raises(IntegrityError), transaction.atomic():
        Outcome.objects.bulk_create(
            [Outcome(student=row.student, school=row.school, cohort=row.cohort, org_path=row.org_path)]
        )


def test_a_new_one_becomes_current_when_it_is_approved_and_gives_way_when_it_is_void(place):
    old = approved(place, "701")
    new = make.outcome(place, student=old.student)
    assert (new.is_current, services.current_of(old.student)) == (False, old)
    perform(new, Verb.SUBMIT, by=new.student.user)
    perform(new, Verb.APPROVE, by=place.staff.college)
    perform(new, Verb.APPROVE, by=place.staff.school)
    new.refresh_from_db()
    assert (services.current_of(old.student), new.replaced) == (new, old)
    perform(new, Verb.VOID, by=place.staff.school, text="单位取消录用")
    assert services.current_of(old.student) == old


# -- agreements --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def agreement(place):
    """An agreement row to rest on; how it came about is another test's business."""
    made = matters.record(signing.Agreement, place)
    return made


def facts() -> dict:
    return {**make.values("10"), "archive_unit": "不属于去向的字段"}


def test_an_agreement_brings_its_destination_and_takes_it_back_exactly(place, agreement):
    student = agreement.student
    before = make.outcome(place, "701", student=student)
    row = services.sync_from_agreement(student, facts(), agreement.pk, "SY1", place.staff.school)
    before.refresh_from_db()
    assert (row.status, row.levels, row.category, row.source) == (
        Status.PENDING_COLLEGE,
        "college,school",
        "10",
        "agreement",
    )
    assert (row.is_current, before.is_current, row.employer_name) == (True, False, "示例软件有限公司")
    assert row.submitted_by == student.user
    assert services.sync_from_agreement(student, facts(), agreement.pk, "SY1", place.staff.school).pk == row.pk
    with pytest.raises(Invalid):
        perform(row, Verb.APPROVE, by=place.staff.college, values={"school_name": "x"})
    perform(row, Verb.APPROVE, by=place.staff.college)
    perform(row, Verb.APPROVE, by=place.staff.school)
    assert services.release_agreement(agreement.pk, place.staff.school, "解约已办结").pk == row.pk
    row.refresh_from_db()
    before.refresh_from_db()
    assert (row.status, row.is_current) == (Status.VOIDED, False)
    assert (before.status, before.is_current) == (Status.DRAFT, True)
    assert services.release_agreement(agreement.pk, place.staff.school, "再来一次") is None
    assert sound() == []


def test_the_destination_of_an_agreement_is_neither_voided_nor_brought_back_alone(place, agreement):
    row = services.sync_from_agreement(agreement.student, facts(), agreement.pk, "SY1", place.staff.school)
    with pytest.raises(WrongState, match=r"SY1.*先办理解约"):
        perform(row, Verb.VOID, by=place.staff.school, text="学生要求")
    services.release_agreement(agreement.pk, place.staff.school, "解约")
    with pytest.raises(WrongState, match="不能单独恢复"):
        perform(row, Verb.REOPEN, by=place.staff.school, text="误作废")
    assert Verb.REOPEN not in permits.allowed(Outcome.objects.get(pk=row.pk), place.staff.school)


def test_papers_follow_the_agreement_and_come_back(place, agreement):
    student = agreement.student
    own = Dispatch(
        student=student, version=1, baseline_version=1, archive_transfer="3", household_transfer="2", archive_unit="原单位",
        archive_address="示例路2号", archive_contact="示例老师", archive_phone="023-99000003",
    )  # fmt: skip
    own.save()
    perform(own, Verb.SUBMIT, by=student.user)
    brought = {
        "archive_transfer": "1",
        "archive_unit": "示例软件有限公司",
        "household_transfer": "1",
        "household_address": "示例路1号",
    }
    row = papers.sync_from_agreement(student, brought, agreement.pk, place.staff.school)
    assert (row.pk, row.status, row.levels) == (own.pk, Status.PENDING_COLLEGE, "college,school")
    assert (row.archive_unit, row.agreement_id) == ("示例软件有限公司", agreement.pk)
    papers.release_agreement(agreement.pk, place.staff.school, "解约已办结")
    row.refresh_from_db()
    assert (row.archive_transfer, row.archive_unit, row.agreement_id) == ("3", "原单位", None)
    assert row.status in (Status.DRAFT, Status.RETURNED)
    assert sound() == []


@pytest.mark.parametrize(
    ("category", "over", "route"),
    [
        ("11", {"employer_type": "10", "job_category": "10"}, "employer"), ("11", {"employer_type": "31"}, "employer"), ("11", {}, "agency"),
        ("76", {}, "agency"), ("801", {}, "university"), ("701", {}, "origin"), ("46", {}, "origin"), ("85", {}, "origin"),
    ],
)  # fmt: skip
def test_the_route_of_the_papers(place, category, over, route):
    row = make.outcome(place, category, proof=False, **over)
    codes = {"employer": "1", "agency": "2", "origin": "3", "university": "4"}
    suggestion = papers.route(row)
    assert suggestion.archive_transfer == codes[route]
    assert suggestion.why.endswith("。")


def test_the_papers_of_a_soldier_stay_where_the_province_keeps_them(place):
    """Off as delivered (above: home); once switched on it is what is suggested, to soldiers only."""
    Code.objects.filter(table="archive_transfer", code="6").update(is_active=True)
    code_tables.invalidate()
    try:
        assert papers.route(make.outcome(place, "46", proof=False)).archive_transfer == "6"
        assert papers.route(make.outcome(place, "701", proof=False)).archive_transfer == "3"
    finally:
        code_tables.invalidate()


# -- by staff ----------------------------------------------------------------------------------------------------------------


def test_staff_register_for_a_student_hand_in_and_do_not_review_it(place):
    student = people.student(place)
    row = services.begin_for(student, place.staff.school)
    assert services.begin_for(student, place.staff.school) == row
    save_fields(row, {"category": "503", **make.values("503")}, by=place.staff.school)
    services.hand_in(row, place.staff.school)
    row.refresh_from_db()
    assert (row.status, row.submitted_by, row.awaits_confirmation) == (Status.PENDING_COLLEGE, place.staff.school, True)
    make.file(row, "admission")
    with pytest.raises(NotAllowed):
        perform(row, Verb.APPROVE, by=place.staff.school)
    perform(row, Verb.APPROVE, by=place.staff.college)
    assert reportable(row) == ["R28"]
    assert sound() == []


def test_who_has_not_the_place_or_the_function_does_not_register(place):
    elsewhere = people.staff("college", place.colleges[1])
    student = people.student(place)
    with pytest.raises(Exception, match="没有找到该学生"):
        services.begin_for(student, elsewhere)
    row = services.begin_for(student, place.staff.school)
    with pytest.raises(Conflict):
        services.hand_in(row, place.staff.school, expected=99)


# -- papers ------------------------------------------------------------------------------------------------------------------


def paper(place, category: str = "11", **over) -> Dispatch:
    row = make.outcome(place, category, proof=False)
    values = {"archive_transfer": "2", "household_transfer": "0", **over}
    made = Dispatch(student=row.student, version=1, baseline_version=1, **values)
    made.save()
    return Dispatch._base_manager.select_related("student", "cohort").get(pk=made.pk)


def test_r30_r31_of_the_papers(place):
    assert rules.run(paper(place)) == []
    assert [(f.rule, f.field) for f in rules.run(paper(place, archive_transfer="4"))] == [("R30", "archive_transfer")]
    assert rules.run(paper(place, "801", archive_transfer="4")) == []
    assert rules.run(paper(place, archive_transfer="5")) == []  # kept at the school for a while
    assert [(f.rule, f.field) for f in rules.run(paper(place, household_transfer="1"))] == [
        ("R31", "household_transfer")
    ]


def test_the_old_report_card_is_asked_of_old_years_only_and_an_address_of_whom_papers_are_posted_to(place):
    shown = {s.name: s.mode for s in fields.of_record(paper(place))}
    assert shown["report_number"] == "hidden"
    assert shown["archive_address"] == shown["archive_contact"] == shown["archive_phone"] == "required"
    assert {s.name: s.mode for s in fields.of_record(paper(place, archive_transfer="5"))}[
        "archive_address"
    ] == "editable"
    old = paper(place)
    old.cohort.year = 2022
    assert {s.name: s.mode for s in fields.of_record(old)}["report_number"] != "hidden"
