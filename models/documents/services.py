"""Giving out documents, and saying what has become of them since.

A document holds as long as its record does: it is approved, what it says has not changed since, and it has not been sent back or
voided in between. Sending back revokes for good (`receivers`), so that a form that is approved again does not bring old paper back
to life; a correction after approval makes older paper superseded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from models.documents.models import IssuedDocument, new_token
from models.jobs.files import remove_private, store_private
from workflows import bulkrows, diff, policy
from workflows.chain import matter_by_label
from workflows.levels import Status

FOLDER = "documents"
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
VALID, REVOKED, SUPERSEDED = "valid", "revoked", "superseded"
Facts = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class State:
    """Where a document stands: `value` one of valid, revoked, superseded, and a sentence for whoever holds it."""

    value: str
    sentence: str

    @property
    def is_valid(self) -> bool:
        """Whether what it says still holds."""
        return self.value == VALID


_facts: dict[str, Callable[[Any], Facts]] = {}
_holding: dict[str, tuple[str, ...]] = {}


def facts_of(
    kind: str, *, holds: Sequence[str] = (Status.APPROVED,)
) -> Callable[[Callable[[Any], Facts]], Callable[[Any], Facts]]:
    """Register the decorated function as what the public page shows of a record in a document of `kind`: (label, masked value) pairs.

    It is asked again at every verification; when the answer is no longer what was given out, the document is superseded. A label
    that begins with an underscore is compared and never shown. `holds` are the statuses of the record in which the paper is good: an
    agreement is printed before anybody has reviewed it.
    """

    def register(function: Callable[[Any], Facts]) -> Callable[[Any], Facts]:
        _facts[kind], _holding[kind] = function, tuple(map(str, holds))
        return function

    return register


def current_facts(kind: str, record: Any) -> list[list[str]]:
    """What a document of `kind` says of the record now, as it is stored; [] for a kind that has registered nothing."""
    function = _facts.get(kind)
    return [[str(label), str(value)] for label, value in function(record)] if function else []


def issue(
    record: Any,
    kind: str,
    pdf: bytes,
    facts: Facts | None = None,
    number: str = "",
    *,
    title: str = "",
    token: str = "",
    by: Any = None,
) -> IssuedDocument:
    """Store `pdf` as a document given out for `record`. `token` is the one its QR code already carries (`new_token`).

    `facts` default to what is registered for `kind`. In a transaction of its own; FileNotStored, and no row, when the disk is full.
    """
    document = _new(record, kind, facts, number, title, token, by)
    document.sha256 = hashlib.sha256(pdf).hexdigest()
    document.stored = store_private(f"{kind}.pdf", pdf, FOLDER)
    try:
        with transaction.atomic():
            _stand_with(type(record), [document])
            document.save(force_insert=True)
    except BaseException:
        remove_private(document.stored.name)
        raise
    return document


def issue_within(
    records: Sequence[tuple[Any, str, int]], kind: str, sha256: str, *, title: str = "", by: Any = None
) -> None:
    """Note documents that were given out inside one printed file: (record, token, first page) each. The file is the job's to keep."""
    made = []
    for record, token, page in records:
        document = _new(record, kind, None, "", title, token, by)
        document.sha256, document.page = sha256, page
        made.append(document)
    with transaction.atomic():
        for model in {type(record) for record, _token, _page in records}:
            label = policy.label(model)
            _stand_with(model, [document for document in made if document.record_type == label])
        IssuedDocument._base_manager.bulk_create(made, batch_size=500)


def _stand_with(model: type[models.Model], documents: list[IssuedDocument]) -> None:
    """Where the records stand now, held: printing takes time, in which a student may have been moved."""
    ids = [document.record_id for document in documents]
    bulkrows.lock(model, ids)
    rows = bulkrows.those(model._base_manager, "id", ids).values_list("pk", "school_id", "cohort_id", "org_path")
    places = {pk: place for pk, *place in rows}
    for document in documents:
        document.school_id, document.cohort_id, document.org_path = places[document.record_id]


