"""What the back office remembers about a person: the cohort in view, columns, rows per page. Small JSON values by key."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from models.accounts.models import User
from workflows import holding


def recall(user: User, key: str, default: Any = None) -> Any:
    """The remembered value, `default` when there is none."""
    return user.preferences.get(key, default)


def remember(user: User, **values: Any) -> None:
    """Keep JSON-like `values` by key; None forgets. The row is locked, so that two tabs do not undo each other's keys."""
    with transaction.atomic():
        row = holding.locking(User.objects.only("pk", "preferences")).get(pk=user.pk)
        kept = {**row.preferences, **values}
        row.preferences = {key: value for key, value in kept.items() if value is not None}
        row.save(update_fields=["preferences"])
    user.preferences = row.preferences
