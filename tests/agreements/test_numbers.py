"""The pool: consecutive, allotted, issued on application, used once for ever, spoilt and replaced."""

from __future__ import annotations

import pytest

from models.agreements import applying, numbers, signing
from models.agreements.models import Agreement, AgreementNumber, NumberApplication
from models.audit.models import Action, AuditEntry
from tests.agreements.test_paper import faults
from tests.factories import signing as make
from tests.factories.evidence import complete
from workflows.actions import perform, save_fields
from workflows.batch import perform_many
from workflows.errors import Conflict, Invalid, NotAllowed, RulesFailed, WrongState
from workflows.levels import Status, Verb


@pytest.fixture
def central(place):
    make.setting(place, number_issue="central", number_source="pool")
    place.pool = numbers.generate(place.school, place.cohort, 5, by=place.staff.school)
    return place


def applied(student, **values) -> NumberApplication:
    row = applying.begin(student, by=student.user)
    if values:
        save_fields(row, values, by=student.user)
    complete(NumberApplication.objects.get(pk=row.pk))
    perform(row, Verb.SUBMIT, by=student.user)
    return row


def test_generated_numbers_go_on_from_the_last(place):
    first = numbers.generate(place.school, place.cohort, 3, by=place.staff.school)
    assert first[-1] == f"{place.school.code}2027000003"
    assert numbers.generate(place.school, place.cohort, 1, by=place.staff.school) == [f"{place.school.code}2027000004"]
    with pytest.raises(NotAllowed):
        numbers.generate(place.school, place.cohort, 1, by=place.staff.college)
    assert AuditEntry.unscoped.filter(action=Action.AGREEMENT_NUMBER, actor=place.staff.school).count() == 2


def test_central_issue_needs_an_application(central):
    draft = make.drafted(central.student)
    with pytest.raises(WrongState, match="协议书申请"):
        signing.generate(draft, by=central.student.user)
    row = applied(central.student)
    assert row.kind == "first"
    perform(row, Verb.APPROVE, by=central.staff.school)
    row = NumberApplication.objects.select_related("number").get(pk=row.pk)
    assert row.number.number == central.pool[0]
    signing.generate(draft, by=central.student.user)
    assert draft.number == central.pool[0]
    assert faults() == []


def test_later_applications_bring_material_and_spoil_what_was(central):
    perform(applied(central.student), Verb.APPROVE, by=central.staff.school)
    agreement = make.generated(central.student)
    row = applying.begin(central.student, by=central.student.user)
    save_fields(row, {"kind": "first", "reason": "再领一份"}, by=central.student.user)
    with pytest.raises(RulesFailed, match="只有一次"):
        perform(row, Verb.SUBMIT, by=central.student.user)
    save_fields(row, {"kind": "lost", "reason": ""}, by=central.student.user)
    with pytest.raises(Invalid) as refusal:
        perform(row, Verb.SUBMIT, by=central.student.user)
    assert {"reason", "evidence.material"} <= refusal.value.errors.keys()
    save_fields(row, {"reason": "搬宿舍时遗失"}, by=central.student.user)
    complete(NumberApplication.objects.get(pk=row.pk))
    row = NumberApplication.objects.get(pk=row.pk)
    perform(row, Verb.SUBMIT, by=central.student.user)
    perform(row, Verb.APPROVE, by=central.staff.school)
    assert AgreementNumber.objects.get(number=central.pool[0]).state == "spoilt"
    agreement = Agreement.objects.get(pk=agreement.pk)
    assert agreement.number == ""
    signing.generate(agreement, by=central.student.user)
    assert agreement.number == central.pool[1]
    assert faults() == []


