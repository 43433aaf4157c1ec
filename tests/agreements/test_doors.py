"""The pages and the API of signing: whose is whose, and what a stranger gets."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from models.agreements.finding import MISSES_AN_HOUR
from models.agreements.models import Agreement, AgreementNumber, PhoneCheck, SigningInvitation
from models.students.models import GraduateProfile
from tests.factories import signing as make


@pytest.fixture
def client_of():
    def log_in(user) -> Client:
        client = Client()
        client.force_login(user, backend="models.accounts.backends.FunctionBackend")
        return client

    return log_in


def test_the_whole_way_online_over_the_api(place, employer, client_of):
    firm, student = client_of(employer.account), client_of(place.student.user)
    phone = GraduateProfile.objects.get(student=place.student).phone
    found = firm.post(
        "/api/employer/students/", {"name": place.student.name, "year": "2027", "phone": phone}, "application/json"
    )
    assert found.status_code == 200
    sent = {"ticket": found.json()["ticket"], "values": make.OFFER}
    offer = firm.post("/api/employer/offers/", sent, "application/json")
    assert offer.status_code == 201
    assert firm.post("/api/employer/offers/", sent, "application/json").status_code == 409, "sent twice is one offer"
    pk = offer.json()["id"]
    assert student.get("/api/signing/").json()["offers"][0]["id"] == pk
    url = f"/api/signing/offers/{pk}/accept/"
    assert student.post(url, {"read_rules": True, "sure": False}, "application/json").status_code == 400
    first = student.post(url, {"read_rules": True, "sure": True}, "application/json")
    again = student.post(url, {"read_rules": True, "sure": True}, "application/json")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"]
    assert Agreement.objects.count() == 1
    assert student.post(f"/api/signing/offers/{pk}/step-back/", {}, "application/json").json()["state"] == "retracted"


def test_strangers_find_nothing(place, employer, client_of):
    offer = make.invited(employer, place.student)
    other, rival = client_of(make.signer(place).user), client_of(make.employer(place).account)
    student, firm = client_of(place.student.user), client_of(employer.account)
    assert other.get(f"/student/signing/offers/{offer.pk}/").status_code == 404
    assert other.post(f"/api/signing/offers/{offer.pk}/refuse/", {}, "application/json").status_code == 404
    assert rival.get(f"/employer/signing/offers/{offer.pk}/").status_code == 404
    assert rival.post(f"/api/employer/offers/{offer.pk}/recall/", {}, "application/json").status_code == 404
    assert (
        student.post(
            "/api/employer/students/", {"name": "x", "year": "2027", "phone": "1"}, "application/json"
        ).status_code
        == 403
    )
    assert firm.get("/api/signing/").status_code == 403
    assert place.student.name not in rival.get("/employer/signing/").content.decode()
    assert SigningInvitation.objects.get().state == "sent"


def test_looking_changes_nothing(place, employer, client_of):
    make.invited(employer, place.student)
    make.generated(make.signer(place))
    student, firm = client_of(place.student.user), client_of(employer.account)
    before = list(SigningInvitation.objects.values()), list(Agreement.objects.values())
    for path in (
        "/student/signing/",
        f"/student/signing/offers/{SigningInvitation.objects.get().pk}/",
        "/student/signing/phone/",
        "/student/signing/terminations/",
        "/student/signing/number/",
    ):
        assert student.get(path).status_code == 200, path
    assert firm.get("/employer/signing/").status_code == 200
    assert (list(SigningInvitation.objects.values()), list(Agreement.objects.values())) == before


def test_what_is_about_a_student_moves_with_the_student(place, employer):
    make.invited(employer, place.student)
    make.generated(make.signer(place))
    agreement = make.generated(place.student)
    place.student.unit, place.student.major = place.classes[-1], place.classes[-1].parent.major
    place.student.save()
    path = place.student.org_path
    assert path != place.classes[0].path
    assert SigningInvitation.objects.get(student=place.student).org_path == path
    assert AgreementNumber.objects.get(number=agreement.number).org_path == path
    assert PhoneCheck.objects.filter(org_path=path).count() == 1


def test_an_invitation_past_its_time_leads_nobody_on(place, employer, client_of):
    """Between its end and the worker's next look it still stands as sent; the page says that it is over."""
    offer = make.invited(employer, place.student)
    student, url = client_of(place.student.user), f"/student/signing/offers/{offer.pk}/"
    assert "现在签约" in student.get(url).text
    SigningInvitation._base_manager.update(expires_at=timezone.now() - timedelta(minutes=1))
    page = student.get(url).text
    assert "过期，不能再应约" in page
    assert "由单位重新发出邀请" in page
    assert "现在签约" not in page
    assert "待应约" not in page


def test_a_search_left_half_empty_costs_no_look_up(place, employer, client_of):
    firm, url = client_of(employer.account), "/employer/signing/"
    asked = {
        "name": place.student.name,
        "year": "2027",
        "phone": GraduateProfile.objects.get(student=place.student).phone,
    }
    for _press in range(MISSES_AN_HOUR + 2):
        page = firm.post(url, {**asked, "phone": ""})
        assert (page.status_code, "请填写手机号码后再查找。" in page.text) == (400, True)
    assert "不是可用的年份" in firm.post(url, {**asked, "year": "9999"}).text
    assert place.student.name in firm.post(url, asked).text
    assert firm.post(url, asked).status_code == 200


def test_an_old_tab_of_an_agreement_leads_back_to_the_centre(place, client_of):
    page = client_of(place.student.user).get("/student/signing/agreement/", follow=True)
    assert page.redirect_chain == [("/student/signing/", 302)]
    assert "没有正在办理的协议书" in page.text
