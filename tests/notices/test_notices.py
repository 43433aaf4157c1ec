"""Who is told what, once; in bulk, and by mail."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from unittest import mock

import pytest
import time_machine
from django.core import mail as django_mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models.accounts.models import User
from models.notices import outbox, receivers, services
from models.notices.models import Mail, Notice
from models.students.models import GraduateProfile, Student
from tests.factories import people
from workflows import actions, batch, requests
from workflows.chain import matters
from workflows.errors import Invalid, NotAllowed
from workflows.levels import Status, Verb
from workflows.scoping import acting, system
from workflows.signals import moved

pytestmark = pytest.mark.django_db


@pytest.fixture
def place():
    with system("a test makes its people"):
        made = people.school()
        made.reviewers = people.reviewers(made)
        made.students = [people.student(made) for _ in range(3)]
        for student in made.students:
            student.user.email = f"{student.number}@example.edu.cn"
            student.user.save()
        made.records = list(GraduateProfile.objects.select_related("student__user").order_by("pk"))
    return made


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """What follows a commit follows at the end of the block."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def fresh(record):
    return GraduateProfile._base_manager.select_related("student__user").get(pk=record.pk)


def submit_all(place):
    for record in place.records:
        with acting(record.student.user):
            actions.perform(fresh(record), "submit", by=record.student.user)


def inbox(record):
    return [(n.title, n.body) for n in services.inbox(record.student.user)]


