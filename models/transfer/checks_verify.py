"""An import is all counted (domain invariant 5)."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Q

from models.jobs.models import FINISHED, Job
from models.transfer.models import ImportRow, ImportRun
from workflows.checks import Fault, check

ENDED = (ImportRun.Status.DONE, ImportRun.Status.UNDONE)
WORKING = (ImportRun.Status.CHECKING, ImportRun.Status.RUNNING, ImportRun.Status.UNDOING)


@check("imports.counted", "导入：总行数 = 新增 + 更新 + 无变化 + 有误，并与逐行结果一致")
def counted() -> Iterator[Fault]:
    """The numbers add up, and each is the number of lines with that result."""
    kinds = ImportRow.Status.values
    by_line = {f"line_{kind}": Count("lines", filter=Q(lines__status=kind)) for kind in kinds}
    runs = ImportRun._base_manager.filter(status__in=ENDED).annotate(line_all=Count("lines"), **by_line)
    wrong = ~Q(rows=F("created") + F("updated") + F("unchanged") + F("failed"))
    for kind in kinds:
        wrong |= Q(line_all__gt=0) & ~Q(**{kind: F(f"line_{kind}")})
    for run in runs.filter(wrong):
        numbers = "、".join(
            f"{ImportRow.Status(kind).label} {getattr(run, kind)}/{getattr(run, f'line_{kind}')}" for kind in kinds
        )
        yield Fault(f"导入 {run.pk} {run.file_name}", f"共 {run.rows} 行，结果/明细对不上：{numbers}。")


@check("imports.reasons", "导入：有误的行都写明了原因")
def reasons() -> Iterator[Fault]:
    """Each failed row comes back with its reasons."""
    for pk, number in ImportRow._base_manager.filter(status=ImportRow.Status.FAILED, errors=[]).values_list(
        "run_id", "number"
    ):
        yield Fault(f"导入 {pk}", f"第 {number} 行有误，但没有写明原因。")


@check("imports.running", "导入：没有停在半途的导入")
def running() -> Iterator[Fault]:
    """A run at work has a job at work; a broken run leaves nothing half-written."""
    ended = Job.objects.filter(status__in=FINISHED).values("pk")
    for pk, name, status in ImportRun._base_manager.filter(status__in=WORKING, job_id__in=ended).values_list(
        "pk", "file_name", "status"
    ):
        yield Fault(f"导入 {pk} {name}", f"仍为「{ImportRun.Status(status).label}」，但后台任务已结束。")
