"""Where a benchmark's data live: a database and a data folder of its own per engine and size, never the user's.

DATABASE_URL picks the engine only. SQLite: a file below `var/bench/`. PostgreSQL: a database `<name>_bench_<size>` on the same
server, made on first use; the database named in the URL is only asked to make it. `manage.py demo` fills either, once.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

SIZES = {"tiny": 200, "10k": 10_000, "100k": 100_000, "1m": 1_000_000}
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Place:
    """A database to measure on: engine ("sqlite" or "postgres"), size, URL and data folder."""

    engine: str
    size: str
    url: str
    folder: Path

    @classmethod
    def of(cls, size: str, url: str = "", root: Path | None = None) -> Place:
        """The place for `size` on the engine of `url` ("" is SQLite), below `root` (default: var/bench)."""
        engine = "postgres" if url.startswith(("postgres", "pgsql")) else "sqlite"
        folder = (root or Path(os.environ.get("BENCH_DIR", ROOT / "var" / "bench"))) / f"{engine}-{size}"
        if engine == "sqlite":
            return cls(engine, size, f"sqlite:///{folder / 'bench.sqlite3'}", folder)
        parts = urlsplit(url)
        name = f"{parts.path.strip('/') or 'qihang'}_bench_{size}"
        return cls(engine, size, urlunsplit(parts._replace(path=f"/{name}")), folder)

    @property
    def students(self) -> int:
        """Students of the running cohort."""
        return SIZES[self.size]

    def enter(self) -> None:
        """Point this process's settings here; before Django is set up."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.environ |= {
            "DATABASE_URL": self.url, "DATA_DIR": str(self.folder), "DEBUG": "0", "DEMO": "0", "HTTPS": "0", "SECRET_KEY": "only-for-benchmarks",
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        }  # fmt: skip

    def create(self, server_url: str, *, fresh: bool = False) -> None:
        """Make the database if it is not there; `fresh` drops the benchmark's own one first."""
        if self.engine == "sqlite":
            if fresh:
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
            return
        import psycopg
        from psycopg import sql

        name = urlsplit(self.url).path.strip("/")
        with psycopg.connect(server_url, autocommit=True) as connection:
            if fresh:
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                make = "CREATE DATABASE {} ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
                connection.execute(sql.SQL(make).format(sql.Identifier(name)))

    def fill(self) -> None:
        """Migrate, make the demo data where they are missing, and remove what an interrupted run left behind."""
        from django.core.management import call_command
        from django.db import connection

        from benchmarks.extra import clear
        from config.health import migrations
        from models.jobs.upkeep import refresh_statistics
        from models.students.models import Student
        from workflows.scoping import system

        had = migrations()
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        stamp = self.folder / f"filled-{self.students}"
        if not stamp.exists():
            call_command("demo", students=self.students, skip_checks=True)
            stamp.touch()
            had = True
        if had:
            refresh_statistics()  # as the worker does every hour
            if self.engine == "postgres":
                with connection.cursor() as cursor:
                    cursor.execute("VACUUM ANALYZE")  # as the server does by itself, a little later
        with system("benchmark"):
            clear()
            found = Student.objects.filter(cohort__year=2027).count()
        if found < self.students:
            raise SystemExit(f"{self.url} holds {found} students, not {self.students}: run again with --fresh")
