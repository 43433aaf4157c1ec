"""Rows locked till the end of the transaction: the only place that asks the database for a lock on what it reads.

One order, so that no two deeds wait for each other in a circle: first whom it is about (the student, the employer), then what is about
them, then what they share with others (numbers, the employer library). `held` and `bulkrows.lock` take the first step by themselves,
for matters by their `scope_source`, for what goes with a student by `goes_with`. Several subjects are held in key order. Who changes what records copy from
a student (`whole`) holds the student whole from the first look on: a lock that grows meets those who wait for it to end.

Locks keep out writers, not rows that are to point here (NO KEY UPDATE): whoever makes a row about a student, or names an account in a
log, waits for nobody but a `whole` deed.

PostgreSQL (READ COMMITTED) looks again at a row it had to wait for, but joins it with the rows it had found before the wait. A student
who has meanwhile moved to another class then no longer meets the old class, and the row seems to be gone; where a relation may be empty,
it seems to be empty. A statement that begins after the wait sees both as they are, so such an answer is asked for once more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, models

from workflows.errors import Absent

# The row is ours from the first look on unless it seemed to be gone; then somebody may change it once more before the second.
LOOKS = 4


def locking(rows: models.QuerySet, *, whole: bool = False, skip: bool = False) -> models.QuerySet:
    """`rows`, each locked as it is read. `skip` passes over those that somebody else holds.

    `whole` also keeps out rows that are to point at them, for deeds that change what such rows copy (a student's place and roll status).
    """
    skip = skip and connection.features.has_select_for_update_skip_locked
    return rows.select_for_update(of=("self",), no_key=not whole, skip_locked=skip)


def held(rows: models.QuerySet, *, whole: bool = False) -> Any | None:
    """The first of `rows`, locked after whom they are about; None when there is none."""
    hold_subjects(rows)
    return looked(locking(rows, whole=whole).first)


def taken(rows: models.QuerySet, absent: str, *, whole: bool = False) -> Any:
    """The first of `rows`, as `held`; raises Absent with this sentence when there is none."""
    row = held(rows, whole=whole)
    if row is None:
        raise Absent(absent)
    return row


def subject_of(model: type[models.Model]) -> models.ForeignKey | None:
    """The relation to whom a row is about, who is held before it."""
    name = getattr(model, "scope_source", "") or getattr(model, "goes_with", "")
    return model._meta.get_field(name) if name else None


def hold_subjects(rows: models.QuerySet) -> None:
    """Hold whom these rows are about, in key order; nothing to do for rows that are about nobody."""
    if (about := subject_of(rows.model)) is not None and connection.features.has_select_for_update:
        theirs = about.related_model._base_manager.filter(pk__in=rows.order_by().values(about.attname))
        list(locking(theirs.order_by("pk")).values_list("pk", flat=True))


def steady(row: models.Model) -> Any:
    """`row` as it is now, held: for who makes something about it, which copies from it.

    A deed that changes what is copied has either been done before and is seen, or waits and then finds what was made.
    """
    table, key = connection.ops.quote_name(row._meta.db_table), connection.ops.quote_name(row._meta.pk.column)
    how = " FOR NO KEY UPDATE" if connection.vendor == "postgresql" else ""
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
