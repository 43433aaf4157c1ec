"""The life of a run: opened, checked, executed, taken back. Used by the background jobs and by the command alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from exports.importing.engine import Engine, Progress, _quiet, summary
from exports.importing.kinds import KINDS
from exports.importing.kinds.base import FAILED, Context, Kind
from exports.importing.refusal import UploadRefused
from exports.importing.sheet import Sheet, open_sheet
from exports.sheets.errors import Fault, WrongRow, write_error_workbook
from models.audit.services import record
from models.jobs.files import remove_private, store_private
from models.organisation.directory import Directory
from models.organisation.models import Cohort, School
from models.transfer.models import ColumnMapping, ImportRow, ImportRun
from workflows.scoping import EVERYTHING


def context_for(
    kind: str, school: School, cohort: Cohort | None, by: Any, options: dict[str, Any] | None = None, reason: str = ""
) -> Context:
    """Context of an import by `by` (None: the system)."""
    options = options or {}
    return Context(
        school=school,
        cohort=cohort,
        by=by,
        scope=by.scope if by is not None else EVERYTHING,
        reason=reason or f"导入{KINDS[kind].title}",
        blank_erases=bool(options.get("blank_erases")),
        reviewed=bool(options.get("reviewed")),
        directory=Directory.of(school),
    )


def open_run(run: ImportRun, *, strict: bool = True) -> tuple[Sheet, Kind]:
    """The sheet of a run with its columns matched, and its kind. UploadRefused when it cannot be imported."""
    if run.cohort_id and run.cohort.closed:
        raise UploadRefused(f"{run.cohort}已归档，不能再导入。如确需补充，请先在毕业届中取消归档。")
    kind = KINDS[run.kind](
        context_for(run.kind, run.school, run.cohort, run.owner, run.options, f"导入 {run.file_name}")
    )
    sheet = open_sheet(
        default_storage.path(run.file.name),
        kind,
        file_name=run.file_name,
        sheet=run.sheet,
        header_row=run.header_row,
        mapping=run.mapping or None,
    )
    if strict:
        sheet.require()
    return sheet, kind


def check(run: ImportRun, *, progress: Progress = _quiet) -> dict[str, int]:
    """Dry run: what would become of every row. The run then waits for a yes."""
    sheet, kind = open_run(run)
    engine = Engine(run, sheet, kind, progress=progress)
    counts = engine.check()
    _end(run, sheet, kind, counts, ImportRun.Status.CHECKED)
    return counts


def execute(
    run: ImportRun, *, progress: Progress = _quiet, checkpoint: Callable[[int], None] = lambda number: None,
    ended: Callable[[dict[str, int]], None] = lambda counts: None,
) -> dict[str, int]:  # fmt: skip
    """Write the run; goes on after the last row written when it was interrupted. Remembers the columns, leaves an audit row.

    The end is one transaction, `ended` (who is told, the end of the job) in it: a process killed there leaves all of it or nothing.
    """
    sheet, kind = open_run(run)
    engine = Engine(run, sheet, kind, progress=progress, checkpoint=checkpoint)
    counts = engine.execute()
    with transaction.atomic():
        _end(run, sheet, kind, counts, ImportRun.Status.DONE)
        remember_mapping(run, sheet)
        record(
            "import", actor=run.owner, obj=run, school_id=run.school_id, kind=run.kind, file=run.file_name, cohort=kind.context.year,
            **counts,
        )  # fmt: skip
        ended(counts)
    return counts


def _end(run: ImportRun, sheet: Sheet, kind: Kind, counts: dict[str, int], status: str) -> None:
    old = run.errors_file.name
    run.summary = summary(run, sheet, kind.context, done=status == ImportRun.Status.DONE)
    run.errors_file = _error_file(run, sheet) if counts[FAILED] else ""
    run.sheet, run.header_row = sheet.name, sheet.header.number
    for name, value in counts.items():
        setattr(run, name, value)
    run.status, run.error, run.finished_at = status, "", timezone.now()
    run.save()
    if old and old != run.errors_file.name:
        transaction.on_commit(lambda: remove_private(old))


def remember_mapping(run: ImportRun, sheet: Sheet) -> None:
    """Keep how the columns were matched, for the next file of this school and kind; what was left out by hand as well."""
    left = {column.label: "" for column in sheet.matching.ignored if column.reason.startswith("按对应关系")}
    row, _created = ColumnMapping.objects.get_or_create(school=run.school, kind=run.kind)
    row.learn({**sheet.matching.mapping, **left})
    row.updated_by = run.owner
    row.save()


# -- wrong rows ------------------------------------------------------------------------------------------------------


def _error_file(run: ImportRun, sheet: Sheet) -> str:
    """The workbook of wrong rows, in the private store; its stored name."""
    with tempfile.TemporaryDirectory(prefix="qihang-import-") as folder:
        path = Path(folder) / "errors.xlsx"
        write_errors(run, sheet, path)
        with path.open("rb") as file:
            return store_private("errors.xlsx", file, "imports")


def write_errors(run: ImportRun, sheet: Sheet, path: Path | str) -> int:
    """Write the wrong rows of a run, in the order and layout of the sheet, with the reasons in a last column."""
    lines = ImportRow.objects.filter(run=run, status=FAILED).order_by("number").values_list("number", "errors")
    faults = dict(lines.iterator(chunk_size=2000))
    head = [row.cells for row in sheet.top[: max(sheet.header.indexes) + 1]]
    return write_error_workbook(path, head, len(sheet.header.indexes), _wrong_rows(sheet, faults))


def _wrong_rows(sheet: Sheet, faults: dict[int, list[dict[str, str]]]) -> Iterator[WrongRow]:
    positions = sheet.matching.columns
    for row in sheet.workbook.iter_rows(sheet.name):
        if errors := faults.get(row.number):
            yield WrongRow(
                row.number, row.cells, [Fault(positions.get(e["column"]), e["column"], e["message"]) for e in errors]
            )


def report(run: ImportRun) -> list[dict[str, Any]]:
    """The machine's report: every data row with its status and errors."""
    lines = ImportRow.objects.filter(run=run).order_by("number").values_list("number", "status", "errors")
    return [
        {"row": number, "status": status, "errors": errors}
        for number, status, errors in lines.iterator(chunk_size=2000)
    ]


def discard(run: ImportRun) -> None:
    """Give a run up before it is confirmed: its file and rows go, the entry in the history stays."""
    ImportRow.objects.filter(run=run).delete()
    for stored in (run.file.name, run.look.name, run.errors_file.name):
        with suppress(OSError):
            remove_private(stored)
    run.file = run.look = run.errors_file = ""
    run.status = ImportRun.Status.DROPPED
    run.save()
