"""Mode 2, on paper: from the first line to destination and dispatch, and back."""

from __future__ import annotations

import pytest

from models.agreements import signing
from models.agreements.models import Agreement, AgreementNumber
from models.dispatch.models import Dispatch
from models.employers.models import Employer
from models.outcomes.models import Outcome
from tests.factories import signing as make
from workflows.actions import perform, save_fields
from workflows.checks import run
from workflows.errors import Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import Status, Verb


def faults() -> list[str]:
    return [fault.sentence for finding in run(["agreements.", "dispatch."]) for fault in finding.faults]


def test_from_draft_to_destination(place):
    agreement = make.approved(place.student, place.staff)
    assert agreement.status == Status.APPROVED
    assert agreement.in_force
    assert agreement.number == f"{place.school.code}2027000001"
    outcome = Outcome.objects.get(student=place.student, is_current=True)
    assert (outcome.agreement_id, outcome.status) == (agreement.pk, Status.PENDING_COLLEGE)
    assert (outcome.employer_name, outcome.category, outcome.agreement_number) == (
        "示例精密制造有限公司",
        "10",
        agreement.number,
    )
    dispatch = Dispatch.objects.get(student=place.student)
    assert (dispatch.agreement_id, dispatch.status) == (agreement.pk, Status.PENDING_COLLEGE)
    assert dispatch.archive_unit == "示例区人才服务中心"
    assert Employer.objects.filter(name="示例精密制造有限公司").exists(), "an approved agreement feeds the library"
    assert faults() == []


def test_nothing_goes_to_review_without_number_and_stamp(place):
    draft = make.drafted(place.student)
    with pytest.raises(Invalid) as refusal:
        perform(draft, Verb.SUBMIT, by=place.student.user)
    assert {"number", "evidence.stamped"} <= refusal.value.errors.keys()


def test_generating_needs_complete_and_sound_content(place):
    draft = make.drafted(place.student)
    save_fields(draft, {"contact": ""}, by=place.student.user)
    with pytest.raises(Invalid, match="单位联系人"):
        signing.generate(draft, by=place.student.user)
    save_fields(
        draft, {"contact": "示例", "uscc": "91500000MA5U000001", "uscc_missing_reason": ""}, by=place.student.user
    )
    with pytest.raises(RulesFailed, match="校验码"):
        signing.generate(draft, by=place.student.user)
    assert not AgreementNumber.objects.filter(state="used").exists()


def test_a_change_after_generating_makes_the_paper_worthless(place):
    agreement = make.generated(place.student)
    make.evidence.complete(agreement)
    number = agreement.number
    save_fields(agreement, {"job_title": "另一职位"}, by=place.student.user)
    with pytest.raises(Invalid, match="重新生成"):
        perform(agreement, Verb.SUBMIT, by=place.student.user)
    signing.generate(agreement, by=place.student.user)
    assert agreement.number == number
    with pytest.raises(Invalid, match="请上传盖章的协议书"):  # the stamps were on the old text
        perform(Agreement.objects.get(pk=agreement.pk), Verb.SUBMIT, by=place.student.user)


def test_generating_twice_is_once(place):
    agreement = make.generated(place.student)
    version = agreement.version
    signing.generate(agreement, by=place.student.user)
    assert agreement.version == version
    assert AgreementNumber.objects.filter(state="used").count() == 1


def test_beginning_twice_is_one_draft(place):
    assert signing.begin(place.student, by=place.student.user) == signing.begin(place.student, by=place.student.user)


def test_one_employer_only(place):
    make.generated(place.student)
    with pytest.raises(WrongState, match="不能另行签约"):
        signing.begin(place.student, by=place.student.user)


def test_giving_up_gives_the_right_to_sign_back_and_burns_the_number(place):
    agreement = make.generated(place.student)
    signing.discard(agreement, by=place.student.user)
    assert agreement.status == Status.VOIDED
    assert not agreement.in_force
    again = make.generated(place.student)
    assert again.number != agreement.number
    assert faults() == []


def test_a_returned_agreement_takes_its_destination_with_it_and_brings_it_back(place):
    agreement = make.approved(place.student, place.staff)
    perform(agreement, Verb.RETURN, by=place.staff.school, text="公章不清晰")
    assert not Outcome.objects.filter(student=place.student, is_current=True).exists()
    assert Dispatch.objects.get(student=place.student).agreement_id is None
    assert faults() == []
    perform(agreement, Verb.SUBMIT, by=place.student.user)
    perform(agreement, Verb.APPROVE, by=place.staff.college)
    perform(agreement, Verb.APPROVE, by=place.staff.school)
    assert Outcome.objects.get(student=place.student, is_current=True).agreement_id == agreement.pk
    assert faults() == []


def test_a_reviewer_who_corrects_says_why(place):
    agreement = make.submitted(place.student)
    with pytest.raises(Invalid, match="说明原因"):
        perform(agreement, Verb.APPROVE, by=place.staff.college, values={"employer_type": "31"})
    perform(agreement, Verb.APPROVE, by=place.staff.college, values={"employer_type": "31"}, text="该单位为国有企业")
    assert agreement.employer_type == "31"


def test_only_the_student_writes_the_agreement(place):
    other = make.signer(place)
    with pytest.raises(NotAllowed):
        signing.begin(place.student, by=other.user)


def test_a_voided_agreement_can_come_back_unless_another_is_in_force(place):
    agreement = make.approved(place.student, place.staff)
    perform(agreement, Verb.VOID, by=place.staff.school, text="录入错误")
    assert not agreement.in_force
    assert faults() == []
    second = make.generated(place.student)
    with pytest.raises(Conflict, match="另一份有效"):
        perform(agreement, Verb.REOPEN, by=place.staff.school, text="恢复")
    signing.discard(second, by=place.student.user)
    perform(agreement, Verb.REOPEN, by=place.staff.school, text="恢复")
    assert Agreement.objects.get(pk=agreement.pk).in_force
