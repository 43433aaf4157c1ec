"""Terminations: both modes, the day, only once, forced; effects undone exactly."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from models.agreements import signing, terminations
from models.agreements.models import Agreement, Termination
from models.audit.models import Action, AuditEntry
from models.dispatch.models import Dispatch
from models.outcomes.models import Outcome
from tests.agreements.test_paper import faults
from tests.factories import signing as make
from tests.factories.evidence import complete
from workflows import checks
from workflows.actions import perform
from workflows.batch import perform_many
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import Status, Verb


@pytest.fixture
def signed(place):
    return make.approved(place.student, place.staff)


def test_mode_two_from_request_to_a_new_signature(place, signed):
    before = Outcome.objects.filter(student=place.student, is_current=True).exclude(agreement=signed).count()
    row = make.ending(signed, place.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college)
    assert terminations.holder(row) == "学生"
    with pytest.raises(RulesFailed, match="解除协议证明"):
        perform(row, Verb.APPROVE, by=place.staff.school)
    make.prove(row)
    assert terminations.holder(row) == "学校"
    perform(row, Verb.APPROVE, by=place.staff.school)
    agreement = Agreement.objects.get(pk=signed.pk)
    assert (agreement.status, agreement.in_force) == (Status.VOIDED, False)
    assert Outcome.objects.filter(student=place.student, is_current=True).count() == before
    dispatch = Dispatch.objects.get(student=place.student)
    assert (dispatch.agreement_id, dispatch.archive_unit) == (None, "")
    assert faults() == []
    assert make.generated(place.student).number != signed.number


def test_a_batch_does_not_pass_by_the_employer(place, signed):
    row = make.ending(signed, place.student.user)
    rows = Termination.objects.filter(pk=row.pk)
    assert perform_many(rows, Verb.APPROVE, by=place.staff.college).done == [row.pk]
    result = perform_many(rows, Verb.APPROVE, by=place.staff.school)
    assert "S11" in result.refused[row.pk]
    make.prove(row)
    assert perform_many(rows, Verb.APPROVE, by=place.staff.school).done == [row.pk]
    assert faults() == []


def test_mode_one_waits_for_the_employer(place, employer):
    signed = make.approved(place.student, place.staff)
    Agreement.objects.filter(pk=signed.pk).update(employer=employer)
    signed = Agreement.objects.get(pk=signed.pk)
    row = make.ending(signed, place.student.user, mode="consent")
    with pytest.raises(WrongState, match="院系同意后"):
        terminations.answer(row, consents=True, note="", by=employer.account)
    perform(row, Verb.APPROVE, by=place.staff.college)
    assert terminations.holder(row) == "用人单位"
    with pytest.raises(Invalid, match="说明原因"):
        terminations.answer(row, consents=False, note="", by=employer.account)
    with pytest.raises(Absent):
        terminations.answer(row, consents=True, note="", by=make.employer(place).account)
    terminations.answer(row, consents=True, note="同意", by=employer.account)
    perform(row, Verb.APPROVE, by=place.staff.school)
    assert not Agreement.objects.get(pk=signed.pk).in_force


def test_the_employer_may_ask_too(place, employer):
    signed = make.approved(place.student, place.staff)
    Agreement.objects.filter(pk=signed.pk).update(employer=employer)
    signed = Agreement.objects.get(pk=signed.pk)
    row = make.ending(signed, employer.account, mode="consent", kind="employer")
    assert (row.initiator, row.employer_answer) == ("employer", "consented")
    with pytest.raises(Conflict, match="已有一份解约申请"):
        terminations.begin(signed, by=place.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college)
    perform(row, Verb.APPROVE, by=place.staff.school)
    assert not Agreement.objects.get(pk=signed.pk).in_force


def test_refusal_changes_nothing(place, signed):
    row = make.ending(signed, place.student.user)
    perform(row, Verb.RETURN, by=place.staff.college, text="请先协商")
    assert Agreement.objects.get(pk=signed.pk).status == Status.APPROVED
    terminations.cancel(row, by=place.student.user)
    assert Outcome.objects.get(student=place.student, is_current=True).agreement_id == signed.pk
    assert terminations.begin(signed, by=place.student.user).pk != row.pk


def test_not_before_the_first_of_december(place, signed, time_machine):
    time_machine.move_to(datetime(2026, 11, 30, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai")), tick=False)
    with pytest.raises(WrongState, match="2026-12-01"):
        terminations.begin(signed, by=place.student.user)
    time_machine.move_to(datetime(2026, 12, 1, tzinfo=ZoneInfo("Asia/Shanghai")), tick=False)
    assert terminations.begin(signed, by=place.student.user).pk


def ended(place, agreement):
    row = make.ending(agreement, place.student.user)
    perform(row, Verb.APPROVE, by=place.staff.college)
    make.prove(row)
    perform(row, Verb.APPROVE, by=place.staff.school)
    return row


def test_only_once_unless_the_school_says_otherwise(place, signed):
    ended(place, signed)
    second = make.approved(place.student, place.staff)
    with pytest.raises(WrongState, match="只能解约一次"):
        terminations.begin(second, by=place.student.user)
    with pytest.raises(NotAllowed):
        terminations.allow_again(place.student, "单位倒闭", by=place.staff.college)
    terminations.allow_again(place.student, "单位倒闭", by=place.staff.school)
    row = ended(place, second)
    assert not row.counts
    assert row.exception.reason == "单位倒闭"
    third = make.approved(place.student, place.staff)
    with pytest.raises(WrongState, match="只能解约一次"):
        terminations.begin(third, by=place.student.user)
    assert faults() == []


def test_an_ended_agreement_stays_ended(place, signed):
    row = ended(place, signed)
    for verb in (Verb.RETURN, Verb.VOID):
        with pytest.raises(WrongState, match="已经生效"):
            perform(row, verb, by=place.staff.school, text="误批")
    with pytest.raises(WrongState, match="已经解约"):
        perform(Agreement.objects.get(pk=signed.pk), Verb.REOPEN, by=place.staff.school, text="恢复")


def test_forced_with_paper_proof(place, signed):
    with pytest.raises(NotAllowed):
        terminations.force(signed, "单位注销", make.photo(), by=place.staff.college)
    with pytest.raises(Invalid, match="上传"):
        terminations.force(signed, "单位注销", None, by=place.staff.school)
    pending = make.ending(signed, place.student.user)
    row = terminations.force(signed, "单位注销", make.photo(), by=place.staff.school)
    assert (row.status, row.counts) == (Status.APPROVED, False)
    assert Termination.objects.get(pk=pending.pk).status == Status.VOIDED
    assert not Agreement.objects.get(pk=signed.pk).in_force
    assert not terminations.spent(place.student)
    assert AuditEntry.unscoped.get(action=Action.FORCED_TERMINATION).purpose == "单位注销"
    assert faults() == []


def test_what_stood_before_is_back(place):
    """Exact undo: the destination the student had registered, and what dispatch said, return untouched."""
    earlier = Outcome(student=place.student, category="701", version=1, baseline_version=1)
    earlier.save()
    complete(earlier)
    dispatch = Dispatch(
        student=place.student, archive_transfer="3", archive_unit="示例县人才中心", version=1, baseline_version=1
    )
    dispatch.save()
    signed = make.approved(place.student, place.staff)
    assert Outcome.objects.get(student=place.student, is_current=True).agreement_id == signed.pk
    ended(place, signed)
    assert Outcome.objects.get(student=place.student, is_current=True).pk == earlier.pk
    dispatch = Dispatch.objects.get(student=place.student)
    assert (dispatch.archive_transfer, dispatch.archive_unit, dispatch.agreement_id) == ("3", "示例县人才中心", None)
    assert faults() == []


def test_the_right_to_sign_is_back(place, signed):
    ended(place, signed)
    assert signing.begin(place.student, by=place.student.user).status == Status.DRAFT


def test_verify_names_papers_that_rest_on_nothing(place, signed):
    """Past the application: an agreement voided, or the destination that came with it gone."""

    def said():
        return [fault.sentence for finding in checks.run(["dispatch"]) for fault in finding.faults]

    assert said() == []
    Agreement.objects.filter(pk=signed.pk).update(status=Status.VOIDED, in_force=False)
    assert said() == [f"依据的协议书 {signed.pk} 已不再有效。"]
    Agreement.objects.filter(pk=signed.pk).update(status=signed.status, in_force=True)
    Outcome.objects.filter(agreement=signed).update(agreement=None)
    assert said() == [f"依据协议书 {signed.pk}，但该学生没有依据这份协议书的毕业去向。"]
