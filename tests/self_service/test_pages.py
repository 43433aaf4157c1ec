"""The student pages: what they offer, that they work without a script, speak Chinese and change nothing when looked at."""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.test import Client
from django.urls import get_resolver

from models.notices import services as notices
from models.students.models import GraduateProfile
from tests.factories import people
from tests.i18n.latin import latin_words
from workflows.levels import Verb
from workflows.models import ChangeRequest, ReviewLog
from workflows.scoping import acting, system

HOME, PAGE = "/student/", "/student/matters/graduateprofile/"
CHANGE, LOG = PAGE + "change/", PAGE + "log/"
STUDENT_PAGES = [HOME, PAGE, LOG, "/student/notices/", "/student/account/", "/password/change/"]
DOORS = ["/login/", "/activate/", "/forgot/", "/privacy/"]

pytestmark = pytest.mark.django_db


def text(answer):
    return answer.content.decode()


def approve(place, act):
    act(place.record, "submit", place.user)
    for who in (place.reviewers.counselor, place.reviewers.college, place.reviewers.school):
        act(place.record, "approve", who)


class TestHome:
    def test_says_what_to_do(self, place, student_client):
        page = text(student_client.get(HOME))
        assert "核对生源信息" in page
        assert "去核对" in page

    def test_a_return_stands_on_top_with_its_reason(self, place, student_client, act):
        act(place.record, "submit", place.user)
        act(place.record, "return", place.reviewers.counselor, reasons=["家庭地址不完整"])
        page = text(student_client.get(HOME))
        assert "家庭地址不完整" in page
        assert "去修改" in page

    def test_nothing_to_do_under_review(self, place, student_client, act):
        act(place.record, "submit", place.user)
        page = text(student_client.get(HOME))
        assert "去核对" not in page
        assert "等待辅导员" in page


class TestForm:
    def test_save_keeps_what_can_be_kept_and_is_mild_about_the_rest(self, place, student_client, fresh):
        answer = student_client.post(
            PAGE, {"version": 1, "do": "save", "home_address": "新址", "phone": "138", "email": ""}
        )
        record = fresh(place.record)
        assert (record.home_address, record.phone, record.email) == ("新址", place.record.phone, "")
        page = text(answer)
        assert "草稿已保存，其中 1 项暂时没有存下" in page
        assert 'value="138"' in page
        assert "还不能提交" not in page

    def test_submit_lists_everything_with_links(self, place, student_client, fresh):
        answer = student_client.post(
            PAGE, {"version": 1, "do": "submit", "phone": "138", "email": "", "home_address": ""}
        )
        page = text(answer)
        assert answer.status_code == 200
        for anchor in ("f-phone", "f-email", "f-home_address"):
            assert f'href="#{anchor}"' in page
            assert f'id="{anchor}"' in page
            assert f'id="{anchor}-error"' in page
        assert "先处理以下 3 项" in page
        assert fresh(place.record).status == "draft"

    def test_submit_names_broken_rules(self, place, student_client):
        page = text(student_client.post(PAGE, {"version": 1, "do": "submit", "origin_region": "重庆市"}))
        assert "没有选到区县" in page
        assert 'href="#f-origin_region"' in page

    def test_submit_withdraw(self, place, student_client, fresh):
        assert student_client.post(PAGE, {"version": 1, "do": "submit"}).status_code == 302
        assert "撤回" in text(student_client.get(PAGE))
        assert student_client.post(PAGE, {"version": 2, "do": "withdraw"}).status_code == 302
        assert fresh(place.record).status == "draft"

    def test_a_forged_post_moves_nothing_it_may_not(self, place, student_client, fresh):
        student_client.post(
            PAGE, {"version": 1, "do": "approve", "status": "approved", "student.name": "改名", "school": "2"}
        )
        record = fresh(place.record)
        assert (record.status, record.version, record.student.name) == ("draft", 1, place.student.name)

    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("重庆市渝北区", "500112"),
            ("500112", "500112"),
            (" 广东省广州市荔湾区 ", "440103"),
            ("", ""),
            ("重庆市渝中区", "500103"),
        ],
    )
    def test_a_place_is_typed_without_script(self, place, student_client, fresh, typed, stored):
        student_client.post(PAGE, {"version": 1, "do": "save", "origin_region": typed})
        assert fresh(place.record).origin_region == stored

    def test_an_ambiguous_place_is_offered_not_guessed(self, place, student_client, fresh):
        page = text(student_client.post(PAGE, {"version": 1, "do": "find", "origin_region": "朝阳区"}))
        offered = re.findall(r'name="origin_region.pick" value="(\d{6})"', page)
        assert {"110105", "220104"} <= set(offered)
        assert fresh(place.record).origin_region == "500103"
        student_client.post(
            PAGE, {"version": 1, "do": "save", "origin_region": "朝阳区", "origin_region.pick": "220104"}
        )
        assert fresh(place.record).origin_region == "220104"

    def test_conflict_shows_both_and_either_can_be_kept(self, place, student_client, fresh):
        student_client.post(PAGE, {"version": 1, "do": "save", "home_address": "先存的"})
        answer = student_client.post(PAGE, {"version": 1, "do": "save", "home_address": "后存的", "qq": ""})
        page = text(answer)
        assert answer.status_code == 409
        assert "先存的" in page
        assert "后存的" in page
        assert fresh(place.record).home_address == "先存的"
        student_client.post(
            PAGE,
            {"version": re.search(r'name="version" value="(\d+)"', page)[1], "do": "save", "home_address": "后存的"},
        )
        assert fresh(place.record).home_address == "后存的"

    def test_locked_facts_cannot_be_typed_over_and_name_whom_to_ask(self, place, student_client):
        page = text(student_client.get(PAGE))
        assert 'name="student.name"' not in page
        assert place.reviewers.counselor.name in page
        assert place.student.id_number in page

    def test_what_people_typed_is_escaped(self, place, student_client):
        student_client.post(PAGE, {"version": 1, "do": "save", "home_address": "<script>alert(1)</script>\"'><b>"})
        page = text(student_client.get(PAGE))
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