def _new(record: Any, kind: str, facts: Facts | None, number: str, title: str, token: str, by: Any) -> IssuedDocument:
    stored_facts = current_facts(kind, record) if facts is None else [[str(a), str(b)] for a, b in facts]
    return IssuedDocument(
        kind=kind,
        title=title or str(record._meta.verbose_name),
        token=token or new_token(),
        record_type=policy.label(type(record)),
        record_id=record.pk,
        record_version=record.version,
        number=number,
        facts=stored_facts,
        issued_by=by,
        school_id=record.school_id,
        cohort_id=record.cohort_id,
        org_path=record.org_path,
    )


def state(document: IssuedDocument) -> State:
    """Whether the document still holds; a few queries."""
    if document.revoked_at:
        return State(
            REVOKED, f"该文件已于 {timezone.localtime(document.revoked_at):%Y-%m-%d} 失效：{document.revoked_reason}"
        )
    model = matter_by_label(document.record_type)
    record = model._base_manager.select_related(*model.joins()).filter(pk=document.record_id).first()
    if record is None or record.status not in _holding.get(document.kind, (Status.APPROVED,)):
        return State(REVOKED, "该文件所依据的记录目前未审核通过，文件无效。")
    return SUPERSEDED_STATE if is_outdated(document, record) else State(VALID, "该文件真实有效。")


SUPERSEDED_STATE = State(SUPERSEDED, "该文件出具之后，内容已有更正，请以最新出具的文件为准。")


def is_outdated(document: IssuedDocument, record: Any) -> bool:
    """Whether what the record says is no longer what the document says."""
    if record.version != document.record_version and diff.changes_since(record, document.record_version):
        return True
    return document.kind in _facts and current_facts(document.kind, record) != document.facts


def newest(record: Any, kind: str) -> IssuedDocument | None:
    """The last document of this kind with a file of its own that still holds for `record`; None when one must be made."""
    return newest_of([record], kind).get(record.pk)


def newest_of(records: Sequence[Any], kind: str) -> dict[int, IssuedDocument]:
    """`newest` for many records of one matter, by their keys: one query, and one more for each that was changed meanwhile."""
    if not records:
        return {}
    rows = IssuedDocument._base_manager.filter(record_type=policy.label(type(records[0])), kind=kind, revoked_at=None)
    rows = bulkrows.those(rows.exclude(stored=""), "record_id", [record.pk for record in records])
    last = {document.record_id: document for document in rows.order_by("id")}
    return {
        record.pk: last[record.pk]
        for record in records
        if record.pk in last and not is_outdated(last[record.pk], record)
    }


def by_token(token: str) -> IssuedDocument | None:
    """The document with this token, whoever asks: the paper in hand is the right to ask."""
    if not TOKEN.fullmatch(token):  # a NUL, say, is no text that PostgreSQL would look for
        return None
    return IssuedDocument._base_manager.select_related("school").filter(token=token).first()


def by_content(content: bytes) -> list[IssuedDocument]:
    """The documents given out in exactly this file, in the order of its pages."""
    digest = hashlib.sha256(content).hexdigest()
    return list(IssuedDocument._base_manager.select_related("school").filter(sha256=digest).order_by("page", "id"))


def is_same(document: IssuedDocument, content: bytes) -> bool:
    """Whether `content` is the very file that was given out, bit by bit."""
    return hashlib.sha256(content).hexdigest() == document.sha256


def revoke(model: type[models.Model], ids: Iterable[int], reason: str) -> int:
    """End every document of these records; how many there were."""
    rows = IssuedDocument._base_manager.filter(record_type=policy.label(model), revoked_at=None)
    return bulkrows.those(rows, "record_id", list(ids)).update(revoked_at=timezone.now(), revoked_reason=reason[:100])


def follow(model: type[models.Model], ids: Iterable[int]) -> None:
    """Put the documents of these records where the records now are."""
    values = bulkrows.those(model._base_manager, "id", list(ids)).values_list("pk", "org_path", "cohort_id")
    places = {pk: {"org_path": path, "cohort_id": cohort} for pk, path, cohort in values}
    rows = bulkrows.those(IssuedDocument._base_manager, "record_id", list(places))
    rows = rows.filter(record_type=policy.label(model)).values_list("pk", "record_id")
    bulkrows.update(IssuedDocument, {pk: places[record_id] for pk, record_id in rows})