class TestReviewIsTold:
    def test_a_return_with_its_reasons_in_the_site_and_by_mail(self, place, committed, mailoutbox):
        record, counselor = place.records[0], place.reviewers.counselor
        submit_all(place)
        with acting(counselor), committed():
            actions.perform(fresh(record), "return", by=counselor, reasons=["家庭地址不完整"], text="请补门牌号")
        assert inbox(record) == [("生源信息被退回，请修改后重新提交", "退回原因：家庭地址不完整；请补门牌号")]
        assert [(m.subject, m.to) for m in mailoutbox] == [
            ("生源信息被退回，请修改后重新提交", [record.student.user.email])
        ]
        assert "家庭地址不完整" in mailoutbox[0].body
        assert inbox(place.records[1]) == []

    def test_a_step_up_is_no_news_the_end_is(self, place, committed):
        record = place.records[0]
        submit_all(place)
        reviewers = place.reviewers
        for who, told in ((reviewers.counselor, 0), (reviewers.college, 0), (reviewers.school, 1)):
            with acting(who), committed():
                actions.perform(fresh(record), "approve", by=who)
            assert len(inbox(record)) == told
        assert inbox(record)[0][0] == "生源信息已审核通过"

    def test_correct_and_approve_names_what_was_changed(self, place, committed):
        record, counselor = place.records[0], place.reviewers.counselor
        submit_all(place)
        with acting(counselor), committed():
            actions.perform(fresh(record), "approve", by=counselor, values={"origin_region": "500105"})
        ((title, body),) = inbox(record)
        assert title == "老师在审核生源信息时更正了部分内容"
        assert "生源地：重庆市渝中区 → 重庆市江北区" in body

    @pytest.mark.parametrize(
        ("accept", "title"), [(True, "生源信息的修改申请已同意"), (False, "生源信息的修改申请未同意")]
    )
    def test_the_answer_to_a_request(self, place, committed, accept, title):
        record, student = place.records[0], place.records[0].student.user
        submit_all(place)
        for who in (place.reviewers.counselor, place.reviewers.college, place.reviewers.school):
            with acting(who):
                actions.perform(fresh(record), "approve", by=who)
        with acting(student):
            wish = requests.ask(fresh(record), {"political_status": "01"}, "已转正", by=student)
        with acting(place.reviewers.school), committed():
            requests.decide(wish, accept=accept, by=place.reviewers.school, opinion="请附证明" if not accept else "")
        told = dict(inbox(record))
        assert title in told
        assert ("共青团员 → 中共党员" if accept else "请附证明") in told[title]

    def test_no_sentence_says_twice_what_the_name_of_a_matter_says(self, place):
        said = []
        for model in matters():
            record = model._base_manager.first() or model(version=1)
            for verb in Verb.values:
                for to_status, by in ((Status.APPROVED, place.reviewers.school), (Status.PENDING_SCHOOL, None)):
                    with mock.patch.object(receivers, "_changes", return_value="手机号码：1 → 2"):
                        said += [
                            receivers._message(model, [record.pk], verb, to_status, "说明", [], {"x": [1, 2]}, by)
                            or ("", "")
                        ]
        titles = {title for title, _body in said if title}
        assert {
            "单位审核已通过",
            "生源信息已审核通过",
            "老师在单位审核时更正了部分内容",
            "解约申请的修改已同意",
        } <= titles
        doubled = [title for title in titles if title.count("审核") > 1 or title.count("申请") > 1]
        assert doubled == []

    def test_a_batch_costs_the_same_for_one_and_for_many(self, place, committed):
        submit_all(place)
        college, counselor = place.reviewers.college, place.reviewers.counselor

        def cost(ids, who):
            rows = GraduateProfile._base_manager.filter(pk__in=ids)
            with acting(who), CaptureQueriesContext(connection) as caught, committed():
                batch.perform_many(rows, "return", by=who, reasons=["请核对"])
            # Sending is one by one, in the background; what the request writes is counted.
            return len([q for q in caught if 'INSERT INTO "notices_' in q["sql"] or "notices_notice" in q["sql"]])

        pks = [record.pk for record in place.records]
        assert cost(pks[:1], counselor) == cost(pks[1:], counselor)
        assert Notice._base_manager.count() == 3
        assert college  # another reviewer is told nothing
        assert services.unread(college) == 0

    def test_told_again_it_is_told_once(self, place, committed, mailoutbox):
        submit_all(place)
        record, counselor = place.records[0], place.reviewers.counselor
        with acting(counselor), committed():
            actions.perform(fresh(record), "return", by=counselor, text="请补照片")
        event = {
            "ids": [record.pk], "verb": "return", "from_status": "pending_counselor", "to_status": "returned", "by": counselor,
            "text": "请补照片", "reasons": [], "corrections": {},
        }  # fmt: skip
        with committed():
            moved.send(sender=GraduateProfile, **event)
        assert len(inbox(record)) == 1
        assert len(mailoutbox) == 1

    def test_a_student_without_an_account_is_left_out(self, place, committed):
        with system("a student nobody has given an account"):
            people.student(place, account=False)
            record = GraduateProfile.objects.order_by("-pk")[0]
        with committed():
            moved.send(
                sender=GraduateProfile, ids=[record.pk], verb="return", from_status="x", to_status="returned", by=None, text="改", reasons=[],
                corrections={},
            )  # fmt: skip
        assert Notice._base_manager.count() == 0


