"""E5 in the back office: what a form was filled in against, and what comes of one that is stale (tests/contract walks all of them)."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from admin_site import stale
from models.accounts.models import StaffAppointment
from models.organisation.models import Campus
from tests.admin_site.conftest import seen
from tests.factories import people
from workflows import policy
from workflows.models import FieldPolicy
from workflows.scoping import system

MATTER = "students.graduateprofile"


@pytest.mark.django_db
def test_a_refused_form_keeps_what_it_was_first_filled_in_against(two_schools, client_of):
    client = client_of(two_schools.us.school)
    with system("a test sets up"):
        campus = Campus.objects.create(school=two_schools.here.school, name="东校区")
    url = reverse("admin:organisation_campus_change", args=[campus.pk])
    first = seen(client, url)
    refused = client.post(url, {"name": "", **first})
    assert refused.status_code == 200
    assert {"_seen": refused.context["seen"]} == first
    with system("somebody else changes it"):
        Campus.objects.filter(pk=campus.pk).update(name="别人改的")
    answer = client.post(url, {"name": "我改的", "_seen": refused.context["seen"]})
    assert answer.status_code == 409
    assert "别人改的" in answer.content.decode()
    assert "我改的" in answer.content.decode()
    assert client.post(url, {"name": "我改的", **seen(client, url)}).status_code == 302


@pytest.mark.django_db
def test_the_grid_of_fields_too(two_schools, client_of):
    policy.forget_all()
    here = two_schools.here
    url = f"{reverse('admin:workflows_fieldpolicy_changelist')}?matter={MATTER}&school={here.school.pk}&cohort="
    mine, theirs = client_of(two_schools.us.school), client_of(two_schools.us.province)
    opened = seen(mine, url)
    assert theirs.post(url, {"mode__qq": "required", **seen(theirs, url)}).status_code == 302
    answer = mine.post(url, {"mode__qq": "hidden", "mode__health": "hidden", **opened})
    assert answer.status_code == 409
    assert sorted((line.label, line.now, line.mine, line.is_changed) for line in answer.context["lines"]) == [
        ("QQ", "必填", "不显示", True),
        ("健康状况", "默认", "不显示", False),
    ]
    with system("a test looks"):
        assert [(row.field, row.mode) for row in FieldPolicy.objects.all()] == [("qq", "required")]
    assert mine.post(url, {"mode__qq": "hidden", **seen(mine, url)}).status_code == 302


@pytest.mark.django_db
def test_an_appointment_made_meanwhile_makes_the_account_form_stale(two_schools, client_of):
    account, client = two_schools.us.counselor, client_of(two_schools.us.school)
    url = reverse("admin:accounts_user_change", args=[account.pk])
    opened = seen(client, url)
    with system("somebody else appoints"):
        StaffAppointment.objects.create(user=account, level="counselor", unit=two_schools.here.classes[1])
        held = StaffAppointment.objects.filter(user=account).order_by("pk")
        rows = {f"appointments-{n}-id": row.pk for n, row in enumerate(held[:1])}
    data = {
        "name": "改名",
        "phone": "",
        "email": "",
        "appointments-TOTAL_FORMS": 1,
        "appointments-INITIAL_FORMS": 1,
        **rows,
    }
    answer = client.post(url, {**data, **opened})
    assert answer.status_code == 409
    account.refresh_from_db()
    assert account.name != "改名"


def test_a_digest_tells_nothing_without_the_key(settings):
    one = stale.token(stale.digests("x/1", {"phone": "19900000001"}))
    settings.SECRET_KEY = "another"
    assert stale.token(stale.digests("x/1", {"phone": "19900000001"})) != one
    assert "19900000001" not in one
    assert stale.changed("nonsense,:,a:b", {"name": "1"}) == {"name"}


def _posts_at_once(url: str, users: list[Any], data: list[dict[str, str]]) -> list[int]:
    """Everybody posts at the same moment; the statuses."""
    barrier, found = threading.Barrier(len(users)), [0] * len(users)

    def run(number: int) -> None:
        client = Client()
        client.force_login(users[number], backend="models.accounts.backends.FunctionBackend")
        barrier.wait(20)
        try:
            found[number] = client.post(url, data[number]).status_code
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(users))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guarded", [True, False], ids=["locked", "control without the check"])
def test_of_forms_posted_in_the_same_moment_one_is_saved(guarded, monkeypatch):
    with system("a test sets up"):
        made = people.school()
        province = people.reviewers(made).province
        campus = Campus.objects.create(school=made.school, name="东校区")
    url, client = reverse("admin:organisation_campus_change", args=[campus.pk]), Client()
    client.force_login(province, backend="models.accounts.backends.FunctionBackend")
    first = seen(client, url)
    if not guarded:
        monkeypatch.setattr(stale, "answer", lambda *args: None)
    statuses = _posts_at_once(url, [province] * 8, [{"name": f"校区{n}", **first} for n in range(8)])
    if guarded:
        assert sorted(statuses) == [302] + [409] * 7
    else:
        assert statuses.count(302) > 1