class TestChange:
    def test_ask_and_read_it_back(self, place, student_client, act):
        approve(place, act)
        assert "现在的政治面貌" in text(student_client.get(CHANGE))
        answer = student_client.post(CHANGE, {"do": "ask", "political_status": "01", "reason": "已转正"})
        assert answer.status_code == 302
        wish = ChangeRequest._base_manager.get(object_id=place.record.pk)
        assert wish.values == {"political_status": ["03", "01"]}
        page = text(student_client.get(LOG))
        assert "共青团员" in page
        assert "中共党员" in page
        assert student_client.get(CHANGE).status_code == 302

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            ({}, "请填写申请修改的理由"),
            ({"reason": "改"}, "没有要修改的内容"),
            ({"reason": "改", "phone": "1"}, "11 位"),
        ],
    )
    def test_what_is_wrong_stands_on_the_page(self, place, student_client, act, data, sentence):
        approve(place, act)
        page = text(student_client.post(CHANGE, {"do": "ask", **data}))
        assert sentence in page
        assert ChangeRequest._base_manager.count() == 0

    def test_not_before_approval(self, place, student_client):
        assert student_client.get(CHANGE).headers["Location"] == PAGE


class TestNotices:
    def test_opening_is_a_button(self, place, student_client, act):
        act(place.record, "submit", place.user)
        act(place.record, "return", place.reviewers.counselor, text="请补照片")
        with acting(place.user):
            notice = notices.inbox(place.user).get()
        assert "条未读" in text(student_client.get("/student/notices/"))
        assert student_client.get(f"/student/notices/{notice.pk}/").status_code == 200
        assert notices.unread(place.user) == 1
        assert student_client.get(f"/student/notices/{notice.pk}/open/").status_code == 405
        page = text(student_client.post(f"/student/notices/{notice.pk}/open/", follow=True))
        assert "请补照片" in page
        assert f'href="{PAGE}"' in page
        assert notices.unread(place.user) == 0

    def test_foreign_notices_are_absent(self, place, student_client, client_of, act):
        act(place.record, "submit", place.user)
        act(place.record, "return", place.reviewers.counselor, text="请补照片")
        with system("another"):
            other = client_of(people.student(place).user)
        pk = notices.inbox(place.user).get().pk
        for url in (f"/student/notices/{pk}/", f"/api/notices/{pk}/"):
            assert other.get(url).status_code == 404
        assert other.post(f"/student/notices/{pk}/open/").status_code == 404
        assert other.post(f"/api/notices/{pk}/read/").status_code == 404
        other.post("/student/notices/read-all/")
        assert notices.unread(place.user) == 1

    def test_api(self, place, student_client, act):
        act(place.record, "submit", place.user)
        act(place.record, "return", place.reviewers.counselor, text="请补照片")
        listed = student_client.get("/api/notices/", {"page_size": 10**9}).json()
        assert [n["title"] for n in listed["results"]] == ["生源信息被退回，请修改后重新提交"]
        assert student_client.get("/api/me/").json()["unread"] == 1
        assert student_client.post(f"/api/notices/{listed['results'][0]['id']}/read/").status_code == 204
        assert student_client.get("/api/me/").json()["unread"] == 0


