"""Invariants that `manage.py verify` holds the stored data against. An app adds its own in `<app>/checks_verify.py`:

@check("students.place", "学生的学校、届别与班级一致")
def place() -> Iterator[Fault]:
    for pk, … in rows_that_should_not_be():
        yield Fault(f"学生 {pk}", "所在学校与班级所属学校不一致。")

A check only reads; it runs without row limits, looks at the whole database, and asks it set-wise (seconds for a million rows).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection
from django.utils.module_loading import autodiscover_modules

from workflows.scoping import system


@dataclass(frozen=True)
class Fault:
    """One thing that is not as it must be: where (Chinese, with the key), and what is wrong."""

    where: str
    sentence: str


@dataclass(frozen=True)
class Check:
    """One invariant."""

    code: str
    title: str
    function: Callable[[], Iterable[Fault]]


@dataclass(frozen=True)
class Finding:
    """What a check found: the first faults, how many in all, and how long it took."""

    check: Check
    faults: list[Fault]
    count: int
    seconds: float


_checks: dict[str, Check] = {}


def check(code: str, title: str) -> Callable[[Callable[[], Iterable[Fault]]], Callable[[], Iterable[Fault]]]:
    """Register the decorated function as the check `code` ("app.what"); `title` is the invariant in words."""

    def register(function: Callable[[], Iterable[Fault]]) -> Callable[[], Iterable[Fault]]:
        known = _checks.get(code)
        if known and known.function is not function:
            raise ValueError(f"check {code!r} is registered twice")
        _checks[code] = Check(code, title, function)
        return function

    return register


def registered() -> list[Check]:
    """Every check of every installed app, by code."""
    autodiscover_modules("checks_verify")
    return [_checks[code] for code in sorted(_checks)]


def run(codes: Iterable[str] = (), limit: int = 1000) -> Iterator[Finding]:
    """Run the checks (all, or those whose code starts with one of `codes`), one finding each; at most `limit` faults are kept of each."""
    wanted = tuple(codes)
    for one in registered():
        if wanted and not one.code.startswith(wanted):
            continue
        began = time.perf_counter()
        with system("verify looks at everybody's rows and changes none"):
            found = iter(one.function())
            faults = list(islice(found, limit))
            count = len(faults) + sum(1 for _more in found)
        yield Finding(one, faults, count, round(time.perf_counter() - began, 2))


def rows(sql: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of a raw query, fetched in blocks."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        while block := cursor.fetchmany(2000):
            yield from block
