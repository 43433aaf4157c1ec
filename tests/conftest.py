"""What every test may use."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import TransactionTestCase

from models.codes.models import CodesVersion
from models.jobs.models import Job, Status
from models.jobs.runner import execute
from workflows import policy
from workflows.scoping import system, within

# What stands between a change and main gives the same verdict each time; `make test-all` draws new examples (and a new order) at every run.
hypothesis.settings.register_profile("same", derandomize=True, database=None)
hypothesis.settings.register_profile("new", derandomize=False)
hypothesis.settings.load_profile("same")

POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that only PostgreSQL can answer are skipped, visibly, on SQLite.

    Threads, other processes, Chromium and measured time: such a test may fail on a machine that was slow at the wrong moment. It gets a
    second try, which the verdict names with the first one's trace; `make test-all` counts a test that needed it as failed.
    """
    skip = pytest.mark.skip(reason="needs PostgreSQL: set DATABASE_URL")
    again = pytest.mark.flaky(reruns=1)
    for item in items:
        marked = {mark.name for mark in item.iter_markers()}
        if not POSTGRESQL and marked & {"postgres", "race"}:
            item.add_marker(skip)
        if marked & {"race", "browser", "machine"}:
            item.add_marker(again)


def pytest_collection_finish() -> None:
    """What is there before the first test (modules, models, the tests) stays to the end: the collector need not go through it each time.

    Nor need it look after every seven hundred new objects, of which one page makes some ten thousand: it was a tenth of the run.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.fixture
def run_jobs(db: None) -> Callable[[], list[Job]]:
    """Run everything that waits in the queue, here and now, as a worker would: nobody acting but the job's owner.

    Call it after the code that starts jobs; it returns the jobs it ran, as they ended. Jobs started by those jobs run too.
    """

    def run() -> list[Job]:
        ran: list[int] = []
        with within(None):
            while waiting := list(Job.objects.filter(status=Status.QUEUED).order_by("pk").values_list("pk", flat=True)):
                for pk in waiting:
                    execute(pk)
                ran += waiting
        return list(Job.objects.filter(pk__in=ran).order_by("pk"))

    return run


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """pytest-playwright drives the system's Chromium, quietly: no download, no calls home."""
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # playwright's loop runs in the test's thread
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    quiet.append(
        "--disable-smooth-scrolling"
    )  # a press on a bar that still glides into its place meets what is beside the button
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    return {**browser_type_launch_args, "executable_path": path, "args": ["--no-sandbox", "--disable-gpu", *quiet]}


@pytest.fixture
def everything():
    """The test body runs without row limits; for setting up and looking, not for what is under test."""
    with system("a test sets up and looks at rows"):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The code tables are loaded once per test database: they are part of what the product is, and slow to load per test.

    The tables are made from the models; what only a migration makes, the guard of the audit trail, is made here.
    """
    from tests.factories.people import load_codes

    with django_db_blocker.unblock(), system("tests load the code tables"):
        if not _has_migrations():
            with connection.schema_editor() as editor:
                GUARD.create(None, editor)
            MigrationRecorder(connection).ensure_schema()
        load_codes()
        _standing.note()
        TransactionTestCase._fixture_teardown = _empty
    yield
    if POSTGRESQL:
        # A thread of the live server, or of a race, may still hold the connection of its last request: nobody drops the database from under it.
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


class _Standing:
    """What stands in a test database before the first test: code tables, permissions, groups. Loading it takes seconds."""

    def note(self) -> None:
        self.codes = self._token()
        with connection.cursor() as cursor:
            names = connection.introspection.table_names(cursor)
            self.tables = {name for name in names if self._filled(cursor, name)}
            points_to = {
                name: {table for _column, table in connection.introspection.get_relations(cursor, name).values()}
                for name in self.tables
            }
        # PostgreSQL empties no table that one which stands points to: what points to people (the history of codes) goes with them.
        while gone := {name for name in self.tables if points_to[name] - self.tables}:
            self.tables -= gone

    def untouched(self) -> bool:
        return self._token() == self.codes

    def _token(self) -> str | None:
        return CodesVersion.objects.values_list("token", flat=True).first()

    def _filled(self, cursor: Any, name: str) -> bool:
        cursor.execute(f"SELECT 1 FROM {connection.ops.quote_name(name)} LIMIT 1")
        return cursor.fetchone() is not None


_standing = _Standing()
_empty_all = TransactionTestCase._fixture_teardown


def _empty(case: TransactionTestCase) -> None:
    """After a test that committed: every table is emptied but what stands; a test that wrote codes has them loaded anew."""
    from tests.factories.people import load_codes

    if not _standing.untouched():
        _empty_all(case)
        with system("tests load the code tables again"):
            load_codes()
        _standing.codes = _standing._token()
        return
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    gone = [name for name in names if name not in _standing.tables]
    if POSTGRESQL and _is_superuser():
        _delete(gone)
    else:
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), gone))


def _is_superuser() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT usesuper FROM pg_user WHERE usename = current_user")
        return bool(cursor.fetchone()[0])


def _delete(names: list[str]) -> None:
    """Empty these tables of PostgreSQL: most have no rows, and a TRUNCATE would give every one of them, and its indexes, new files.

    For the length of the transaction neither foreign keys nor the trail's guard are asked: as a whole, what stands afterwards agrees.
    """
    quoted = {name: connection.ops.quote_name(name) for name in names}
    filled = " UNION ALL ".join(
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {table})" for name, table in quoted.items()
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(filled)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {quoted[name]}")


GUARD = import_module("models.audit.migrations.0004_guard")
_flush = BaseDatabaseOperations.execute_sql_flush


def _flush_the_trail_too(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
    """What empties the database between transactional tests has no door through the trail's guard, as nobody has: it takes the guard down."""
    with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
        hand = SimpleNamespace(connection=self.connection, execute=cursor.execute)
        GUARD.drop(None, hand)
        _flush(self, sql_list)
        GUARD.create(None, hand)


BaseDatabaseOperations.execute_sql_flush = _flush_the_trail_too


def _has_migrations() -> bool:
    """Whether the tables came by migrations (`--migrations`), and the guard with them."""
    return MigrationLoader(connection).graph.nodes != {}


@pytest.fixture(autouse=True)
def _settings_of_the_engine_are_read_afresh():
    """Levels, windows and fields are remembered for seconds; a rolled-back test must not lend them to the next."""
    policy.forget_all()
