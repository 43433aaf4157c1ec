"""绑定邮箱: an address counts once its code came back, from the session that asked, in time, in five tries (B8)."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from models.accounts import binding, recovery
from models.accounts.counters import MailCode
from models.accounts.models import StaffAppointment, User
from models.audit.models import Action, AuditEntry
from models.notices.models import Mail, Notice
from tests.factories import people
from workflows.scoping import system

CODE = "/account/contact/code/"
OLD, NEW = "old@example.edu.cn", "new@example.edu.cn"
pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


@pytest.fixture(params=["student", "staff"])
def person(request, place):
    """A student, and a counsellor: each with the page that is theirs."""
    user = place.user if request.param == "student" else place.reviewers.counselor
    User.objects.filter(pk=user.pk).update(email=OLD, phone="19900000000")
    user.refresh_from_db()
    page = "/student/account/" if request.param == "student" else "/account/contact/"
    return SimpleNamespace(user=user, page=page)


@pytest.fixture
def mails(mailoutbox, django_capture_on_commit_callbacks):
    """Post something; what was mailed thereupon."""

    def do(client, url, data):
        mailoutbox.clear()
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(url, data)
        return answer, list(mailoutbox)

    return do


@pytest.fixture
def ask(person, mails):
    """Ask for `address` to be bound; the code that was mailed to it, "" if none."""

    def do(client, address=NEW, **other):
        data = {"phone": "19900000000", "email": address, "password": people.demo_password(), **other}
        answer, sent = mails(client, person.page, data)
        found = re.search(r"\b\d{8}\b", sent[0].body) if sent else None
        return answer, found[0] if found else "", sent

    return do


def bound(user):
    return User.objects.get(pk=user.pk).email


def test_the_code_binds_and_the_old_mailbox_is_told(person, client_of, ask, mails):
    client = client_of(person.user)
    answer, code, sent = ask(client)
    assert answer.headers["Location"] == CODE
    assert [m.to for m in sent] == [[NEW]]
    assert bound(person.user) == OLD, "nothing counts before the code came back"
    assert NEW in text(client.get(person.page)), "the page says what it waits for"
    page = text(client.get(CODE))
    assert NEW in page
    assert OLD in page
    answer, sent = mails(client, CODE, {"code": f"{code[:4]} {code[4:]}"})
    assert answer.status_code == 302
    assert bound(person.user) == NEW
    assert [m.to for m in sent] == [[OLD]]
    assert NEW not in sent[0].body
    assert Notice._base_manager.filter(recipient=person.user, title="绑定邮箱已更改").count() == 1
    entry = AuditEntry.unscoped.get(action=Action.CONTACT_CHANGE, actor=person.user)
    assert entry.detail["fields"] == ["email"]
    assert Mail._base_manager.get(template="bind").body == "", "no code lies about in the outbox"


def test_the_password_is_asked_first(person, client_of, ask):
    answer, code, _sent = ask(client_of(person.user), password="wrong")
    assert "当前密码不正确" in text(answer)
    assert (code, MailCode._base_manager.count()) == ("", 0)


def test_a_phone_alone_needs_no_code(person, client_of, ask):
    answer, code, _sent = ask(client_of(person.user), OLD, phone="19911112222")
    assert (answer.status_code, answer.headers["Location"], code) == (302, person.page, "")
    assert User.objects.get(pk=person.user.pk).phone == "19911112222"


def test_only_in_the_session_that_asked_and_only_for_its_person(person, place, client_of, ask):
    client, thief = client_of(person.user), client_of(person.user)
    _answer, code, _sent = ask(client)
    assert thief.post(CODE, {"code": code}).headers["Location"] == person.page
    assert Client().post(CODE, {"code": code}).headers["Location"] == "/login/"
    # The ticket carried over into the session of somebody else, which no page does: refused below the pages as well.
    ticket = client.session["mailbox"]["ticket"]
    with system("a test"):
        stranger = people.student(place).user
    assert binding.prove(stranger, ticket, code) is False
    assert bound(person.user) == OLD


def test_five_tries(person, client_of, ask):
    client = client_of(person.user)
    _answer, code, _sent = ask(client)
    wrong = "00000000" if code != "00000000" else "00000001"
    for _ in range(5):
        assert "验证码不正确" in text(client.post(CODE, {"code": wrong}))
    assert "验证码不正确" in text(client.post(CODE, {"code": code}))
    assert bound(person.user) == OLD


@pytest.mark.parametrize(("seconds", "address"), [(595, NEW), (601, OLD)])
def test_ten_minutes(person, client_of, ask, seconds, address):
    client, now = client_of(person.user), timezone.now()
    with time_machine.travel(now, tick=False):
        _answer, code, _sent = ask(client)
    with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
        client.post(CODE, {"code": code})
    assert bound(person.user) == address


def test_a_code_works_once_and_a_new_one_ends_the_old(person, client_of, ask, mails):
    client = client_of(person.user)
    _answer, code, _sent = ask(client)
    _answer, sent = mails(client, CODE, {"do": "again"})
    newer = re.search(r"\b\d{8}\b", sent[0].body)[0]
    client.post(CODE, {"code": code})
    assert bound(person.user) == OLD
    client.post(CODE, {"code": newer})
    assert bound(person.user) == NEW
    User.objects.filter(pk=person.user.pk).update(email=OLD)
    client.post(CODE, {"code": newer})
    assert bound(person.user) == OLD


def test_a_code_of_recovery_binds_nothing_and_the_other_way_round(person, client_of, ask):
    client = client_of(person.user)
    _answer, code, _sent = ask(client)
    issued = recovery.issue(person.user, recovery.RESET, OLD)
    assert binding.prove(person.user, issued.ticket, issued.code) is False
    assert recovery.redeem(client.session["mailbox"]["ticket"], code, recovery.RESET) is None


def test_not_wanted_after_all(person, client_of, ask):
    client = client_of(person.user)
    _answer, code, _sent = ask(client)
    client.post(CODE, {"do": "drop"})
    client.post(CODE, {"code": code})
    assert bound(person.user) == OLD


def test_sending_is_limited_for_a_person_and_for_a_mailbox(person, client_of, ask):
    client = client_of(person.user)
    assert [bool(ask(client, NEW)[1]) for _ in range(4)] == [True] * 3 + [False]
    assert "一小时后再试" in text(ask(client, NEW)[0])
    User.objects.filter(pk=person.user.pk).update(email="")
    client = client_of(person.user)
    assert ask(client, "third@example.edu.cn")[1] == "", "five in all, counted whether sent or not"


def test_an_ended_session_takes_its_code_along(person, client_of, ask):
    client = client_of(person.user)
    _answer, code, _sent = ask(client)
    User.objects.filter(pk=person.user.pk).update(session_epoch=person.user.session_epoch + 1)
    assert client.post(CODE, {"code": code}).headers["Location"] == "/login/"
    assert bound(person.user) == OLD


class TestFirstTime:
    """An account that gets its first password gives a mailbox too; it is proved like any other."""

    def test_activation(self, place, mails):
        user = place.user
        User.objects.filter(pk=user.pk).update(password_state="none", email="")
        client = Client()
        student = place.student
        facts = {"number": student.number, "name": student.name, "identity": student.id_number}
        client.post("/activate/", facts)
        data = {"new1": "Neu-Pass-88", "new2": "Neu-Pass-88", "phone": "19911112222", "email": NEW, "consent": "on"}
        _answer, sent = mails(client, "/activate/account/", data)
        code = next(re.search(r"\b\d{8}\b", m.body)[0] for m in sent if m.to == [NEW])
        assert bound(user) == ""
        assert "验证电子邮箱" in text(client.get("/student/"))
        client.post(CODE, {"code": code})
        assert bound(user) == NEW
        assert "验证电子邮箱" not in text(client.get("/student/"))

    def test_first_password(self, person, client_of, mails):
        User.objects.filter(pk=person.user.pk).update(password_state="initial", email="")
        client = client_of(User.objects.get(pk=person.user.pk))
        data = {"new1": "Neu-Pass-88", "new2": "Neu-Pass-88", "phone": "", "email": NEW}
        answer, sent = mails(client, "/password/change/", data)
        assert answer.headers["Location"] == ("/student/" if person.user.kind == "student" else CODE)
        assert bound(person.user) == ""
        code = next(re.search(r"\b\d{8}\b", m.body)[0] for m in sent if m.to == [NEW])
        client.post(CODE, {"code": code})
        assert bound(person.user) == NEW


def test_the_api_does_the_same(place, client_of, mails, mailoutbox, django_capture_on_commit_callbacks):
    User.objects.filter(pk=place.user.pk).update(email=OLD)
    client = client_of(User.objects.get(pk=place.user.pk))
    data = {"phone": "19911112222", "email": NEW, "password": people.demo_password()}
    answer, sent = mails(client, "/api/me/contact/", data)
    assert (answer.json()["email"], answer.json()["pending_email"], answer.json()["phone"]) == (OLD, NEW, "19911112222")
    code = re.search(r"\b\d{8}\b", sent[0].body)[0]
    refused = client.post("/api/me/contact/code/", {"code": "1"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["code"])
    answer, sent = mails(client, "/api/me/contact/code/", {"code": code})
    assert (answer.status_code, answer.json()["email"], answer.json()["pending_email"]) == (200, NEW, None)
    assert [m.to for m in sent] == [[OLD]]


def test_a_colleague_whose_address_the_office_changes_is_told(place, client_of, mails):
    """The office vouches for what it enters; the old mailbox learns of it."""
    staff = place.reviewers
    User.objects.filter(pk=staff.counselor.pk).update(email=OLD)
    client = client_of(staff.school)
    url = f"/admin/accounts/user/{staff.counselor.pk}/change/"
    # What a browser sends back of the rest of the form, as the page has it.
    page = text(client.get(url))
    inputs = re.findall(r"<input[^>]*>", page)
    form = {}
    for tag in inputs:
        name, value = re.search(r'name="([^"]*)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and 'type="checkbox"' not in tag and 'type="submit"' not in tag and "__prefix__" not in tag:
            form[name[1]] = value[1] if value else ""
    held = StaffAppointment._base_manager.get(user=staff.counselor)
    form |= {"staff_appointments-0-level": held.level, "staff_appointments-0-unit": held.unit_id}
    answer, sent = mails(client, url, {**form, "email": NEW})
    assert answer.status_code == 302
    assert bound(staff.counselor) == NEW
    assert [m.to for m in sent] == [[OLD]]
