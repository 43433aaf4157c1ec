"""What the school office does: library, exclusions, appeals."""

from __future__ import annotations

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings
from PIL import Image

from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.employers import appeals, uscc
from models.employers.models import AccountAppeal, Blacklist, Employer
from models.notices import sms
from models.notices.models import Mail
from tests.employers.conftest import client_of
from tests.factories import employers
from tests.security.looks import looks_are_counted
from workflows.scoping import system

pytestmark = pytest.mark.django_db
APPEAL = "/employer/appeal/"
LIBRARY, EXCLUDED, APPEALS = (
    "/admin/employers/employer/",
    "/admin/employers/blacklist/",
    "/admin/employers/accountappeal/",
)


def picture(name: str = "licence.jpg", size: tuple[int, int] = (1200, 900)) -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def filled(world, code: str, **more) -> dict:
    return {
        "uscc": code, "name": "示例申诉有限公司", "school": str(world.here.school.pk), "contact": "新联系人", "mobile": "19900000777",
        "email": "fresh@example.com", "reason": "原经办人离职", "licence": picture(), **more,
    }  # fmt: skip


def appealed(world, code: str = "", **more) -> AccountAppeal:
    answer = client_of().post(APPEAL, filled(world, code or world.known.uscc, **more))
    assert answer.status_code == 302, answer.content.decode()
    with system("a test looks"):
        return AccountAppeal.objects.order_by("-pk").first()


def settle(world, row: AccountAppeal, outcome: str, by=None, **more):
    return client_of(by or world.office).post(f"{APPEALS}{row.pk}/change/", {"outcome": outcome, **more})


# -- the library -----------------------------------------------------------------------------------------------------------


def test_the_library_is_common_and_its_keepers_are_named_by_function(world):
    with system("a test fills the library"):
        row = employers.library()
    for person in (world.office, world.foreign, world.province, world.college):
        page = client_of(person).get(LIBRARY)
        assert row.name in page.content.decode()
    assert client_of(world.student.user).get(LIBRARY).status_code == 403
    assert client_of(world.college).get(f"{LIBRARY}add/").status_code == 403
    for query in (row.name[:3], row.uscc[:8].lower()):
        assert row.name in client_of(world.office).get(f"{LIBRARY}?q={query}").content.decode()


def test_a_row_is_added_with_its_code_checked(world):
    client = client_of(world.office)
    values = {
        "name": "示例手工有限公司",
        "uscc": "91990000000000000A",
        "employer_type": "31",
        "industry": "36",
        "region": "500103",
    }
    assert "校验码不正确" in client.post(f"{LIBRARY}add/", values).content.decode()
    assert client.post(f"{LIBRARY}add/", {**values, "uscc": f" {uscc.made_up(91).lower()} "}).status_code == 302
    with system("a test looks"):
        row = Employer.objects.get(uscc=uscc.made_up(91))
        assert row.checked_by == world.office
    assert (
        "已有该统一社会信用代码" in client.post(f"{LIBRARY}add/", {**values, "uscc": uscc.made_up(91)}).content.decode()
    )


def test_what_an_employer_says_of_itself_is_not_edited_in_the_library(world):
    page = f"{LIBRARY}{world.known.pk}/change/"
    text = client_of(world.office).get(page).content.decode()
    assert "资料由单位维护" in text
    assert "营业执照已上传" in text
    assert client_of(world.office).post(page, {"name": "改名"}).status_code == 403
    # Another school sees the employer in the library, not how this school reviewed it.
    assert (
        f"/employerverification/{world.known.verification.pk}/"
        not in client_of(world.foreign).get(page).content.decode()
    )


