"""Upkeep without cron: functions that want to run every so often, run by the workers between jobs and by `manage.py tick`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from models.jobs.models import Tick
from models.jobs.registry import load
from workflows.scoping import system

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Upkeep:
    """One registered function; what it returns, if anything, is kept as the outcome of the run."""

    name: str
    every: timedelta
    function: Callable[[], Any]


_upkeep: dict[str, Upkeep] = {}


def register_tick(name: str, every_seconds: float, function: Callable[[], Any]) -> None:
    """Have `function` called about every `every_seconds`, by one process at a time. Put the call into `<app>/job_handlers.py`.

    It runs without row limits (system scope) between two jobs: it should take seconds, or start a job.
    """
    known = _upkeep.get(name)
    if known and known.function is not function:
        raise ValueError(f"Upkeep {name!r} is registered twice")
    _upkeep[name] = Upkeep(name, timedelta(seconds=every_seconds), function)


def tick(*, force: bool = False) -> dict[str, str]:
    """Run what is due (with `force`, everything) and return {name: outcome}. A failing one is logged and stops no other."""
    load()
    due = _due(force=force)
    return {upkeep.name: _run(upkeep) for upkeep in due if _claim(upkeep, force=force)}


def _due(*, force: bool) -> list[Upkeep]:
    known = dict(Tick.objects.filter(name__in=_upkeep).values_list("name", "last_started"))
    if missing := [Tick(name=name) for name in _upkeep if name not in known]:
        Tick.objects.bulk_create(missing, ignore_conflicts=True)
    now = timezone.now()

    def is_due(upkeep: Upkeep) -> bool:
        last = known.get(upkeep.name)
        return force or last is None or last + upkeep.every <= now

    return [upkeep for upkeep in _upkeep.values() if is_due(upkeep)]


def _claim(upkeep: Upkeep, *, force: bool) -> bool:
    now = timezone.now()
    row = Tick.objects.filter(name=upkeep.name)
    if not force:
        row = row.filter(Q(last_started__isnull=True) | Q(last_started__lte=now - upkeep.every))
    return bool(row.update(last_started=now))


def _run(upkeep: Upkeep) -> str:
    try:
        with system(f"upkeep {upkeep.name}: looks after everybody's rows"):
            outcome = upkeep.function()
    except Exception as error:
        logger.exception("upkeep %s failed", upkeep.name)
        outcome = f"失败：{type(error).__name__}"
    text = "" if outcome is None else str(outcome)[:300]
    Tick.objects.filter(name=upkeep.name).update(last_finished=timezone.now(), outcome=text)
    return text
