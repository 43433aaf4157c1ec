"""The API against its own schema: requests nobody would think of, right and wrong ones, over the WSGI door, as a student.

Nothing may end in a 500, and what is answered must be what `/api/schema/` promises. Short in the ordinary run, a minute at night.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from rest_framework.throttling import ScopedRateThrottle
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from config.wsgi import application
from models.students.models import Student
from tests.contract.visits import client_for
from tests.contract.world import MARK, World, rolled_back
from workflows.scoping import within

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning"),
]

# Answers any address may give besides its own: who is not logged in, what is not allowed, what cannot be read or is too much.
COMMON = {400, 401, 403, 404, 405, 409, 413, 415, 422, 429}
_OTHERS = re.compile(r"(?<!\d)99\d{15}[\dXx](?!\d)")


def door_of(client: Client) -> Callable[[dict[str, Any], Any], Any]:
    """The project's WSGI door for a browser that is logged in, with the token that a page of ours would send along."""
    client.get("/student/account/")
    token, session = client.cookies["csrftoken"].value, client.cookies["sessionid"].value

    def door(environ: dict[str, Any], start_response: Any) -> Any:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)  # the connection holds the test's transaction
        logged_in = {"HTTP_COOKIE": f"sessionid={session}; csrftoken={token}", "HTTP_X_CSRFTOKEN": token}
        return application({**environ, **logged_in}, start_response)

    return door


@pytest.fixture(autouse=True)
def one_connection():
    """What `door_of` takes away comes back."""
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def run(world: World, monkeypatch: pytest.MonkeyPatch, *, examples: int, seconds: float) -> int:
    """Try every operation, `examples` times each, until the time is over; how many requests were made."""
    monkeypatch.setattr(ScopedRateThrottle, "allow_request", lambda *args: True)
    schema = schemathesis.openapi.from_wsgi("/api/schema/", door_of(client_for(world, "student")))
    own, made, ends = world.row(Student).id_number, 0, time.monotonic() + seconds
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path in ("/api/schema/", "/api/me/password/"):
            continue  # the schema itself is what we read; a new password would end the session that asks

        def attempt(case: Any) -> None:
            nonlocal made
            if time.monotonic() > ends:
                return
            made += 1
            with rolled_back(), within(None):
                answer = case.call()
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text[:400]}"
            foreign = {"".join(found) for found in MARK.findall(answer.text)} - {f"甲一{kind}" for kind in "人部师设"}
            assert not foreign, f"{case.as_curl_command()} shows {foreign}"
            assert set(_OTHERS.findall(answer.text)) <= {own}
            checks = [content_type_conformance]
            if answer.status_code not in COMMON:
                checks += [status_code_conformance, response_schema_conformance]
            if answer.status_code != 204 and answer.content and "attachment" not in str(answer.headers):
                case.validate_response(answer, checks=checks)

        limits = settings(
            max_examples=examples, deadline=None, database=None, derandomize=examples < 50, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                limits(given(strategy)(attempt))()
            except (schemathesis.errors.InvalidSchema, Unsatisfiable):
                continue  # an operation without parameters cannot be asked wrongly
    return made


def test_every_operation_keeps_to_the_schema(world: World, monkeypatch: pytest.MonkeyPatch):
    assert run(world, monkeypatch, examples=5, seconds=20) > 60


@pytest.mark.nightly
def test_every_operation_keeps_to_the_schema_for_a_minute(world: World, monkeypatch: pytest.MonkeyPatch):
    assert run(world, monkeypatch, examples=150, seconds=60) > 500
