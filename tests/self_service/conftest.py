"""A school with reviewers and a student who has logged in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from models.students.models import GraduateProfile
from tests.factories import people
from workflows import actions
from workflows.scoping import acting, system


@pytest.fixture
def place(db):
    with system("a test makes its people"):
        made = people.school()
        made.reviewers = people.reviewers(made)
        made.student = people.student(made)
        made.user = made.student.user
        made.record = GraduateProfile.objects.get(student=made.student)
    return made


@pytest.fixture
def client_of():
    """Client of a user, logged in without the password form."""

    def make(user, **kwargs) -> Client:
        client = Client(**kwargs)
        client.force_login(user, backend="models.accounts.backends.FunctionBackend")
        return client

    return make


@pytest.fixture
def student_client(place, client_of):
    return client_of(place.user)


@pytest.fixture
def fresh():
    """A record as it is in the database now."""

    def read(record):
        return type(record)._base_manager.select_related("student__user").get(pk=record.pk)

    return read


@pytest.fixture
def act(fresh, django_capture_on_commit_callbacks):
    """Do something to a record as somebody, through the engine's own door; what follows a commit follows."""

    def do(record, verb, by, **kwargs):
        with acting(by), django_capture_on_commit_callbacks(execute=True):
            return actions.perform(fresh(record), verb, by=by, **kwargs)

    return do


@pytest.fixture
def statements():
    """Count the SQL statements of a call, transaction control, session and account left out."""

    def count(call):
        with CaptureQueriesContext(connection) as caught:
            answer = call()
        control = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")
        texts = [q["sql"] for q in caught.captured_queries if not q["sql"].startswith(control)]
        own = [sql for sql in texts if "logins_session" not in sql and 'FROM "accounts_user"' not in sql]
        return SimpleNamespace(answer=answer, own=own, n=len(own))

    return count
