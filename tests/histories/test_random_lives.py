"""Domain invariants 1–7 under random histories of everybody at once, over every matter of a graduate's year together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from exports.reporting import rows
from models.agreements import effects
from models.outcomes import matrix
from tests.agreements.conftest import NOW
from tests.histories.lives import Broken, Walk, Watch, nobody_outside_sees, town
from workflows import permits, policy

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]

SHORT = [(2, 40)]
LONG = [(seed, 250) for seed in range(100, 112)]


@pytest.fixture(autouse=True)
def private(settings, tmp_path):
    """Files of batches go to a folder of the test."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": default}
    settings.MEDIA_ROOT = tmp_path
    yield
    matrix.forget()
    policy.forget_all()


def lived(time_machine, seed: int, steps: int, **options) -> Walk:
    """A walk of so many deeds, everything looked at after each."""
    clock = [NOW]
    time_machine.move_to(NOW, tick=False)

    def travel(hours: int) -> None:
        clock[0] += timedelta(hours=hours)
        time_machine.move_to(clock[0], tick=False)

    made = town(issue="central" if seed % 3 == 0 else "automatic", hours=0 if seed % 2 else 24, **options)
    walk, watch = Walk(made, seed, travel=travel), Watch()
    walk.after = lambda: watch.look(walk)  # what was refused left everything as it was: the walk itself has looked
    walk.after()
    for _ in range(steps):
        walk.step()
    nobody_outside_sees(made)
    return walk


@pytest.mark.parametrize(("seed", "steps"), SHORT)
def test_no_history_breaks_an_invariant(time_machine, seed, steps):
    walk = lived(time_machine, seed, steps)
    assert len(walk.done) > 5, walk.done


def several(time_machine, seeds: tuple[int, ...]) -> None:
    """One life after the other, each in a world of its own."""
    for seed in seeds:
        with transaction.atomic():
            lived(time_machine, seed, 60)
            transaction.set_rollback(True)


def unasked(record: Any, verb: str, by: Any) -> permits.Permit:
    """A permit for everybody: what the one door would be without its guard."""
    return permits.Permit(level=record.waiting_level, held_path=record.org_path)


LONGER = "an ended agreement lets go"
# What a guard off would do is seen within a few deeds; an agreement's whole life takes more, by night.
GUARDS = [
    ("permits", lambda patch: patch.setattr(permits, "check", unasked)),
    (LONGER, lambda patch: patch.setattr(effects, "released", lambda row, by, why: None)),
    ("only what is approved is reported", lambda patch: patch.setattr(rows, "_reason", lambda record, ready: "")),
]


@pytest.mark.parametrize(
    "switch_off",
    [pytest.param(off, id=name, marks=pytest.mark.nightly if name == LONGER else ()) for name, off in GUARDS],
)
def test_control_with_a_guard_off_the_histories_find_it(time_machine, monkeypatch, switch_off):
    """Each guard alone, switched off, is missed within a few histories."""
    switch_off(monkeypatch)
    with pytest.raises(Broken):
        several(time_machine, (2, 5, 8, 11))


@pytest.mark.nightly
@pytest.mark.parametrize(("seed", "steps"), LONG)
def test_no_long_history_breaks_an_invariant(time_machine, seed, steps):
    walk = lived(time_machine, seed, steps)
    assert len(walk.done) > 12, walk.done  # it was a life, not a queue of refusals