class TestEveryPage:
    @pytest.fixture
    def busy(self, place, act):
        """A student of whom there is something on every page."""
        approve(place, act)
        return place

    @pytest.mark.parametrize("url", [*STUDENT_PAGES, CHANGE])
    def test_chinese_only(self, busy, student_client, url):
        page = text(student_client.get(url))
        assert latin_words(page, allow=[busy.user.email, busy.record.email]) == []

    @pytest.mark.parametrize("url", DOORS)
    def test_doors_are_chinese_only(self, place, client, url):
        assert latin_words(text(client.get(url))) == []

    @pytest.mark.parametrize("url", DOORS)
    def test_failed_forms_are_chinese_only(self, place, client, url):
        answer = client.post(url, {})
        if answer.status_code == 200:
            assert latin_words(text(answer)) == []

    @pytest.mark.parametrize("url", [*STUDENT_PAGES, CHANGE, *DOORS])
    def test_headers(self, busy, student_client, url):
        answer = student_client.get(url, follow=True)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        page = text(answer)
        assert not re.search(r"\son\w+=|\sstyle=|javascript:", page)
        assert not re.search(r"<(?:script|style)(?![^>]*\ssrc=)[^>]*>", page)
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", page)

    @pytest.mark.parametrize("url", [*STUDENT_PAGES, CHANGE])
    def test_every_input_has_a_name_for_the_ear(self, busy, student_client, url):
        page = text(student_client.get(url))
        labelled = set(re.findall(r'<label[^>]*for="([^"]+)"', page))
        for tag in re.findall(r"<(?:input|select|textarea)\b[^>]*>", page):
            if re.search(r'type="(hidden|radio)"', tag):
                continue  # a radio stands inside its label
            found = re.search(r'id="([^"]+)"', tag)
            assert found, tag
            assert found[1] in labelled, tag
        assert page.count("<h1") == 1
        assert len(re.findall(r"<title>", page)) == 1

    def test_looking_changes_no_row(self, busy, student_client):
        """C8: every GET of the self-service side, rows counted over all tables."""
        student_client.get(HOME)

        def counts():
            with system("counting"):
                # A log-in-free look writes nothing but the trail of downloads and refusals.
                return {
                    m._meta.label: m._base_manager.count()
                    for m in apps.get_models()
                    if m._meta.label != "audit.AuditEntry"
                }

        before, logs = counts(), ReviewLog._base_manager.count()
        version = GraduateProfile._base_manager.get(pk=busy.record.pk).version
        for url in urls():
            student_client.get(url)
        assert counts() == before
        assert ReviewLog._base_manager.count() == logs
        assert GraduateProfile._base_manager.get(pk=busy.record.pk).version == version

    @pytest.mark.parametrize("url", [HOME, PAGE, LOG, CHANGE, "/student/notices/", "/student/account/"])
    def test_strangers_log_in_first_and_staff_go_home(self, place, client, client_of, url):
        assert client.get(url).headers["Location"].startswith("/login/?next=%2Fstudent%2F")
        assert client_of(place.reviewers.school).get(url).headers["Location"] == "/"

    def test_a_post_without_token_is_refused_in_chinese(self, place, client_of):
        client = client_of(place.user, enforce_csrf_checks=True)
        answer = client.post(PAGE, {"do": "submit", "version": 1})
        assert answer.status_code == 403
        assert "页面已过期" in text(answer)
        assert latin_words(text(answer)) == []

    def test_errors_have_a_way_back(self, place, student_client):
        answer = student_client.get("/nothing/")
        assert answer.status_code == 404
        assert 'href="/"' in text(answer)
        assert latin_words(text(answer)) == []
        assert text(student_client.get("/student/notices/999999/")) == text(answer)

    def test_a_fault_tells_nothing(self, place, client_of, monkeypatch):
        def broken(*args):
            raise RuntimeError("secret 99010120040101001X")

        monkeypatch.setattr("self_service.pages.home.cards", broken)
        client = client_of(place.user)
        client.raise_request_exception = False
        answer = client.get(HOME)
        assert answer.status_code == 500
        assert "系统出错" in text(answer)
        assert "secret" not in text(answer)
        assert latin_words(text(answer)) == []


