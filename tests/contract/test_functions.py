"""A12: each right is a function of its own: taken away it closes its own door, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from models.accounts.functions import DEFAULTS, FORBIDDEN_TOGETHER
from models.accounts.models import FunctionOverride, StaffAppointment, User
from tests.contract.doors import Door, doors
from tests.contract.visits import client_for
from tests.contract.world import World, rolled_back
from workflows.scoping import system

pytestmark = pytest.mark.django_db

# Which of the doors the school's office finds shut from the first: what the province keeps.
SHUT = {"import codes", "add codes.code", "add organisation.school"}


def take_away(person: User, codes: Iterable[str]) -> None:
    known = {
        f"{one.content_type.app_label}.{one.codename}": one for one in Permission.objects.select_related("content_type")
    }
    with system("a test takes functions away"):
        FunctionOverride.objects.bulk_create(
            [FunctionOverride(user=person, permission=known[code], granted=False) for code in codes]
        )


def open_doors(world: World, client: Client, tried: Iterable[Door]) -> set[str]:
    """Names of the doors that open; what a deed does is undone."""
    found = set()
    for door in tried:
        with rolled_back():
            if door.opens(world, client):
                found.add(door.name)
    return found


def by_needs() -> dict[frozenset[str], list[Door]]:
    """The doors that open for the school's office, by the functions they ask for."""
    found: dict[frozenset[str], list[Door]] = {}
    for door in doors():
        if door.name not in SHUT:
            found.setdefault(door.needs, []).append(door)
    return found


def codes() -> list[str]:
    return sorted(set().union(*by_needs()))


def names(tried: Iterable[Door]) -> set[str]:
    return {door.name for door in tried}


def test_every_door_is_open_to_the_school_at_first(world: World):
    every = doors()
    assert len(names(every)) == len(every)
    assert names(every) - open_doors(world, client_for(world, "school"), every) == SHUT


@pytest.mark.parametrize("code", codes())
def test_a_function_taken_away_closes_every_door_that_asks_for_it(world: World, code: str):
    """Holds at the next request, without a new log-in."""
    client = client_for(world, "school")
    assert client.get("/admin/").status_code == 200
    take_away(world.users["school"], [code])
    theirs = [door for needs, several in by_needs().items() if code in needs for door in several]
    assert open_doors(world, client, theirs) == set()


@pytest.mark.parametrize("needs", by_needs(), ids=lambda needs: "+".join(sorted(needs)))
def test_and_no_other_door(world: World, needs: frozenset[str]):
    """All functions but its own taken away together: a door that still opens is closed by none of them."""
    client = client_for(world, "school")
    take_away(world.users["school"], set(codes()) - needs)
    theirs = by_needs()[needs]
    assert open_doors(world, client, theirs) == names(theirs)


def test_each_function_is_a_permission_of_its_own():
    known = set(Permission.objects.values_list("content_type__app_label", "codename"))
    assert {tuple(code.split(".")) for code in codes()} <= known


def test_no_level_holds_what_must_not_be_in_one_hand(world: World):
    """三权分立: over what the levels really grant, one by one and any two together in one person."""
    granted = {}
    for level in DEFAULTS:
        with system("a test appoints somebody"):
            unit = (
                None
                if level == "province"
                else world.places["甲一"].made.center
                if level in ("school", "data")
                else world.places["甲一"].unit
            )
            person = User.objects.create_user(f"powers-{level}", "Test-2027!", name="试")
            StaffAppointment.objects.create(user=person, level=level, unit=unit)
        granted[level] = User.objects.get(pk=person.pk).get_all_permissions()
    for first, second in [*combinations(granted, 2), *((one, one) for one in granted)]:
        for together in FORBIDDEN_TOGETHER:
            assert not (granted[first] | granted[second]).issuperset(together), (first, second, together)
