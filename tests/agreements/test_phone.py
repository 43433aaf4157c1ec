"""The code by short message (security row B8): single use, ten minutes, five tries, few sends, bound to student and phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone

from models.agreements import eligibility, phones
from models.agreements.models import PhoneCheck
from models.notices import sms
from models.students.models import GraduateProfile
from tests.factories import signing as make
from workflows.errors import Invalid, WrongState


def sent() -> str:
    return sms.memory[-1][1].split("验证码 ")[1][:8]


@pytest.fixture
def student(place):
    sms.memory.clear()
    return make.signer(place, phone=False)


def test_the_right_code_proves_the_phone_once(student):
    phones.send_code(student)
    assert sms.memory[-1][0] == GraduateProfile.objects.get(student=student).phone
    code = sent()
    assert code not in PhoneCheck.objects.get(student=student).code, "only a hash is stored"
    assert not eligibility.verified_phone(student)
    phones.verify(student, f" {code[:4]} {code[4:]} ")
    assert eligibility.verified_phone(student)
    with pytest.raises(Invalid):
        phones.verify(student, code)


def test_late_guessed_or_anothers_code_is_refused_alike(student, place, time_machine):
    phones.send_code(student)
    code, other = sent(), make.signer(place, phone=False)
    phones.send_code(other)
    sentences = set()
    for who, entered in ((other, code), (student, ""), (student, sent())):
        with pytest.raises(Invalid) as refusal:
            phones.verify(who, entered)
        sentences.add(str(refusal.value))
    for _ in range(PhoneCheck.TRIES):
        with pytest.raises(Invalid):
            phones.verify(student, "00000000")
    with pytest.raises(Invalid) as refusal:
        phones.verify(student, code)  # right, but the tries are used up
    assert sentences == {str(refusal.value)}
    time_machine.move_to(timezone.now() + timedelta(minutes=2), tick=False)
    phones.send_code(student)
    time_machine.move_to(timezone.now() + timedelta(minutes=10, seconds=1), tick=False)
    with pytest.raises(Invalid):
        phones.verify(student, sent())


def test_sends_are_few(student, time_machine):
    phones.send_code(student)
    with pytest.raises(phones.TooOften, match="一分钟后"):
        phones.send_code(student)
    for _ in range(1, phones.PER_HOUR):
        time_machine.move_to(timezone.now() + timedelta(seconds=61), tick=False)
        phones.send_code(student)
    time_machine.move_to(timezone.now() + timedelta(seconds=61), tick=False)
    with pytest.raises(phones.TooOften, match="频繁"):
        phones.send_code(student)


def test_another_number_must_be_proved_again(student):
    phones.send_code(student)
    code = sent()
    GraduateProfile.objects.filter(student=student).update(phone="19912345678")
    with pytest.raises(WrongState, match="已变更"):
        phones.verify(student, code)


def test_without_a_gateway_nobody_is_told_a_code(student):
    with override_settings(SMS_BACKEND="none"), pytest.raises(sms.SmsFailed, match="尚未开通"):
        phones.send_code(student)
