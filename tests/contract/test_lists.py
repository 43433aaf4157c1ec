"""A7–A9, C9: whatever stands in the query string of a list, it neither widens what is seen nor tells of what is hidden.

An oracle is looked for by asking twice, once with what is true of a hidden number and once with what is not: who cannot tell the
two answers apart has learnt nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models

from admin_site.matters.verbs import verbs_for
from exports.selection import MOST_IDS, Selection
from models.students.models import GraduateProfile, Student
from tests.contract.routes import Route, routes
from tests.contract.test_access import given_away
from tests.contract.visits import Visit, client_for, visit
from tests.contract.world import World, mark, rolled_back
from workflows.chain import matters
from workflows.scoping import acting

pytestmark = pytest.mark.django_db

LOOKUPS = ("exact", "startswith", "contains", "regex", "gt", "isnull")
# Names of columns nobody may ask about: what any model masks, and what no page shows at all.
HIDDEN = {name.rpartition(".")[2] for model in apps.get_models() for name in getattr(model, "masked_fields", {})} | {
    "password"
}
_ROWS = re.compile(r'href="[^"?]*/(\d{1,9})/[^"]*"|name="(?:ids|_selected_action)"[^>]*value="(\d+)"')


# By day every address is asked every second question, its neighbour the others; at night each is asked all of them.
HALF_BY_DAY = pytest.mark.parametrize(
    "whole", [pytest.param(False, id="half"), pytest.param(True, id="whole", marks=pytest.mark.nightly)]
)


def questions(every: Sequence[str], number: int, whole: bool) -> Sequence[str]:
    """What address `number` is asked."""
    return every if whole else every[number % 2 :: 2]


def plain_lists() -> list[Route]:
    """Every address of the back office and the API that takes no argument and shows rows."""
    wanted = ("_changelist", "_overview", "_mine", "-list", "_rows", "search", "imports")
    return [
        one
        for one in routes()
        if not one.arguments and one.name.endswith(wanted) and one.path.startswith(("admin/", "api/"))
    ]


def ask(world: World, client, route: Route, role: str, query: str) -> Visit:
    with rolled_back():
        return visit(world, client, route, role, query=query)


def shown(seen: Visit) -> tuple[int, list[str]]:
    """What an answer tells: its status, and the rows in their order."""
    return seen.status, _ROWS.findall(seen.text) if seen.ok else []


def hidden_paths(model: type[models.Model]) -> Iterator[tuple[str, str]]:
    """(look-up, name) of every hidden column on the model or one relation away."""
    for field in model._meta.concrete_fields:
        if field.name in HIDDEN:
            yield field.name, field.name
        if field.is_relation and field.related_model is not None:
            yield from (
                (f"{field.name}__{far.name}", far.name)
                for far in field.related_model._meta.concrete_fields
                if far.name in HIDDEN
            )
    for relation in model._meta.related_objects:
        if relation.one_to_one:
            yield from (
                (f"{relation.name}__{far.name}", far.name)
                for far in relation.related_model._meta.concrete_fields
                if far.name in HIDDEN
            )


def model_listed(route: Route) -> type[models.Model] | None:
    """The model whose rows the address lists."""
    parts = route.path.split("/")
    if parts[0] == "admin" and len(parts) > 2:
        return next((m for m in admin.site._registry if [m._meta.app_label, m._meta.model_name] == parts[1:3]), None)
    return next((m for m in matters() if f"matters/{m._meta.model_name}/" in route.path), None)


def truths(world: World, name: str) -> tuple[str, str]:
    """A value that is true of the student of 甲一 in this column, and one that is true of nobody."""
    student = world.places["甲一"].student
    true = {"id_number": student.id_number, "password": student.user.password}.get(name) or student.user.phone
    if name in ("phone", "home_phone") and student.user.phone:
        true = GraduateProfile._base_manager.get(student=student).phone
    return true, "".join("7" if letter.isdigit() else letter for letter in true)


def values_of(lookup: str, value: str) -> str:
    """A value for the look-up: a part of the number where a part will do."""
    return {
        "startswith": value[:9],
        "contains": value[4:12],
        "regex": f"^{value[:8]}",
        "gt": value[:7],
        "isnull": str(value.count("7") < 9),
    }.get(lookup, value)


# By day the two that an attacker begins with; all of them at night.
@pytest.mark.parametrize(
    "lookup", [pytest.param(one, marks=[pytest.mark.nightly] * (one not in ("exact", "startswith"))) for one in LOOKUPS]
)
def test_no_look_up_tells_a_hidden_number_from_another(world: World, lookup: str):
    client, told, asked = client_for(world, "school"), [], 0
    for route in plain_lists():
        model = model_listed(route)
        for path, name in hidden_paths(model) if model else ():
            true, false = truths(world, name)
            seen = ask(world, client, route, "school", f"?{path}__{lookup}={values_of(lookup, true)}")
            asked += 1
            if seen.status >= 500:
                told.append(f"{seen.url}: {seen.outcome}")
            if seen.ok:  # anything else is a refusal, whatever the value
                other = ask(world, client, route, "school", f"?{path}__{lookup}={values_of(lookup, false)}")
                if shown(seen) != shown(other):
                    told.append(f"{seen.url}: {shown(seen)}, but {shown(other)} for {other.url}")
    assert not told, "\n".join(told)
    assert asked > 20


def test_no_part_of_a_hidden_number_can_be_searched(world: World):
    """Search boxes take a whole number (which is audited) or nothing of it: there is no way in digit by digit."""
    client, told = client_for(world, "school"), []
    numbers = sorted({truths(world, name) for name in HIDDEN - {"password"}})
    parts = {value[part] for value, _false in numbers for part in (slice(0, -1), slice(-6, None))}
    for route in plain_lists():
        box = "s" if route.name == "admin:search" else "q"
        # One part that is nobody's stands for all of them: whatever a true one tells differs from it.
        nothing = shown(ask(world, client, route, "school", f"?{box}={numbers[0][1][:-1]}"))
        for part in sorted(parts):
            answer = ask(world, client, route, "school", f"?{box}={part}")
            if shown(answer) != nothing:
                told.append(f"{answer.url}: {shown(answer)}, but {nothing} for a number that is nobody's")
    assert len(parts) > 2
    assert not told, "\n".join(told)


@HALF_BY_DAY
def test_no_list_can_be_sorted_by_a_hidden_column(world: World, whole: bool):
    role = "school"
    client, told = client_for(world, role), []
    for number, route in enumerate(plain_lists()):
        usual = shown(ask(world, client, route, role, ""))
        box = "o" if route.path.startswith("admin/") else "ordering"
        odd = shown(ask(world, client, route, role, f"?{box}=no-such-column"))  # how a word without meaning is answered
        names = {path for model in [model_listed(route)] if model for path, _name in hidden_paths(model)}
        names |= {name.replace("__", ".") for name in names}
        for name in questions(sorted(names), number, whole):
            now = shown(ask(world, client, route, role, f"?{box}={name}"))
            if now not in (usual, odd, (302, []), (400, [])):
                told.append(f"/{route.path}?{box}={name}: {now}, usually {usual}")
    for model, model_admin in admin.site._registry.items():
        columns = model_admin.sortable_by if model_admin.sortable_by is not None else model_admin.list_display
        for column in columns:
            ordering = getattr(getattr(model_admin, column, None), "admin_order_field", None) or column
            assert str(ordering).lstrip("-").rpartition("__")[2] not in HIDDEN, (model._meta.label, column)
    assert not told, "\n".join(told)


@pytest.mark.parametrize(("role", "place"), [("school", "乙一"), ("counselor", "甲二")])
@HALF_BY_DAY
def test_no_parameter_widens_what_is_seen(world: World, role: str, place: str, whole: bool):
    """Keys of foreign places, in every parameter a list may know, on every address without arguments; and searches for foreign names."""
    there = world.places[place]
    pasted = world.rows["lists.pastedlist"][place].key
    queries = [
        f"?school={there.made.school.pk}", f"?unit={there.unit.pk}", f"?college={there.college.pk}", f"?paste={pasted}", f"?ids={there.student.pk}",
        f"?q={mark(place, '人')[:2]}", f"?s={there.student.number[:8]}", f"?matter=students.graduateprofile&school={there.made.school.pk}",
    ]  # fmt: skip
    client, faults, asked = client_for(world, role), [], 0
    for number, route in enumerate(one for one in routes() if not one.arguments and one.path.startswith("admin/")):
        if not ask(world, client, route, role, "").ok:
            continue
        for query in questions(queries, number + (role == "school"), whole):
            seen, asked = ask(world, client, route, role, query), asked + 1
            faults += [f"{seen.url}: {fault}" for fault in given_away(world, seen)]
    assert not faults, "\n".join(faults)
    assert asked > 100


def completed() -> list[tuple[type[models.Model], str]]:
    """(model, field) of every field that a form completes while one types."""
    owners = [*admin.site._registry.values()]
    found = {(owner.model, name) for owner in owners for name in owner.autocomplete_fields}
    found |= {
        (inline.model, name)
        for owner in owners
        for inline in owner.inlines
        for name in getattr(inline, "autocomplete_fields", ())
    }
    return sorted(found, key=str)


@pytest.mark.parametrize("role", ["school", "college", "counselor", "data", "student"])
def test_what_is_completed_while_typing_stays_in_scope(world: World, role: str):
    """A8, for every field any form completes, and for every field none does."""
    client, faults, answered = client_for(world, role), [], 0
    route = next(one for one in routes() if one.name == "admin:autocomplete")
    for model, name in completed():
        for term in ("", "雀", mark("乙一", ""), mark("甲二", "")):
            query = (
                f"?app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={name}&term={term}"
            )
            seen = ask(world, client, route, role, query)
            answered += seen.ok
            faults += [f"{seen.url}: {fault}" for fault in given_away(world, seen)]
    for model in admin.site._registry:
        for field in model._meta.concrete_fields:
            if field.is_relation and (model, field.name) not in completed():
                query = f"?app_label={model._meta.app_label}&model_name={model._meta.model_name}&field_name={field.name}&term="
                seen = ask(world, client, route, role, query)
                if seen.ok:
                    faults.append(f"{seen.url}: answers for a field that no form completes")
    assert not faults, "\n".join(faults)
    assert completed()
    assert bool(answered) == (role != "student")


@HALF_BY_DAY
def test_no_page_is_without_bounds(world: World, whole: bool):
    """C9: absurd sizes, pages and orders are refused or cut, never a fault."""
    client, faults = client_for(world, "school"), []
    queries = (
        "page_size=1000000000&limit=1000000000&offset=99999999999999999999", "per_page=1000000000", "per_page=-1", "p=1000000000", "p=-1", "page=9999999999999999999",
        "o=9999.-9999", "all=", "cohort=99999999999999999999", "unit=99999999999999999999", "q=" + "学" * 3000, "q=%00", "q=%F0%9F%98%80",
    )  # fmt: skip
    for number, route in enumerate(plain_lists()):
        for query in questions(queries, number, whole):
            seen = ask(world, client, route, "school", f"?{query}")
            if seen.status >= 500 or len(_ROWS.findall(seen.text)) > 3000:
                faults.append(f"{seen.url[:120]}: {seen.outcome}")
    assert not faults, "\n".join(faults)


def test_a_batch_has_a_size(world: World):
    """More records than a selection may name are refused before anything is looked up: by every button of every list."""
    user, client, faults, buttons = world.users["school"], client_for(world, "school"), [], 0
    for model in [*matters(), Student]:
        label = model._meta.label_lower
        if label == "specimen.specimen":
            continue  # the tests' own matter, which the school's office may not look at
        too_many = {
            "named": {"selection": Selection(label, ids=tuple(range(1, MOST_IDS + 2))).as_json(), "all": "1"},
            "ticked": {"selection": Selection(label).as_json(), "ids": list(range(1, MOST_IDS + 2))},
        }
        with acting(user):
            urls = [url for _button, url in verbs_for(model, user)]
        for url in urls:
            buttons += 1
            for how, posted in too_many.items():
                with rolled_back():
                    answer = client.post(url, posted)
                # No page has so many boxes to tick: such a form is refused as a whole.
                if answer.status_code != 400 or (how == "named" and "一次最多" not in answer.text):
                    faults.append(f"{url} {how}: {answer.status_code}")
    assert not faults, "\n".join(faults)
    assert buttons > 30
