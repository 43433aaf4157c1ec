"""B4 and D4: whose address it is, and what a log line may say."""

from __future__ import annotations

import logging
import re
import sys

import pytest
from axes.helpers import get_client_ip_address
from django.http import HttpResponse
from hypothesis import given
from hypothesis import strategies as st

from models.audit.logs import PrivateFormatter
from models.audit.masking import mask_text
from models.audit.middleware import RequestLogMiddleware
from models.audit.models import AuditEntry
from models.audit.request import client_ip, is_local

IDENTITY_PATTERN = re.compile(r"\d{17}[\dX]")
PHONE_PATTERN = re.compile(r"1[3-9]\d{9}")


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        ([], "203.0.113.5", "10.9.9.9", "203.0.113.5"),
        (["10.0.0.1"], "203.0.113.5", "10.9.9.9", "203.0.113.5"),
        (["10.0.0.1"], "10.0.0.1", "198.51.100.4", "198.51.100.4"),
        (["10.0.0.1"], "10.0.0.1", "1.2.3.4, 198.51.100.4", "198.51.100.4"),
        (["10.0.0.0/24"], "10.0.0.1", "1.2.3.4, 198.51.100.4, 10.0.0.9", "198.51.100.4"),
        (["10.0.0.1"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", "<script>, junk", "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", "198.51.100.4, junk", "10.0.0.1"),
        (["10.0.0.1"], "::ffff:10.0.0.1", "2001:db8::7", "2001:db8::7"),
        (["unix"], "", "198.51.100.4", "198.51.100.4"),
        ([], "", "198.51.100.4", None),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
    ],
)
def test_forwarded_address_is_believed_only_from_a_trusted_proxy(rf, settings, proxies, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_ip(request) == expected


def test_the_lock_out_asks_the_same_function(rf, settings):
    settings.TRUSTED_PROXIES = []
    request = rf.get("/", REMOTE_ADDR="203.0.113.5", HTTP_X_FORWARDED_FOR="10.9.9.9")
    assert get_client_ip_address(request) == "203.0.113.5"


@pytest.mark.parametrize(
    ("proxies", "remote", "forwarded", "expected"),
    [
        ([], "127.0.0.1", "", True),
        ([], "::1", "", True),
        ([], "203.0.113.5", "", False),
        ([], "127.0.0.1", "203.0.113.5", False),
        ([], "127.0.0.1", "127.0.0.1", False),
        (["127.0.0.1"], "127.0.0.1", "203.0.113.5", False),
        ([], "", "", False),
    ],
)
def test_behind_a_proxy_nobody_becomes_local(rf, settings, proxies, remote, forwarded, expected):
    settings.TRUSTED_PROXIES = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert is_local(rf.get("/", REMOTE_ADDR=remote, **headers)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("证件 990101200501011234。", "证件 990*************34。"),
        ("99010120050101123X", "990*************3X"),
        ("990101 20050101 123x", "990*************3x"),
        ("电话19912345678，", "电话199****5678，"),
        ("+86 199-1234-5678", "+199****5678"),
        ("8619912345678", "199****5678"),
        ("学号 202701001 考生号 27990100112345", "学号 202701001 考生号 27990100112345"),
        ("2026-11-22 10:30:00,123 12ms", "2026-11-22 10:30:00,123 12ms"),
    ],
)
def test_masking(text, expected):
    assert mask_text(text) == expected


@given(st.text(alphabet="abc 证-", max_size=8), st.from_regex(r"99\d{15}[\dX]", fullmatch=True, alphabet="0123456789X"))
def test_no_identity_number_survives(around, number):
    assert not IDENTITY_PATTERN.search(mask_text(around + number + around))


class TestFormatter:
    """The whole line is masked, whoever wrote it."""

    def line(self, *args, **kwargs):
        record = logging.LogRecord("qihang", logging.ERROR, __file__, 1, *args, **kwargs)
        return PrivateFormatter("%(levelname)s %(message)s").format(record)

    def test_arguments(self):
        line = self.line("row %s, %s", ("990101200501011234", {"p": "19912345678"}), None)
        assert line == "ERROR row 990*************34, {'p': '199****5678'}"

    def test_traceback(self):
        try:
            raise ValueError("cannot read 990101200501011234 of 19912345678")
        except ValueError:
            line = self.line("import failed", (), sys.exc_info())
        assert "Traceback" in line
        assert "990*************34" in line
        assert not IDENTITY_PATTERN.search(line)
        assert not PHONE_PATTERN.search(line)

    def test_it_is_what_the_project_logs_with(self, settings):
        assert settings.LOGGING["formatters"]["private"]["()"] == "models.audit.logs.PrivateFormatter"
        assert {handler["formatter"] for handler in settings.LOGGING["handlers"].values()} == {"private"}


class TestRequestLog:
    """One line per request; refusals become audit rows."""

    def respond(self, request, status=200):
        return RequestLogMiddleware(lambda _request: HttpResponse(status=status))(request)

    def test_line_has_names_but_no_values_of_the_query(self, rf, caplog):
        with caplog.at_level(logging.INFO, "qihang.request"):
            response = self.respond(rf.get("/admin/x/%0Afake", {"q": "王小明", "o": "1"}, REMOTE_ADDR="192.0.2.1"))
        (line,) = [record.getMessage() for record in caplog.records if record.name == "qihang.request"]
        assert re.fullmatch(r"GET /admin/x/%0Afake\?q=&o= 200 \d+ms user=- ip=192\.0\.2\.1 id=[0-9a-f]{16}", line)
        assert response.headers["X-Request-ID"] in line

    def test_request_id_is_taken_from_a_trusted_proxy_only(self, rf, settings):
        headers = {"HTTP_X_REQUEST_ID": "proxy-0001", "REMOTE_ADDR": "10.0.0.1"}
        settings.TRUSTED_PROXIES = []
        assert self.respond(rf.get("/", **headers)).headers["X-Request-ID"] != "proxy-0001"
        settings.TRUSTED_PROXIES = ["10.0.0.1"]
        assert self.respond(rf.get("/", **headers)).headers["X-Request-ID"] == "proxy-0001"
        headers["HTTP_X_REQUEST_ID"] = "bad id\n"
        assert self.respond(rf.get("/", **headers)).headers["X-Request-ID"] != "bad id\n"

    @pytest.mark.django_db
    def test_refusal_of_a_known_person_is_recorded(self, rf, django_user_model):
        request = rf.post("/admin/students/", {"a": "1"}, REMOTE_ADDR="192.0.2.1")
        request.user = request._cached_user = django_user_model.objects.create_user("wang")
        response = self.respond(request, 403)
        entry = AuditEntry.unscoped.get()
        assert (entry.action, entry.result, entry.actor_label, entry.ip) == ("denied", "denied", "wang", "192.0.2.1")
        assert entry.detail == {"method": "POST", "path": "/admin/students/"}
        assert entry.request_id == response.headers["X-Request-ID"]

    @pytest.mark.django_db
    @pytest.mark.parametrize("status", [200, 302, 404, 500])
    def test_other_answers_are_not(self, rf, django_user_model, status):
        request = rf.get("/")
        request.user = request._cached_user = django_user_model.objects.create_user("wang")
        self.respond(request, status)
        assert not AuditEntry.unscoped.exists()

    @pytest.mark.django_db
    def test_strangers_cannot_fill_the_trail(self, rf, django_assert_num_queries):
        with django_assert_num_queries(0):
            self.respond(rf.get("/"), 403)
