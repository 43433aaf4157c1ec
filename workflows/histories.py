"""Histories as simple_history keeps them, without what it does anew at every save."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import models
from simple_history import models as simple_history
from simple_history.manager import HistoryManager


class KeptHistoryManager(HistoryManager):
    """simple_history makes a class of manager and query set at every look at `history`, twice at every save: here it is made once."""

    @classmethod
    @lru_cache(maxsize=16)
    def from_queryset(
        cls, queryset_class: type[models.QuerySet], class_name: str | None = None
    ) -> type[models.Manager]:
        return super().from_queryset(queryset_class, class_name)


class HistoricalRecords(simple_history.HistoricalRecords):
    """What a model declares as its `history`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"history_manager": KeptHistoryManager, **options})