def urls():
    """Every parameterless URL of the self-service side, and those of the matter."""
    found = [HOME, PAGE, LOG, CHANGE, "/api/matters/graduateprofile/mine/", "/api/matters/graduateprofile/mine/log/"]
    for pattern in get_resolver().url_patterns:
        for sub in getattr(pattern, "url_patterns", []):
            path = f"{pattern.pattern}{sub.pattern}"
            if "<" not in path and "(" not in path and not path.startswith("admin/"):
                found.append("/" + path.replace("^", "").replace("$", "").replace("\\Z", ""))
    assert "/student/account/" in found
    return [url for url in dict.fromkeys(found) if url != "/logout/"]


def test_a_wish_without_a_reason_is_led_to_the_field(place, student_client, act):
    act(place.record, Verb.SUBMIT, place.user)
    for level in ("counselor", "college", "school"):
        act(place.record, Verb.APPROVE, getattr(place.reviewers, level))
    page = text(student_client.post(CHANGE, {"do": "ask", "phone": "19911112222", "reason": ""}))
    assert '<a href="#f-reason">' in page
    assert 'id="f-reason-error"' in page


class TestCheck:
    """What the page's script asks while somebody fills in: sentences and how much is left, and nothing saved."""

    def test_it_says_what_is_wrong_and_saves_nothing(self, place, student_client, fresh):
        before = fresh(place.record)
        page = text(student_client.post(PAGE, {"version": 1, "do": "check", "phone": "138", "home_address": ""}))
        assert 'id="f-phone-error"' in page
        assert "项必填内容没有填写" in page
        page = text(student_client.post(PAGE, {"version": 1, "do": "check", "phone": "19911112222"}))
        assert 'id="f-phone-error"' not in page
        assert "必填内容已填齐" in page
        after = fresh(place.record)
        assert (after.version, after.phone, after.home_address) == (before.version, before.phone, before.home_address)

    def test_on_a_record_that_is_not_open_it_says_nothing(self, place, student_client, act, fresh):
        act(place.record, Verb.SUBMIT, place.user)
        answer = student_client.post(PAGE, {"version": 1, "do": "check", "phone": "138"})
        assert answer.status_code == 200
        assert "f-phone-error" not in text(answer)
        assert fresh(place.record).phone == place.record.phone


class TestDocs:
    def test_closed_to_strangers(self, client):
        assert client.get("/api/schema/").status_code == 401
        assert client.get("/api/docs/").status_code == 401

    def test_schema_names_every_matter_and_draws_no_warning(self, student_client, capsys):
        answer = student_client.get("/api/schema/", headers={"accept": "application/json"})
        schema = answer.json()
        assert "/api/matters/graduateprofile/{id}/submit/" in schema["paths"]
        assert "/api/matters/specimen/{id}/" in schema["paths"]
        assert capsys.readouterr().err == ""

    def test_the_page_is_chinese_and_says_what_the_schema_says(self, student_client):
        schema = student_client.get("/api/schema/", headers={"accept": "application/json"}).json()
        page = text(student_client.get("/api/docs/"))
        for path, methods in schema["paths"].items():
            for method in methods:
                assert f"<strong>{method.upper()}</strong> {path}</code>" in page
        for name in schema["components"]["schemas"]:
            assert f'id="s-{name}"' in page
        assert "（没有说明）" not in page
        said = re.sub(r"<code>.*?</code>", "", page, flags=re.S)
        assert latin_words(said) == []

    def test_page_without_inline_script_or_stranger(self, student_client):
        page = text(student_client.get("/api/docs/"))
        assert not re.search(r"<script(?![^>]*src=)[^>]*>", page)
        assert "//cdn" not in page
        assert "https://" not in page


