"""Which rows of a model a member of staff may see in the back office: the one answer behind lists, forms, choices and pop-ups."""

from __future__ import annotations

from typing import Any

from django.db import models

from models.accounts.models import User
from models.codes.models import Code, CodeTable
from workflows.scoping import ScopedManager, current

# Nobody's data in particular: official lists, the same for all.
OPEN = frozenset({Code, CodeTable})


def rows_for(model: type[models.Model], user: Any) -> models.QuerySet:
    """The rows of `model` that `user` may see; a model that says nothing about its scope has none (deny by default)."""
    manager = model._default_manager
    if not user.is_authenticated:
        return manager.none()
    if issubclass(model, User):
        return manager.in_scope_of(user)
    if isinstance(manager, ScopedManager):
        # Inside the request of that very person the manager has narrowed the rows already.
        return manager.all() if current() is user.scope else manager.visible_to(user)
    if hasattr(model, "visible_to"):
        return model.visible_to(user)
    return manager.all() if model in OPEN else manager.none()
