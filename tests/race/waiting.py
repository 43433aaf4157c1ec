"""Waiting till somebody else waits: how a race test knows that both are where they should meet."""

from __future__ import annotations

import time

from django.db import connection


def until_somebody_waits(seconds: float = 20) -> None:
    """Return when a session of the server waits for a lock; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while not _somebody_waits():
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.01)


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