def test_excluding_and_lifting_from_the_page(world):
    client, page = client_of(world.office), f"{LIBRARY}{world.known.pk}/blacklist/"
    assert client.post(page, {"school": world.here.school.pk, "reason": " "}).status_code == 200
    assert (
        client.post(page, {"school": world.there.school.pk, "reason": "越权"}).status_code == 200
    )  # not a school of theirs
    with system("a test looks"):
        assert not Blacklist.objects.exists()
    assert client.post(page, {"school": world.here.school.pk, "reason": "虚假招聘"}).status_code == 302
    with system("a test looks"):
        row = Blacklist.objects.get()
        assert AuditEntry.objects.filter(action=Action.BLACKLIST, school_id=world.here.school.pk).count() == 1
    assert "虚假招聘" in client.get(EXCLUDED).content.decode()
    foreign = client_of(world.foreign)
    assert "虚假招聘" not in foreign.get(EXCLUDED).content.decode()
    assert "虚假招聘" not in foreign.get(f"{LIBRARY}{world.known.pk}/change/").content.decode()
    assert foreign.post(f"{EXCLUDED}{row.pk}/change/", {"reason": "x"}).status_code == 404
    assert client_of(world.college).get(EXCLUDED).status_code == 403
    assert "请填写解除原因" in client.post(f"{EXCLUDED}{row.pk}/change/", {"reason": ""}).content.decode()
    assert client.post(f"{EXCLUDED}{row.pk}/change/", {"reason": "整改完成"}).status_code == 302
    with system("a test looks"):
        assert Blacklist.objects.get().lifted_by == world.office
    assert client.get(f"{EXCLUDED}?state=off").status_code == 200


# -- appeals ---------------------------------------------------------------------------------------------------------------


def test_the_receipt_is_the_same_whether_there_is_an_account_or_not(world):
    seen = []
    for code in (world.known.uscc, uscc.made_up(92)):
        client = client_of()
        answer = client.post(APPEAL, filled(world, code, email=f"{len(seen)}@example.com"))
        seen.append((answer.status_code, answer["Location"], answer.content, client.get(answer["Location"]).content))
    assert seen[0] == seen[1]


def test_an_appeal_goes_to_the_school_that_reviewed_the_account(world):
    """Another school must not be able to give the account away, wherever the form was addressed to."""
    row = appealed(world, school=str(world.there.school.pk))
    assert row.school_id == world.here.school.pk
    assert client_of(world.foreign).get(f"{APPEALS}{row.pk}/change/").status_code == 404
    text = client_of(world.office).get(f"{APPEALS}{row.pk}/change/").content.decode()
    assert "示例申诉有限公司" in text
    assert client_of(world.office).get(f"{APPEALS}{row.pk}/licence/").status_code == 200
    assert client_of(world.foreign).get(f"{APPEALS}{row.pk}/licence/").status_code == 404


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"licence": SimpleUploadedFile("x.jpg", b"<script>", "image/jpeg")}, "licence"),
        ({"licence": ""}, "请上传营业执照"),
        ({"reason": ""}, "请填写申诉原因"),
        ({"uscc": "1"}, "应为 18 位"),
    ],
)
def test_what_is_wrong_with_an_appeal_is_said(world, more, sentence):
    answer = client_of().post(APPEAL, filled(world, world.known.uscc, **more))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()


def test_appeals_are_taken_a_few_times_an_hour(world):
    for n in range(appeals.PER_CODE):
        appealed(world, email=f"{n}@example.com")
    assert client_of().post(APPEAL, filled(world, world.known.uscc, email="z@example.com")).status_code == 429


def test_a_new_password_is_shown_once_and_must_be_changed(world):
    row, old = appealed(world), client_of(world.user)
    text = settle(world, row, "password").content.decode()
    password = re.search(r"<code[^>]*>([^<]+)</code>", text)[1]
    assert old.get("/employer/").status_code == 302  # every session has ended
    client = client_of()
    client.post("/login/", {"username": world.known.uscc, "password": password})
    assert client.get("/employer/")["Location"].startswith("/password/change/")
    user = User.objects.get(pk=world.user.pk)
    assert (user.phone, user.email) == ("19900000777", "fresh@example.com")
    with system("a test looks"):
        assert Employer.objects.get(pk=world.known.pk).contact == "新联系人"
        assert AuditEntry.objects.filter(action=Action.ACCOUNT_APPEAL).count() == 1
    assert settle(world, row, "password").status_code == 409
    assert password not in client_of(world.office).get(f"{APPEALS}{row.pk}/change/").content.decode()


