"""Stray files: left in the private store when the row that should name them was rolled back, deleted, or never came.

A floor that stores files says in its `job_handlers.py` which rows name the files of a folder; one upkeep looks through all of them:

    keeps("evidence", "evidence.Evidence.stored")

A folder may be declared in several places: whoever can still need a file adds its column, and a file that anybody names stays.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from django.apps import apps
from django.core.files.storage import default_storage
from django.db import models
from django.db.models.functions import Cast

from models.jobs.registry import load

STRAY_AFTER = 24 * 3600  # longer than any job or command runs between storing a file and writing the row that names it
AT_ONCE = 5000
Columns = Callable[[], Iterable[str]]

_columns: dict[str, list[str | Columns]] = {}
_ages: dict[str, float] = {}


def keeps(folder: str, *columns: str | Columns, after: float = STRAY_AFTER) -> None:
    """Declare that rows name the files of `folder`; a file that none of them names is deleted `after` seconds after it was written.

    columns  "app.Model.field" of a FileField, or of a JSONField with stored names somewhere in it; or a function that yields such,
             asked when the apps are loaded
    """
    known = _columns.setdefault(folder, [])
    known += [column for column in columns if column not in known]
    _ages[folder] = max(after, _ages.get(folder, 0))


def folders() -> dict[str, list[str]]:
    """{folder: the columns that name its files}, as declared by all apps."""
    load()
    return {
        folder: [name for one in known for name in ([one] if isinstance(one, str) else one())]
        for folder, known in _columns.items()
    }


def sweep_all() -> str:
    """Delete the strays of every declared folder; what was deleted, in words, or nothing."""
    counts = {folder: sweep(folder) for folder in folders()}
    return "，".join(f"{folder} {count} 个" for folder, count in counts.items() if count)


def sweep(folder: str) -> int:
    """Delete the strays of one folder; returns how many.

    The rows are read after the look at the disk, so that a file is never taken whose row came in between.
    """
    columns = folders()[folder]
    strays = set(_old(folder, time.time() - _ages[folder]))
    for column in columns:
        if not strays:
            break
        strays.difference_update(_named(folder, column))
    for name in strays:
        Path(default_storage.path(name)).unlink(missing_ok=True)
    return len(strays)


def _old(folder: str, before: float) -> Iterator[str]:
    root, base = Path(default_storage.path(folder)), Path(default_storage.path(""))
    for path in root.rglob("*") if root.is_dir() else ():
        if path.is_file() and path.stat().st_mtime < before:
            yield path.relative_to(base).as_posix()


def _named(folder: str, column: str) -> Iterator[str]:
    """The names of files of `folder` that rows hold in `column`."""
    label, _, name = column.rpartition(".")
    model = apps.get_model(label)
    if isinstance(model._meta.get_field(name), models.JSONField):
        # Names lie anywhere in such a value: alone, in a pair of old and new, below the key of a field.
        texts = model._base_manager.annotate(as_text=Cast(name, models.TextField()))
        stored = re.compile(rf"{folder}/[\w./-]+")
        texts = texts.filter(
            as_text__contains=f'"{folder}/'
        ).order_by()  # nearly no row does; the database passes over the others
        for text in texts.values_list("as_text", flat=True).iterator(chunk_size=AT_ONCE):
            yield from stored.findall(text)
    else:
        yield from model._base_manager.exclude(**{name: ""}).values_list(name, flat=True).iterator(chunk_size=AT_ONCE)
