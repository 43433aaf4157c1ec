"""Large exports, made by a worker in the name of who asked for them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from exports.exporting.approval import KIND
from exports.exporting.engine import keys_again, model_of, order_of, write
from models.jobs.errors import JobError
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.notices.models import Notice
from models.notices.services import tell
from models.releases.models import ExportRecord, State
from workflows.errors import Refused


@job_handler(KIND, title="导出", max_attempts=3)
def run_export(job: RunningJob) -> dict[str, Any]:
    """Make the file of payload["record"]. Begun again from the start after a killed worker: a half-made file is never kept."""
    record = ExportRecord.own(job.owner).filter(pk=job.payload["record"]).first()
    if record is None:
        raise JobError("没有找到这次导出的记录，请回到列表重新导出。")
    if record.state == State.DONE:
        return _result(record)
    if record.state in (State.WAITING, State.REFUSED):
        raise JobError("这次导出还没有批准，不能生成文件。")
    order = order_of(record)
    try:
        order.check(model_of(record), job.owner)
        keys = keys_again(record, job.owner)
    except (Refused, ValueError) as refusal:
        ExportRecord._base_manager.filter(pk=record.pk).update(state=State.FAILED)
        raise JobError(str(refusal)) from refusal
    ExportRecord._base_manager.filter(pk=record.pk).update(state=State.RUNNING)
    job.progress(0, len(keys), "正在写入文件")

    def ended() -> None:
        _tell(job, record)
        job.finish(_result(record))

    write(record, job.owner, order, keys, lambda done: job.progress(done, len(keys)), ended)
    return _result(record)


def _tell(job: RunningJob, record: ExportRecord) -> None:
    title = f"导出完成：{record.title} {record.rows} 条"
    body = f"文件保留至 {timezone.localtime(record.expires_at):%Y-%m-%d}，请在「导出记录」中下载。"
    tell(
        [
            Notice(
                recipient=job.owner, kind=Notice.Kind.ANNOUNCE, title=title[:100], body=body, key=f"export:{record.pk}"
            )
        ]
    )


def _result(record: ExportRecord) -> dict[str, Any]:
    return {"record": record.pk, "rows": record.rows}
