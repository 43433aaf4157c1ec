"""G4, the drill: an installation made by the migrations, with people and files, is lost and comes back by the commands an administrator types."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection

from models.backups import engines

pytestmark = [pytest.mark.nightly, pytest.mark.django_db]

LOG_IN = """
from django.contrib.auth import authenticate
from django.test import RequestFactory
from models.audit.models import Action, AuditEntry
assert authenticate(RequestFactory().post("/login/"), username="province", password="Demo-2027!"), "nobody can log in"
print([entry.action for entry in AuditEntry.unscoped.filter(action__in=[Action.BACKUP, Action.RESTORE]).order_by("pk")])
"""


def address(place) -> str:
    made = place.database.settings_dict
    if connection.vendor == "postgresql":
        return f"postgres://{made['USER']}:{made['PASSWORD']}@{made['HOST']}:{made['PORT']}/{made['NAME']}"
    return f"sqlite:///{made['NAME']}"


def manage(place, *words, code=0) -> str:
    """One command in that installation, as a process of its own; what it printed."""
    environment = os.environ | {
        "DATABASE_URL": address(place), "DATA_DIR": str(place.data), "SECRET_KEY": "only-for-this-drill", "DEBUG": "0", "DEMO": "0",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=Path(django_settings.BASE_DIR), env=environment, capture_output=True, text=True, timeout=900
    )  # fmt: skip
    assert done.returncode == code, f"{words}: {done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_lost_and_back(new_place, tmp_path):
    old, new = new_place(), new_place()
    manage(old, "migrate", "-v0")
    manage(old, "demo", "--students", "400")
    assert old.files(), "a drill without files proves half"
    manage(old, "tick")
    backups = tmp_path / "backups"
    manage(old, "backup", str(backups))
    (archive,) = backups.glob("*.tar")
    before, files = engines.contents(old.database), old.files()
    old.database.close()

    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(archive.read_bytes()[:-20_000])
    assert "已损坏或不完整" in manage(new, "restore", str(damaged), code=1)
    assert engines.contents(new.database) == {}

    new.database.close()
    assert "逐表核对无误" in manage(new, "restore", str(archive))
    after = engines.contents(new.database)
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"audit_auditentry", "sqlite_sequence"}, "the deed of the backup and that of the restore"
    assert new.files() == files
    new.database.close()
    manage(new, "migrate", "--check")
    manage(new, "verify")
    assert "['restore']" in manage(new, "shell", "-v0", "-c", LOG_IN)
    assert "这里已经有数据" in manage(new, "restore", str(archive), code=1)
