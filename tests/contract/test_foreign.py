"""A4–A6, A9: what lies outside a person's scope looks like what is not there, and cannot be written to, over every address and form."""

from __future__ import annotations

import re
from typing import Any

import lxml.html
import pytest
from django import forms
from django.contrib import admin
from django.db import IntegrityError, models
from django.urls import reverse

from admin_site.scoped import ScopedFieldsMixin
from tests.contract.routes import model_of, routes, values_for
from tests.contract.visits import client_for, visit, writes_seen
from tests.contract.world import MISSING, World, rolled_back
from tests.factories import people
from workflows.scoping import system

pytestmark = pytest.mark.django_db

# Places that lie outside the scope of a role, nearest first.
OUTSIDE = {
    "student": ("甲二", "乙一"),
    "employer": ("甲二", "乙一"),
    "counselor": ("甲二", "乙一"),
    "college": ("甲二", "乙一"),
    "school": ("乙一",),
    "data": ("乙一",),
}
_CHANGING = re.compile(
    r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|"?X-CSRFToken"?: ?"[^"]*"|\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT'
)


def is_outside(model: type[models.Model], place: str) -> bool:
    """Whether rows of `model` at `place` are outside for staff of 甲一: settings of the school are not those of a college."""
    return place == "乙一" or not (getattr(model, "scope_school", None) and not getattr(model, "scope_path", None))


def bare(text: str, pk: Any) -> str:
    """An answer without what differs from one request to the next, and without the key that was asked for."""
    text = re.sub(r"(?m)^[0-9a-f]{16}$", "", _CHANGING.sub("", text))
    return re.sub(rf"/{pk}(?=/)", "/PK", text)


@pytest.mark.parametrize("role", OUTSIDE)
def test_a_foreign_row_answers_like_a_missing_one(world: World, role: str):
    client, faults, asked = client_for(world, role), [], 0
    for route in (one for one in routes() if one.of_object() and not one.path.startswith("admin/r/")):
        model = model_of(route)
        if (
            model is None
            or model._meta.app_label == "codes"
            or (role in ("student", "employer") and route.path.startswith("admin/"))
        ):
            continue
        for method in ("GET", "POST"):
            with rolled_back():
                nothing = visit(
                    world,
                    client,
                    route,
                    role,
                    method,
                    {"probe": "1"} if method == "POST" else None,
                    values_for(route, world, role, missing=True),
                )
            for place in OUTSIDE[role]:
                if not is_outside(model, place):
                    continue
                values = values_for(route, world, "", place)
                pk = next(values[name] for name in ("object_id", "pk") if name in values)
                with rolled_back():
                    foreign = visit(
                        world, client, route, role, method, {"probe": "1"} if method == "POST" else None, values
                    )
                asked += 1
                if foreign.status != nothing.status:
                    faults.append(
                        f"{method} {foreign.url} of {place}: {foreign.outcome}, but {nothing.outcome} for a missing one"
                    )
                elif bare(foreign.text, pk) != bare(nothing.text, MISSING):
                    faults.append(f"{method} {foreign.url} of {place}: another body than for a missing one")
                elif foreign.ok:
                    faults.append(f"{method} {foreign.url} of {place}: {foreign.outcome}")
                if stray := foreign.writes - {"audit_auditentry", "logins_session"}:
                    faults.append(f"{method} {foreign.url} of {place} wrote to {sorted(stray)}")
    assert not faults, "\n".join(faults)
    assert asked > 5


# -- forms -------------------------------------------------------------------------------------------------------------------

# What a field needs to be well-formed, by its name, where the kind of input does not tell.
SAMPLES = {
    "code": "080902", "key": "sample_key", "year": "2031", "levels": "counselor", "text": "示例原因", "name": "示例名称", "username": "sample-user",
    "valid_from_year": "", "valid_to_year": "", "label": "示例名", "level": "counselor",
}  # fmt: skip


def filled(world: World, text: str, form: forms.BaseForm) -> dict[str, Any] | None:
    """What a browser would post from the page: stored values, something fitting in empty required fields; None without a form."""
    page = lxml.html.fromstring(text)
    posts = (
        one for one in page.forms if one.method.upper() == "POST" and any(name in one.fields for name in form.fields)
    )
    if (found := next(posts, None)) is None:
        return None
    data: dict[str, Any] = {}
    for name, value in found.form_values():
        data.setdefault(name, []).append(value)
    for name, field in form.fields.items():
        key = form.add_prefix(name)
        if any(data.get(key, [""])) or not field.required:
            continue
        if isinstance(field, forms.ModelChoiceField):
            own = own_key_for(world, field.queryset)
            data[key] = [str(own.pk)] if own else []
        elif isinstance(field, forms.ChoiceField) and name not in SAMPLES:
            data[key] = [str(next(value for value, _label in field.choices if value))]
        else:
            data[key] = [SAMPLES.get(name, "1")]
    return data


def pages_with_forms(world: World, role: str) -> list[tuple[Any, str]]:
    """(admin, url) of every add and change form of the back office."""
    found = []
    for model, model_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append((model_admin, reverse(f"{name}_add")))
        if "甲一" in world.rows.get(model._meta.label_lower, {}):
            found.append((model_admin, reverse(f"{name}_change", args=[world.row(model, role=role).pk])))
    return found


