"""Files that no row names go after a day; every other file stays. Each folder of the private store is under this one upkeep."""

from __future__ import annotations

import ast
import importlib
import os
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage

from models.jobs import strays
from models.jobs.checks_verify import file_columns
from models.jobs.files import store_private
from models.jobs.models import Job, Status, Tick
from models.jobs.schedule import tick

pytestmark = pytest.mark.django_db

FLOORS = ("workflows", "models", "exports", "admin_site", "self_service", "config")


def age(name: str, seconds: float = 2 * 86400) -> None:
    then = time.time() - seconds
    os.utime(default_storage.path(name), (then, then))


@pytest.mark.parametrize("folder", strays.folders())
def test_a_stray_goes_after_a_day_and_a_young_one_stays(folder):
    stray, nearly, young = (store_private("a.pdf", b"x", folder) for _ in range(3))
    age(stray)
    age(nearly, 23 * 3600)
    assert strays.sweep(folder) >= 1
    assert [default_storage.exists(name) for name in (stray, nearly, young)] == [False, True, True]


@pytest.mark.parametrize("folder", ["jobs", "batches", "materials"])
def test_the_file_of_a_row_stays_however_old(folder):
    kept = store_private("a.xlsx", b"x", folder)
    age(kept, 400 * 86400)
    job = Job.objects.create(kind="test", title="导出", status=Status.DONE, result_file=kept)
    strays.sweep(folder)
    assert default_storage.exists(kept)
    job.delete()
    assert strays.sweep(folder) == 1
    assert not default_storage.exists(kept)


def test_what_a_killed_process_left_half_written_goes_too():
    whole = Path(default_storage.path(store_private("a.pdf", b"x", "imports")))
    part = whole.with_name(f".{whole.name}.part")
    part.write_bytes(b"half")
    os.utime(part, (0, 0))
    assert strays.sweep("imports") == 1
    assert whole.exists()
    assert not part.exists()


def test_the_worker_does_it_daily_and_says_what_went():
    stray = store_private("a.pdf", b"x", "appeals")
    age(stray)
    outcome = tick(force=True)["jobs.strays"]
    assert "appeals 1 个" in outcome
    assert not default_storage.exists(stray)
    assert Tick.objects.get(name="jobs.strays").last_finished


def test_every_column_that_names_a_file_is_declared():
    declared = {column for columns in strays.folders().values() for column in columns}
    assert {f"{model._meta.label}.{name}" for model, name in file_columns()} <= declared


def test_every_folder_that_is_written_is_declared():
    written = dict(_written())
    assert len(written) > 5
    assert {place: folder for place, folder in written.items() if folder not in strays.folders()} == {}


def _written():
    """(place, folder) of every store_private in the source; the folder is a word or a constant of its module."""
    for floor in FLOORS:
        for path in sorted((settings.BASE_DIR / floor).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "store_private(" not in text:
                continue
            for node in ast.walk(ast.parse(text)):
                if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "store_private":
                    continue
                place, folder = f"{path.relative_to(settings.BASE_DIR)}:{node.lineno}", node.args[2]
                if isinstance(folder, ast.Constant):
                    yield place, folder.value
                else:
                    module = ".".join(path.relative_to(settings.BASE_DIR).with_suffix("").parts)
                    yield place, getattr(importlib.import_module(module), folder.id)
