"""What happened to a record, in words: who changed what from what to what, when, on which occasion.

Two sources tell it: the history rows (every value of every version) and the review log (who moved it, in which capacity,
why). `story` merges them for the history page, `timeline` tells the log alone for the review page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import models

from workflows import diff, fields, policy
from workflows.fields import FieldSpec
from workflows.levels import LEVEL_NAMES, Status, Verb
from workflows.models import ReviewLog

PAGE = 200
SYSTEM = "系统"
MADE, DELETED, EDITED = "建立", "删除", "修改"


@dataclass(frozen=True)
class Change:
    """One field: its label, the old and the new value as people read them, masked where the matter says so."""

    label: str
    old: str
    new: str

    @property
    def sentence(self) -> str:
        """ "生源地 从 重庆市渝中区 改为 重庆市江北区"; masked values that look alike differ in what is hidden."""
        if not self.old:
            return f"填写 {self.label} 为 {self.new}"
        if not self.new:
            return f"清空 {self.label}（原为 {self.old}）"
        if self.old == self.new:
            return f"{self.label} 从 {self.old} 改为 {self.new}（隐藏的几位不同）"
        return f"{self.label} 从 {self.old} 改为 {self.new}"


@dataclass(frozen=True)
class Entry:
    """One event. `who` carries the capacity ("李老师（院系）"), `occasion` what was done ("修改后通过")."""

    at: datetime
    who: str
    occasion: str
    version: int = 0
    verb: str = ""
    to_status: str = ""
    changes: tuple[Change, ...] = ()
    reasons: tuple[str, ...] = ()
    opinion: str = ""
    ip: str = ""

    @property
    def sentence(self) -> str:
        """The whole event without its time: "李老师（院系）把 生源地 从 … 改为 …"."""
        told = "；".join(change.sentence for change in self.changes)
        if not told:
            return f"{self.who}{self.occasion}"
        return f"{self.who}{told}" if told.startswith(("填写", "清空")) else f"{self.who}把 {told}"


@dataclass(frozen=True)
class Page:
    """One page of a story, newest first; `total` events in all."""

    entries: list[Entry] = field(default_factory=list)
    total: int = 0
    number: int = 1

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE))

    @property
    def newer(self) -> int:
        """Number of the page before this one."""
        return self.number - 1

    @property
    def older(self) -> int:
        """Number of the page after this one."""
        return self.number + 1


# -- the review log ------------------------------------------------------------------------------------------------------


def timeline(record: Any) -> list[Entry]:
    """The record's review log in words, oldest first: one query whatever its length."""
    specs = _specs_of_matter(record)
    return [_of_log(log, specs) for log in _logs(record)]


def _logs(record: Any) -> models.QuerySet[ReviewLog]:
    # Not narrowed by the log's own path: whoever may see the record may read how it came to be what it is, also after a transfer.
    return ReviewLog._base_manager.filter(matter=policy.label(type(record)), object_id=record.pk).order_by("seq")


def _of_log(log: ReviewLog, specs: Sequence[FieldSpec], changes: tuple[Change, ...] | None = None) -> Entry:
    if changes is None:
        changes = tuple(_from_pairs(log.corrections, specs))
    return Entry(
        at=log.at,
        who=_actor(log),
        occasion=_occasion(log),
        version=log.seq,
        verb=log.verb,
        to_status=log.to_status,
        changes=changes,
        reasons=tuple(log.reasons),
        opinion=log.opinion,
        ip=log.ip or "",
    )


def _actor(log: ReviewLog) -> str:
    if log.actor_id is None:
        return f"{SYSTEM}（{LEVEL_NAMES.get(log.level, '规则')}）" if log.level else SYSTEM
    if not log.level:
        return f"{log.actor_name}（本人）"
    if log.acting_for:
        return f"{log.actor_name}（{LEVEL_NAMES[log.level]}，代{LEVEL_NAMES[log.acting_for]}审核）"
    return f"{log.actor_name}（{LEVEL_NAMES[log.level]}）"


def _occasion(log: ReviewLog) -> str:
    if log.verb == Verb.APPROVE and log.corrections:
        return "修改后通过"
    return str(Verb(log.verb).label)


def _from_pairs(pairs: dict[str, list[Any]], specs: Iterable[FieldSpec]) -> Iterator[Change]:
    for spec in specs:
        if spec.name in pairs:
            old, new = pairs[spec.name]
            yield Change(spec.label, _shown(spec, old), _shown(spec, new))


def _shown(spec: FieldSpec, value: Any) -> str:
    text = spec.present(value)
    return fields.mask(text, spec.mask) if spec.mask else text


# -- history and log together --------------------------------------------------------------------------------------------


