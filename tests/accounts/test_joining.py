"""学生激活 and 找回密码: proof first, then a password; nothing tells whether an account exists (B8)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from models.accounts import activation, recovery
from models.accounts.counters import MailCode, Tally
from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.notices.models import Mail
from tests.factories import people
from tests.i18n.latin import latin_words
from workflows.scoping import system

NEW = {"new1": "Neu-Pass-88", "new2": "Neu-Pass-88"}
pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


def visible(answer):
    """A page without what differs by chance: tokens."""
    return re.sub(r'value="[^"]*"', "", text(answer))


class TestActivation:
    @pytest.fixture
    def newcomer(self, place):
        user = place.user
        user.set_unusable_password()
        user.password_state = "none"
        user.save()
        return user

    def facts(self, place, **other):
        student = place.student
        return {"number": student.number, "name": student.name, "identity": student.id_number, **other}

    def finish(self, client, **other):
        data = {**NEW, "phone": "19911112222", "email": "s@example.edu.cn", "consent": "on", **other}
        return client.post("/activate/account/", data)

    def test_from_the_roster_to_the_own_page(self, place, newcomer):
        client = Client()
        before = client.session.session_key
        assert client.post("/activate/", self.facts(place)).headers["Location"] == "/activate/account/"
        assert place.student.number in text(client.get("/activate/account/"))
        assert self.finish(client).headers["Location"] == "/student/"
        assert client.session.session_key != before
        assert "账号已激活" in text(client.get("/student/"))
        newcomer.refresh_from_db()
        assert (newcomer.password_state, newcomer.phone, newcomer.email) == ("own", "19911112222", "")
        assert newcomer.preferences["consent"]["version"]
        assert newcomer.check_password(NEW["new1"])
        assert AuditEntry.unscoped.filter(action=Action.ACTIVATION, result="ok", actor=newcomer).count() == 1

    def test_a_careless_hand_is_understood(self, place, newcomer):
        student = place.student
        full_width = "".join(chr(ord(c) + 0xFEE0) for c in student.number)
        facts = {
            "number": f" {full_width} ",
            "name": f"{student.name[:1]} {student.name[1:]}",
            "identity": student.id_number.lower(),
        }
        assert Client().post("/activate/", facts).status_code == 302

    @pytest.mark.parametrize(
        "wrong", [{"number": "0"}, {"name": "别人"}, {"identity": "99000020040315001X"}, {"identity": "x"}]
    )
    def test_one_sentence_for_every_mismatch(self, place, newcomer, wrong):
        page = text(Client().post("/activate/", self.facts(place, **wrong)))
        assert activation.FAILED in page
        assert latin_words(page) == []

    def test_an_active_account_looks_the_same(self, place, newcomer):
        mismatch = visible(Client().post("/activate/", self.facts(place, name="别人")))
        User.objects.filter(pk=newcomer.pk).update(password_state="own")
        assert visible(Client().post("/activate/", self.facts(place))) == mismatch

    def test_five_tries_an_hour_for_a_number_from_wherever(self, place, newcomer):
        for _ in range(5):
            assert Client().post("/activate/", self.facts(place, identity="x")).status_code == 200
        assert Client().post("/activate/", self.facts(place)).status_code == 429
        with time_machine.travel(timezone.now() + timedelta(hours=1, seconds=1)):
            assert Client().post("/activate/", self.facts(place)).status_code == 302

    def test_another_schools_student_is_nobody_here(self, place, newcomer):
        with system("another school"):
            other = people.school("19902", "缙云学院")
        assert activation.FAILED in text(Client().post("/activate/", self.facts(place, school=other.school.pk)))
        assert "请选择学校" in text(Client().post("/activate/", self.facts(place)))

    def test_the_second_step_belongs_to_the_first(self, place, newcomer):
        assert self.finish(Client()).headers["Location"] == "/activate/"
        client = Client()
        client.post("/activate/", self.facts(place))
        with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
            assert self.finish(client).headers["Location"] == "/activate/"

    def test_two_at_once_one_wins(self, place, newcomer):
        first, second = Client(), Client()
        for client in (first, second):
            client.post("/activate/", self.facts(place))
        assert self.finish(first).headers["Location"] == "/student/"
        assert self.finish(second, new1="Anders-Pass-99", new2="Anders-Pass-99").headers["Location"] == "/activate/"
        newcomer.refresh_from_db()
        assert newcomer.check_password(NEW["new1"])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"new2": "Anders-99"},
            {"new1": "kurz1A", "new2": "kurz1A"},
            {"phone": "123"},
            {"email": "x"},
            {"consent": ""},
            {"new1": "A-911112222", "new2": "A-911112222"},
        ],
    )
    def test_what_is_wrong_is_said(self, place, newcomer, wrong):
        client = Client()
        client.post("/activate/", self.facts(place))
        answer = self.finish(client, **wrong)
        assert answer.status_code == 200
        assert 'role="alert"' in text(answer)
        assert latin_words(text(answer)) == []
        newcomer.refresh_from_db()
        assert newcomer.password_state == "none"


class TestRecovery:
    @pytest.fixture
    def user(self, place):
        place.user.email = "s@example.edu.cn"
        place.user.save()
        return place.user

    @pytest.fixture
    def ask(self, django_capture_on_commit_callbacks, mailoutbox):
        """Ask for a code; the code that was mailed, "" if none."""

        def do(client, username, email="s@example.edu.cn"):
            mailoutbox.clear()
            with django_capture_on_commit_callbacks(execute=True):
                answer = client.post("/forgot/", {"username": username, "email": email})
            found = re.search(r"\b\d{8}\b", mailoutbox[0].body) if mailoutbox else None
            return answer, found[0] if found else ""

        return do

    def test_the_whole_way(self, place, user, ask, client_of):
        elsewhere = client_of(user)
        client = Client()
        answer, code = ask(client, place.student.number)
        assert answer.headers["Location"] == "/forgot/code/"
        assert (
            client.post("/forgot/code/", {"code": f"{code[:4]} {code[4:]}"}).headers["Location"] == "/forgot/password/"
        )
        assert client.post("/forgot/password/", NEW).headers["Location"] == "/login/"
        user.refresh_from_db()
        assert user.check_password(NEW["new1"])
        assert elsewhere.get("/student/").status_code == 302
        assert client.get("/student/").status_code == 302  # nobody is logged in by a mail alone
        assert (
            client.post("/forgot/password/", {"new1": "Anders-99-Xx", "new2": "Anders-99-Xx"}).headers["Location"]
            == "/forgot/"
        )

    def test_the_same_answer_for_nobody_and_for_a_wrong_mailbox(self, place, user, ask):
        pages = []
        for username, email in (
            (user.username, user.email),
            (user.username, "other@example.edu.cn"),
            ("nobody", user.email),
        ):
            client = Client()
            answer, _code = ask(client, username, email)
            second = client.get("/forgot/code/")
            third = client.post("/forgot/code/", {"code": "00000000"})
            pages.append((answer.status_code, answer.headers["Location"], visible(second), visible(third)))
        assert pages[0] == pages[1] == pages[2]
        assert Mail._base_manager.count() == 1

    def test_enough_bits_and_no_plain_text_left(self, place, user, ask):
        _answer, code = ask(Client(), user.username)
        assert len(code) == recovery.DIGITS == 8  # 26 bits
        row = MailCode._base_manager.get()
        assert code not in (row.code, row.ticket)
        assert Mail._base_manager.get().body == ""

    def test_single_use_and_only_the_newest(self, place, user, ask):
        client, later = Client(), Client()
        _answer, code = ask(client, user.username)
        _answer, newer = ask(later, user.username)
        assert client.post("/forgot/code/", {"code": code}).status_code == 200
        assert later.post("/forgot/code/", {"code": newer}).status_code == 302
        later.get("/forgot/code/")
        assert MailCode._base_manager.filter(used_at=None).count() == 0

    def test_bound_to_the_session_that_asked(self, place, user, ask):
        client, thief = Client(), Client()
        _answer, code = ask(client, user.username)
        assert thief.post("/forgot/code/", {"code": code}).headers["Location"] == "/forgot/"
        ask(thief, "nobody")
        assert thief.post("/forgot/code/", {"code": code}).status_code == 200
        assert client.post("/forgot/code/", {"code": code}).status_code == 302

    def test_five_tries(self, place, user, ask):
        client = Client()
        _answer, code = ask(client, user.username)
        wrong = "00000000" if code != "00000000" else "00000001"
        for _ in range(5):
            assert client.post("/forgot/code/", {"code": wrong}).status_code == 200
        assert client.post("/forgot/code/", {"code": code}).status_code == 200

    @pytest.mark.parametrize(("seconds", "status"), [(599, 302), (601, 200)])
    def test_ten_minutes(self, place, user, ask, seconds, status):
        client, now = Client(), timezone.now()
        with time_machine.travel(now, tick=False):
            _answer, code = ask(client, user.username)
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            assert client.post("/forgot/code/", {"code": code}).status_code == status

    def test_three_an_hour_for_a_name_real_or_not(self, place, user, ask):
        for username in (user.username, "nobody"):
            assert [ask(Client(), username)[0].status_code for _ in range(4)] == [302] * 3 + [429]

    def test_not_for_who_has_no_own_password_or_is_switched_off(self, place, user, ask):
        User.objects.filter(pk=user.pk).update(password_state="none")
        assert ask(Client(), user.username)[1] == ""
        User.objects.filter(pk=user.pk).update(password_state="own", is_active=False)
        assert ask(Client(), user.username)[1] == ""

    def test_counters_hold_no_names(self, place, user, ask):
        ask(Client(), user.username)
        assert user.username not in str(list(Tally._base_manager.values_list("key", flat=True)))

    def test_a_change_is_told_to_the_mailbox(
        self, place, user, client_of, mailoutbox, django_capture_on_commit_callbacks
    ):
        client = client_of(user)
        with django_capture_on_commit_callbacks(execute=True):
            client.post("/password/change/", {"old": people.demo_password(), **NEW})
        assert [(m.to, m.subject) for m in mailoutbox] == [(["s@example.edu.cn"], "密码已更新")]

    def test_guessing_the_present_password_is_bounded(self, place, client_of):
        client = client_of(place.user)
        for _ in range(10):
            client.post("/password/change/", {"old": "wrong", **NEW})
        page = text(client.post("/password/change/", {"old": people.demo_password(), **NEW}))
        assert "次数过多" in page
