"""Random lives, many at once: the same deeds as tests/histories, from several threads on PostgreSQL; looked at when all of them rest.

What a thread meets may be refused. Anything else – a dead-lock, a constraint that speaks instead of a sentence – is a fault.
"""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, connections

from tests.histories.lives import Broken, Walk, Watch, nobody_outside_sees, town
from workflows import actions, policy
from workflows.errors import Absent
from workflows.scoping import system

# What a crowd meets differs from one time to the next: nightly, where a rare fault is looked into and stops nobody's work.
pytestmark = [pytest.mark.race, pytest.mark.nightly, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def made(settings, tmp_path):
    """The town; files of batches go to a folder of the test."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}}
    settings.STORAGES, settings.MEDIA_ROOT = {**settings.STORAGES, "default": default}, tmp_path
    policy.forget_all()
    with system("a test sets up rows"):
        return town(hours=0)


def together(made: SimpleNamespace, seed: int, *, threads: int, steps: int, rounds: int) -> list[Walk]:
    """So many people for so many rounds; after each the whole database is looked at. Raises what is broken."""
    walks, watch = [Walk(made, seed * 100 + number, alone=False) for number in range(threads)], Watch()
    for _round in range(rounds):
        barrier, faults = threading.Barrier(threads), []

        def live(walk: Walk, barrier: threading.Barrier = barrier, faults: list[BaseException] = faults) -> None:
            try:
                with system("a test decides what is tried"):
                    barrier.wait(30)
                    for _ in range(steps):
                        walk.step()
            except BaseException as error:
                error.add_note(walk.story("among others at once"))
                faults.append(error)
            finally:
                connections.close_all()

        started = [threading.Thread(target=live, args=(walk,)) for walk in walks]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(300)
        if faults:
            raise faults[0]
        walks[0].last = ("", "")  # who wrote what is not known here
        watch.look(walks[0])
    nobody_outside_sees(made)
    return walks


def test_no_crowd_breaks_an_invariant(made):
    walks = together(made, 1, threads=4, steps=8, rounds=2)
    assert sum(sum(walk.done.values()) for walk in walks) > 10


@pytest.mark.parametrize("seed", range(10, 16))
def test_no_crowd_breaks_an_invariant_in_the_long_run(made, seed):
    walks = together(made, seed, threads=8, steps=40, rounds=5)
    assert sum(sum(walk.done.values()) for walk in walks) > 200


def test_control_without_the_lock_the_crowd_breaks_it(made, monkeypatch):
    """The record read instead of locked: two decide on the same state, and the database or the log says so."""

    def unlocked(record, by, *, alone=False):
        rows = type(record)._base_manager.filter(pk=record.pk).select_related(*type(record).joins())
        row = (rows if by is None else by.scope_of(rows)).first()
        if row is None:
            raise Absent(actions.ABSENT)
        return row

    monkeypatch.setattr(actions, "locked", unlocked)
    with pytest.raises((Broken, DatabaseError)):
        several(made, range(20, 26))


def several(made: SimpleNamespace, seeds: range) -> None:
    """One crowd after the other."""
    for seed in seeds:
        together(made, seed, threads=8, steps=25, rounds=1)
