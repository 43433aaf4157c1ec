"""Printing in the background: a zip of separate files, or one file."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction

from exports.documents import printing
from exports.documents.forms import PrintedForm, form_named
from exports.documents.kinds import KIND, ONE_FILE, too_many
from models.audit.models import Action
from models.audit.services import record as audit
from models.jobs.errors import JobError
from models.jobs.files import store_private
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.notices.models import Notice
from models.notices.services import tell
from workflows import bulkrows

FOLDER = "jobs"


@job_handler(KIND, title="打印", max_attempts=3)
def run_print(job: RunningJob) -> None:
    """Print the records of the payload {form, ids, how, base}: those that may be, and say how many may not."""
    form = form_named(job.payload["form"])
    model = apps.get_model(form.matter)
    rows = bulkrows.those(model.objects.all(), "id", job.payload["ids"])
    chosen = printing.choose(form, rows)
    if not chosen.ids:
        raise JobError(
            f"所选的 {len(job.payload['ids'])} 条都还不能打印：" + next(iter(chosen.refused.values()), "没有记录。")
        )
    if problem := too_many(job.payload["how"], len(chosen.ids)):
        raise JobError(problem)
    result = {"printed": len(chosen.ids), "refused": len(chosen.refused)}
    name = f"{form.title}_{len(chosen.ids)}份"
    if job.payload["how"] == ONE_FILE:
        _one_file(job, form, model, chosen.ids, result, name)
    else:
        _zip(job, form, model, chosen.ids, result, name)


def _one_file(
    job: RunningJob, form: PrintedForm, model: Any, ids: list[int], result: dict[str, Any], name: str
) -> None:
    job.progress(0, len(ids), "正在排版")
    printed = printing.together(
        form, model, ids, base=job.payload["base"], progress=lambda done: job.progress(done, len(ids))
    )
    stored = store_private(f"{name}.pdf", printed.content, FOLDER)
    with transaction.atomic():
        printing.note(form, printed, by=job.owner)
        _noted(job, form, model, result)
        job.finish(result, file=stored, file_name=f"{name}.pdf")


def _zip(job: RunningJob, form: PrintedForm, model: Any, ids: list[int], result: dict[str, Any], name: str) -> None:
    job.progress(0, len(ids), "正在排版")
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w") as archive:  # stored as they are: a PDF is compressed already
            _fill(archive, job, form, model, ids)
        stored = store_private(f"{name}.zip", file, FOLDER)
    with transaction.atomic():
        _noted(job, form, model, result)
        job.finish(result, file=stored, file_name=f"{name}.zip")


def _fill(archive: zipfile.ZipFile, job: RunningJob, form: PrintedForm, model: Any, ids: list[int]) -> None:
    made = printing.separately(form, model, ids, by=job.owner, base=job.payload["base"])
    for done, (record, document) in enumerate(made, 1):
        with default_storage.open(document.stored.name, "rb") as pdf, _entry(archive, form, record) as out:
            out.write(pdf.read())
        job.progress(done, len(ids))


def _entry(archive: zipfile.ZipFile, form: PrintedForm, record: Any) -> IO[bytes]:
    return archive.open(Path(printing.place_in(form, record)).as_posix(), "w")


def _noted(job: RunningJob, form: PrintedForm, model: Any, result: dict[str, Any]) -> None:
    audit(Action.ISSUE, actor=job.owner, obj=model, form=form.kind, how=job.payload["how"], **result)
    title = f"打印完成：{form.title} {result['printed']} 份"
    left_out = f"另有 {result['refused']} 份还不能打印，没有包含在内。" if result["refused"] else ""
    body = f"{left_out}文件保留 {settings.JOB_FILE_DAYS} 天，请在「任务」中下载。"
    kind = Notice.Kind.ANNOUNCE
    tell([Notice(recipient=job.owner, kind=kind, title=title[:100], body=body, key=f"print:{job.row.pk}")])
