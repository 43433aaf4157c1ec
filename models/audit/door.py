"""The one way out of the audit trail: the purge of rows older than six months. The triggers of migration 0004 refuse every other."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from django.db import connections

SIX_MONTHS = (
    184  # days, the longest way: 网络安全法第 23 条. The triggers hold the same number, whatever the settings say
)
TRIGGERS = {
    "postgresql": (
        "audit_append_only",
        "audit_no_delete",
        "audit_no_truncate",
        "audit_seal_append_only",
        "audit_seal_no_truncate",
    ),
    "sqlite": (
        "audit_append_only",
        "audit_no_delete",
        "audit_no_replace",
        "audit_seal_append_only",
        "audit_seal_no_delete",
        "audit_seal_no_replace",
    ),
}

_open: ContextVar[bool] = ContextVar("audit_door", default=False)


def remove(keys: Sequence[int], using: str) -> int:
    """Delete the entries with these keys and return how many. DatabaseError, and none is deleted, if one is younger than six months."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT audit_purge(%s)", [list(keys)])
            return int(cursor.fetchone()[0])
        opened = _open.set(True)
        try:
            cursor.execute(f"DELETE FROM audit_auditentry WHERE id IN ({', '.join(str(int(key)) for key in keys)})")
            return int(cursor.rowcount)
        finally:
            _open.reset(opened)


def install(connection: Any, **kwargs: Any) -> None:
    """Give a new SQLite connection `audit_door()`, which the trigger asks. A connection of anything else has no such function."""
    if connection.vendor == "sqlite":
        connection.connection.create_function("audit_door", 0, lambda: int(_open.get()))


def missing(using: str = "default") -> list[str]:
    """Triggers that should stand before the trail and do not: dropped, switched off, or lost with a rebuilt table."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'
               AND tgrelid IN ('audit_auditentry'::regclass, 'audit_auditseal'::regclass)"""
            if connection.vendor == "postgresql"
            else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        )
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in TRIGGERS[connection.vendor] if name not in there]
