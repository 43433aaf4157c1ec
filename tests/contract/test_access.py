"""A1–A3, B1, C8, D4–D6: every address of the resolver, as every role, by GET and by POST, against what is declared.

`access_matrix.csv` is that declaration. A new address fails until it has its two rows, a row without an address fails too. To make
the rows, run this module with WRITE_ACCESS_MATRIX=1 on one process, then READ what has changed: the file is the specification.
"""

from __future__ import annotations

import csv
import os
import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import pytest
from django.test import Client

from tests.contract.routes import Route, routes
from tests.contract.visits import Visit, client_for, visit
from tests.contract.world import ROLES, World, rolled_back

pytestmark = pytest.mark.django_db

MATRIX = Path(__file__).with_name("access_matrix.csv")
WRITING = os.environ.get("WRITE_ACCESS_MATRIX") == "1"
HEAD = ("path", "name", "method", *ROLES)
Key = tuple[str, str, str]

# Tables that looking may write to: who is here, and that something was looked at.
TRACES = {"logins_session", "audit_auditentry", "accounts_tally"}
# … and what single addresses count besides.
COUNTED = {"admin:exports_download": {"releases_exportrecord"}}
# Reachable only in the middle of something that another test walks through, so that no bare request gets a 2xx.
IN_PASSING = {
    line.split("#")[0].strip()
    for line in Path(__file__).with_name("in_passing.txt").read_text(encoding="utf-8").splitlines()
    if line.split("#")[0].strip()
}
FRONT_DOOR = {"login", "home", "activate", "forgot", "password_change", "/admin/login/", "student_home", "admin:index"}
# What /readyz finds depends on the machine; that it answers is what counts here (tests/test_health.py has the rest).
EITHER = {"readyz": ({"200", "503"}, "200")}
_INLINE = re.compile(
    r"<[^>]+\son(?:click|change|submit|load|input|key\w+|focus|blur|error|mouse\w+)\s*=", re.IGNORECASE
)
_BARE_SCRIPT = re.compile(r"<script(?![^>]*\b(?:nonce|src|type=\"application/json\"))[^>]*>", re.IGNORECASE)


def key_of(route: Route, method: str) -> Key:
    """What a row of the matrix is found by. A path may stand twice in the resolver: the first one answers."""
    path = re.sub(r"\(\?P<app_label>[^)]*\)", "<app_label>", route.path)  # the list of apps grows by itself
    return (path, route.name, method)


@lru_cache(maxsize=1)
def declared() -> dict[Key, dict[str, str]]:
    """The matrix."""
    if not MATRIX.exists():
        return {}
    with MATRIX.open(encoding="utf-8", newline="") as file:
        return {(row["path"], row["name"], row["method"]): row for row in csv.DictReader(file)}


def rewrite(found: dict[Key, str], role: str) -> None:
    """Put one role's outcomes into the file; rows that no address has any more go."""
    rows = {
        key: {
            **dict.fromkeys(HEAD, ""),
            **declared().get(key, {}),
            **dict(zip(HEAD[:3], key, strict=True)),
            role: outcome,
        }
        for key, outcome in found.items()
    }
    with MATRIX.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, HEAD, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
    declared.cache_clear()


def request(world: World, client: Client, route: Route, role: str, method: str) -> Visit:
    """One visit that leaves neither rows nor cookies behind."""
    cookies = client.cookies.copy()
    with rolled_back():
        found = visit(world, client, route, role, method, {"probe": "1"} if method == "POST" else None)
    client.cookies = cookies
    return found


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_address_answers_this_role_as_declared_and_gives_nothing_away(world, role, method):
    client, found, faults = client_for(world, role), {}, []
    for route in routes():
        seen = request(world, client, route, role, method)
        key = key_of(route, method)
        if key in found:
            continue
        known, shown = EITHER.get(route.name, (set(), ""))
        found[key] = shown if seen.outcome in known else seen.outcome
        expected = declared().get(key, {}).get(role)
        if not WRITING and expected != found[key]:
            faults.append(
                f"{method} {seen.url}: {found[key]}, declared {expected or 'nowhere: add it to access_matrix.csv'}"
            )
        faults += [f"{method} {seen.url}: {fault}" for fault in given_away(world, seen)]
    if WRITING:
        merged = {key: row[role] for key, row in declared().items() if key[2] != method}
        rewrite({**merged, **found}, role)
    assert not faults, "\n".join(faults)


def given_away(world: World, seen: Visit) -> list[str]:
    """What is wrong with an answer whoever gets it: faults, foreign canaries, full numbers, writes, headers."""
    found = []
    if seen.status >= 500 and seen.route.name not in EITHER:
        found.append(seen.outcome)
    if foreign := sorted("雀" + "".join(m) for m in seen.marks if not world.may_read(seen.role, *m)):
        found.append(f"shows {foreign}")
    own = getattr(world.users.get(seen.role), "pk", None)
    if full := sorted(number for number in seen.numbers if world.secrets[number] != own):
        found.append(f"shows in full {full}")
    if seen.method == "GET" and (written := seen.writes - TRACES - COUNTED.get(seen.route.name, set())):
        found.append(f"a GET wrote to {sorted(written)}")
    if seen.status < 500:
        found += bad_headers(seen)
    return found


