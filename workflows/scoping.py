"""Row scope: the one answer to "which rows may this person see", applied by the default manager of every scoped model.

A query on a scoped model outside a scope raises instead of answering for everybody. Requests run inside `acting(user)`
(models.accounts.middleware), commands and jobs inside `system(reason)`; every `system(...)` is listed in docs/system_scopes.txt.

A scoped model declares one of
    scope_path    look-up of a materialised org path, e.g. "org_path": staff see rows below their appointments
    scope_school  look-up of a school id, e.g. "school_id": staff see the rows of their schools (and shared rows, school NULL, if
                  `scope_shared = True`)
    scope_common  condition (Q) on rows that are common to all schools (用人单位库): every member of staff sees them, functions say
                  who opens them
and, if a member of staff sees besides what is their own, `owner_path`: look-up of the owner's user id;
and, if the person it is about may see it, `subject_path`: look-up of that person's user id, and `party_paths`: look-ups of the user
ids of others it binds (the employer of an agreement).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import Q


class UnscopedQuery(RuntimeError):
    """A scoped model was queried while nobody was acting: a programming error, never shown to a person."""


class PathField(models.CharField):
    """A materialised path "12/40/7/": bytewise collation, so that one b-tree range answers "below this node" on every engine."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 120)
        super().__init__(*args, **kwargs)

    def db_parameters(self, connection):
        return super().db_parameters(connection) | {"collation": "C" if connection.vendor == "postgresql" else None}


class OrderedCharField(PathField):
    """Text that is searched by prefix range (numbers, names): bytewise collation for the same reason as PathField."""


def upper_bound(prefix: str) -> str:
    """The first string after every string that starts with `prefix`, in byte order ("12/" → "120", since "0" follows "/")."""
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def below(lookup: str, prefixes: Iterable[str]) -> Q:
    """Rows whose path starts with one of `prefixes`; no prefix, no rows. The empty prefix means every row."""
    condition = Q(pk__in=[])
    for prefix in prefixes:
        if not prefix:
            return Q()
        condition |= Q(**{f"{lookup}__gte": prefix, f"{lookup}__lt": upper_bound(prefix)})
    return condition


def outermost(prefixes: Iterable[str]) -> tuple[str, ...]:
    """Drop the prefixes that another one already covers."""
    kept: list[str] = []
    for prefix in sorted(set(prefixes)):
        if not any(prefix.startswith(other) for other in kept):
            kept.append(prefix)
    return tuple(kept)


@dataclass(frozen=True)
class Scope:
    """What one person may see: everything, the rows below some paths, or what is about themselves."""

    everything: bool = False
    prefixes: tuple[str, ...] = ()
    school_ids: tuple[int, ...] = ()
    subject_id: int | None = None
    person_id: int | None = None
    reason: str = field(default="", compare=False)

    def covers(self, path: str) -> bool:
        """Whether a row with this org path is inside; for rows at hand, without a query."""
        return self.everything or any(path.startswith(prefix) for prefix in self.prefixes)

    def limit(self, queryset: models.QuerySet, path: str | None = None) -> models.QuerySet:
        """Narrow `queryset` to this scope. A model that declares nothing is empty for everybody but the system."""
        if self.everything:
            return queryset
        model = queryset.model
        condition = Q(pk__in=[])
        if self.person_id is not None and (common := getattr(model, "scope_common", None)):
            condition |= common
        paths = (path,) if path else getattr(model, "scope_paths", (getattr(model, "scope_path", None),))
        for lookup in paths:
            if lookup and self.prefixes:
                condition |= below(lookup, self.prefixes)
        if (school := getattr(model, "scope_school", None)) and self.school_ids:
            condition |= Q(**{f"{school}__in": self.school_ids})
            if getattr(model, "scope_shared", False):
                condition |= Q(**{f"{school.removesuffix('_id')}__isnull": True})
        if self.person_id is not None and (owner := getattr(model, "owner_path", None)):
            condition |= Q(**{owner: self.person_id})
        if self.subject_id is not None and (subject := getattr(model, "subject_path", None)):
            condition |= Q(**{subject: self.subject_id})
        for party in getattr(model, "party_paths", ()) if self.subject_id is not None else ():
            condition |= Q(**{party: self.subject_id})
        return queryset.filter(condition)


EVERYTHING = Scope(everything=True)
NOTHING = Scope()

_current: ContextVar[Scope | None] = ContextVar("qihang_scope", default=None)


def current() -> Scope | None:
    """The scope in force, None outside of one."""
    return _current.get()


@contextmanager
def within(scope: Scope | None) -> Iterator[None]:
    """Run a block inside `scope` (None closes the door again: used by tests of the guard)."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


def acting(user: Any):
    """Run a block as `user` sees the world; somebody who has not logged in sees nothing."""
    return within(user.scope if getattr(user, "is_authenticated", False) else NOTHING)


def system(reason: str):
    """Run a block without limits, for work that is not one person's look at the data. `reason` says why that is right."""
    return within(Scope(everything=True, reason=reason))


class ScopedQuerySet(models.QuerySet):
    """Query set of scoped models."""

    def visible_to(self, user: Any) -> ScopedQuerySet:
        """The rows `user` may see, whoever is acting."""
        return user.scope_of(self)


class ScopedManager(models.Manager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    """Default manager of scoped models: answers only inside a scope, and only that scope's rows."""

    def get_queryset(self):
        scope = _current.get()
        if scope is None:
            raise UnscopedQuery(f"{self.model.__name__} was queried outside of acting(user) or system(reason)")
        return scope.limit(super().get_queryset())

    def none(self):
        """No rows need no scope: forms name a model before anybody acts."""
        return super().get_queryset().none()
