"""Putting files to a record and taking them out: the one door. Everything is done under the record's lock, as its own moves are."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from models.evidence.kinds import EvidenceKind, WithEvidence
from models.evidence.models import Evidence
from models.jobs.files import FileNotStored, remove_private, safe_filename, store_private
from workflows import actions, bulkrows, policy
from workflows.chain import matter_by_label
from workflows.errors import Absent, Invalid
from workflows.levels import Verb

FOLDER = "evidence"
Crop = tuple[float, float, float, float]


def kind_of(record: WithEvidence, key: str) -> EvidenceKind:
    """The kind this record takes under `key`; Absent when it takes none."""
    for kind in record.evidence_kinds() if isinstance(record, WithEvidence) else ():
        if kind.key == key:
            return kind
    raise Absent("该记录不需要这种材料。")


def attach(record: Any, kind: EvidenceKind | str, uploaded_file: Any, by: Any, crop: Crop | None = None) -> Evidence:
    """Check `uploaded_file` (a Django upload), store it, and put it to the record; where one is enough it takes the old one's place.

    `crop` is the part to keep of a picture that must have one shape: left, top, width, height as shares of the upright picture.

    Raises a Refused (Invalid names the field "evidence.<key>") with a sentence for the person; then there is neither row nor file.
    """
    kind = kind if isinstance(kind, EvidenceKind) else kind_of(record, kind)
    looked_at = checked(uploaded_file, kind, crop)
    with transaction.atomic():
        row = _open(record, kind.key, by)
        present = [one for one in row.evidence() if one.kind == kind.key]
        if kind.many and len(present) >= kind.most:
            raise Invalid({kind.field: f"{kind.label}最多 {kind.most} 个，请先删除不需要的。"})
        if any(one.sha256 == looked_at.sha256 for one in present):
            raise Invalid({kind.field: "这个文件已经上传过，请选择另一个文件。"})
        stored = _stored(uploaded_file.name, looked_at, kind)
        try:
            made = _made(row, kind, uploaded_file.name, stored, looked_at, by)
            if not kind.many:
                _take_out(present, by)
        except BaseException:
            remove_private(stored)
            raise
    forget(record)
    return made


def remove(evidence: Evidence, by: Any, record: Any | None = None) -> None:
    """Take a file out of its record; Refused when that is not `by`'s to do now."""
    with transaction.atomic():
        row = _open(record if record is not None else record_of(evidence), evidence.kind, by)
        held = [one for one in row.evidence() if one.pk == evidence.pk]
        if not held:
            raise Absent("该文件已不在记录中，请刷新后再看。")
        _take_out(held, by)
    if record is not None:
        forget(record)


def files_of(record: Any) -> list[Evidence]:
    """The files the record has now."""
    return record.evidence()


def find(record: Any, pk: int) -> Evidence:
    """One file of a record that the caller may see; Absent when it has no such file."""
    for one in getattr(record, "evidence", tuple)():  # a matter without files has none of that name
        if one.pk == int(pk):
            return one
    raise Absent("没有找到该文件，可能已被删除。")


def preload(records: Sequence[Any]) -> None:
    """Read the files of many records of one matter with one query, for lists and exports."""
    if not records:
        return
    model = type(records[0])
    found: dict[int, list[Evidence]] = {row.pk: [] for row in records}
    rows = bulkrows.those(Evidence._base_manager, "record_id", list(found))
    for one in rows.filter(record_type=policy.label(model), removed_at=None).order_by("pk"):
        found[one.record_id].append(one)
    for row in records:
        row._evidence = found[row.pk]


def forget(record: Any) -> None:
    """Read the record's files afresh next time."""
    record.__dict__.pop("_evidence", None)


def follow(model: type[models.Model], ids: Iterable[int]) -> None:
    """Put the files of these records where the records now are."""
    values = bulkrows.those(model._base_manager, "id", list(ids)).values_list("pk", "org_path", "cohort_id")
    places = {pk: {"org_path": path, "cohort_id": cohort} for pk, path, cohort in values}
    rows = bulkrows.those(Evidence._base_manager, "record_id", list(places)).filter(record_type=policy.label(model))
    bulkrows.update(Evidence, {pk: places[record_id] for pk, record_id in rows.values_list("pk", "record_id")})


def checked(uploaded_file: Any, kind: EvidenceKind, crop: Crop | None = None) -> Any:
    """What the file is and the bytes to keep; Invalid when it is not taken."""
    if uploaded_file is None:
        raise Invalid({kind.field: f"请选择要上传的{kind.label}。"})
    # The decoders are loaded when the first file comes, not when the server starts.
    return importlib.import_module("models.evidence.looking").look(uploaded_file, kind, crop)


def _open(record: Any, key: str, by: Any) -> Any:
    """The record under its lock, when `by` may change its files of kind `key` now."""
    row = actions.locked(record, by)
    is_subject = row.subject_user_id == by.pk
    actions.check_open(row, Verb.SUBMIT if is_subject else Verb.APPROVE)
    refusal = row.evidence_refusal(kind_of(row, key), by)
    if refusal is not None:
        raise refusal
    # Rules look at the files: what they said before this change no longer holds.
    type(row)._base_manager.filter(pk=row.pk).update(rules_stamp="")
    return row


def file_name(name: str, looked_at: Any) -> str:
    """What the person called the file, with the ending of what it is now."""
    return safe_filename(f"{PurePath(name).stem or 'x'}{looked_at.extension}")


def _stored(name: str, looked_at: Any, kind: EvidenceKind) -> str:
    try:
        return store_private(file_name(name, looked_at), looked_at.content, FOLDER)
    except FileNotStored as error:
        raise Invalid({kind.field: error.sentence}) from error


def _made(row: Any, kind: EvidenceKind, name: str, stored: str, looked_at: Any, by: Any) -> Evidence:
    return Evidence._base_manager.create(
        record_type=policy.label(type(row)),
        record_id=row.pk,
        kind=kind.key,
        name=file_name(name, looked_at),
        stored=stored,
        size=len(looked_at.content),
        content_type=looked_at.content_type,
        sha256=looked_at.sha256,
        phash=looked_at.phash,
        pages=looked_at.pages,
        uploaded_by=by,
        school_id=row.school_id,
        cohort_id=row.cohort_id,
        org_path=row.org_path,
    )


def _take_out(held: list[Evidence], by: Any) -> None:
    rows = Evidence._base_manager.filter(pk__in=[one.pk for one in held])
    rows.update(removed_at=timezone.now(), removed_by=by)


def record_of(evidence: Evidence) -> Any:
    """The record a file belongs to, whoever asks: what follows checks who may."""
    return matter_by_label(evidence.record_type)._base_manager.get(pk=evidence.record_id)