def bad_headers(seen: Visit) -> list[str]:
    """D5, on every answer of every address."""
    headers, found = seen.headers, []
    if headers.get("X-Content-Type-Options") != "nosniff":
        found.append("no nosniff")
    if headers.get("Referrer-Policy") != "same-origin":
        found.append("no Referrer-Policy")
    if headers.get("X-Frame-Options") != "DENY":
        found.append("no X-Frame-Options")
    policy = headers.get("Content-Security-Policy", "")
    is_file = "attachment" in headers.get("Content-Disposition", "")
    wanted = (
        ("sandbox",)
        if is_file and "sandbox" in policy
        else ("frame-ancestors 'none'", "object-src 'none'", "form-action 'self'", "default-src 'self'")
    )
    found += [f"CSP lacks {part}" for part in wanted if part not in policy]
    script = next((part for part in policy.split(";") if part.strip().startswith("script-src")), "")
    if "unsafe-inline" in script or "*" in script:
        found.append(f"CSP lets any script run: {script}")
    if "unsafe-eval" in script and not seen.url.startswith("/admin/"):
        found.append("CSP lets eval outside of the back office")
    personal = seen.role != "anonymous" and seen.ok and seen.route.name not in ("healthz", "readyz", "admin:jsi18n")
    if personal and "no-store" not in headers.get("Cache-Control", ""):
        found.append(f"may be kept by a cache: {headers.get('Cache-Control', 'no Cache-Control')}")
    if headers.get("Content-Type", "").startswith("text/html"):
        found += [f"inline handler {handler[:60]}" for handler in _INLINE.findall(seen.text)[:1]]
        found += [f"script without nonce {tag[:60]}" for tag in _BARE_SCRIPT.findall(seen.text)[:1]]
    return found


def test_no_row_of_the_matrix_is_stale_and_none_is_empty():
    there = {key_of(route, method) for route in routes() for method in ("GET", "POST")}
    assert sorted(set(declared()) - there) == []
    assert [key for key, row in declared().items() if not all(row[role] for role in ROLES)] == []


def test_every_address_does_its_work_for_somebody():
    """A2: an address that nobody gets anything from is dead, or part of something longer: then in_passing.txt says who walks it.

    Work done is a 2xx, or a redirect to a page inside. Pages that Django's admin makes of itself may be closed to everybody.
    """
    done: dict[str, bool] = {}
    for (path, name, _method), row in declared().items():
        key = name or path
        done[key] = done.get(key, False) or any(
            outcome.startswith("2") or (outcome.startswith("302 ") and outcome[4:] not in FRONT_DOOR)
            for outcome in (row[role] for role in ROLES)
        )
    stock = ("_add", "_delete", "_change", "_history", "_changelist")
    dead = {name for name, ok in done.items() if not ok and not (name.startswith("admin:") and name.endswith(stock))}
    assert sorted(name for name in dead if not any(fnmatchcase(name, one) for one in IN_PASSING)) == []
    idle = sorted(one for one in IN_PASSING if not any(fnmatchcase(name, one) for name in dead))
    assert idle == [], "these do their work by now, or are gone: take them off the list"


def test_a_first_password_opens_its_own_change_and_nothing_else():
    """B1, over the whole matrix: every address leads to the change, the API says so, four stay open."""
    opened = {"healthz", "readyz", "password_change", "logout"}
    for (path, name, _method), row in declared().items():
        if name in opened:
            continue
        assert row["must_change"] in ("302 password_change", "403"), (path, row["must_change"])
        assert path.startswith("api/") == (row["must_change"] == "403"), path


def test_strangers_reach_the_front_door_and_nothing_else():
    """D6: schema, documents, back office and pages are closed; a stranger gets the log-in page or an error, never content."""
    front = {"healthz", "readyz", "login", "activate", "forgot", "privacy"}
    front |= {"employer_register", "employer_appeal", "employer_appeal_done", "verify_start"}
    for (path, name, method), row in declared().items():
        if row["anonymous"].startswith("2"):
            assert name in front, (path, method, row["anonymous"])
        if path.startswith("api/"):
            assert row["anonymous"] == "401", (path, method)


def test_a_student_reaches_nothing_of_the_back_office_and_staff_no_student_page():
    for (path, name, method), row in declared().items():
        if path.startswith("admin/") and name not in ("admin:login", ""):
            assert row["student"] == "403", (path, method, row["student"])
        if path.startswith("student/"):
            for role in ("counselor", "college", "school", "data", "province", "superuser"):
                assert not row[role].startswith("2"), (path, method, role)


@pytest.mark.parametrize("role", ["anonymous", "student", "school"])
def test_no_post_without_a_token_does_anything(world, role):
    """C8: whatever the address, a form that another site has posted is refused before anything happens."""
    client, faults = client_for(world, role, csrf=True), []
    for route in routes():
        seen = request(world, client, route, role, "POST")
        # The API asks who somebody is before it asks for the token, and takes no one at all as a stranger.
        refused = {"403"} | ({"401"} if role == "anonymous" and route.path.startswith("api/") else set())
        if seen.outcome not in refused or seen.writes - TRACES:
            faults.append(f"{seen.url}: {seen.outcome}, wrote to {sorted(seen.writes)}")
    assert not faults, "\n".join(faults)
