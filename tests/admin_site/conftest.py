"""Two schools with staff at every level, and a browserless client for each of them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.test import Client

from models.accounts.models import User
from tests.factories import people
from workflows import policy
from workflows.scoping import system


@pytest.fixture
def two_schools(db: None) -> SimpleNamespace:
    """`here` and `there` (places of tests.factories.people), reviewers `us` and `them`, a `student` of each, and a superuser."""
    policy.forget_all()
    with system("a test seeds two schools"):
        here = people.school("19981", "甲大学")
        there = people.school("19982", "乙大学")
        found = SimpleNamespace(here=here, there=there, us=people.reviewers(here), them=people.reviewers(there))
        found.student = people.student(here)
        found.second = people.student(here, unit=here.classes[2])
        found.foreign = people.student(there)
        found.root = User.objects.create_superuser("root-admin", "Test-2027!", name="应急账号")
    return found


def seen(client: Client, url: str) -> dict[str, str]:
    """What a form of the back office says it was filled in against (admin_site.stale), as a browser would send it along."""
    return {"_seen": client.get(url).context["seen"]}


@pytest.fixture
def client_of(db: None) -> Callable[[User], Client]:
    """A client logged in as the given account."""

    def log_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="models.accounts.backends.FunctionBackend")
        return client

    return log_in
