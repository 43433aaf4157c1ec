"""A school with reviewers of every level and a few records, and people who are logged in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from models.students.models import GraduateProfile
from tests.factories import people
from workflows.actions import perform
from workflows.levels import Verb
from workflows.scoping import system

BACKEND = "models.accounts.backends.FunctionBackend"


@pytest.fixture
def world(db) -> SimpleNamespace:
    with system("a test sets up rows"):
        made = people.school()
        made.staff = people.reviewers(made)
        made.students = [people.student(made) for _ in range(3)]
        made.elsewhere = people.student(made, unit=made.classes[-1])
        made.records = [GraduateProfile.objects.get(student=person) for person in made.students]
        made.foreign = GraduateProfile.objects.get(student=made.elsewhere)
    return made


@pytest.fixture
def login():
    """login(user) → a client logged in as that person."""

    def enter(user: Any) -> Client:
        client = Client()
        client.force_login(user, backend=BACKEND)
        return client

    return enter


@pytest.fixture
def submit():
    """submit(record) hands it in as its student; answers the record as stored."""

    def hand_in(record: Any) -> Any:
        with system("a test submits"):
            perform(record, Verb.SUBMIT, by=record.student.user)
            return GraduateProfile.objects.select_related("student__user").get(pk=record.pk)

    return hand_in


@pytest.fixture
def stored():
    """stored(record) → the record as it is in the database now."""

    def read(record: Any) -> Any:
        with system("a test looks"):
            return type(record)._base_manager.get(pk=record.pk)

    return read
