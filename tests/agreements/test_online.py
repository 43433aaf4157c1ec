"""Mode 1, online: found by three exact facts, invited, accepted twice over, thought over; one signs, the others lapse."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from models.agreements import invitations, phones, signing
from models.agreements.finding import MISSES_AN_HOUR, TooOften, find_student
from models.agreements.models import Agreement, SigningInvitation
from models.audit.models import AuditEntry
from models.notices import sms
from models.students.models import GraduateProfile
from tests.agreements.test_paper import faults
from tests.factories import people
from tests.factories import signing as make
from workflows.actions import perform, save_fields
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, Refused, WrongState
from workflows.levels import Status, Verb


def accept(offer, student):
    return invitations.accept(offer, read_rules=True, sure=True, by=student.user)


def state(offer) -> str:
    return SigningInvitation.objects.get(pk=offer.pk).state


def test_accepted_offer_becomes_the_agreement(place, employer):
    offer = make.invited(employer, place.student)
    agreement = accept(offer, place.student)
    assert (agreement.mode, agreement.in_force, agreement.employer_name) == ("online", True, employer.name)
    assert agreement.job_title == "测试工程师"
    assert state(offer) == "considering"
    assert faults() == []


def test_both_confirmations_are_needed(place, employer):
    offer = make.invited(employer, place.student)
    for read_rules, sure in ((False, True), (True, False)):
        with pytest.raises(Invalid):
            invitations.accept(offer, read_rules=read_rules, sure=sure, by=place.student.user)
    assert state(offer) == "sent"


def test_accepting_twice_is_once(place, employer):
    offer = make.invited(employer, place.student)
    assert accept(offer, place.student) == accept(offer, place.student)
    assert Agreement.objects.count() == 1


def test_other_offers_lapse_and_come_back_when_the_student_steps_back(place, employer):
    first, other = make.invited(employer, place.student), make.invited(make.employer(place), place.student)
    accept(first, place.student)
    assert state(other) == "lapsed"
    with pytest.raises(WrongState):
        accept(other, place.student)
    invitations.step_back(first, by=place.student.user)
    assert (state(first), state(other)) == ("retracted", "sent")
    assert Agreement.objects.get().status == Status.VOIDED
    assert accept(other, place.student).in_force
    assert faults() == []


def test_consideration_ends_on_the_second(place, employer, time_machine):
    offer = make.invited(employer, place.student)
    agreement = accept(offer, place.student)
    with pytest.raises(WrongState, match="考虑期"):
        signing.generate(agreement, by=place.student.user)
    time_machine.move_to(agreement.consider_until, tick=False)
    with pytest.raises(WrongState, match="考虑期已结束"):
        invitations.step_back(offer, by=place.student.user)
    assert invitations.settle_due() == {"expired": 0, "concluded": 1}
    assert state(offer) == "concluded"
    signing.generate(agreement, by=place.student.user)
    assert agreement.number
    assert faults() == []


def test_an_offer_not_answered_in_time_is_declined(place, employer, time_machine):
    offer = make.invited(employer, place.student)
    assert offer.expires_at - offer.sent_at > timedelta(days=4, hours=23)
    time_machine.move_to(offer.expires_at, tick=False)
    with pytest.raises(WrongState, match="过期"):
        accept(offer, place.student)
    assert invitations.settle_due()["expired"] == 1
    assert state(offer) == "expired"


def test_the_student_cannot_change_what_was_offered(place, employer):
    agreement = accept(make.invited(employer, place.student), place.student)
    with pytest.raises(Invalid, match="不能修改"):
        save_fields(agreement, {"monthly_pay": "99999"}, by=place.student.user)


def test_a_draft_on_paper_gives_way_and_a_numbered_one_does_not(place, employer):
    offer = make.invited(employer, place.student)
    make.generated(place.student)
    with pytest.raises(WrongState, match="不能另行签约"):
        accept(offer, place.student)
    second = make.signer(place)
    draft = make.drafted(second)
    accept(make.invited(employer, second), second)
    assert Agreement.objects.get(pk=draft.pk).status == Status.VOIDED
    assert faults() == []


def test_only_the_invited_student_answers_and_only_the_employer_recalls(place, employer):
    offer, stranger = make.invited(employer, place.student), make.signer(place)
    for deed in (
        lambda: accept(offer, stranger),
        lambda: invitations.refuse(offer, "", by=stranger.user),
        lambda: invitations.recall(offer, by=make.employer(place).account),
    ):
        with pytest.raises(Absent):
            deed()
    invitations.recall(offer, by=employer.account)
    with pytest.raises(WrongState):
        accept(offer, place.student)


def test_one_open_offer_per_employer_and_student(place, employer):
    make.invited(employer, place.student)
    with pytest.raises(Conflict):
        make.invited(employer, place.student)


# -- nobody can enumerate students -----------------------------------------------------------------------------------------


def ask(employer, name, year, phone):
    return find_student(employer, name, year, phone, by=employer.account)


def test_found_only_by_all_three_exactly(place, employer):
    phone = GraduateProfile.objects.get(student=place.student).phone
    name = place.student.name
    assert ask(employer, name, "2027", phone)["name"] == name
    for wrong in (
        (name[:-1], "2027", phone),
        (name, "2026", phone),
        (name, "2027", phone[:-1]),
        ("%", "2027", phone),
    ):
        with pytest.raises(Absent) as refusal:
            ask(employer, *wrong)
        assert str(refusal.value).startswith("没有找到该学生")


def test_what_nobody_could_be_found_by_is_asked_for_again_and_not_counted(place, employer):
    phone, name = GraduateProfile.objects.get(student=place.student).phone, place.student.name
    for _slip in range(MISSES_AN_HOUR):
        for field, wrong in (("name", ("", "2027", phone)), ("year", (name, "", phone)), ("year", (name, "二〇二七", phone)),
                             ("year", (name, "9999", phone)), ("phone", (name, "2027", " "))):  # fmt: skip
            with pytest.raises(Invalid) as refusal:
                ask(employer, *wrong)
            assert list(refusal.value.errors) == [field]
    assert ask(employer, name, "2027", phone)["name"] == name


def test_the_answer_names_no_key_and_the_ticket_serves_nobody_else(place, employer):
    found = ask(employer, place.student.name, 2027, GraduateProfile.objects.get(student=place.student).phone)
    assert set(found) == {"ticket", "name", "school", "college", "major", "degree", "sentence"}
    other = make.employer(place)
    with pytest.raises(Absent):
        invitations.send(other, found["ticket"], make.OFFER, by=other.account)
    with pytest.raises(Absent):
        invitations.send(employer, found["ticket"] + "x", make.OFFER, by=employer.account)


def test_not_found_where_the_student_has_not_agreed_or_the_employer_is_not_admitted(place, employer):
    phone = GraduateProfile.objects.get(student=place.student).phone
    elsewhere = people.school("19902", "缙云学院")
    stranger = make.employer(elsewhere)
    with pytest.raises(Absent):
        ask(stranger, place.student.name, 2027, phone)
    place.student.user.preferences = {}
    place.student.user.save()
    with pytest.raises(Absent):
        ask(employer, place.student.name, 2027, phone)


def test_guessing_is_stopped_and_every_look_up_is_in_the_trail(place, employer):
    for n in range(MISSES_AN_HOUR):
        with pytest.raises(Absent):
            ask(employer, "学生", 2027, f"199{n:08d}")
    with pytest.raises(TooOften):
        ask(employer, "学生", 2027, "19900000099")
    rows = AuditEntry.objects.filter(action="student_lookup")
    assert rows.count() == MISSES_AN_HOUR + 1
    assert "19900000099" not in str(rows.values_list("detail", flat=True)), "phones are masked in the trail"


# -- who may sign ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "word"),
    [({"training_mode": "2", "sponsor": "示例单位"}, "定向"), ({"roll_status": "02"}, "学籍状态")],
)
def test_refusals_say_why(place, facts, word):
    student = make.signer(place, **facts)
    with pytest.raises(NotAllowed, match=word):
        signing.begin(student, by=student.user)


def test_profile_phone_and_list_are_asked(place):
    student = make.signer(place, phone=False)
    with pytest.raises(NotAllowed, match="短信验证"):
        signing.begin(student, by=student.user)
    GraduateProfile.objects.filter(student=place.student).update(status=Status.RETURNED)
    with pytest.raises(NotAllowed, match="生源信息审核通过后"):
        signing.begin(place.student, by=place.student.user)


def test_a_school_may_be_less_strict(place):
    make.setting(place, exclude_directed=False, need_profile=False, need_phone=False)
    student = make.signer(place, training_mode="2", sponsor="示例单位", phone=False)
    GraduateProfile.objects.filter(student=student).update(status=Status.DRAFT)
    assert signing.begin(student, by=student.user).pk


def test_a_mode_can_be_closed(place):
    make.setting(place, offline_open=False)
    with pytest.raises(Refused, match="没有开放线下签约"):
        signing.begin(place.student, by=place.student.user)


def test_expired_means_expired_for_the_settings_too(place, employer):
    make.setting(place, validity_days=1, consideration_hours=0)
    offer = make.invited(employer, place.student)
    assert offer.expires_at <= timezone.now() + timedelta(days=1)
    accept(offer, place.student)
    assert state(offer) == "concluded", "without consideration time accepting is signing"


def test_electronic_seals_take_the_place_of_paper(place, employer):
    make.setting(place, stamping="e_sign", consideration_hours=0)
    agreement = accept(make.invited(employer, place.student), place.student)
    with pytest.raises(WrongState, match="先生成"):
        signing.seal_as_employer(agreement, by=employer.account)
    signing.generate(agreement, by=place.student.user)
    with pytest.raises(Invalid, match="电子签章"):
        perform(agreement, Verb.SUBMIT, by=place.student.user)
    signing.seal_as_employer(agreement, by=employer.account)
    sms.memory.clear()
    phones.send_code(place.student, purpose=phones.SEALING)
    with pytest.raises(Invalid):
        signing.seal_as_student(agreement, "00000000", by=place.student.user)
    signing.seal_as_student(agreement, sms.memory[-1][1].split("验证码 ")[1][:8], by=place.student.user)
    perform(agreement, Verb.SUBMIT, by=place.student.user)
    assert agreement.status == Status.PENDING_COLLEGE
