"""One record of the person who asks, whole, by a prepared statement: what every page and call of self-service begins with.

The scope stands in the statement, as `Scope.limit` writes it for somebody who sees nothing but what is about themselves.
"""

from __future__ import annotations

from functools import cache

from django.db import models

from workflows import holding
from workflows.prepared import KEY, Prepared
from workflows.scoping import Scope

Matter = type[models.Model]


def is_own_only(scope: Scope | None, model: Matter) -> bool:
    """Whether this scope opens no row of the matter but those about its person."""
    if scope is None or scope.subject_id is None or hasattr(model, "scope_school") or getattr(model, "party_paths", ()):
        return False
    return not (scope.everything or scope.prefixes or scope.person_id is not None)


def record(model: Matter, user_id: int, pk: int | None = None, *, lock: bool = False) -> models.Model | None:
    """The record with this key, or the newest, with everything its declared fields reach; None when it is not the person's."""
    return _newest(model, lock).first(user_id) if pk is None else _by_key(model, lock).first(user_id, pk)


def _rows(model: Matter, user_id: int, lock: bool) -> models.QuerySet:
    rows = model._base_manager.select_related(*model.joins())
    rows = Scope(subject_id=user_id).limit(rows)
    return holding.locking(rows) if lock else rows


@cache
def _newest(model: Matter, lock: bool) -> Prepared:
    return Prepared(lambda user: _rows(model, user, lock).order_by("-pk")[:1], KEY)


@cache
def _by_key(model: Matter, lock: bool) -> Prepared:
    return Prepared(lambda user, pk: _rows(model, user, lock).filter(pk=pk), KEY, KEY - 1)
