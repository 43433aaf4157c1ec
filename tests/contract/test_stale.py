"""E5: every change form of the back office, filled in against an older version, gets a 409 with both versions and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.contract.test_foreign import filled
from tests.contract.visits import client_for, writes_seen
from tests.contract.world import World, rolled_back

pytestmark = pytest.mark.django_db

# Every kind of thing that has a change form of Django's kind: what is missing here has a page of its own, with its own check.
FORMS = {
    "school", "cohort", "campus", "major", "orgunit", "user", "flow", "window", "returnreason", "extrafield",
    "codetable",
}  # fmt: skip


def another(field: models.Field, value: Any) -> Any:
    """A stored value that differs from `value`; None where there is none to be had without knowing the field."""
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.IntegerField) and not field.choices:
        return (value or 0) + 1
    if isinstance(field, models.CharField | models.TextField) and not field.choices and not getattr(field, "table", ""):
        return f"{value}改"[-(field.max_length or 500) :] if value else "改"
    if isinstance(field, models.DateField):
        return (value or timezone.now()) + timedelta(days=1)
    return None


def change_forms(world: World, client: Client, role: str) -> Iterator[tuple[Any, Any, str, Any]]:
    """(admin, url, page) of every change form that this role may write."""
    for model, model_admin in admin.site._registry.items():
        if "甲一" not in world.rows.get(model._meta.label_lower, {}):
            continue
        row = world.row(model, role=role)
        url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        page = client.get(url)
        if (
            page.status_code == 200
            and page.context
            and "adminform" in page.context
            and page.context.get("has_change_permission")
        ):
            yield model_admin, row, url, page


@pytest.mark.parametrize("role", ["school", "province"])
def test_a_stale_form_gets_409_with_both_versions_and_writes_nothing(world: World, role: str):
    client, tried, faults = client_for(world, role), set(), []
    for model_admin, row, url, page in change_forms(world, client, role):
        form = page.context["adminform"].form
        data = filled(world, page.content.decode(), form)
        columns = {field.name: field for field in model_admin.model._meta.concrete_fields}
        for name in [one for one in form.fields if one in columns]:
            with rolled_back():
                stored = models.QuerySet(model_admin.model).filter(pk=row.pk)
                theirs = another(columns[name], stored.values_list(name, flat=True).get())
                if theirs is None:
                    continue
                stored.update(**{name: theirs})
                before = stored.values().get()
                with writes_seen() as written:
                    answer = client.post(url, data)
                tried.add(model_admin.opts.model_name)
                text = answer.content.decode()
                if answer.status_code != 409 or "您填写的" not in text or "他人已修改" not in text:
                    faults.append(f"{url}: {name} was changed meanwhile, and the answer is {answer.status_code}")
                if stored.values().get() != before or written - {"logins_session"}:
                    faults.append(f"{url}: written to {written}, although {name} was stale")
        with rolled_back():
            if data and client.post(url, {**data, "_seen": ""}).status_code != 409:
                faults.append(f"{url}: a form that does not say what it was filled in against was believed")
    assert not faults, "\n".join(faults)
    if role == "province":
        assert tried >= FORMS, FORMS - tried
