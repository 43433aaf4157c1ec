"""Filters of the plain lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class ChoiceFilter(admin.SimpleListFilter):
    """Rows whose column `parameter_name` holds one of a known set of values; any other value in the address narrows nothing.

    `options` are the pairs of value and label, or a function that gives them.
    """

    options: Sequence[tuple[Any, Any]] | Callable[[], Sequence[tuple[Any, Any]]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return list(self.options() if callable(self.options) else self.options)

    def narrow(self, queryset: models.QuerySet, value: str) -> models.QuerySet:
        """The rows with the value; override where it is not simply the column's."""
        return queryset.filter(**{self.parameter_name: value})

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        value = self.value()
        known = {str(key) for key, _label in self.lookup_choices}
        return self.narrow(queryset, value) if value in known else queryset
