"""Sets of columns a person has saved for one kind of record, by name."""

from __future__ import annotations

from typing import Any

from django.db import models

from admin_site.preferences import recall, remember
from workflows.errors import Invalid

KEY = "export_sets"
MOST = 20
LONGEST_NAME = 20


def sets_of(user: Any, model: type[models.Model]) -> dict[str, list[str]]:
    """Name → names of columns, in the order they were saved."""
    return {str(name): list(columns) for name, columns in _all(user).get(model._meta.label_lower, {}).items()}


def save(user: Any, model: type[models.Model], name: str, columns: list[str]) -> None:
    """Keep a set under `name`, in the place of one that had it. Raises Invalid."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid({"set_name": f"请为这组列起一个名称，最多 {LONGEST_NAME} 个字。"})
    kept = sets_of(user, model)
    if name not in kept and len(kept) >= MOST:
        raise Invalid({"set_name": f"最多保存 {MOST} 组，请先删除不用的。"})
    _keep(user, model, {**kept, name: columns})


def delete(user: Any, model: type[models.Model], name: str) -> None:
    """Forget a set; one that is not there is no error."""
    _keep(user, model, {key: columns for key, columns in sets_of(user, model).items() if key != name})


def _all(user: Any) -> dict[str, Any]:
    kept = recall(user, KEY, {})
    return dict(kept) if isinstance(kept, dict) else {}


def _keep(user: Any, model: type[models.Model], sets: dict[str, list[str]]) -> None:
    remember(user, **{KEY: {**_all(user), model._meta.label_lower: sets}})
