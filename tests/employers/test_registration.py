"""单位注册: one account per code, and nothing of it to be learnt from the door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.employers import registration, uscc
from models.employers.models import Employer, EmployerVerification, Registration
from tests.employers.conftest import client_of, mailed_code
from tests.factories import employers
from workflows.scoping import system

pytestmark = pytest.mark.django_db
REGISTER, CODE = "/employer/register/", "/employer/register/code/"


def filled(world, code: str, **more) -> dict[str, str]:
    return {
        "uscc": code, "name": "示例新办有限公司", "school": str(world.here.school.pk), "contact": "示例人", "mobile": "19900000001",
        "email": "new@example.com", "new1": "Quiet-Harbour-27", "new2": "Quiet-Harbour-27", "consent": "on", **more,
    }  # fmt: skip


def test_somebody_registers_logs_in_by_code_and_finds_the_centre(world):
    client, code = client_of(), uscc.made_up(41)
    answer = client.post(REGISTER, filled(world, f" {code[:9].lower()} {code[9:].lower()} "))
    assert (answer.status_code, answer["Location"]) == (302, CODE)
    assert not User.objects.filter(username=code).exists()  # a form alone takes nobody's code
    answer = client.post(CODE, {"code": mailed_code()})
    assert answer["Location"] == "/employer/"
    page = client.get("/employer/").content.decode()
    assert "示例新办有限公司" in page
    assert "填写并提交单位资料" in page
    user = User.objects.get(username=code)
    assert (user.kind, user.email) == ("employer", "new@example.com")
    assert user.preferences["consent"]["version"]
    with system("a test looks"):
        record = EmployerVerification.objects.get(employer__account=user)
        assert (record.status, record.school_id, record.cohort_id) == ("draft", world.here.school.pk, None)
        assert not record.employer.is_checked
        assert AuditEntry.objects.filter(action=Action.EMPLOYER_REGISTRATION).exists()
    again = client_of()
    answer = again.post("/login/", {"username": code.lower(), "password": "Quiet-Harbour-27"})
    assert answer["Location"] == "/employer/"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("uscc", "91990000000000000A", "校验码不正确"),
        ("uscc", "1234", "应为 18 位"),
        ("uscc", "9199000000000000I0", "不含 I、O、S、V、Z"),
        ("mobile", "123", "11 位"),
        ("new2", "other-Words-27", "不一致"),
        ("consent", "", "请先阅读并同意"),
        ("email", "x", "格式不正确"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(world, field, value, sentence):
    answer = client_of().post(REGISTER, filled(world, uscc.made_up(42), **{field: value}))
    assert answer.status_code == 200
    assert sentence in answer.content.decode()


def test_the_form_answers_alike_whether_the_code_has_an_account_or_not(world):
    """Same status, headers that matter, body, and the same statements: there is no look-up that could take longer."""
    seen = []
    client_of().post(
        REGISTER, filled(world, uscc.made_up(40), email="warm@example.com")
    )  # the address has been counted before
    for code in (world.known.uscc, uscc.made_up(43)):
        client = client_of()
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(REGISTER, filled(world, code, email=f"{len(seen)}@example.com"))
        tables = [q["sql"].split()[0] for q in queries]
        seen.append((answer.status_code, answer["Location"], answer.content, tables))
        assert not any("employers_employer" in q["sql"] or "accounts_user" in q["sql"] for q in queries)
    assert seen[0] == seen[1]


def test_only_who_has_the_mailbox_learns_that_the_code_is_taken(world):
    client = client_of()
    client.post(REGISTER, filled(world, world.known.uscc))
    answer = client.post(CODE, {"code": mailed_code()})
    assert answer.status_code == 409
    assert "账号申诉" in answer.content.decode()
    with system("a test looks"):
        assert Employer.objects.get(uscc=world.known.uscc).account_id == world.known.account_id


def test_a_code_is_good_for_five_tries_and_one_use(world):
    client, code = client_of(), uscc.made_up(44)
    client.post(REGISTER, filled(world, code))
    right = mailed_code()
    for _ in range(Registration.TRIES):
        assert "验证码不正确" in client.post(CODE, {"code": "00000000"}).content.decode()
    client.post(CODE, {"code": right})
    assert not User.objects.filter(username=code).exists()


def test_a_code_of_one_session_is_nothing_in_another(world):
    first, second = client_of(), client_of()
    first.post(REGISTER, filled(world, uscc.made_up(45)))
    code = mailed_code()
    second.post(REGISTER, filled(world, uscc.made_up(46), email="other@example.com"))
    second.post(CODE, {"code": code})
    assert not User.objects.filter(username__in=[uscc.made_up(45), uscc.made_up(46)]).exists()


def test_mailboxes_and_codes_are_asked_a_few_times_an_hour(world):
    client = client_of()
    for n in range(registration.PER_MAILBOX):
        assert client.post(REGISTER, filled(world, uscc.made_up(50 + n))).status_code == 302
    assert client.post(REGISTER, filled(world, uscc.made_up(59))).status_code == 429
    for n in range(registration.PER_CODE):
        client.post(REGISTER, filled(world, uscc.made_up(70), email=f"m{n}@example.com"))
    assert client.post(REGISTER, filled(world, uscc.made_up(70), email="last@example.com")).status_code == 429


def test_registering_a_company_of_the_library_shows_nothing_the_library_knows(world):
    with system("a test fills the library"):
        row = employers.library(contact="雀库联系人", mobile="19900770001")
    client = client_of()
    client.post(REGISTER, filled(world, row.uscc))
    client.post(CODE, {"code": mailed_code()})
    with system("a test looks"):
        record = EmployerVerification.objects.get(employer=row)
    for page in (
        "/employer/",
        f"/employer/matters/employerverification/{record.pk}/",
        "/api/matters/employerverification/",
    ):
        text = client.get(page).content.decode()
        assert "雀库联系人" not in text
        assert "19900770001" not in text
    with system("a test looks"):
        assert Employer.objects.get(pk=row.pk).contact == "雀库联系人"  # and nothing of it was overwritten


def test_old_registrations_go(world, time_machine):
    client_of().post(REGISTER, filled(world, uscc.made_up(80)))
    time_machine.move_to(timezone.now() + timedelta(hours=25))
    with system("upkeep"):
        assert registration.forget_old() == 1
