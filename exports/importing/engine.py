"""The engine: a sheet goes through a kind in chunks, once to look (`check`), once to write (`execute`).

Looking and writing are the same steps on the same rows; writing locks what it compares with, and keeps the result of every row in
the same transaction as the row itself, so that a killed run goes on exactly where it stopped. Chunks are small: on SQLite
other writers wait for one of them, well under a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max

from exports.importing.kinds.base import CREATED, FAILED, UPDATED, Context, Entry, Kind
from exports.importing.reading import Row
from exports.importing.sheet import Sheet
from models.organisation.directory import Directory
from models.transfer.models import ImportRow, ImportRun
from workflows import bulkrows

CHUNK = 1000
#: How often a chunk is tried when somebody else wrote the same new record in between.
TRIES = 3

Progress = Callable[[int, int, str], None]


class NotVisible(RuntimeError):
    """A row was written that the importer may not see: the kind let it through. The chunk is rolled back."""


def _quiet(done: int, total: int, message: str) -> None:
    pass


class Engine:
    """One run of one sheet. `checkpoint` is called inside each writing transaction with the last row number."""

    def __init__(
        self,
        run: ImportRun,
        sheet: Sheet,
        kind: Kind,
        *,
        progress: Progress = _quiet,
        checkpoint: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.run, self.sheet, self.kind, self.context = run, sheet, kind, kind.context
        self.progress, self.checkpoint = progress, checkpoint
        self.places = sheet.places(kind)
        self.context.mapped = frozenset(column.target for column, _position in self.places)
        self.total = sheet.about

    # -- the two ways through -----------------------------------------------------------------------------------------

    def check(self) -> dict[str, int]:
        """Look at every row, keep what would become of it, write nothing else. Returns the counts."""
        ImportRow.objects.filter(run=self.run).delete()
        done = 0
        for entries in self._chunks():
            self.kind.resolve(entries, lock=False)
            with transaction.atomic():
                self._keep(entries, written=False)
            done += len(entries)
            self.progress(done, max(self.total, done), "正在核对")
        return self._count()

    def execute(self) -> dict[str, int]:
        """Write every row that is right; begins after the last row already written. Returns the counts."""
        after = ImportRow.objects.filter(run=self.run, written=True).aggregate(last=Max("number"))["last"] or 0
        if after:
            self.context.made = dict(self.run.made)
        done = 0
        for entries in self._chunks():
            if entries[-1].number > after:
                self._write(entries)
                bulkrows.release()
            done += len(entries)
            self.progress(done, max(self.total, done), "正在写入")
        return self._count()

    def _chunks(self) -> Iterator[list[Entry]]:
        rows = self.sheet.rows()
        while chunk := list(islice(rows, CHUNK)):
            entries = [self._read(row) for row in chunk]
            self.kind.find_repeats(entries)
            yield entries

    def _read(self, row: Row) -> Entry:
        return self.kind.read(row, self.places)

    # -- one chunk ----------------------------------------------------------------------------------------------------

    def _write(self, entries: list[Entry]) -> None:
        wrong = [(entry, dict(entry.errors)) for entry in entries]
        for attempt in range(1, TRIES + 1):
            try:
                with transaction.atomic():
                    self._write_once(entries)
                return
            except IntegrityError:
                if attempt == TRIES:
                    raise
                # Somebody made the same student or class meanwhile: look again, now it is there.
                time.sleep(0.05 * attempt)
                self.context.directory = Directory.of(self.context.school)
                self.context.made = dict(self.run.made)
                self.kind.forget()
                for entry, errors in wrong:
                    entry.errors, entry.plan, entry.changes, entry.undo = dict(errors), {}, {}, {}

    def _write_once(self, entries: list[Entry]) -> None:
        self.kind.resolve(entries, lock=True)
        good = [entry for entry in entries if entry.status in (CREATED, UPDATED)]
        if good:
            self.kind.write(good)
            self.kind.remember(good)
            self._must_see(good)
        self._keep(entries, written=True)
        if self.context.made != self.run.made:
            ImportRun.objects.filter(pk=self.run.pk).update(made=self.context.made)
        self.checkpoint(entries[-1].number)
        self.run.made = {key: list(ids) for key, ids in self.context.made.items()}

    def _must_see(self, good: list[Entry]) -> None:
        """Everything written is visible to the importer, or the chunk is rolled back: whatever the kind has overlooked."""
        for key, model in self.kind.written().items():
            ids = sorted({entry.undo[key][0] for entry in good if key in entry.undo})
            if ids and bulkrows.those(model.objects.all(), "id", ids).count() != len(ids):
                raise NotVisible(f"{model.__name__}: rows outside the importer's scope were written")

    def _keep(self, entries: list[Entry], *, written: bool) -> None:
        first, last = entries[0].number, entries[-1].number
        if written:
            ImportRow.objects.filter(run=self.run, number__gte=first, number__lte=last).delete()
        rows = [
            {
                "id": pk,
                "number": entry.number,
                "status": entry.status,
                "label": entry.label[:120],
                "errors": [
                    {"column": header, "code": code, "message": text} for header, (code, text) in entry.errors.items()
                ],
                "changes": entry.changes,
                "undo": entry.undo,
            }
            for pk, entry in zip(bulkrows.new_ids(ImportRow, len(entries)), entries, strict=True)
        ]
        bulkrows.insert(ImportRow, rows, run_id=self.run.pk, written=written)

    def _count(self) -> dict[str, int]:
        found = dict(ImportRow.objects.filter(run=self.run).order_by().values_list("status").annotate(n=Count("pk")))
        counts = {status: found.get(status, 0) for status in ("created", "updated", "unchanged", "failed")}
        return {"rows": sum(counts.values()), **counts}


def summary(run: ImportRun, sheet: Sheet, context: Context, *, done: bool = False) -> dict[str, Any]:
    """What the pages and the command say besides the numbers: announcements, rows left out, errors by kind with one example."""
    notes = [sentence.format(n=count) for sentence, count in context.notes.items()]
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    lines = ImportRow.objects.filter(run=run, status=FAILED).order_by("number").values_list("number", "label", "errors")
    for number, label, errors in lines.iterator(chunk_size=2000):
        for error in errors:
            group = groups.setdefault(
                (error["column"], error["code"]),
                {
                    "column": error["column"],
                    "code": error["code"],
                    "count": 0,
                    "row": number,
                    "label": label,
                    "message": error["message"],
                },
            )
            group["count"] += 1
    ignored = {
        reason: count
        for reason, count in sheet.ignored.items()
        if reason not in ("表头", "空行", "表头之前的标题或说明")
    }
    return {
        "notes": [note.replace("将新建", "新建").replace("将被更正", "已更正") for note in notes] if done else notes,
        "ignored": ignored,
        "errors": sorted(groups.values(), key=lambda group: -group["count"]),
        "columns": sheet.matching.mapping,
    }