class TestReminding:
    def test_in_scope_once_a_day(self, place, committed, mailoutbox):
        with system("somebody elsewhere"):
            people.student(place, unit=place.classes[-1])
        counselor, rows = place.reviewers.counselor, GraduateProfile._base_manager.all()
        with acting(counselor), committed():
            told = services.remind(rows, counselor, "请在 12 月 10 日前提交")
        assert (told.notified, told.mailed, told.unreachable) == (3, 3, 0)
        with acting(counselor), committed():
            services.remind(rows, counselor, "请在 12 月 10 日前提交")
        assert Notice._base_manager.count() == 3
        assert len(mailoutbox) == 3
        with time_machine.travel(timezone.now() + timedelta(days=1)), acting(counselor), committed():
            services.remind(rows, counselor, "请在 12 月 10 日前提交")
        assert Notice._base_manager.count() == 6

    def test_students_themselves_and_those_who_cannot_be_reached(self, place, committed):
        with system("a student without account"):
            people.student(place, account=False)
        school = place.reviewers.school
        with acting(school), committed():
            told = services.remind(Student.objects.all(), school, "请尽快激活账号")
        assert (told.notified, told.unreachable) == (3, 1)

    def test_needs_the_function_and_a_text(self, place):
        with acting(place.reviewers.counselor), pytest.raises(Invalid):
            services.remind(GraduateProfile.objects.all(), place.reviewers.counselor, "  ")
        data = people_without_notices(place)
        with acting(data), pytest.raises(NotAllowed):
            services.remind(GraduateProfile.objects.all(), data, "请提交")

    def test_an_announcement_stays_in_scope(self, place, committed):
        school = place.reviewers.school
        with system("another school"):
            other = people.school("19902", "缙云学院")
            stranger = people.student(other).user
        with acting(school), committed():
            told = services.announce(User.objects.filter(kind="student"), "停机通知", "周六停机", school)
        assert told.notified == 3
        assert services.unread(stranger) == 0

    def test_who_wants_no_mail_gets_none(self, place, committed, mailoutbox):
        user = place.students[0].user
        user.preferences = {"mail_notices": False}
        user.save()
        with acting(place.reviewers.school), committed():
            told = services.remind(GraduateProfile.objects.all(), place.reviewers.school, "请提交")
        assert (told.notified, told.mailed) == (3, 2)
        assert [user.email] not in [m.to for m in mailoutbox]


def people_without_notices(place):
    with system("a clerk"):
        return people.staff("data", place.center)


class TestOutbox:
    @pytest.fixture
    def one(self, place):
        return outbox.mail("code", place.students[0].user, "验证码", "12345678", about="x", secret=True)

    def test_sent_once_and_a_secret_forgotten(self, one, committed, mailoutbox):
        with committed():
            outbox.queue([one])
            outbox.queue([outbox.mail("code", one.recipient, "验证码", "又一封", about="x", secret=True)])
        row = Mail._base_manager.get()
        assert (row.state, row.body) == ("sent", "")
        assert [m.body.split("\n")[0] for m in mailoutbox] == ["12345678"]
        assert outbox.send_due() == 0

    def test_nothing_leaves_before_the_commit(self, one, mailoutbox, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=False):
            outbox.queue([one])
            assert mailoutbox == []

    def test_a_failing_server_is_tried_again_later_and_given_up_in_the_end(self, one, monkeypatch):
        monkeypatch.setattr(
            django_mail.EmailMessage, "send", lambda self: (_ for _ in ()).throw(smtplib.SMTPServerDisconnected("gone"))
        )
        Mail._base_manager.bulk_create([one])
        now = timezone.now()
        for attempt in range(1, outbox.ATTEMPTS + 1):
            now += timedelta(hours=1)
            with time_machine.travel(now, tick=False):
                assert outbox.send_due() == 0
                row = Mail._base_manager.get()
                assert row.attempts == attempt
                assert outbox.send_due() == 0  # not at once again
        assert (row.state, row.body) == ("failed", "")

    def test_what_a_killed_process_had_taken_is_not_sent_again(self, one, mailoutbox):
        one.state, one.not_before = Mail.State.SENDING, timezone.now() - timedelta(minutes=11)
        Mail._base_manager.bulk_create([one])
        assert outbox.send_due() == 0
        assert Mail._base_manager.get().state == "failed"
        assert mailoutbox == []

    def test_subjects_carry_no_name_or_number(self, place, committed):
        submit_all(place)
        counselor = place.reviewers.counselor
        with acting(counselor), committed():
            batch.perform_many(GraduateProfile._base_manager.all(), "return", by=counselor, text="请核对")
        for row in Mail._base_manager.all():
            assert place.students[0].name not in row.subject
            assert not any(c.isdigit() for c in row.subject)


def test_the_unread_count_reads_its_small_index(place):
    with CaptureQueriesContext(connection) as caught:
        services.unread(place.students[0].user)
    (query,) = caught.captured_queries
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            assert "notice_unread" in str(cursor.fetchall())
