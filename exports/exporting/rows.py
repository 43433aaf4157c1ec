"""Reading what is exported: the keys first, in order, then the values in blocks by key.

Each block is a query of its own: memory stays constant, no read transaction is held open while a slow writer works (which on
SQLite would refuse the job's own progress writes), and a row that has left the person's scope meanwhile is not in its block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import models

from models.codes.models import Code
from workflows.bulkrows import those

BLOCK = 2000
OPEN = frozenset({Code})  # nobody's data in particular: the official lists, the same for all


def visible(model: type[models.Model], user: Any) -> models.QuerySet:
    """The rows of `model` that `user` may see, unordered."""
    rows = model._default_manager.order_by()
    return rows if model in OPEN else user.scope_of(rows)


def ordered_keys(queryset: models.QuerySet, order: Sequence[str] = ()) -> list[int]:
    """Keys of the rows in `order`; without one by number, where the kind of record has one: as a roll is read."""
    number = getattr(queryset.model, "search_paths", {}).get("number", "pk")
    return list(queryset.order_by(*(order or (number,)), "pk").values_list("pk", flat=True))


def blocks(
    model: type[models.Model],
    user: Any,
    keys: Sequence[int],
    sources: Sequence[Any],
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[tuple[Any, ...]]]:
    """Values of `sources` for `keys`, key first, in the order of the keys, as `user` may see them."""
    found_by = visible(model, user)
    for start in range(0, len(keys), BLOCK):
        part = keys[start : start + BLOCK]
        found = {row[0]: row for row in those(found_by, model._meta.pk.name, part).values_list("pk", *sources)}
        yield [found[key] for key in part if key in found]
        if progress:
            progress(start + len(part))
