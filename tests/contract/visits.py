"""One request as one role, and everything the contract asks of the answer: outcome, canaries, full numbers, writes, headers."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import connection
from django.http import HttpResponseBase
from django.template.base import Template
from django.test import Client
from django.urls import Resolver404, resolve

from tests.contract.routes import Route, values_for
from tests.contract.world import MARK, World

_WRITE = re.compile(r'^\s*(INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)"?', re.IGNORECASE)
_NUMBERS = re.compile(r"(?<!\d)(?:99\d{15}[\dXx]|1990077\d{4})(?!\d)")


@dataclass
class Visit:
    """What came of one request."""

    route: Route
    role: str
    method: str
    status: int
    outcome: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    marks: set[tuple[str, str]] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether the request did what the address is for."""
        return 200 <= self.status < 300


@contextmanager
def writes_seen() -> Iterator[set[str]]:
    """The tables written to inside the block."""
    seen: set[str] = set()

    def look(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := _WRITE.match(sql):
            seen.add(found[2])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


@contextmanager
def unwatched() -> Iterator[None]:
    """Inside, templates do not report to Django's test client what they render, each with a copy of its context: answers are read as text."""
    watched = Template._render
    Template._render = lambda self, context: self.nodelist.render(context)
    try:
        yield
    finally:
        Template._render = watched


def client_for(world: World, role: str, *, csrf: bool = False) -> Client:
    """A browser of this role, logged in (nobody's for anonymous). Faults of the product are raised, not answered."""
    client = Client(enforce_csrf_checks=csrf)
    if role != "anonymous":
        client.force_login(world.users[role], backend="models.accounts.backends.FunctionBackend")
    return client


def body_of(response: HttpResponseBase) -> bytes:
    """The whole answer, streamed ones included."""
    return b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]


def text_of(response: HttpResponseBase) -> str:
    """Everything in an answer that could be read: HTML and JSON escapes undone, workbooks unpacked, headers with it."""
    body = body_of(response)
    if body[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            text = "\n".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
    else:
        text = body.decode("utf-8", "replace")
    if "json" in response.headers.get("Content-Type", "") or "\\u" in text:
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    return html.unescape(text) + "\n" + unquote("\n".join(response.headers.values()))


def outcome_of(response: HttpResponseBase) -> str:
    """ "200", "403" …; "302 login" names where a redirect leads, "302 /path" where it has no name."""
    status = response.status_code
    if status not in (301, 302, 303, 307, 308):
        return str(status)
    path = urlsplit(response.headers["Location"]).path
    try:
        match = resolve(path)
        return f"{status} {match.view_name if match.url_name else path}"
    except Resolver404:
        return f"{status} {path}"


def visit(
    world: World, client: Client, route: Route, role: str, method: str = "GET", data: Any = None, values: dict[str, Any] | None = None,
    query: str = "",
) -> Visit:  # fmt: skip
    """Ask for `route` as `role` with arguments from the world."""
    url = route.url(values_for(route, world, role) if values is None else values) + query
    with writes_seen() as writes, unwatched():
        try:
            response = (
                client.generic(method, url)
                if data is None and method not in ("GET", "POST")
                else getattr(client, method.lower())(url, data)
            )
        except Exception as fault:  # whatever it is, it is the finding
            return Visit(
                route, role, method, 500, f"500 {type(fault).__name__}: {str(fault)[:200]}", url, writes=writes
            )
        text = text_of(response)
    return Visit(
        route, role, method, response.status_code, outcome_of(response), url, headers=dict(response.headers), marks=set(MARK.findall(text)),
        numbers={number for found in _NUMBERS.findall(text) if (number := found.upper()) in world.secrets}, writes=writes, text=text,
    )  # fmt: skip
