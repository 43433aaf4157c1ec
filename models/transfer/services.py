"""The steps of a run that a person takes: check, confirm, go on, take back. Each starts one background job, once."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from models.jobs.models import Job
from models.jobs.services import start
from models.notices.models import Notice
from models.notices.outbox import key_of
from models.notices.services import tell
from models.transfer.models import ImportRun

Status = ImportRun.Status

#: step → (states it starts from, state while it runs, job kind, title)
STEPS = {
    "look": ((Status.UPLOADED,), Status.READING, "import.look", "读取"),
    "check": ((Status.UPLOADED, Status.CHECKED), Status.CHECKING, "import.check", "核对"),
    "run": ((Status.CHECKED,), Status.RUNNING, "import.run", "导入"),
    "resume": ((Status.FAILED,), Status.RUNNING, "import.run", "继续导入"),
    "undo": ((Status.DONE, Status.FAILED), Status.UNDOING, "import.undo", "撤销导入"),
}
#: Where a run goes when its job ended without saying so (worker killed too often, cancelled).
_FALLBACK = {
    Status.READING: Status.UPLOADED,
    Status.CHECKING: Status.UPLOADED,
    Status.RUNNING: Status.FAILED,
    Status.UNDOING: Status.DONE,
}
BUSY = tuple(_FALLBACK)


def begin(run: ImportRun, step: str, by: Any) -> Job | None:
    """Start a step; None when the run is not in a state from which it starts (somebody was first, or a double click)."""
    froms, while_running, kind, title = STEPS[step]
    with transaction.atomic():
        if not ImportRun.objects.filter(pk=run.pk, status__in=froms).update(status=while_running, error=""):
            return None
        job = start(
            kind,
            owner=by,
            title=f"{title}：{run.file_name}",
            payload={"run": run.pk},
            school=run.school_id,
            key=f"import:{run.pk}",
        )
        ImportRun.objects.filter(pk=run.pk).update(job_id=job.pk)
    run.refresh_from_db()
    return job


def settle(run: ImportRun) -> ImportRun:
    """Bring a run whose job has ended without a word back to where a person can act; returns it."""
    if run.status not in BUSY:
        return run
    job = Job.objects.filter(pk=run.job_id).first()
    if job is not None and job.is_active:
        return run
    sentence = (job.error if job else "") or "任务已取消或中断。"
    fields = {"status": _FALLBACK[Status(run.status)], "error": sentence[:500]}
    if fields["status"] == Status.FAILED:
        fields["finished_at"] = timezone.now()
    settled = ImportRun.objects.filter(pk=run.pk, status=run.status, job_id=run.job_id).update(**fields)
    if settled and job is not None and job.owner_id:
        tell([broken_notice(run, job, sentence)])
    run.refresh_from_db()
    return run


def settle_all() -> int:
    """Settle every run that has been left behind, so that its owner hears of it without looking; how many there were."""
    left = list(ImportRun.objects.filter(status__in=BUSY)[:200])
    return sum(settle(run).status not in BUSY for run in left)


def broken_notice(run: ImportRun, job: Job, sentence: str) -> Notice:
    """What the person is told whose step ended badly; once per job."""
    step = next((title for _from, _to, kind, title in STEPS.values() if kind == job.kind), "导入")
    return Notice(
        recipient_id=job.owner_id,
        kind=Notice.Kind.ANNOUNCE,
        title=f"{step}没有完成：{run.file_name}"[:100],
        body=f"{sentence}\n请打开「导入」中的这次导入查看和处理。",
        key=key_of("import", job.pk, "broken"),
    )
