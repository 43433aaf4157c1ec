"""What staff do to accounts: reset, unlock, look as a student; each in the trail, none a way up (B10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone

from models.accounts import impersonation, services
from models.accounts.appointing import may_manage
from models.accounts.models import StaffAppointment, User
from models.audit.models import Action, AuditEntry
from models.notices.services import inbox
from models.organisation.models import School
from tests.factories import people
from workflows.errors import Absent, Invalid, NotAllowed
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


class TestReset:
    @pytest.mark.parametrize(("rule", "state"), [("activation", "none"), ("id_tail", "initial")])
    def test_back_to_the_schools_first_log_in(self, place, client_of, rule, state):
        School._base_manager.filter(pk=place.school.pk).update(first_login=rule)
        client = client_of(place.user)
        accounts = list(User.objects.filter(pk=place.user.pk).select_related("student__school"))
        with acting(place.reviewers.school):
            assert services.reset_students(accounts) == 1
        place.user.refresh_from_db()
        assert place.user.password_state == state
        assert not place.user.check_password(people.demo_password())
        assert client.get("/student/").status_code == 302
        answer = Client().post("/login/", {"username": place.user.username, "password": place.student.id_number[-6:]})
        assert (answer.status_code == 302) is (rule == "id_tail")

    def test_lifts_the_locks(self, place):
        for _ in range(5):
            Client().post("/login/", {"username": place.user.username, "password": "wrong"})
        assert (
            Client().post("/login/", {"username": place.user.username, "password": people.demo_password()}).status_code
            == 429
        )
        with acting(place.reviewers.school):
            assert services.unlock([place.user]) == 1
        assert (
            Client().post("/login/", {"username": place.user.username, "password": people.demo_password()}).status_code
            == 302
        )
        assert AuditEntry.unscoped.filter(action=Action.UNLOCK).count() == 1

    def test_lifts_the_softer_lock(self, place):
        from models.accounts import counters, receivers

        for _ in range(receivers.LOGIN_FAILURES):
            counters.hit("login", place.user.username.lower(), receivers.LOGIN_WINDOW)
        assert receivers.too_many_failures(place.user.username)
        with acting(place.reviewers.school):
            assert services.unlock([place.user]) == 1
        assert not receivers.too_many_failures(place.user.username)

    def test_rank(self, place):
        reviewers = place.reviewers
        order = [reviewers.counselor, reviewers.college, reviewers.school, reviewers.province]
        for low, person in enumerate(order):
            for high, account in enumerate(order):
                assert may_manage(person, account) is (low > high), (person, account)
        with system("a counsellor with a second, higher office"):
            StaffAppointment.objects.create(user=reviewers.counselor, level="school", unit=place.center)
        assert not may_manage(reviewers.college, reviewers.counselor)

    def test_an_account_without_an_appointment_is_the_provinces_to_manage(self, place):
        """It stands below nobody: a reset of its password must not be a way to whatever it is appointed to next."""
        with system("a test makes an account"):
            nobody = User.objects.create_user("nobody", "Test-2027!", name="未任职", kind=User.Kind.STAFF)
        assert not may_manage(place.reviewers.school, nobody)
        assert may_manage(place.reviewers.province, nobody)

    def test_rank_ends_at_the_scope(self, place):
        with system("another school"):
            other = people.school("19902", "缙云学院")
            counselor = people.staff("counselor", other.classes[0])
        assert not may_manage(place.reviewers.school, counselor)
        assert may_manage(place.reviewers.province, counselor)


class TestLooking:
    REASON = "学生来电说页面打不开"

    @pytest.fixture
    def look(self, place, client_of):
        """A member of staff who looks as the student, as the back office starts it."""

        def start(person, student_user=None, reason=self.REASON):
            client = client_of(person)
            request = RequestFactory().post("/admin/", REMOTE_ADDR="10.0.0.9")
            request.session, request.user = client.session, User.objects.get(pk=person.pk)
            before = request.session.session_key
            with acting(request.user):
                impersonation.start(request, student_user or place.user, reason)
            request.session.save()
            assert request.session.session_key != before
            client.cookies["sessionid"] = request.session.session_key
            return client

        return start

    def test_sees_the_page_with_a_banner_and_masked_numbers(self, place, look):
        page = look(place.reviewers.counselor).get("/student/matters/graduateprofile/").content.decode()
        assert "的身份查看" in page
        assert self.REASON in page
        assert "data-until" in page
        assert "结束查看" in page
        assert place.student.name in page
        assert place.student.id_number not in page
        assert place.record.phone not in page

    def test_the_api_masks_as_well(self, place, look):
        body = look(place.reviewers.counselor).get("/api/matters/graduateprofile/mine/").content.decode()
        assert place.student.id_number not in body
        assert place.record.phone not in body

    @pytest.mark.parametrize(
        ("method", "url"),
        [
            ("post", "/student/matters/graduateprofile/"), ("post", "/student/account/"), ("post", "/student/notices/read-all/"),
            ("patch", "/api/matters/graduateprofile/mine/"), ("post", "/api/me/password/"), ("post", "/student/account/sessions/"),
        ],
    )  # fmt: skip
    def test_nothing_can_be_done(self, place, look, fresh, method, url):
        answer = getattr(look(place.reviewers.counselor), method)(url, {"do": "submit", "version": 1})
        assert answer.status_code == 403
        assert "不能提交或修改" in answer.content.decode() or "不能提交或修改" in answer.json()["detail"]
        assert (fresh(place.record).status, fresh(place.record).version) == ("draft", 1)

    def test_the_back_office_stays_ones_own(self, place, look):
        assert look(place.reviewers.counselor).get("/").headers["Location"] == "/admin/"

    def test_both_names_in_the_trail_and_word_to_the_student(self, place, look, client_of):
        client = look(place.reviewers.counselor)
        client.post("/impersonate/stop/")
        rows = AuditEntry.unscoped.filter(on_behalf_of=place.user).order_by("pk")
        assert [(r.action, r.actor_id, r.purpose) for r in rows] == [
            ("impersonate_start", place.reviewers.counselor.pk, self.REASON), ("impersonate_stop", place.reviewers.counselor.pk, self.REASON),
        ]  # fmt: skip
        assert [n.title for n in inbox(place.user)] == ["老师查看了您的页面"]
        page = client_of(place.user).get("/student/account/").content.decode()
        assert place.reviewers.counselor.name in page
        assert self.REASON in page

    def test_stopping_ends_it_with_a_new_key(self, place, look):
        client = look(place.reviewers.counselor)
        before = client.session.session_key
        assert client.post("/impersonate/stop/").headers["Location"] == "/admin/"
        assert client.session.session_key != before
        assert client.get("/student/").headers["Location"] == "/"
        assert client.get("/impersonate/stop/").status_code == 405

    def test_ends_by_itself_after_twenty_minutes(self, place, look):
        now = timezone.now()
        with time_machine.travel(now, tick=False) as clock:
            client = look(place.reviewers.counselor)
            clock.move_to(now + timedelta(minutes=20) - timedelta(seconds=1))
            assert client.get("/student/").status_code == 200
            clock.move_to(now + timedelta(minutes=20))
            assert client.get("/student/").headers["Location"] == "/"
        assert AuditEntry.unscoped.filter(action=Action.IMPERSONATE_STOP).count() == 1

    def test_ends_when_the_scope_is_taken_away(self, place, look):
        client = look(place.reviewers.counselor)
        with system("the appointment ends"):
            StaffAppointment.objects.filter(user=place.reviewers.counselor).delete()
        assert client.get("/student/").headers["Location"] == "/"

    def test_refused(self, place, look):
        with system("others"):
            elsewhere = people.student(place, unit=place.classes[-1]).user
            clerk = people.staff("data", place.center)
        with pytest.raises(Invalid):
            look(place.reviewers.counselor, reason="  ")
        with pytest.raises(Absent):
            look(place.reviewers.counselor, elsewhere)
        with pytest.raises(Absent):
            look(place.reviewers.school, place.reviewers.counselor)
        with pytest.raises(NotAllowed):
            look(clerk)
