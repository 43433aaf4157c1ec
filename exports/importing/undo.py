"""Taking a whole import back, as long as nobody has touched its records since.

Every row of a run kept what it wrote: the key, the newest history row right after, and the old values (null when the record was
made). A record whose history has gone on, or that something else refers to, stops the whole undo with a sentence that says how
many there are and which come first. What was made is deleted, what was changed gets its old values back, both with history.
Each chunk is one transaction that also marks its rows as no longer written, so that a killed undo goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from exports.importing.engine import Progress, _quiet
from exports.importing.kinds import KINDS
from exports.importing.kinds.base import CREATED, UPDATED, Kind
from exports.importing.runs import context_for
from models.audit.services import record
from models.jobs.errors import JobError
from models.organisation.bulk import delete_campuses, delete_units, units_in_use
from models.transfer.models import ImportRow, ImportRun

CHUNK = 500
NAMED = 5

Line = tuple[int, str, str, dict[str, list[Any]]]


def undo(
    run: ImportRun, by: Any, *, progress: Progress = _quiet, checkpoint: Callable[[int], None] = lambda number: None,
    ended: Callable[[int], None] = lambda rows: None,
) -> int:  # fmt: skip
    """Take `run` back; how many rows that was. JobError with a sentence, and nothing changed, when records were touched since.

    The end is one transaction, `ended` (who is told, the end of the job) in it: a process killed there leaves all of it or nothing.
    """
    kind = KINDS[run.kind](context_for(run.kind, run.school, run.cohort, by, run.options, f"撤销导入 {run.file_name}"))
    touched = [line for lines in _chunks(run) for line in _touched(kind, lines)]
    if touched:
        raise JobError(_sentence(touched))
    total = _lines(run).count()
    done = 0
    for lines in _chunks(run):
        with transaction.atomic():
            if late := _touched(kind, lines):
                raise JobError(_sentence(late))
            _take_back(kind, lines)
            numbers = [line[0] for line in lines]
            ImportRow.objects.filter(run=run, number__gte=min(numbers), number__lte=max(numbers)).update(written=False)
            checkpoint(lines[-1][0])
        done += len(lines)
        progress(done, total, "正在撤销")
    with transaction.atomic():
        _remove_made(kind, run)
        run.status, run.undone_at, run.undone_by, run.error = ImportRun.Status.UNDONE, timezone.now(), by, ""
        run.save()
        done = run.lines.filter(status__in=(CREATED, UPDATED), written=False).exclude(undo={}).count()
        record("undo_import", actor=by, obj=run, school_id=run.school_id, kind=run.kind, file=run.file_name, rows=done)
        ended(done)
    return done


def _lines(run: ImportRun) -> Any:
    return ImportRow.objects.filter(run=run, written=True, status__in=(CREATED, UPDATED)).order_by("-number")


def _chunks(run: ImportRun) -> Iterator[list[Line]]:
    """The rows to take back, last first, in chunks; read by number, so that rows may be marked on the way."""
    below = None
    while True:
        rows = _lines(run) if below is None else _lines(run).filter(number__lt=below)
        lines = list(rows.values_list("number", "label", "status", "undo")[:CHUNK])
        if not lines:
            return
        yield lines
        below = lines[-1][0]


def _touched(kind: Kind, lines: Sequence[Line]) -> list[Line]:
    """The rows whose records have changed since, or are referred to by others."""
    found: dict[int, Line] = {}
    for key in kind.written():
        marks = kind.marks(key, [undo[key][0] for *_rest, undo in lines if key in undo])
        for line in lines:
            if key in line[3] and marks.get(line[3][key][0]) != line[3][key][1]:
                found[line[0]] = line
    made = _made(lines)
    used = kind.in_use(made)
    first = kind.counted()
    for line in lines:
        if line[2] == CREATED and first in line[3] and line[3][first][0] in used:
            found[line[0]] = line
    return [found[number] for number in sorted(found)]


def _made(lines: Sequence[Line]) -> dict[str, list[int]]:
    made: dict[str, list[int]] = {}
    for *_rest, undo in lines:
        for key, (pk, _mark, old) in undo.items():
            if old is None:
                made.setdefault(key, []).append(pk)
    return made


def _take_back(kind: Kind, lines: Sequence[Line]) -> None:
    changed: dict[str, dict[int, dict[str, Any]]] = {}
    for *_rest, undo in lines:
        for key, (pk, _mark, old) in undo.items():
            if old is not None:
                changed.setdefault(key, {})[pk] = old
    kind.take_back(_made(lines), changed)


def _remove_made(kind: Kind, run: ImportRun) -> None:
    """Units and campuses that the import made on the way, where nothing has come to stand in them."""
    units = run.made.get("units", [])
    free = [pk for pk in units if pk not in units_in_use(units)]
    delete_units(free, by=kind.context.by, reason=kind.context.reason)
    delete_campuses(run.made.get("campuses", []))


def _sentence(touched: Sequence[Line]) -> str:
    named = "；".join(f"第 {number} 行 {label}" for number, label, *_rest in touched[:NAMED])
    more = f" 等 {len(touched)} 条" if len(touched) > NAMED else ""
    return f"导入之后有 {len(touched)} 条记录又有了新的变化或已被使用（{named}{more}），不能整批撤销。请逐条更正，或导入更正后的文件。"
