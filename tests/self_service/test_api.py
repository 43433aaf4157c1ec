"""The API of matters: what it gives, what it takes, and what it refuses; P12 in statements."""

from __future__ import annotations

import json

import pytest
from django.db import models

from models.students.models import GraduateProfile
from tests.factories import people
from workflows import policy
from workflows.levels import Status
from workflows.models import ExtraField, FieldPolicy, ReviewLog
from workflows.scoping import system

URL = "/api/matters/graduateprofile/"
MINE = URL + "mine/"

pytestmark = pytest.mark.django_db


def patch(client, values, version=1, url=MINE, **extra):
    body = json.dumps({"version": version, "values": values, **extra})
    return client.patch(url, body, content_type="application/json")


def post(client, url, body):
    return client.post(url, json.dumps(body), content_type="application/json")


def by_name(body):
    return {field["name"]: field for field in body["fields"]}


class TestReading:
    def test_own_record_whole(self, place, student_client):
        body = student_client.get(MINE).json()
        fields = by_name(body)
        assert body["id"] == place.record.pk
        assert (body["version"], body["status"]) == (1, {"code": "draft", "label": "未提交"})
        assert body["actions"] == ["submit"]
        assert fields["student.name"] | {"help": ""} == {
            "name": "student.name", "label": "姓名", "group": "学籍信息", "kind": "text", "mode": "locked", "writable": False, "help": "",
            "value": place.student.name, "text": place.student.name,
        }  # fmt: skip
        assert fields["political_status"]["mode"] == "required"
        assert ["03", "共青团员"] in fields["political_status"]["choices"]
        assert fields["origin_region"]["code_table"] == "region"
        assert fields["origin_region"]["text"] == "重庆市渝中区"
        assert "choices" not in fields["origin_region"]
        assert [(s["label"], s["state"]) for s in body["progress"]] == [
            ("提交", "now"), ("辅导员", "todo"), ("院系", "todo"), ("学校", "todo"), ("省级", "todo"),
        ]  # fmt: skip
        assert body["missing"] == {}
        assert body["findings"] == []

    def test_names_who_has_it_next(self, place, student_client, act):
        act(place.record, "submit", place.user)
        body = student_client.get(MINE).json()
        step = next(s for s in body["progress"] if s["state"] == "now")
        assert (step["level"], step["people"]) == ("counselor", [place.reviewers.counselor.name])
        assert place.reviewers.counselor.name in body["next"]
        assert body["actions"] == ["withdraw"]
        act(place.record, "approve", place.reviewers.counselor)
        assert student_client.get(MINE).json()["actions"] == []

    def test_list_holds_own_only(self, place, student_client):
        with system("another student"):
            people.student(place)
        assert [r["id"] for r in student_client.get(URL).json()] == [place.record.pk]

    def test_foreign_is_like_missing(self, place, student_client):
        with system("another student"):
            other = people.student(place).graduateprofile.pk
        foreign, missing = (student_client.get(f"{URL}{pk}/") for pk in (other, 10**9))
        assert (foreign.status_code, foreign.json()) == (404, missing.json())
        assert missing.status_code == 404
        assert student_client.get(f"{URL}{'9' * 30}/").status_code == 404

    def test_strangers_and_staff_find_nothing(self, place, client, client_of):
        answer = client.get(MINE)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert client_of(place.reviewers.school).get(MINE).status_code == 404

    def test_log_in_words(self, place, student_client, act):
        act(place.record, "submit", place.user)
        act(place.record, "return", place.reviewers.counselor, reasons=["家庭地址不完整"], text="请补门牌号")
        log = student_client.get(MINE + "log/").json()
        assert [(e["occasion"], e["reasons"], e["opinion"]) for e in log] == [
            ("提交审核", [], ""), ("退回修改", ["家庭地址不完整"], "请补门牌号"),
        ]  # fmt: skip
        assert student_client.get(MINE).json()["returned_reason"] == "家庭地址不完整；请补门牌号"


class TestStatements:
    """P12: statements beyond session and account."""

    def warm(self, client):
        client.get(MINE)

    @pytest.mark.parametrize("status", ["draft", "pending", "approved"])
    def test_get_own_record_costs_two_at_most(self, place, student_client, act, statements, status):
        if status != "draft":
            act(place.record, "submit", place.user)
        if status == "approved":
            for who in (place.reviewers.counselor, place.reviewers.college, place.reviewers.school):
                act(place.record, "approve", who)
        self.warm(student_client)
        counted = statements(lambda: student_client.get(MINE))
        assert counted.answer.json()["status"]["code"].startswith(status)
        assert counted.n <= 2, counted.own

    def test_patch_costs_four_at_most(self, place, student_client, statements):
        self.warm(student_client)
        counted = statements(
            lambda: patch(student_client, {"home_address": "新址", "phone": "19900009999", "origin_region": "500105"})
        )
        assert counted.answer.status_code == 200
        assert counted.n <= 4, counted.own


