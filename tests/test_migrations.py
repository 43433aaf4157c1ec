"""The migrations build, from nothing, what the models say; every other test takes its tables from the models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.audit.door import TRIGGERS

ROOT = Path(__file__).parent.parent


@pytest.mark.nightly
def test_migrations_build_the_tables_of_the_models_from_nothing(tmp_path):
    """Each step runs on an empty database, nothing is left to migrate, and the trail's guard is there."""
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}", "DATA_DIR": str(tmp_path), "SECRET_KEY": "only-for-this-test",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }  # fmt: skip
    for command in (["migrate", "-v0"], ["makemigrations", "--check", "--dry-run"], ["migrate", "--check"]):
        subprocess.run([sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True, timeout=600)
    look = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'audit_%'"
    found = subprocess.run(
        [sys.executable, "-c", f"import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute({look!r}).fetchone()[0])", str(tmp_path / "new.sqlite3")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == str(len(TRIGGERS["sqlite"]))
