"""D4: what goes wrong is told to nobody but the log, and the log carries no number of a person."""

from __future__ import annotations

import io
import logging
import re
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection

from models.audit.logs import PrivateFormatter
from models.students.models import GraduateProfile, Student
from tests.contract.routes import routes, values_for
from tests.contract.visits import client_for, text_of
from tests.contract.world import World, rolled_back

pytestmark = pytest.mark.django_db

NUMBER = "99010120040101001X"
PHONE = "19900001234"
TELLING = re.compile(
    r"Traceback|RuntimeError|DatabaseError|SELECT |site-packages|File \"|secret|/admin_site/|/self_service/\w+\.py",
    re.IGNORECASE,
)
# Of a person, not digits inside a random key of the answer (request id, nonce).
PERSONAL = re.compile(r"(?<![\w-])(?:\d{17}[\dXx]|1[3-9]\d{9})(?![\w-])")


def fault(*args, **kwargs):
    raise DatabaseError(f'secret: SELECT * FROM x WHERE id_number = "{NUMBER}" AND phone = {PHONE}')


DOORS = [
    ("school", "admin_site.matters.lists._context", "/admin/students/student/"),
    ("school", "admin_site.matters.review._page", "/admin/students/graduateprofile/{record}/change/"),
    ("school", "admin_site.scoped.ScopedAdmin.get_queryset", "/admin/organisation/campus/"),
    ("school", "admin_site.jobs_admin.latest", "/admin/jobs/job/rows/?short=1"),
    ("student", "self_service.pages.home.cards", "/student/"),
    ("student", "self_service.subjects.own", "/api/matters/graduateprofile/"),
    ("student", "self_service.api.account.of_user", "/api/me/"),
]


@pytest.fixture
def log():
    """What the console would show, written by the formatter the project logs with."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PrivateFormatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


@pytest.mark.parametrize(("role", "broken", "url"), DOORS, ids=[broken for _role, broken, _url in DOORS])
def test_a_fault_is_a_sentence_to_the_person_and_a_masked_trace_in_the_log(
    world: World, monkeypatch, log, role, broken, url
):
    monkeypatch.setattr(broken, fault)
    client = client_for(world, role)
    client.raise_request_exception = False
    answer = client.get(url.format(record=world.row(GraduateProfile).pk))
    body = text_of(answer)
    assert answer.status_code == 500
    assert "系统出现问题" in body
    assert not TELLING.search(body), TELLING.search(body)[0]
    assert not PERSONAL.search(body)
    if url.startswith("/api/"):
        assert answer.json()["code"] == "error"
    written = log.getvalue()
    assert "Traceback" in written
    assert "DatabaseError" in written
    assert not PERSONAL.search(written), PERSONAL.search(written)[0]


ROLE_OF = {
    "admin/": "school",
    "student/": "student",
    "employer/": "employer",
    "api/": "student",
    "api/employer": "employer",
}
# What log-in and navigation read on every page: there the fault would be one and the same for all of them.
EVERYWHERE = re.compile(
    r'"(?:django_session|accounts_\w+|notices_notice|audit_\w+|organisation_\w+|workflows_\w+|auth_\w+)"'
)


@contextmanager
def broken_database():
    """Every statement about a page's own rows fails, with a person's numbers in what it says."""

    def failing(execute, sql, params, many, context):
        tables = set(re.findall(r'"\w+_\w+"', sql.partition("FROM")[2] or sql))
        if tables and not all(EVERYWHERE.fullmatch(table) for table in tables):
            fault()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(failing):
        yield


def test_no_page_tells_of_a_fault(world: World, log):
    """Every address whose page reads rows of its own, as somebody who may open it."""
    met, clients, telling = 0, {role: client_for(world, role) for role in ROLE_OF.values()}, []
    for route in routes():
        role = next((ROLE_OF[start] for start in sorted(ROLE_OF, reverse=True) if route.path.startswith(start)), "")
        if not role:
            continue
        client = clients[role]
        client.raise_request_exception = False
        with rolled_back(), broken_database():
            answer = client.get(route.url(values_for(route, world, role)))
            body = text_of(answer)
        if answer.status_code < 500:
            continue  # asks for nothing of its own, or somebody else may open it
        met += 1
        said = answer.json()["code"] == "error" if route.path.startswith("api/") else "系统出现问题" in body
        if not said or TELLING.search(body) or PERSONAL.search(body):
            telling.append(f"{route.path}: {answer.status_code} {body[:200]}")
    assert not telling, "\n".join(telling)
    assert met > 200
    assert "DatabaseError" in log.getvalue()
    assert not PERSONAL.search(log.getvalue())


@pytest.mark.parametrize(
    "url",
    [
        "/admin/students/student/?q={number}",
        "/admin/students/student/?phone={phone}",
        "/student/?{number}={phone}",
        "/{number}/{phone}/",
    ],
)
def test_an_address_with_a_number_in_it_leaves_none_in_the_log(world: World, log, url):
    student = world.row(Student)
    client_for(world, "school").get(url.format(number=student.id_number, phone=student.user.phone))
    assert "GET " in log.getvalue()
    assert not PERSONAL.search(log.getvalue()), log.getvalue()


@pytest.mark.parametrize(
    "url",
    [
        "/api/nothing/",
        "/nothing/",
        "/admin/nothing/",
        "/api/matters/graduateprofile/999999999/",
        "/student/matters/nothing/",
    ],
)
def test_what_is_not_there_says_no_more_than_that(world: World, url):
    answer = client_for(world, "student" if "admin" not in url else "school").get(url)
    assert answer.status_code == 404
    assert not TELLING.search(text_of(answer))
    assert url.rstrip("/").rpartition("/")[2] not in text_of(answer).replace("not_found", "").partition("\n")[
        0
    ] or not url.startswith("/api")
