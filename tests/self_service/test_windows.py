"""E7: windows are half-open and go by Shanghai time, at every door of the student."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from models.students.models import GraduateProfile
from workflows import policy
from workflows.models import Window
from workflows.scoping import system

SHANGHAI = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = datetime(2026, 11, 1, 8, tzinfo=SHANGHAI), datetime(2026, 12, 11, 0, tzinfo=SHANGHAI)
SECOND = timedelta(seconds=1)
MINE = "/api/matters/graduateprofile/mine/"
PAGE = "/student/matters/graduateprofile/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def window(place):
    with system("settings"):
        return Window.objects.create(
            matter=policy.label(GraduateProfile),
            school=place.school,
            cohort=place.cohort,
            opens_at=OPENS,
            closes_at=CLOSES,
        )


MOMENTS = [
    (OPENS - SECOND, False), (OPENS, True), (OPENS + SECOND, True), (CLOSES - SECOND, True), (CLOSES, False), (CLOSES + SECOND, False),
    # 08:00 in Shanghai is midnight in UTC: neither that midnight nor the one before is an edge.
    (datetime(2026, 12, 10, 8, tzinfo=SHANGHAI) - SECOND, True), (datetime(2026, 12, 10, 8, tzinfo=SHANGHAI), True),
    (datetime(2026, 12, 11, 7, 59, 59, tzinfo=SHANGHAI), False), (datetime(2026, 12, 11, 8, tzinfo=SHANGHAI), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "is_open"), MOMENTS, ids=lambda v: f"{v:%m-%d %H:%M:%S}" if isinstance(v, datetime) else str(v)
)
def test_edges(place, client_of, moment, is_open):
    with time_machine.travel(moment, tick=False):
        client = client_of(place.user)
        body = client.get(MINE).json()
        assert body["window"]["is_open"] is is_open
        assert body["actions"] == (["submit"] if is_open else [])
        saved = client.patch(
            MINE, json.dumps({"version": 1, "values": {"qq": "12345"}}), content_type="application/json"
        )
        assert saved.status_code == (200 if is_open else 403)
        page = client.get(PAGE).content.decode()
        assert ("提交审核</button>" in page) is is_open
        client.post(PAGE, {"do": "submit", "version": 2 if is_open else 1})
        assert GraduateProfile._base_manager.get(pk=place.record.pk).status == (
            "pending_counselor" if is_open else "draft"
        )


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        (datetime(2026, 12, 10, 23, 59, 59, tzinfo=SHANGHAI), 0), (datetime(2026, 12, 10, 0, 0, tzinfo=SHANGHAI), 0),
        (datetime(2026, 12, 9, 23, 59, 59, tzinfo=SHANGHAI), 1), (datetime(2026, 11, 22, 7, 59, tzinfo=SHANGHAI), 18),
    ],
)  # fmt: skip
def test_days_left_and_midnight_in_words(place, client_of, moment, days):
    with time_machine.travel(moment, tick=False):
        window = client_of(place.user).get(MINE).json()["window"]
        assert (window["days_left"], window["deadline"]) == (days, "2026-12-10 24:00")
        home = client_of(place.user).get("/student/").content.decode()
        assert ("今天截止" if days == 0 else f"还有 {days} 天") in home


def test_the_closed_page_says_when(place, client_of):
    with time_machine.travel(OPENS - timedelta(days=1), tick=False):
        assert "尚未开放，将于 2026-11-01 08:00 开放" in client_of(place.user).get(PAGE).content.decode()
    with time_machine.travel(CLOSES, tick=False):
        assert "已于 2026-12-11 00:00 截止" in client_of(place.user).get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("status", "asked", "told"),
    [
        ("draft", "请核对信息并提交审核。", "还没有提交。"),
        ("returned", "已退回，请修改后重新提交。", "已退回，还没有重新提交。"),
    ],
)
def test_nobody_is_asked_for_what_is_closed(place, client_of, status, asked, told):
    with system("a test looks for a status"):
        GraduateProfile._base_manager.filter(pk=place.record.pk).update(status=status)
    for moment, said, unsaid in ((CLOSES - SECOND, asked, told), (CLOSES, told, asked)):
        with time_machine.travel(moment, tick=False):
            client = client_of(place.user)
            assert client.get(MINE).json()["next"] == said
            for path in (PAGE, "/student/"):
                page = client.get(path).content.decode()
                assert said in page
                assert unsaid not in page


def test_an_archived_cohort_is_shut_for_good(place, student_client):
    with time_machine.travel(OPENS + SECOND, tick=False), system("settings"):
        place.cohort.closed = True
        place.cohort.save()
    answer = student_client.get(PAGE)
    assert "已归档，只能查看" in answer.content.decode()