def test_batch_gives_consecutive_numbers_or_none(central):
    rows = [applied(make.signer(central)) for _ in range(3)]
    with pytest.raises(Invalid, match="没有编号"):
        applying.approve_many(rows, first=central.pool[3], tag="甲", by=central.staff.school)
    assert not NumberApplication.objects.filter(status=Status.APPROVED).exists()
    assert not AgreementNumber.objects.exclude(state="free").exists()
    given = applying.approve_many(
        [NumberApplication.objects.get(pk=row.pk) for row in rows],
        first=central.pool[1],
        tag="甲批",
        by=central.staff.school,
    )
    assert list(given.values()) == central.pool[1:4]
    assert set(NumberApplication.objects.values_list("tag", flat=True)) == {"甲批"}


def test_reset_spoils_the_number_and_gives_another(central):
    row = applied(central.student)
    perform(row, Verb.APPROVE, by=central.staff.school)
    made = applying.reset(row, "打印机卡纸", by=central.staff.school)
    assert made.number == central.pool[1]
    assert AgreementNumber.objects.get(number=central.pool[0]).state == "spoilt"
    with pytest.raises(NotAllowed):
        applying.reset(row, "再来", by=central.staff.college)


def test_colleges_issue_only_their_own(place):
    make.setting(place, number_issue="college", number_source="pool")
    pool = numbers.generate(place.school, place.cohort, 4, by=place.staff.school)
    row = applied(place.student)
    with pytest.raises(numbers.PoolEmpty):
        perform(row, Verb.APPROVE, by=place.staff.school)
    numbers.allot(pool[2:], place.colleges[0], by=place.staff.school)
    perform(row, Verb.APPROVE, by=place.staff.school)
    assert NumberApplication.objects.select_related("number").get(pk=row.pk).number.number == pool[2]
    with pytest.raises(Conflict, match="不能分配"):
        numbers.allot(pool[2:], place.colleges[1], by=place.staff.school)


def test_one_that_would_be_open_beside_another_does_not_go_back(central):
    """The database allows one open application a student: who sends the approved one back reads that, alone and in a batch."""
    other = applied(make.signer(central))
    perform(other, Verb.APPROVE, by=central.staff.school)
    row = applied(central.student)
    perform(row, Verb.APPROVE, by=central.staff.school)
    applying.begin(central.student, by=central.student.user)
    with pytest.raises(Conflict, match="另一份协议书申请"):
        perform(row, Verb.RETURN, by=central.staff.school, text="误批")
    both = NumberApplication.objects.filter(pk__in=[row.pk, other.pk])
    result = perform_many(both, Verb.RETURN, by=central.staff.school, text="误批")
    assert result.done == [other.pk]
    assert "请先处理另一份协议书申请" in result.refused[row.pk]
    assert {one.pk: one.status for one in both} == {row.pk: Status.APPROVED, other.pk: Status.RETURNED}
    assert AgreementNumber.objects.get(application=row).state == "issued"


def test_what_follows_from_a_move_stops_only_its_own_record(central):
    """An approved application whose number stands on an agreement stays; the others of the batch go back."""
    free, used = applied(make.signer(central)), applied(central.student)
    for row in (used, free):
        perform(row, Verb.APPROVE, by=central.staff.school)
    make.generated(central.student)
    result = perform_many(NumberApplication.objects.all(), Verb.RETURN, by=central.staff.school, text="误批")
    assert (result.done, list(result.refused)) == ([free.pk], [used.pk])
    assert "已用于协议书" in result.refused[used.pk]


def test_an_application_that_goes_back_burns_its_number(central):
    row = applied(central.student)
    perform(row, Verb.APPROVE, by=central.staff.school)
    perform(row, Verb.RETURN, by=central.staff.school, text="误批")
    assert AgreementNumber.objects.get(number=central.pool[0]).state == "spoilt"


def test_between_counts_the_last_digits(place):
    assert numbers.between(place.school, "A0098", 3) == ["A0098", "A0099", "A0100"]
    for first, count in (("A", 1), ("A99", 2)):
        with pytest.raises(Invalid):
            numbers.between(place.school, first, count)
