"""The front door: one page, answers that tell nothing, locks that a campus survives (B1, B3, B5, B6)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from models.accounts import receivers
from models.accounts.login import find_username
from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.organisation.models import School
from tests.factories import people
from workflows.scoping import system

GOOD = people.demo_password()
pytestmark = pytest.mark.django_db


def enter(client, username, password=GOOD, address="10.0.0.1", **data):
    return client.post("/login/", {"username": username, "password": password, **data}, REMOTE_ADDR=address)


def text(answer):
    return answer.content.decode()


@pytest.fixture
def other(place):
    """A second school with a student of the same number."""
    with system("another school"):
        made = people.school("19902", "缙云学院")
        made.user = people.student(made, number=place.student.number).user
    return made


class TestWho:
    def test_everybody_is_led_to_their_own_door(self, place):
        for user, where in ((place.user, "/student/"), (place.reviewers.school, "/admin/")):
            client = Client()
            assert enter(client, user.username).headers["Location"] == where
            assert client.get("/").headers["Location"] == where
        assert Client().get("/").headers["Location"] == "/login/"

    def test_by_number_in_one_school_without_choosing_it(self, place):
        assert enter(Client(), place.student.number).headers["Location"] == "/student/"
        assert 'select name="school"' not in text(Client().get("/login/"))

    def test_by_number_where_schools_share_it(self, place, other):
        assert 'select name="school"' in text(Client().get("/login/"))
        assert enter(Client(), place.student.number).status_code == 200
        client = Client()
        assert enter(client, place.student.number, school=other.school.pk).status_code == 302
        assert int(client.session["_auth_user_id"]) == other.user.pk

    def test_a_students_number_and_a_staff_account_do_not_collide(self, place, other):
        with system("a clerk whose number is a student's"):
            clerk = people.staff("school", other.center)
        User.objects.filter(pk=clerk.pk).update(username=place.student.number)
        assert find_username(place.student.number) == place.student.number
        assert find_username(place.student.number, place.school.pk) == place.user.username

    def test_next_stays_on_this_site_and_in_this_house(self, place):
        for wanted in (
            "//evil.example",
            "https://evil.example/x",
            "/\\evil.example",
            "javascript:alert(1)",
            "/admin/",
            "",
            "evil",
        ):
            assert enter(Client(), place.user.username, next=wanted).headers["Location"] == "/student/", wanted
        assert (
            enter(Client(), place.user.username, next="/student/notices/?page=2").headers["Location"]
            == "/student/notices/?page=2"
        )

    def test_logging_out_needs_a_button(self, place, client_of):
        client = client_of(place.user)
        assert client.get("/logout/").status_code == 405
        assert client.get("/student/").status_code == 200
        assert client.post("/logout/").headers["Location"] == "/login/"
        assert client.get("/student/").status_code == 302

    def test_the_admins_own_log_in_is_no_second_door(self, place):
        assert Client().get("/admin/login/?next=/admin/").headers["Location"] == "/login/?next=/admin/"
        assert (
            Client()
            .post("/admin/login/", {"username": place.reviewers.school.username, "password": GOOD})
            .headers["Location"]
            == "/login/"
        )

    def test_demo_cards_in_demo_mode_only(self, place, settings):
        with system("a demo account"):
            User.objects.create_user("school", "Demo-2027!", name="演示", kind="staff")
        assert "演示账号" not in text(Client().get("/login/"))
        settings.DEMO = True
        page = text(Client().get("/login/"))
        assert "学校就业中心" in page
        assert "省级管理员" not in page  # there is no such account here
        assert enter(Client(), "school", "Demo-2027!").status_code == 302


class TestTellsNothing:
    def test_the_same_answer_whatever_is_wrong(self, place):
        User.objects.create_user("off", GOOD, name="停用", is_active=False)
        User.objects.create_user("fresh", None, name="未激活", kind="student", password_state="none")
        pages = set()
        for username, password in (
            ("nobody", GOOD),
            (place.user.username, "wrong"),
            ("off", GOOD),
            ("fresh", ""),
            ("fresh", "x"),
            ("fresh", "!"),
        ):
            if password:
                answer = enter(Client(), username, password)
                page = re.sub(r'value="[^"]*"', "", text(answer))
                pages.add((answer.status_code, page))
        assert len(pages) == 1

    def test_what_people_type_by_mistake_breaks_nothing(self, place):
        for odd in ("", " ", "\x00", "' OR 1=1 --", "长" * 60, place.student.id_number):
            assert enter(Client(), odd, "x").status_code == 200


class TestLocks:
    def fail(self, username, times, address="10.0.0.1"):
        return [enter(Client(), username, "wrong", address).status_code for _ in range(times)]

    def test_five_failures_from_one_address_shut_it_for_a_quarter_of_an_hour(self, place):
        now = timezone.now()
        with time_machine.travel(now, tick=False):
            assert self.fail(place.user.username, 5) == [200] * 4 + [429]
            assert enter(Client(), place.user.username).status_code == 429
            assert enter(Client(), place.student.number).status_code == 429  # another name for the same account
            assert enter(Client(), place.user.username, address="10.0.0.2").status_code == 302
            page = text(enter(Client(), place.user.username))
            assert "15 分钟" in page
        with time_machine.travel(now + timedelta(minutes=15, seconds=1), tick=False):
            assert enter(Client(), place.user.username).status_code == 302

    def test_an_account_that_does_not_exist_locks_alike(self, place):
        assert self.fail("nobody", 6) == [200] * 4 + [429] * 2

    def test_rotating_addresses_meet_the_softer_limit(self, place):
        now = timezone.now()
        with time_machine.travel(now, tick=False):
            for n in range(receivers.LOGIN_FAILURES):
                assert self.fail(place.user.username, 1, f"10.1.{n}.1") == [200]
            assert enter(Client(), place.user.username, address="10.2.0.1").status_code == 429
        with time_machine.travel(now + timedelta(hours=1, seconds=1), tick=False):
            assert enter(Client(), place.user.username, address="10.2.0.1").status_code == 302

    def test_one_address_cannot_lock_the_account_for_others(self, place):
        for _round in range(8):
            self.fail(place.user.username, 5)
        assert enter(Client(), place.user.username, address="10.9.9.9").status_code == 302

    def test_a_forged_forwarded_for_changes_nothing(self, place):
        codes = []
        for n in range(6):
            answer = Client().post(
                "/login/",
                {"username": place.user.username, "password": "wrong"},
                REMOTE_ADDR="10.0.0.1",
                HTTP_X_FORWARDED_FOR=f"1.2.3.{n}",
            )
            codes.append(answer.status_code)
        assert codes == [200] * 4 + [429] * 2

    def test_two_hundred_students_behind_one_address(self, place):
        with system("a campus"):
            users = [people.student(place).user for _ in range(200)]
        for user in users:
            assert enter(Client(), user.username, "wrong").status_code == 200
        assert {enter(Client(), user.username).status_code for user in users[::5]} == {302}  # any of them

    def test_failures_are_in_the_trail_without_the_password(self, place):
        self.fail(place.user.username, 6)
        rows = AuditEntry.unscoped.filter(action=Action.LOGIN_FAILED)
        assert rows.count() >= 6
        assert "wrong" not in str(list(rows.values_list("detail", flat=True)))


class TestSessions:
    def test_the_key_changes_at_log_in_and_at_a_change_of_password(self, place):
        client = Client()
        client.get("/login/")
        session = client.session
        session["planted"] = 1
        session.save()
        planted = session.session_key
        enter(client, place.user.username)
        first = client.session.session_key
        assert first != planted
        client.post("/password/change/", {"old": GOOD, "new1": "Neu-Pass-88", "new2": "Neu-Pass-88"})
        assert client.session.session_key != first
        assert client.get("/student/").status_code == 200

    @pytest.mark.parametrize(("who", "idle"), [("student", 2 * 3600), ("staff", 30 * 60)])
    def test_idle(self, place, client_of, who, idle):
        user, url = (place.user, "/student/") if who == "student" else (place.reviewers.school, "/password/change/")
        now = timezone.now()
        with time_machine.travel(now, tick=False) as clock:
            client = client_of(user)
            clock.move_to(now + timedelta(seconds=idle))
            assert client.get(url).status_code == 200
            clock.move_to(now + timedelta(seconds=2 * idle))
            assert client.get(url).status_code == 200
            clock.move_to(now + timedelta(seconds=3 * idle + 1))
            assert client.get(url).headers["Location"] == f"/login/?next={url.replace('/', '%2F')}"
            assert client.get("/api/me/").status_code == 401

    def test_absolute(self, place, client_of):
        now = timezone.now()
        with time_machine.travel(now, tick=False) as clock:
            client = client_of(place.user)
            for hour in range(1, 13):
                clock.move_to(now + timedelta(hours=hour))
                assert client.get("/student/").status_code == 200, hour
            clock.move_to(now + timedelta(hours=12, seconds=1))
            assert client.get("/student/").status_code == 302

    def test_a_change_of_password_ends_the_others_and_a_disabled_account_all(self, place, client_of):
        here, there = client_of(place.user), client_of(place.user)
        here.post("/password/change/", {"old": GOOD, "new1": "Neu-Pass-88", "new2": "Neu-Pass-88"})
        assert here.get("/student/").status_code == 200
        assert there.get("/student/").status_code == 302
        User.objects.filter(pk=place.user.pk).update(is_active=False)
        assert here.get("/student/").status_code == 302
        assert here.get("/api/me/").status_code == 401

    def test_a_look_in_the_minute_writes_no_session(self, place, client_of, django_assert_max_num_queries):
        client = client_of(place.user)
        client.get("/api/codes/gender/")
        with django_assert_max_num_queries(2):  # session, account
            client.get("/api/codes/gender/")


class TestFirstPassword:
    @pytest.fixture
    def newcomer(self, place):
        School._base_manager.filter(pk=place.school.pk).update(first_login="id_tail")
        place.user.set_unusable_password()
        place.user.password_state = "initial"
        place.user.save()
        return place.user, place.student.id_number[-6:]

    def test_reaches_nothing_but_the_change(self, place, newcomer):
        user, initial = newcomer
        client = Client()
        assert enter(client, user.username, initial).status_code == 302
        reached = {}
        for url in every_url():
            answer = client.get(url)
            if not (answer.status_code == 302 and answer.headers["Location"] == "/password/change/"):
                reached[url] = answer.status_code
        api = {url: code for url, code in reached.items() if url.startswith("/api/")}
        assert api, "the API was walked"
        assert set(api.values()) == {403}
        assert set(reached) - set(api) == {"/password/change/", "/logout/", "/healthz", "/readyz"}
        assert (
            client.post("/student/matters/graduateprofile/", {"do": "submit", "version": 1}).headers["Location"]
            == "/password/change/"
        )
        assert client.post("/impersonate/stop/").headers["Location"] == "/password/change/"

    def test_change_opens_everything(self, place, newcomer):
        user, initial = newcomer
        client = Client()
        enter(client, user.username, initial)
        for bad in (f"Aa-{initial}", "short1A", "Password1", place.student.number + "Aa-"):
            assert client.post("/password/change/", {"new1": bad, "new2": bad}).status_code == 200
        answer = client.post(
            "/password/change/", {"new1": "Neu-Pass-88", "new2": "Neu-Pass-88", "email": "n@example.edu.cn"}
        )
        assert answer.headers["Location"] == "/student/"
        assert client.get("/student/").status_code == 200
        user.refresh_from_db()
        assert user.password_state == "own"
        assert user.email == ""  # bound only when the code sent there has come back
        assert enter(Client(), user.username, initial).status_code == 200

    def test_not_where_the_school_has_chosen_activation(self, place, newcomer):
        user, initial = newcomer
        School._base_manager.filter(pk=place.school.pk).update(first_login="activation")
        assert enter(Client(), user.username, initial).status_code == 200


def test_who_is_sent_to_log_in_hears_that_nothing_was_saved(place):
    """A session that ended between opening a form and saving it: the log-in page says what became of the entry."""
    sent = Client().post("/student/matters/graduateprofile/", {"deed": "submit"})
    page = text(Client().get(sent.headers["Location"]))
    assert "如果登录是中途过期的，刚才提交的内容没有保存" in page
    assert "中途过期" not in text(Client().get("/login/"))


def every_url():
    """Every URL that needs no argument, of the whole site."""
    found = []

    def walk(patterns, prefix):
        for pattern in patterns:
            path = prefix + str(pattern.pattern).replace("^", "").replace("\\Z", "").replace("$", "")
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, path)
            elif "<" not in path and "(" not in path:
                found.append("/" + path)

    walk(get_resolver().url_patterns, "")
    assert len(found) > 40
    return list(dict.fromkeys(found))