def story(record: Any, *, page: int = 1, subject_user_id: int | None = None) -> Page:
    """Everything that happened to `record` (a matter, or a model with history and field groups), newest first, 200 to a page.

    At most six queries whatever the length: the keys of both sources, the rows of this page, and one for each kind of thing
    the fields refer to.
    """
    kept = type(record).history.filter(**{record._meta.pk.attname: record.pk})
    is_matter = hasattr(record, "review")
    events = _events(kept, _logs(record) if is_matter else None)
    number = min(max(page, 1), max(1, -(-len(events) // PAGE)))
    chosen = events[(number - 1) * PAGE : number * PAGE]
    # Each version is told against the one before it, which may stand on the next page or belong to no event of this one.
    wanted = {key for event in chosen for key in (event.row, event.before) if key}
    rows = {row.history_id: row for row in kept.select_related("history_user").filter(history_id__in=wanted)}
    seqs = [event.log for event in chosen if event.log is not None]
    logs = {log.seq: log for log in _logs(record).filter(seq__in=seqs)} if seqs else {}
    specs = _specs_of_matter(record) if is_matter else _specs_of(type(record))
    names = _names(specs, list(rows.values()))
    subject = subject_user_id if subject_user_id is not None else getattr(record, "subject_user_id", None)
    entries = []
    for event in chosen:
        row, log = rows.get(event.row), logs.get(event.log)
        if row is None:
            entries.append(_of_log(log, specs))
        else:
            entries.append(_of_history(row, rows.get(event.before), log, specs, names, subject))
    return Page(entries, len(events), number)


@dataclass(frozen=True)
class _Event:
    """Keys of one event: its history row and the one before it (0: none), the number of its log row (None: none)."""

    row: int
    before: int
    log: int | None


def _events(kept: models.QuerySet, logs: models.QuerySet | None) -> list[_Event]:
    """Every event, newest first: history rows, each with the log row of its version, and log rows of versions not kept."""
    if logs is None:
        ids = list(kept.order_by("history_id").values_list("history_id", flat=True))
        return [_Event(row, before, None) for row, before in zip(ids, [0, *ids], strict=False)][::-1]
    unmatched = set(logs.order_by().values_list("seq", flat=True))
    found: list[tuple[int, int, _Event]] = []
    before = 0
    for row, version in kept.order_by("history_id").values_list("history_id", "version"):
        log = version if version in unmatched else None
        unmatched.discard(version)
        found.append((version, row, _Event(row, before, log)))
        before = row
    found += [(seq, 0, _Event(0, 0, seq)) for seq in unmatched]
    return [event for _version, _row, event in sorted(found, key=lambda one: one[:2], reverse=True)]


def _specs_of_matter(record: Any) -> list[FieldSpec]:
    """The record's own fields, and the graduation year, which moves with the subject."""
    return [*diff.own_specs(record), fields.native(type(record), "cohort")]


def _specs_of(model: type[models.Model]) -> list[FieldSpec]:
    """Fields of a model that is no matter: those it declares in groups, else everything a person edits; and its cohort."""
    named = [name for _title, group in getattr(model, "field_groups", ()) for name in group]
    own = [f.name for f in model._meta.concrete_fields if f.editable and not f.primary_key]
    chosen = list(dict.fromkeys([*(name for name in named if "." not in name), *own]))
    return [fields.native(model, name) for name in chosen]


def _names(specs: Sequence[FieldSpec], rows: Sequence[Any]) -> dict[str, dict[Any, str]]:
    """{field: {key: name}} of everything the rows refer to, one query per field that refers to something."""
    found = {}
    for spec in specs:
        if spec.kind == "relation":
            keys = {getattr(row, spec.model_field.attname, None) for row in rows} - {None}
            # Names of what the record was attached to, also where the reader may not go: the record itself says so.
            related = spec.model_field.related_model._base_manager
            found[spec.name] = {pk: str(row) for pk, row in related.in_bulk(keys).items()} if keys else {}
    return found


def _of_history(
    row: Any, older: Any, log: ReviewLog | None, specs: Sequence[FieldSpec], names: dict[str, dict], subject: int | None
) -> Entry:
    changes = tuple(_between(older, row, specs, names)) if older is not None else ()
    if log is not None and log.to_status == getattr(row, "status", log.to_status):
        return _of_log(log, specs, changes or None)
    kind = {"+": MADE, "-": DELETED}.get(row.history_type, EDITED)
    occasion = row.history_change_reason or kind
    return Entry(
        at=row.history_date,
        who=_editor(row.history_user, subject),
        occasion=occasion,
        version=getattr(row, "version", 0),
        to_status=_status_moved(older, row),
        changes=changes,
    )


def _status_moved(older: Any, row: Any) -> str:
    status = getattr(row, "status", "")
    return status if status and status in Status.values and older is not None and older.status != status else ""


def _editor(user: Any, subject: int | None) -> str:
    if user is None:
        return SYSTEM
    return f"{user}（本人）" if user.pk == subject else str(user)


def _between(older: Any, newer: Any, specs: Iterable[FieldSpec], names: dict[str, dict]) -> Iterator[Change]:
    for spec in specs:
        if spec.kind == "relation":
            keys = [getattr(row, spec.model_field.attname, None) for row in (older, newer)]
            old, new = (names[spec.name].get(key, "") if key is not None else "" for key in keys)
            if keys[0] != keys[1]:
                yield Change(spec.label, old, new)
            continue
        old, new = spec.value(older), spec.value(newer)
        if old != new and not (old in (None, "") and new in (None, "")):
            yield Change(spec.label, _shown(spec, old), _shown(spec, new))