def forms_of(response: Any) -> list[forms.BaseForm]:
    """The form of an admin page and those of its inlines."""
    if not response.context or "adminform" not in response.context:
        return []
    groups = response.context.get("inline_admin_formsets") or ()
    with system("a test looks at the forms of a page after the request"):
        inlines = [one for group in groups for one in [*group.formset.forms, group.formset.empty_form]]
    return [response.context["adminform"].form, *inlines]


def own_key_for(world: World, queryset: models.QuerySet) -> Any:
    """A row of the kind in the own college."""
    row = world.rows.get(queryset.model._meta.label_lower, {}).get("甲一")
    return world.places["甲一"].college if queryset.model._meta.label_lower == "organisation.orgunit" else row


def foreign_key_for(world: World, queryset: models.QuerySet) -> Any:
    """A row of the same kind in the other school; None where there is no such thing."""
    row = world.rows.get(queryset.model._meta.label_lower, {}).get("乙一")
    if queryset.model._meta.label_lower == "organisation.orgunit":
        row = world.places["乙一"].college
    return row


def snapshot(model: type[models.Model], column: str, pk: Any) -> int:
    """How many rows point at the foreign row."""
    with system("a test counts what points at a foreign row"):
        return model._base_manager.filter(**{column: pk}).count()


@pytest.mark.parametrize("open_choices", [False, True], ids=["as it is", "choices let everything through"])
@pytest.mark.parametrize("role", ["school", "data", "college"])
def test_no_form_takes_a_foreign_key(world: World, role: str, open_choices: bool, monkeypatch: pytest.MonkeyPatch):
    """A5; and A6: with choices that let a foreign row through, the look after saving undoes what was written."""
    if open_choices:
        honest = ScopedFieldsMixin.choices_for

        def everything(self: Any, db_field: models.Field, asked: Any) -> models.QuerySet:
            honest(self, db_field, asked)
            return db_field.remote_field.model._base_manager.all()

        for owner in [ScopedFieldsMixin, *{type(one) for one in admin.site._registry.values()}]:
            if "choices_for" in vars(owner):
                monkeypatch.setattr(owner, "choices_for", everything)
    client, faults, tried = client_for(world, role), [], 0
    for _admin, url in pages_with_forms(world, role):
        page = client.get(url)
        if page.status_code != 200:
            continue
        for form in forms_of(page):
            names = [
                name
                for name, field in form.fields.items()
                if isinstance(field, forms.ModelChoiceField) and name in {f.name for f in form._meta.model._meta.fields}
            ]
            for name in names:
                foreign = foreign_key_for(world, form.fields[name].queryset)
                if foreign is None or form.fields[name].queryset.model._meta.app_label == "codes":
                    continue
                if (data := filled(world, page.content.decode(), page.context["adminform"].form)) is None:
                    continue
                key = form.add_prefix(name).replace("__prefix__", "0")
                for other in form.fields:
                    data.setdefault(form.add_prefix(other).replace("__prefix__", "0"), [SAMPLES.get(other, "")])
                before = snapshot(form._meta.model, name, foreign.pk)
                with rolled_back():
                    tried += 1
                    try:
                        client.post(url, {**data, key: str(foreign.pk)})
                    except IntegrityError:
                        continue  # the database was the last to refuse: only with choices opened by force
                    if snapshot(form._meta.model, name, foreign.pk) != before:
                        faults.append(f"{role} {url}: {name} = {foreign!r} was stored")
    assert not faults, "\n".join(faults)
    assert tried >= (4 if role == "school" else 0), "the walk found hardly any form: has the admin's template changed?"


def test_the_forms_that_are_posted_would_be_taken(world: World):
    """The control of the test above: filled in by the same hand with an own key, forms of the back office are saved."""
    client, taken = client_for(world, "school"), set()
    for model_admin, url in pages_with_forms(world, "school"):
        page = client.get(url)
        if page.status_code != 200 or not (page.context and "adminform" in page.context):
            continue
        if (data := filled(world, page.content.decode(), page.context["adminform"].form)) is None:
            continue
        with rolled_back(), writes_seen() as written:
            answer = client.post(url, data)
        if answer.status_code == 302 and model_admin.opts.db_table in written:
            taken.add(model_admin.opts.model_name)
    assert {"major", "campus", "returnreason", "window"} <= taken, taken


@pytest.mark.parametrize("name", ["school", "cohort", "campus", "major"])
def test_a_clerk_of_one_college_changes_nothing_of_the_school_or_of_another_college(world: World, name: str):
    """They see it, the lists being those of their school; the form is not theirs, whatever is posted."""
    here = world.places["甲一"]
    with system("a test appoints a clerk"):
        world.users["clerk"] = people.staff("data", here.college, name="学院数据员")
    client = client_for(world, "clerk")
    place = "甲二" if name == "major" else "甲一"
    row = world.rows[f"organisation.{name}"][place]
    before = type(row)._base_manager.filter(pk=row.pk).values().get()
    page = reverse(f"admin:organisation_{name}_change", args=[row.pk])
    assert client.get(page).status_code == 200
    posted = {
        **{key: "" if value is None else value for key, value in before.items()},
        "name": "改名",
        "closed": "on",
        "first_login": "id_tail",
    }
    assert client.post(page, posted).status_code == 403
    assert type(row)._base_manager.filter(pk=row.pk).values().get() == before
    if name == "major":
        own = world.rows["organisation.major"]["甲一"]
        assert (
            "name"
            in client.get(reverse("admin:organisation_major_change", args=[own.pk])).context["adminform"].form.fields
        )
    else:
        assert client.get(reverse(f"admin:organisation_{name}_add")).status_code == 403