class TestDraft:
    def test_saves_and_answers_with_the_record(self, place, student_client, fresh):
        answer = patch(student_client, {"home_address": " 新地址 1 号 ", "household_moved": True, "qq": None})
        record = fresh(place.record)
        assert answer.status_code == 200
        assert (record.home_address, record.household_moved, record.qq, record.version) == ("新地址 1 号", True, "", 2)
        assert answer.json()["version"] == 2
        assert [f["rule"] for f in answer.json()["findings"]] == ["R31"]

    def test_all_or_nothing_with_a_sentence_per_field(self, place, student_client, fresh):
        answer = patch(student_client, {"phone": "138", "email": "x", "home_address": "不应保存"})
        assert answer.status_code == 400
        assert set(answer.json()["errors"]) == {"phone", "email"}
        assert "11 位" in answer.json()["errors"]["phone"]
        assert fresh(place.record).home_address == people.GOOD_PROFILE["home_address"]

    def test_stale_form_gets_both_versions(self, place, student_client, fresh):
        assert patch(student_client, {"home_address": "先存的"}).status_code == 200
        answer = patch(student_client, {"home_address": "后存的"}, version=1)
        body = answer.json()
        assert (answer.status_code, body["code"]) == (409, "conflict")
        assert by_name(body["current"])["home_address"]["value"] == "先存的"
        assert body["yours"] == {"home_address": "后存的"}
        assert body["details"] == [
            {"name": "home_address", "label": "家庭地址", "old": "示例省示例市示例区示例路1号", "new": "先存的"}
        ]
        assert fresh(place.record).home_address == "先存的"

    def test_not_while_it_is_under_review(self, place, student_client, act):
        act(place.record, "submit", place.user)
        answer = patch(student_client, {"home_address": "改"}, version=2)
        assert (answer.status_code, answer.json()["code"]) == (409, "state")


class TestMassAssignment:
    """A10: every field of the model and every key of the shapes, sent by force."""

    def test_no_field_but_the_subjects_own_can_be_written(self, place, student_client, fresh):
        allowed = set(GraduateProfile.subject_fields)
        before = GraduateProfile._base_manager.filter(pk=place.record.pk).values().get()
        names = [f.name for f in GraduateProfile._meta.get_fields() if isinstance(f, models.Field)]
        names += [f.attname for f in GraduateProfile._meta.concrete_fields] + [
            "student.name",
            "student.id_number",
            "extra.x",
            "history",
        ]
        for name in dict.fromkeys(names):
            if name in allowed:
                continue
            answer = patch(student_client, {name: "approved"})
            assert answer.status_code == 400, name
            assert name in answer.json()["errors"], name
        assert GraduateProfile._base_manager.filter(pk=place.record.pk).values().get() == before

    def test_keys_beside_values_are_ignored(self, place, student_client, fresh):
        answer = patch(
            student_client, {}, status="approved", student=1, school=2, cohort=3, org_path="1/", submitted_by=1
        )
        record = fresh(place.record)
        assert answer.status_code == 200
        assert (record.status, record.version, record.org_path) == (Status.DRAFT, 1, place.record.org_path)

    def test_a_policy_locks_and_hides(self, place, student_client, fresh):
        with system("settings"):
            label = policy.label(GraduateProfile)
            FieldPolicy.objects.create(matter=label, school=place.school, field="qq", mode="hidden")
            FieldPolicy.objects.create(
                matter=label, school=place.school, field="hardship", mode="locked", help_text="以资助中心认定为准"
            )
        fields = by_name(student_client.get(MINE).json())
        assert "qq" not in fields
        assert (fields["hardship"]["mode"], fields["hardship"]["help"]) == ("locked", "以资助中心认定为准")
        assert set(patch(student_client, {"qq": "12345", "hardship": "1"}).json()["errors"]) == {"qq", "hardship"}


