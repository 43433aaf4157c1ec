"""A past that is written down at once: for demo data, benchmarks and the take-over of records reviewed in an older system.

Each record brings its whole story, which is checked against the same table of transitions as everything else, so that
`manage.py verify` finds a status to be the fold of its log here too. Not a door for work in progress: it refuses records that
already have a log.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models

from workflows import bulkrows, policy
from workflows.chain import TABLE, TARGETS
from workflows.levels import PENDING, Status, Verb
from workflows.models import ReviewLog


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: `verb` led to `to`, done by `actor` (id, name; None for the rules) at `level`, held over `held_path`."""

    verb: Verb
    to: Status
    at: datetime
    actor: tuple[int, str] | None = None
    level: str = ""
    held_path: str = ""
    reasons: tuple[str, ...] = ()
    opinion: str = ""


@dataclass(slots=True)
class Story:
    """What happened to one record, in order, and column values it ended with besides."""

    org_path: str
    events: Sequence[Event]
    values: dict[str, Any] = field(default_factory=dict)


def replay(model: type[models.Model], stories: Mapping[int, Story], levels: tuple[str, ...]) -> None:
    """Write the stories of fresh drafts (version 1): logs, final columns, one history row. Raises ValueError for an illegal step."""
    logs: list[dict[str, Any]] = []
    finals: dict[int, dict[str, Any]] = {}
    label = policy.label(model)
    for pk, story in stories.items():
        status = Status.DRAFT
        for seq, event in enumerate(story.events, start=2):
            if status not in TABLE[event.verb] or event.to not in TARGETS[event.verb]:
                raise ValueError(f"{event.verb} does not lead from {status} to {event.to}")
            logs.append(_log(label, pk, seq, story.org_path, status, event))
            status = event.to
        finals[pk] = _final(story, status, levels)
    ids = bulkrows.new_ids(ReviewLog, len(logs))
    bulkrows.insert(ReviewLog, [{**row, "id": pk} for pk, row in zip(ids, logs, strict=True)])
    bulkrows.update(model, finals)
    bulkrows.write_history(model, list(finals), by=None, reason="审核")


def _log(label: str, pk: int, seq: int, org_path: str, status: Status, event: Event) -> dict[str, Any]:
    actor_id, name = event.actor or (None, "")
    return {
        "matter": label, "object_id": pk, "seq": seq, "verb": str(event.verb), "level": event.level, "from_status": str(status),
        "to_status": str(event.to), "actor_id": actor_id, "actor_name": name, "held_path": event.held_path, "opinion": event.opinion,
        "reasons": list(event.reasons), "corrections": {}, "org_path": org_path, "at": event.at,
    }  # fmt: skip


def _final(story: Story, status: Status, levels: tuple[str, ...]) -> dict[str, Any]:
    events = story.events
    submits = [event for event in events if event.verb == Verb.SUBMIT]
    returns = [event for event in events if event.verb == Verb.RETURN]
    version = 1 + len(events)
    values: dict[str, Any] = {"status": str(status), "version": version, **story.values}
    if submits:
        last = submits[-1]
        entry = next(level for level, pending in PENDING.items() if pending == last.to)
        values |= {
            "levels": ",".join(levels),
            "entry_point": entry,
            "submitted_at": last.at,
            "submitted_by_id": last.actor[0],
        }
    if returns:
        values |= {"returns": len(returns), "returned_by_level": returns[-1].level}
        if status == Status.RETURNED:
            values["last_reason"] = "；".join(
                [*returns[-1].reasons, *([returns[-1].opinion] if returns[-1].opinion else [])]
            )
    if status == Status.APPROVED:
        values["baseline_version"] = version
    if events:
        values["decided_at"] = events[-1].at
    return values
