"""Hundreds and thousands of forms: each a file of its own, or all in one file for the printer, sorted by class.

Separate files are documents given out one by one, so a form that was printed before and still holds is not made again, and a job
taken up after a killed worker goes on where it was. One file shares its fonts among the forms, a tenth of the size; every form in
it has its own code, which leads to its facts and to the digest of the whole file.
"""

from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import models

from exports.documents.forms import PrintedForm
from exports.documents.issuing import filled
from exports.documents.pool import layouts
from models.documents.models import IssuedDocument, new_token
from models.documents.services import issue, issue_within, newest_of
from models.evidence.kinds import WithEvidence
from models.evidence.services import preload
from models.jobs.files import safe_filename
from workflows import bulkrows

TOGETHER = 50  # forms laid out in one piece when they come into one file
AT_A_TIME = 200  # records read at once

Progress = Callable[[int], None]


@dataclass
class Chosen:
    """What is printed, in the order of printing, and what is not, with the reason."""

    ids: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def choose(form: PrintedForm, rows: models.QuerySet) -> Chosen:
    """Sort `rows` as they are printed (by class, then by number); put aside what may not be printed yet."""
    found, chosen = [], Chosen()
    for record in rows.select_related(*reached(form, rows.model)).order_by("pk").iterator(chunk_size=500):
        if refusal := form.refusal(record):
            chosen.refused[record.pk] = refusal
        else:
            found.append((record.org_path, form.file_name(record), record.pk))
    chosen.ids = [pk for _path, _name, pk in sorted(found)]
    return chosen


def reached(form: PrintedForm, model: type[models.Model]) -> tuple[str, ...]:
    """The relations that a form reads."""
    return ("school", *model.joins(), *form.reads)


def records(form: PrintedForm, model: type[models.Model], ids: Sequence[int]) -> Iterator[list[Any]]:
    """The records in this order, some hundred at a time, with all that a form needs; those that are gone are left out."""
    for start in range(0, len(ids), AT_A_TIME):
        some = list(ids[start : start + AT_A_TIME])
        rows = bulkrows.those(model.objects.select_related(*reached(form, model)), "id", some)
        by_id = {record.pk: record for record in rows}
        batch = [by_id[pk] for pk in some if pk in by_id]
        if issubclass(model, WithEvidence):
            preload(batch)
        yield batch


# -- one file each ---------------------------------------------------------------------------------------------------------


def separately(
    form: PrintedForm, model: type[models.Model], ids: Sequence[int], *, by: Any, base: str = ""
) -> Iterator[tuple[Any, IssuedDocument]]:
    """(record, document) in order; the document's file is in the private store. A full disk raises FileNotStored."""
    with layouts(len(ids)) as lay_out_all:
        for batch in records(form, model, ids):
            held = {
                pk: document
                for pk, document in newest_of(batch, form.kind).items()
                if default_storage.exists(document.stored.name)
            }
            fresh = [(record, new_token()) for record in batch if record.pk not in held]
            pieces = ((form.template, context(form, [filled(form, record, token, base)])) for record, token in fresh)
            made = zip(fresh, lay_out_all(pieces), strict=True)
            for record in batch:
                if record.pk in held:
                    yield record, held[record.pk]
                    continue
                (_same, token), pdf = next(made)
                number = form.number(record)
                yield record, issue(record, form.kind, pdf, number=number, title=form.title, token=token, by=by)


def context(form: PrintedForm, filled_in: list[dict[str, Any]]) -> dict[str, Any]:
    """The context of the template for some filled-in forms."""
    return {
        "title": form.title,
        "school_name": filled_in[0].get("school", "") if filled_in else "",
        "forms": filled_in,
    }


def place_in(form: PrintedForm, record: Any) -> Path:
    """学院/班级/name.pdf, as in a zip or a folder."""
    unit = record.student.unit
    return Path(safe_filename(record.student.major.college.name), safe_filename(unit.name), form.name_for(record))


# -- all in one file -------------------------------------------------------------------------------------------------------


@dataclass
class Together:
    """One file with many forms: its bytes, and which record stands where."""

    content: bytes
    placed: list[tuple[Any, str, int]]

    @property
    def sha256(self) -> str:
        """The digest of the file."""
        return hashlib.sha256(self.content).hexdigest()


def together(
    form: PrintedForm,
    model: type[models.Model],
    ids: Sequence[int],
    *,
    base: str = "",
    progress: Progress | None = None,
) -> Together:
    """All forms in one file, in order. What is given out is noted by `note`, when the file is where it is to be."""
    pypdf = importlib.import_module("pypdf")  # 50 modules that a server without print jobs never needs
    writer, placed = pypdf.PdfWriter(), []
    with layouts(len(ids)) as lay_out_all:
        tokens: list[list[tuple[Any, str]]] = []
        for chunk, pdf in _laid(form, model, ids, base, lay_out_all, tokens):
            reader, first = pypdf.PdfReader(io.BytesIO(pdf)), len(writer.pages) + 1
            each = max(1, len(reader.pages) // len(chunk))
            writer.append(reader)
            placed += [(record, token, first + i * each) for i, (record, token) in enumerate(chunk)]
            if progress:
                progress(len(placed))
    writer.add_metadata({"/Title": form.title})
    out = io.BytesIO()
    writer.write(out)
    return Together(out.getvalue(), placed)


def _laid(
    form: PrintedForm, model: type[models.Model], ids: Sequence[int], base: str, lay_out_all: Any, chunks: list[Any]
) -> Iterator[tuple[list[tuple[Any, str]], bytes]]:
    """(records with their tokens, their PDF) piece by piece. `chunks` holds what was sent to be laid out and has not come back."""

    def pieces() -> Iterator[Any]:
        for batch in records(form, model, ids):
            for start in range(0, len(batch), TOGETHER):
                chunk = [(record, new_token()) for record in batch[start : start + TOGETHER]]
                chunks.append(chunk)
                yield form.template, context(form, [filled(form, record, token, base) for record, token in chunk])

    for pdf in lay_out_all(pieces()):
        yield chunks.pop(0), pdf


def note(form: PrintedForm, printed: Together, *, by: Any) -> None:
    """Remember every form of the file as given out; in the caller's transaction."""
    issue_within(printed.placed, form.kind, printed.sha256, title=form.title, by=by)
