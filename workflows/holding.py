"""One row, locked till the end of the transaction, together with what it points at: the only way a row is locked with its relations.

PostgreSQL (READ COMMITTED) looks again at a row it had to wait for, but joins it with the rows it had found before the wait. A student
who has meanwhile moved to another class then no longer meets the old class, and the row seems to be gone; where a relation may be empty,
it seems to be empty. A statement that begins after the wait sees both as they are, so such an answer is asked for once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, models

# The row is ours from the first look on unless it seemed to be gone; then somebody may change it once more before the second.
LOOKS = 4


def held(rows: models.QuerySet, *, whole: bool = False) -> Any | None:
    """The first of `rows`, locked; None when there is none.

    Rows that merely point at it can be written meanwhile: who makes one and who decides about this one do not wait for each other in
    a circle. `whole` keeps them out too, for deeds that change what such rows copy from it (a student's place and roll status).
    """
    return looked(rows.select_for_update(of=("self",), no_key=not whole).first)


def steady(row: models.Model) -> Any:
    """`row` as it is now, and what others copy from it kept as it is till the end of the transaction.

    For who makes something that copies from it: a deed that changes that (a `whole` lock) has either been done before and is seen,
    or waits and then finds what was made. Others who make something, or decide about it, are not kept waiting.
    """
    table, key = connection.ops.quote_name(row._meta.db_table), connection.ops.quote_name(row._meta.pk.column)
    how = " FOR KEY SHARE" if connection.vendor == "postgresql" else ""
    return type(row)._base_manager.raw(f"SELECT * FROM {table} WHERE {key} = %s{how}", [row.pk])[0]


def looked(look: Callable[[], Any | None]) -> Any | None:
    """What a locking `look` finds, asked again while its answer may come from before the wait."""
    row = look()
    if connection.features.has_select_for_update:
        for _again in range(LOOKS - 1):
            if row is not None and not _torn(row):
                break
            row = look()
    return row


def _torn(row: models.Model) -> bool:
    """Whether a relation was read as empty although the row points somewhere."""
    cache = row._state.fields_cache
    return any(
        name in cache and cache[name] is None and getattr(row, field.attname) is not None
        for field in row._meta.concrete_fields
        if field.is_relation and (name := field.name)
    )
