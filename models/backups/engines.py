"""The database's own part: a consistent copy of it, what is in it, and putting such a copy in its place.

Each engine is copied by its own tool (`pg_dump`, SQLite's backup interface), not by a portable dump of ours: constraints, triggers,
collations and sequences come along without this code knowing of them, the copy is one snapshot however long it takes while people work,
and where this program is lost, the engine's own tools still read what lies in the archive. The price: an archive goes back into the
engine it came from. Moving from SQLite to PostgreSQL is another task than restoring.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import sqlite3
import subprocess  # nosec B404
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql.client import DatabaseClient

from models.backups.errors import BackupError
from models.backups.programs import Program

Contents = dict[str, list[Any]]  # table: [number of rows, digest of the rows in whatever order]
BLOCK = 1024 * 1024
WIDE = (1 << 64) - 1
INSTALL = "请安装 PostgreSQL 客户端程序（Debian：apt install postgresql-client），版本不低于服务器。"

# What the application makes lies in one schema: its tables, and the functions of its triggers. Nothing else is touched.
EMPTY = """DO $$ DECLARE one text; BEGIN
FOR one IN SELECT format('DROP TABLE IF EXISTS %I.%I CASCADE', schemaname, tablename) FROM pg_tables WHERE schemaname = '{schema}'
LOOP EXECUTE one; END LOOP;
FOR one IN SELECT format('DROP SEQUENCE IF EXISTS %I.%I CASCADE', schemaname, sequencename) FROM pg_sequences WHERE schemaname = '{schema}'
LOOP EXECUTE one; END LOOP;
FOR one IN SELECT format('DROP ROUTINE %s CASCADE', p.oid::regprocedure) FROM pg_proc p
    WHERE p.pronamespace = '{schema}'::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
LOOP EXECUTE one; END LOOP;
FOR one IN SELECT format('DROP COLLATION %I.%I', '{schema}', collname) FROM pg_collation WHERE collnamespace = '{schema}'::regnamespace
LOOP EXECUTE one; END LOOP;
END $$;
"""


def take(connection: BaseDatabaseWrapper, target: Path) -> Contents:
    """Copy the database as it is at one moment to the file `target` and return what is in the copy. BackupError if it cannot be done."""
    return _pg_take(connection, target) if connection.vendor == "postgresql" else _sqlite_take(connection, target)


def put(connection: BaseDatabaseWrapper, source: Path) -> None:
    """Make the database what the copy `source` says, in one transaction: all of it or, with a BackupError, nothing."""
    (_pg_put if connection.vendor == "postgresql" else _sqlite_put)(connection, source)


def contents(connection: BaseDatabaseWrapper) -> Contents:
    """Every table with its number of rows and a digest that does not depend on their order."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            return _pg_contents(cursor)
    connection.ensure_connection()
    return _sqlite_contents(connection.connection)


def has_tables(connection: BaseDatabaseWrapper) -> bool:
    """Whether anything has been made in the database yet."""
    return bool(connection.introspection.table_names())


