"""What a person has chosen for one list: columns and the filters shown in its drawer. Rows per page are one choice for all lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from admin_site.preferences import recall, remember
from exports.columns import Column, list_columns, vocabulary
from exports.filters import Filter

KEY = "lists"
PINNED = 2  # the first columns of a list (name, number) always stand first
MOST_COLUMNS = 40
USUAL_FILTERS = 6


@dataclass(frozen=True)
class ListSettings:
    """Columns shown, in order, and names of the filters in the drawer."""

    columns: list[Column]
    pinned: list[str]
    filters: list[str]


def school_ids(user: Any) -> tuple[int, ...] | None:
    """The schools whose own fields this person may see; None for all."""
    return None if user.scope.everything else user.scope.school_ids


def settings_of(user: Any, model: type[models.Model], known: dict[str, Column] | None = None) -> ListSettings:
    """The remembered choice, or the usual one; names that no longer exist are left out."""
    known = known or vocabulary(model, school_ids(user))
    kept = recall(user, KEY, {})
    kept = kept.get(model._meta.label_lower, {}) if isinstance(kept, dict) else {}
    usual = [name for name in list_columns(model) if name in known]
    names = dict.fromkeys([*usual[:PINNED], *(kept.get("columns") or usual)])
    return ListSettings(
        [known[name] for name in names if name in known], usual[:PINNED], list(kept.get("filters") or [])
    )


def keep(user: Any, model: type[models.Model], **values: list[str] | None) -> None:
    """Remember `columns` or `filters` of one list; None goes back to the usual."""
    kept = recall(user, KEY, {})
    kept = dict(kept) if isinstance(kept, dict) else {}
    mine = {**kept.get(model._meta.label_lower, {}), **values}
    kept[model._meta.label_lower] = {name: value for name, value in mine.items() if value}
    remember(user, **{KEY: kept})


def shown_filters(
    model: type[models.Model], chosen: list[str], known: dict[str, Filter], active: dict[str, Any]
) -> list[Filter]:
    """Filters in the drawer: the chosen ones (or the usual: what a reviewer looks at), and always those in force; a hidden one never."""
    names = [name for name in chosen if name in known]
    if not names:
        wanted = [
            *getattr(model, "key_fields", ()),
            "again",
            "findings",
            *(n for n, f in known.items() if f.kind == "choice"),
        ]
        names = [name for name in dict.fromkeys(wanted) if name in known][:USUAL_FILTERS]
    names += [name for name in active if name in known]
    return [known[name] for name in dict.fromkeys(names) if known[name].kind != "hidden"]