class TestMoving:
    def test_submit_withdraw_submit(self, place, student_client, fresh):
        answer = post(student_client, MINE + "submit/", {"version": 1})
        assert (answer.status_code, answer.json()["status"]["code"]) == (200, "pending_counselor")
        assert post(student_client, MINE + "withdraw/", {"version": 2}).json()["status"]["code"] == "draft"
        assert post(student_client, MINE + "submit/", {"version": 3}).status_code == 200
        assert ReviewLog._base_manager.filter(object_id=place.record.pk).count() == 3

    def test_submitting_twice_moves_once(self, place, student_client):
        assert post(student_client, MINE + "submit/", {"version": 1}).status_code == 200
        answer = post(student_client, MINE + "submit/", {"version": 1})
        assert (answer.status_code, answer.json()["current"]["status"]["code"]) == (409, "pending_counselor")
        assert ReviewLog._base_manager.filter(object_id=place.record.pk).count() == 1

    def test_missing_and_rules_are_named(self, place, student_client):
        patch(student_client, {"email": "", "origin_region": "500000"})
        answer = post(student_client, MINE + "submit/", {"version": 2})
        assert (answer.status_code, answer.json()["errors"]) == (400, {"email": "请填写电子邮箱。"})
        patch(student_client, {"email": "a@example.edu.cn"}, version=2)
        answer = post(student_client, MINE + "submit/", {"version": 3})
        assert (answer.status_code, answer.json()["code"]) == (422, "rules")
        assert [d["field"] for d in answer.json()["details"]] == ["origin_region"]

    def test_asking_for_a_change(self, place, student_client, act, fresh):
        act(place.record, "submit", place.user)
        for who in (place.reviewers.counselor, place.reviewers.college, place.reviewers.school):
            act(place.record, "approve", who)
        assert student_client.get(MINE).json()["actions"] == ["ask_change"]
        wish = {"values": {"political_status": "01"}, "reason": "已转正"}
        answer = post(student_client, MINE + "change-request/", wish)
        assert answer.status_code == 201
        assert answer.json()["request"]["changes"] == [
            {"name": "political_status", "label": "政治面貌", "old": "共青团员", "new": "中共党员"}
        ]
        assert answer.json()["actions"] == []
        assert fresh(place.record).political_status == "03"
        assert post(student_client, MINE + "change-request/", wish).status_code == 409
        assert (
            post(student_client, MINE + "change-request/", {"values": {"status": "draft"}, "reason": "改"}).status_code
            == 400
        )


GARBAGE = [
    None, [], {}, "x", 5, {"version": "x", "values": {}}, {"version": -1, "values": {}}, {"version": 10**30, "values": {}},
    {"version": 1}, {"version": 1, "values": []}, {"version": 1, "values": {"phone": []}}, {"version": 1, "values": {"phone": {"a": 1}}},
    {"version": 1, "values": {"phone": "1\x00"}}, {"version": 1, "values": {"home_address": "长" * 500}},
    {"version": 1, "values": {"household_moved": "maybe", "qq": 10**40}}, {"version": 1, "values": {"extra": {"a": "b"}}},
    {"version": 1, "values": {"": "x", "__class__": "x", "student__name": "x", "extra.": "x", "extra": "x"}},
]  # fmt: skip


class TestBadInput:
    """Never a 500, always a Chinese sentence in the one shape."""

    @pytest.mark.parametrize("body", GARBAGE, ids=str)
    @pytest.mark.parametrize(
        ("method", "url"), [("patch", MINE), ("post", MINE + "submit/"), ("post", MINE + "change-request/")]
    )
    def test_garbage(self, place, student_client, body, method, url):
        answer = getattr(student_client, method)(url, json.dumps(body), content_type="application/json")
        if answer.status_code >= 400:
            assert answer.status_code < 500
            assert set(answer.json()) <= {"detail", "code", "errors", "details", "current", "yours"}
            assert any("一" <= c <= "鿿" for c in answer.json()["detail"])

    def test_unreadable_json_and_wrong_method(self, place, student_client):
        answer = student_client.patch(MINE, "{", content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
        assert student_client.delete(MINE).status_code == 405
        assert student_client.put(MINE, "{}", content_type="application/json").status_code == 405
        assert student_client.get("/api/nothing/").json()["code"] == "not_found"

    def test_a_number_that_would_fill_the_memory(self, place, student_client):
        with system("settings"):
            ExtraField.objects.create(
                matter=policy.label(GraduateProfile), school=place.school, key="score", label="分数", kind="number"
            )
        for value in ("1e999999", "NaN", "Infinity", 10**300):
            assert "分数" in patch(student_client, {"extra.score": value}).json()["errors"]["extra.score"]
        assert patch(student_client, {"extra.score": "88.5"}).status_code == 200

    def test_a_write_needs_the_csrf_token(self, place, client_of):
        client = client_of(place.user, enforce_csrf_checks=True)
        answer = patch(client, {"qq": "12345"})
        assert (answer.status_code, answer.json()["detail"]) == (403, "没有权限，或页面已过期，请刷新后重试。")