def version(connection: BaseDatabaseWrapper) -> str:
    """The engine's version, for the person who restores years later."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return str(cursor.fetchone()[0])
    return sqlite3.sqlite_version


# -- SQLite ------------------------------------------------------------------------------------------------------------------------


def _sqlite_take(connection: BaseDatabaseWrapper, target: Path) -> Contents:
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(target)) as copy:
        try:
            connection.connection.backup(
                copy
            )  # one step under a read lock: what is in the WAL comes along, what is not committed does not
            copy.execute("PRAGMA journal_mode=DELETE")  # the copy is one file
            return _sqlite_contents(copy)
        except sqlite3.Error as error:
            raise BackupError(f"数据库没有备份成功：{error}。请检查磁盘空间后重试。") from error


def _sqlite_put(connection: BaseDatabaseWrapper, source: Path) -> None:
    connection.ensure_connection()
    with contextlib.closing(sqlite3.connect(source)) as copy:
        try:
            fault = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise BackupError(f"备份中的数据库已损坏（{fault}），没有恢复。请换一份备份。")
            copy.backup(connection.connection)
        except sqlite3.Error as error:
            raise BackupError(f"数据库没有恢复：{error}。请停止服务和后台任务进程后重试。") from error


def _sqlite_contents(raw: sqlite3.Connection) -> Contents:
    names = raw.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    found: Contents = {}
    for (name,) in names.fetchall():
        columns = [row[1] for row in raw.execute(f"PRAGMA table_info({_quoted(name)})")]
        # "+column" is the value without its declared type: Django's connection would make dates of it, a plain one would not.
        rows = raw.execute(f"SELECT {', '.join(f'+{_quoted(column)}' for column in columns)} FROM {_quoted(name)}")
        found[name] = _folded(repr(tuple(row)).encode(errors="surrogatepass") for row in rows)
    return found


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))


def _folded(rows: Iterable[bytes]) -> list[Any]:
    count = total = 0
    for row in rows:
        count += 1
        total = total + int.from_bytes(hashlib.blake2b(row, digest_size=8).digest(), "big") & WIDE
    return [count, f"{total:016x}"]


# -- PostgreSQL --------------------------------------------------------------------------------------------------------------------


def _pg_take(connection: BaseDatabaseWrapper, target: Path) -> Contents:
    reader = connection.copy()  # a connection of its own: the snapshot is that of a transaction begun for it
    try:
        reader.connect()
        with reader.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            options = [
                "--format=custom",
                "--no-owner",
                "--no-acl",
                f"--snapshot={cursor.fetchone()[0]}",
                f"--file={target}",
            ]
            with _program("pg_dump", options, connection) as dump:
                if fault := dump.fault():
                    raise BackupError(f"数据库没有备份成功。{fault}")
            return _pg_contents(cursor)
    finally:
        reader.close()


def _pg_contents(cursor: Any) -> Contents:
    """A row as text depends on two settings of the session; fixed here, so that every server gives the same digest."""
    cursor.execute("SELECT set_config('timezone', 'UTC', false), set_config('datestyle', 'ISO', false)")
    schema = _schema(cursor)
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])
    found: Contents = {}
    for (name,) in cursor.fetchall():
        digests = "sum(('x' || substr(md5(t::text), 1, 16))::bit(64)::bigint::numeric)"
        cursor.execute(f'SELECT count(*), COALESCE({digests}, 0) FROM "{schema}"."{name}" t')
        count, total = cursor.fetchone()
        found[name] = [count, f"{int(total) & WIDE:016x}"]
    return found


def _schema(cursor: Any) -> str:
    cursor.execute("SELECT current_schema()")
    return str(cursor.fetchone()[0])


def _pg_put(connection: BaseDatabaseWrapper, source: Path) -> None:
    """`pg_restore` writes SQL into a transaction that `psql` holds open; it is committed only once pg_restore has ended well.

    With a plain pipe psql would commit what a killed pg_restore had written so far: it cannot tell that from the end.
    """
    with connection.cursor() as cursor:
        schema = _schema(cursor)
    connection.close()  # our own idle transaction must not hold the tables that are to be dropped
    reading = ["pg_restore", "--no-owner", "--no-acl", "--file=-", str(source)]
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    environment = {"PGOPTIONS": "-c client_min_messages=warning -c lock_timeout=30s"}
    with (
        _program("psql", options, connection, environment, stdin=subprocess.PIPE) as psql,
        Program(reading, hint=INSTALL, stdout=subprocess.PIPE) as restore,
    ):
        fault = ""
        try:
            psql.stdin.write(b"BEGIN;\n" + EMPTY.format(schema=schema).encode())
            shutil.copyfileobj(restore.stdout, psql.stdin, BLOCK)
            if not (fault := restore.fault()):
                psql.stdin.write(b"\nCOMMIT;\n")
            psql.stdin.close()
        except BrokenPipeError:
            pass  # psql has ended on an error, and says which
        if fault := fault or psql.fault():
            raise BackupError(f"数据库没有恢复，原有数据未变。{fault}")


def _program(
    name: str, options: list[str], connection: BaseDatabaseWrapper, more: dict[str, str] | None = None, **pipes: Any
) -> Program:
    """A program that reaches this database. The password goes by the environment: arguments can be read by everybody on the machine."""
    command, environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    return Program([name, *options, *command[1:]], {**(environment or {}), **(more or {})}, hint=INSTALL, **pipes)
