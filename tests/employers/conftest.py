"""Two schools with their offices, and employers in every state at the first of them."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from django.core import mail
from django.test import Client

from models.accounts.models import User
from models.notices.models import Mail
from tests.factories import employers, people
from workflows.scoping import system

LISTS = {"verification": "/admin/employers/employerverification/", "admission": "/admin/employers/employeradmission/"}


def client_of(user: User | None = None, **kwargs) -> Client:
    """A browser in which `user` is logged in."""
    found = Client(**kwargs)
    if user is not None:
        found.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return found


def mailed_code() -> str:
    """The code in the newest mail: as it went out, or as it waits where nothing is committed."""
    with system("a test reads the outbox"):
        body = mail.outbox[-1].body if mail.outbox else Mail._base_manager.order_by("-pk").first().body
    return re.search(r"验证码为：(\d+)", body)[1]


@pytest.fixture
def world(db):
    """`.here`, `.there`, their offices `.office`, `.foreign`, a `.college`, and `.new`, `.waiting` and `.known` employers."""
    with system("a test makes its employers"):
        here, there = people.school(), people.school("19902", "缙云学院")
        made = SimpleNamespace(
            here=here,
            there=there,
            office=people.staff("school", here.center),
            foreign=people.staff("school", there.center),
            college=people.staff("college", here.colleges[0]),
            province=people.staff("province", None),
            student=people.student(here),
            new=employers.registered(here),
            known=employers.verified(here),
        )
        made.user = made.known.account
    return made
