"""Building and sending batches, and comparing sheets, in the background."""

from __future__ import annotations

from typing import Any

from exports.importing.refusal import UploadRefused
from exports.reporting import batches, client, reconcile
from models.jobs.errors import JobError
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.reporting.models import Channel, Reconciliation, ReportBatch
from workflows.errors import Refused

KIND = "reporting.batch"


@job_handler(KIND, title="上报", max_attempts=3)
def run_batch(job: RunningJob) -> dict[str, Any]:
    """Build payload["batch"], and send it where it goes by the interface. Begun again after a kill it repeats nothing."""
    batch = ReportBatch.objects.filter(pk=job.payload["batch"]).first()
    if batch is None:
        raise JobError("没有找到这个上报批次，请回到上报页面重新生成。")
    try:
        batch = batches.build(batch)
        if batch.channel == Channel.HTTP and batch.count and batch.state != ReportBatch.State.DONE:
            batch = client.send(batch, lambda done, total: job.progress(done, total, "正在发送"))
    except Refused as refusal:
        raise JobError(str(refusal)) from refusal
    return {"batch": batch.pk, "rows": batch.count, "accepted": batch.accepted, "rejected": batch.rejected}


COMPARE, APPLY = "reporting.compare", "reporting.apply"


@job_handler(COMPARE, title="数据比对", max_attempts=3)
def run_compare(job: RunningJob) -> dict[str, Any]:
    """Compare payload["reconciliation"]; nothing is kept of a comparison that was broken off."""
    found = _reconciliation(job)
    try:
        found = reconcile.compare(found, lambda done, total: job.progress(done, total, "正在比对"))
    except UploadRefused as refusal:
        raise JobError(refusal.sentence) from refusal
    except Refused as refusal:
        raise JobError(str(refusal)) from refusal
    return {"reconciliation": found.pk, "different": found.different}


@job_handler(APPLY, title="处理比对结果", max_attempts=3)
def run_apply(job: RunningJob) -> dict[str, Any]:
    """Carry out what was decided; a graduate that was done before a kill is not done again."""
    found = _reconciliation(job)
    try:
        batch = reconcile.apply(found, by=job.owner, progress=lambda done, total: job.progress(done, total, "正在写入"))
    except Refused as refusal:
        raise JobError(str(refusal)) from refusal
    return {"reconciliation": found.pk, "batch": batch.pk if batch else None}


def _reconciliation(job: RunningJob) -> Reconciliation:
    found = Reconciliation.objects.filter(pk=job.payload["reconciliation"]).first()
    if found is None:
        raise JobError("没有找到这次比对，请回到数据比对页面重新上传。")
    return found
