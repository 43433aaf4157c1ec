"""Rows of a plain table (majors, units, staff, codes) on their way out: what a Selection is for records about students."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db import models

from exports.exporting.rows import visible
from exports.exporting.template import TemplateLayout, template_layouts
from exports.importing.kinds import KINDS
from exports.selection import one_of

EXPORT = "releases.export_table"


@dataclass(frozen=True)
class TableRows:
    """The rows with these keys, as a list has found them, in the layout of the kind's template; `words` say what was asked for."""

    kind: str
    ids: tuple[int, ...]
    words: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, rows: models.QuerySet, words: Iterable[str] = ()) -> TableRows:
        """The rows of a query set that a template of this kind can hold."""
        found = KINDS[kind].exportable(rows).order_by("pk").values_list("pk", flat=True)
        return cls(kind, tuple(found), tuple(words))

    @property
    def layout(self) -> TemplateLayout:
        """The one layout there is for them."""
        return TemplateLayout(KINDS[self.kind])

    @property
    def model(self) -> type[models.Model]:
        """The model of the rows."""
        return self.layout.model

    def queryset(self, user: Any) -> models.QuerySet:
        """The rows as `user` may see them now."""
        rows = visible(self.model, user).filter(pk__in=one_of(self.ids))
        return KINDS[self.kind].exportable(rows)

    def in_words(self, user: Any) -> list[str]:
        """What was asked for, in words."""
        return list(self.words)


def is_table(model: type[models.Model]) -> bool:
    """Whether rows of `model` leave as a table: there is a template for them, and no list of records about students."""
    return not getattr(model, "search_paths", None) and bool(template_layouts(model))


def may_export(model: type[models.Model], user: Any) -> bool:
    """Who may take a table out: who has the function and may see its list."""
    view = f"{model._meta.app_label}.{get_permission_codename('view', model._meta)}"
    return user.has_perm(EXPORT) and user.has_perm(view)
