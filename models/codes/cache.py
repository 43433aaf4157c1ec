"""When a process may trust the code tables it has read: the version token and the snapshot kept beside it.

Every write gives the tables a new random token (`codes_codesversion`, one row). A process keeps one `Snapshot` and compares
tokens at most every `settings.CODES_CHECK_SECONDS` (default 2; None = only after a write of its own), so that a change made
in one process reaches all others in seconds and costs them one small query.

A thread that has written inside a transaction reads its own private snapshot until that transaction ends: others must not see
what is not committed, and after a rollback nothing of it may stay behind. Whether it has ended is seen from a marker left
among the connection's on-commit hooks, which Django drops on commit and on rollback (also to a savepoint), without a query.
"""

import threading
import time
import uuid
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from models.codes.models import Code, CodesVersion, CodeTable


class Entry(NamedTuple):
    """One code as the lookup holds it; `flags` and `aliases` are shared, do not change them."""

    code: str
    name: str
    parent: str
    aliases: tuple
    flags: dict
    valid_from: int | None
    valid_to: int | None
    former: bool
    successor: str
    source: str
    sureness: str
    order: int
    active: bool


@dataclass(frozen=True)
class Snapshot:
    """All tables at one moment: `tables` maps a key to (CodeTable, its entries in display order); `made` holds what is derived."""

    token: str
    tables: dict
    made: dict


class _Thread(threading.local):
    markers: list = []
    hooks: object = None
    snapshot: Snapshot | None = None


_lock = threading.Lock()
_thread = _Thread()
_shared: Snapshot | None = None
_checked = 0.0


def read_token() -> str:
    return CodesVersion.objects.filter(pk=1).values_list("token", flat=True).first() or ""


def _load() -> Snapshot:
    # The token first: a write that lands between the two reads then makes the snapshot look old, never new.
    token = read_token()
    tables = {table.key: (table, []) for table in CodeTable.objects.all()}
    rows = Code.objects.order_by("order", "code").values_list(
        "table_id", "code", "name", "parent_code", "aliases", "flags", "valid_from_year", "valid_to_year",
        "former", "successor", "source", "sureness", "order", "is_active",
    )  # fmt: skip
    for key, code, name, parent, aliases, *rest in rows.iterator(chunk_size=5000):
        tables[key][1].append(Entry(code, name, parent, tuple(aliases), *rest))
    return Snapshot(token, tables, {})


def _open_transaction() -> bool:
    """Whether this thread still has code writes that are neither committed nor rolled back."""
    state = _thread
    if not state.markers:
        return False
    hooks = transaction.get_connection().run_on_commit
    if hooks is state.hooks:
        return True
    left = {id(hook[1]) for hook in hooks}
    alive = [marker for marker in state.markers if id(marker) in left]
    if len(alive) != len(state.markers):
        state.snapshot = None
        expire()
    state.markers, state.hooks = alive, hooks
    return bool(alive)


def current() -> Snapshot:
    """The snapshot this thread may read now, loaded or reloaded if need be."""
    global _shared, _checked
    if _open_transaction():
        if _thread.snapshot is None:
            _thread.snapshot = _load()
        return _thread.snapshot
    interval = getattr(settings, "CODES_CHECK_SECONDS", 2)
    snapshot, now = _shared, time.monotonic()
    if snapshot is not None and _checked and (interval is None or now - _checked < interval):
        return snapshot
    with _lock:
        if _shared is None or _shared.token != read_token():
            _shared = _load()
        _checked = now
        return _shared


def expire() -> None:
    """Compare with the database before the next read from the shared snapshot."""
    global _checked
    _checked = 0.0


def invalidate() -> None:
    """Say that code tables were written. Signals call it for single saves; a bulk write must call it itself, once, afterwards."""
    CodesVersion.objects.bulk_create(
        [CodesVersion(pk=1, token=uuid.uuid4().hex)],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["token"],
    )
    connection = transaction.get_connection()
    if not connection.in_atomic_block:
        expire()
        return

    def marker():
        expire()

    transaction.on_commit(marker)
    _thread.markers = [*_thread.markers, marker]
    _thread.hooks, _thread.snapshot = connection.run_on_commit, None


def forget() -> None:
    """Drop everything this process remembers (the tables were flushed or migrated)."""
    global _shared
    _shared = None
    _thread.markers, _thread.hooks, _thread.snapshot = [], None, None
    expire()