class TestAccount:
    def test_contact_needs_the_password_and_warns_the_old_mailbox(
        self, place, student_client, mailoutbox, django_capture_on_commit_callbacks
    ):
        place.user.email = "old@example.edu.cn"
        place.user.save()
        data = {"phone": "19911112222", "email": "new@example.edu.cn", "password": "wrong"}
        assert "当前密码不正确" in text(student_client.post("/student/account/", data))
        with django_capture_on_commit_callbacks(execute=True):
            assert (
                student_client.post("/student/account/", {**data, "password": people.demo_password()}).status_code
                == 302
            )
        place.user.refresh_from_db()
        assert (place.user.phone, place.user.email) == ("19911112222", "old@example.edu.cn")
        assert [m.to for m in mailoutbox] == [["new@example.edu.cn"]]
        code = re.search(r"\b\d{8}\b", mailoutbox.pop().body)[0]
        with django_capture_on_commit_callbacks(execute=True):
            student_client.post("/account/contact/code/", {"code": code})
        place.user.refresh_from_db()
        assert place.user.email == "new@example.edu.cn"
        assert [m.to for m in mailoutbox] == [["old@example.edu.cn"]]
        assert "new@" not in mailoutbox[0].body

    def test_privacy_and_consent(self, place, student_client):
        assert "请先阅读" in text(student_client.get(HOME))
        student_client.post("/student/account/consent/", {"next": "//evil.example"})
        assert "请先阅读" not in text(student_client.get(HOME))
        student_client.post("/student/account/privacy/", {"mail_notices": "on"})
        assert student_client.get("/api/me/").json()["privacy"] == {
            "phone_public": False,
            "email_public": False,
            "mail_notices": True,
        }
        answer = student_client.patch("/api/me/", {"privacy": {"phone_public": True}}, content_type="application/json")
        assert answer.json()["privacy"]["phone_public"] is True
        answer = student_client.patch(
            "/api/me/", {"privacy": {"is_superuser": True}, "kind": "staff"}, content_type="application/json"
        )
        assert answer.status_code == 400
        place.user.refresh_from_db()
        assert (place.user.kind, place.user.is_superuser) == ("student", False)

    def test_other_sessions_end_this_one_stays(self, place, client_of):
        here, there = client_of(place.user), client_of(place.user)
        here.post("/student/account/sessions/")
        assert here.get(HOME).status_code == 200
        assert there.get(HOME).status_code == 302


def test_a_matter_of_forty_lines_has_its_page_and_api(place, student_client):
    """The specimen of the contract tests: nothing but a declaration."""
    assert student_client.get("/api/matters/specimen/mine/").status_code == 404
    assert "开始填写" in text(student_client.get(HOME))
    assert student_client.post("/student/matters/specimen/begin/").status_code == 302
    url = "/student/matters/specimen/"
    page = text(student_client.get(url))
    assert "题目" in page
    assert "还不能提交" in text(student_client.post(url, {"version": 1, "do": "submit", "title": ""}))
    page = text(student_client.post(url, {"version": 1, "do": "submit", "title": "志愿服务", "hours": "101"}))
    assert "超过 100 小时" in page
    version = re.search(r'name="version" value="(\d+)"', page)[1]
    assert (
        student_client.post(url, {"version": version, "do": "submit", "title": "志愿服务", "hours": "8"}).status_code
        == 302
    )
    body = student_client.get("/api/matters/specimen/mine/").json()
    assert body["status"]["code"] == "pending_counselor"
    assert Client().get("/api/matters/specimen/mine/").status_code == 401
