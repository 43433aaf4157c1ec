"""The background half of imports: check, write, take back, and the upkeep of what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from exports.importing import look, runs, undo
from exports.importing.kinds import KINDS
from exports.importing.refusal import UploadRefused
from models.evidence.uploads import FIELD_FOLDER
from models.jobs.errors import JobError, Stopped
from models.jobs.files import remove_private
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.jobs.schedule import register_tick
from models.jobs.strays import keeps
from models.notices.models import Notice
from models.notices.outbox import key_of
from models.notices.services import tell
from models.transfer.models import ImportRow, ImportRun
from models.transfer.services import broken_notice, settle_all

Status = ImportRun.Status


@contextmanager
def _told(job: RunningJob, run: ImportRun, back_to: str):
    """A refusal becomes the job's sentence and stands on the run, which goes back to where a person can act."""
    try:
        yield
    except UploadRefused as refusal:
        _back(job, run, back_to, refusal.sentence)
        raise JobError(refusal.sentence) from refusal
    except JobError as error:
        _back(job, run, back_to, error.sentence)
        raise
    except Stopped:
        raise
    except Exception:
        _back(
            job,
            run,
            Status.FAILED,
            "程序出错，任务没有完成。已写入的行都在明细中，可以撤销；请把任务中的错误编号告诉系统管理员。",
        )
        raise


def _back(job: RunningJob, run: ImportRun, status: str, sentence: str) -> None:
    ImportRun.objects.filter(pk=run.pk).update(status=status, error=sentence[:500])
    if job.owner is not None:
        tell([broken_notice(run, job.row, sentence)])


def _run_of(job: RunningJob) -> ImportRun:
    run = ImportRun.objects.select_related("school", "cohort", "owner").filter(pk=job.payload["run"]).first()
    if run is None:
        raise JobError("没有找到这次导入，或不在您的管辖范围内。")
    if not KINDS[run.kind].allowed(job.owner):
        raise JobError(f"您没有导入{KINDS[run.kind].title}的功能，请联系学校管理员在“功能分配”中开通。")
    return run


def _progress(job: RunningJob) -> Callable[[int, int, str], None]:
    return lambda done, total, message: job.progress(done, total, message)


@job_handler("import.look", title="读取导入文件")
def read_first_rows(job: RunningJob) -> dict[str, Any]:
    """Read what matching the columns needs of a large upload."""
    run = _run_of(job)
    if run.status == Status.READING:
        with _told(job, run, Status.UPLOADED):
            look.take(run)
        ImportRun.objects.filter(pk=run.pk, status=Status.READING).update(status=Status.UPLOADED, error="")
    return {}


@job_handler("import.check", title="核对导入数据")
def check(job: RunningJob) -> dict[str, Any]:
    """Dry run of an upload."""
    run = _run_of(job)
    if run.status != Status.CHECKING:
        return run.counts
    with _told(job, run, Status.UPLOADED):
        return runs.check(run, progress=_progress(job))


@job_handler("import.run", title="导入数据")
def execute(job: RunningJob) -> dict[str, Any]:
    """Write an upload that was confirmed; continues after the last row written."""
    run = _run_of(job)
    if run.status != Status.RUNNING:
        return run.counts

    def ended(counts: dict[str, int]) -> None:
        words = "新增 {created}，更新 {updated}，无变化 {unchanged}，有误 {failed}。".format(**counts)
        _notify(job, run, "导入完成", words)
        job.finish(counts)

    with _told(job, run, Status.FAILED if run.lines.filter(written=True).exists() else Status.CHECKED):
        return runs.execute(
            run, progress=_progress(job), checkpoint=lambda number: job.checkpoint({"row": number}), ended=ended
        )


@job_handler("import.undo", title="撤销导入")
def take_back(job: RunningJob) -> dict[str, Any]:
    """Undo a whole import."""
    run = _run_of(job)
    if run.status != Status.UNDOING:
        return {}
    back_to = Status.DONE if sum(run.counts.values()) else Status.FAILED

    def ended(done: int) -> None:
        _notify(job, run, "导入已撤销", f"{done} 行已恢复到导入之前。")
        job.finish({"rows": done})

    with _told(job, run, back_to):
        done = undo.undo(
            run,
            job.owner,
            progress=_progress(job),
            checkpoint=lambda number: job.checkpoint({"row": number}),
            ended=ended,
        )
    return {"rows": done}


def _notify(job: RunningJob, run: ImportRun, title: str, body: str) -> None:
    """Tell the person who may have left the page."""
    key = key_of("import", job.row.pk, title)
    tell(
        [
            Notice(
                recipient=job.owner,
                kind=Notice.Kind.ANNOUNCE,
                title=f"{title}：{run.file_name}"[:100],
                body=body,
                key=key,
            )
        ]
    )


def expire() -> int:
    """Forget the files and the lines of old runs; the run itself, with its numbers, stays. Undo ends with them."""
    before = timezone.now() - timedelta(days=settings.IMPORT_KEEP_DAYS)
    old = list(ImportRun.objects.filter(created_at__lt=before).exclude(file="")[:200])
    for run in old:
        for stored in (run.file.name, run.look.name, run.errors_file.name):
            remove_private(stored)
    ImportRow.objects.filter(run__in=old).delete()
    ImportRun.objects.filter(pk__in=[run.pk for run in old]).update(file="", look="", errors_file="", made={})
    return len(old)


register_tick("import.expire", 24 * 3600, expire)
register_tick("import.settle", 600, settle_all)
keeps("imports", "transfer.ImportRun.file", "transfer.ImportRun.look", "transfer.ImportRun.errors_file")
keeps(FIELD_FOLDER, "transfer.ImportRow.undo")  # what an undo would bring back
