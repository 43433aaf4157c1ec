"""The history of a setting or a record in words: who changed which field from what to what, when, why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from django.db import models
from django.utils import timezone

from models.audit.models import AuditEntry

KINDS = {"+": "新增", "~": "修改", "-": "删除"}
EMPTY = "（空）"


@dataclass(frozen=True)
class Step:
    """One stored version against the one before it."""

    at: datetime
    who: str
    deed: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]


def in_words(field: models.Field, value: Any) -> str:
    """A stored value of a field as a person reads it: the name of a code or choice, 是/否, a local time."""
    if value in (None, "", [], {}):
        return EMPTY
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}"
    namer = getattr(field, "name_of", None)
    if namer is not None:
        return str(namer(value))
    if isinstance(value, list):
        return "、".join(map(str, value))
    if isinstance(value, dict):
        return "、".join(f"{key}：{item}" for key, item in value.items())
    return str(dict(field.flatchoices).get(value, value))


def entries(rows: Iterable[AuditEntry]) -> list[Step]:
    """The same of an object without stored versions: what the audit trail says about it."""
    return [
        Step(
            row.at,
            row.actor.name if row.actor else row.actor_label,
            row.detail.get("deed") or row.get_action_display(),
            "",
            tuple((label, old or EMPTY, new or EMPTY) for label, (old, new) in row.detail.get("changes", {}).items()),
        )
        for row in rows
    ]


def steps(
    records: Sequence[Any], model: type[models.Model], masked: Sequence[str] = (), before: Any = None
) -> list[Step]:
    """The versions of one object, newest first as given; masked fields say only that they changed.

    `before` is the version before the oldest of them, where there is one on the next page.
    """
    hidden = {"path", "org_path", "locally_edited", "session_epoch"}
    found = []
    for newer, older in pairwise([*records, before]):
        changes = []
        if older is not None:
            for change in newer.diff_against(older, foreign_keys_are_objs=True).changes:
                field = model._meta.get_field(change.field)
                if change.field in hidden:
                    continue
                pair = (
                    ("***", "***")
                    if change.field in masked
                    else (in_words(field, change.old), in_words(field, change.new))
                )
                changes.append((str(field.verbose_name), *pair))
        who = newer.history_user.name if newer.history_user_id and newer.history_user else "系统"
        found.append(
            Step(
                newer.history_date,
                who,
                KINDS.get(newer.history_type, ""),
                newer.history_change_reason or "",
                tuple(changes),
            )
        )
    return found