def test_who_decides_sees_the_new_number_by_a_counted_look(world, monkeypatch):
    row = appealed(world)
    looks_are_counted(monkeypatch, client_of(world.office), f"{APPEALS}{row.pk}/change/", "19900000777")
    again = settle(world, row, "")  # without a choice: the page again, still masked
    assert (again.status_code, "19900000777" in again.text) == (400, False)


def test_a_link_is_good_once_and_for_thirty_minutes(world):
    row = appealed(world)
    assert settle(world, row, "link").status_code == 302
    with system("a test reads the outbox"):
        mail = Mail.objects.get(template="appeal_link")
        assert mail.secret
        path = "/" + re.search(r"https?://[^/]+/(\S+)", mail.body)[1]
    assert client_of().get(path).status_code == 200
    assert client_of().get(path).status_code == 200  # looking does not use it up
    word = {"new1": "Quiet-Harbour-27", "new2": "Quiet-Harbour-27"}
    assert client_of().post(path, {**word, "new2": "else"}).status_code == 200
    assert client_of().post(path, word)["Location"] == "/login/"
    assert client_of().post(path, word).status_code == 410
    client = client_of()
    assert (
        client.post("/login/", {"username": world.known.uscc, "password": "Quiet-Harbour-27"})["Location"]
        == "/employer/"
    )


def test_a_link_runs_out(world):
    row = appealed(world)
    settle(world, row, "link")
    with system("a test reads the outbox"):
        path = "/" + re.search(r"https?://[^/]+/(\S+)", Mail.objects.get(template="appeal_link").body)[1]
        row.refresh_from_db()
        AccountAppeal.objects.filter(pk=row.pk).update(link_until=row.decided_at)
    assert client_of().get(path).status_code == 410
    assert client_of().get("/employer/reset/%00/").status_code in (404, 410)


def test_a_password_goes_by_short_message(world):
    sms.memory.clear()
    row = appealed(world)
    assert settle(world, row, "sms").status_code == 302
    ((phone, text),) = sms.memory
    assert phone == "19900000777"
    password = re.search(r"密码为 (\S+)，", text)[1]
    client = client_of()
    assert client.post("/login/", {"username": world.known.uscc, "password": password}).status_code == 302


@override_settings(SMS_BACKEND="none")
def test_where_no_message_can_be_sent_nothing_has_happened(world):
    row, before = appealed(world), User.objects.get(pk=world.user.pk)
    text = settle(world, row, "sms")
    assert text.status_code == 503
    assert "短信" in text.content.decode()
    with system("a test looks"):
        assert AccountAppeal.objects.get(pk=row.pk).state == "waiting"
    after = User.objects.get(pk=world.user.pk)
    assert (after.password, after.email, after.session_epoch) == (before.password, before.email, before.session_epoch)


def test_other_handling_says_what_and_leaves_the_account_alone(world):
    row, before = appealed(world), User.objects.get(pk=world.user.pk)
    assert "请写明如何处理" in settle(world, row, "other").content.decode()
    assert settle(world, row, "other", note="电话核实不是本单位人员").status_code == 302
    assert User.objects.get(pk=world.user.pk).email == before.email
    assert "电话核实不是本单位人员" in client_of(world.office).get(f"{APPEALS}{row.pk}/change/").content.decode()


def test_without_an_account_only_other_handling_is_left(world):
    row = appealed(world, uscc.made_up(93))
    assert "还没有账号" in settle(world, row, "password").content.decode()
    with system("a test looks"):
        assert AccountAppeal.objects.get(pk=row.pk).state == "waiting"


def test_who_may_settle(world):
    row = appealed(world)
    assert settle(world, row, "password", by=world.college).status_code in (403, 404)
    assert settle(world, row, "password", by=world.foreign).status_code == 404
    assert settle(world, row, "password", by=world.user).status_code == 403
    with system("a test looks"):
        assert AccountAppeal.objects.get(pk=row.pk).state == "waiting"
