"""Keeping copies of org paths true when a node moves."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import models
from django.db.models import CharField, F, Value
from django.db.models.functions import Concat, Substr

from workflows.models import AppendOnlyQuerySet
from workflows.scoping import PathField, below


def path_columns() -> Iterator[tuple[type[models.Model], str]]:
    """Every (model, field) that holds a copy of an org path; history and the review log keep what was true then."""
    for model in apps.get_models():
        if hasattr(model, "instance_type"):  # a historical model
            continue
        if issubclass(model._default_manager._queryset_class, AppendOnlyQuerySet):
            continue  # beside the path stands over what the reviewer held the level: one must cover the other for ever
        for field in model._meta.concrete_fields:
            if type(field) is PathField:
                yield model, field.attname


def repath(old: str, new: str) -> int:
    """Rewrite the prefix `old` to `new` in every row that carries it; returns the number of rows. Runs in the caller's transaction."""
    moved = 0
    for model, column in path_columns():
        rows = model._base_manager.filter(below(column, [old]))
        moved += rows.update(**{column: Concat(Value(new), Substr(F(column), len(old) + 1), output_field=CharField())})
    return moved


def names_on(path: str) -> list[str]:
    """Names of the units on the way from the school (left out) down to `path`, whoever asks: who may see a row may read where it is."""
    keys = [int(part) for part in path.strip("/").split("/")[1:]]
    names = dict(apps.get_model("organisation.OrgUnit")._base_manager.filter(pk__in=keys).values_list("pk", "name"))
    return [names[key] for key in keys if key in names]
