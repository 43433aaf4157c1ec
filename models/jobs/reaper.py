"""Jobs that nobody works on any more: begun again, or ended with a sentence.

django-tasks-db leaves the message of a killed worker "running" for ever (its issue 5), and a process may die between the commit
of a job and its way into the queue. Both show in our own row: a lease that ran out, or a queued job without a live message.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from models.jobs.models import Job, Status
from models.jobs.runner import tell
from models.jobs.tasks import database_queue, enqueue

LOST_AFTER = timedelta(seconds=60)


@dataclass(frozen=True)
class Reaped:
    """What one round has done."""

    requeued: int = 0
    failed: int = 0
    cancelled: int = 0

    def __str__(self) -> str:
        return f"重新排队 {self.requeued}，判为失败 {self.failed}，取消 {self.cancelled}"


def reap() -> Reaped:
    """Look after every job whose worker is gone. Compare-and-set throughout: two reapers at once do everything once."""
    again, failed, cancelled = _expired()
    again += _lost_messages()
    enqueue(again)
    for job_id in failed + cancelled:
        tell(job_id)
    return Reaped(len(again), len(failed), len(cancelled))


def _expired() -> tuple[list[int], list[int], list[int]]:
    now = timezone.now()
    expired = Job.objects.filter(status=Status.RUNNING, lease_until__lt=now)
    again: list[int] = []
    failed: list[int] = []
    cancelled: list[int] = []
    dead_messages: list[str] = []
    for row in list(expired):
        held = expired.filter(pk=row.pk, worker=row.worker)
        free = {"worker": "", "lease_until": None}
        if row.cancel_requested:
            changed, into = held.update(status=Status.CANCELLED, finished_at=now, **free), cancelled
        elif row.attempts < row.max_attempts:
            changed, into = held.update(status=Status.QUEUED, message="执行中断，正在重新排队", **free), again
        else:
            sentence = f"处理任务的进程中断了 {row.attempts} 次，任务已停止。请联系系统管理员查看日志后重新发起。"
            changed, into = held.update(status=Status.FAILED, error=sentence, finished_at=now, **free), failed
        if changed:
            into.append(row.pk)
            dead_messages.append(row.task_id)
    _bury(dead_messages)
    return again, failed, cancelled


def _lost_messages() -> list[int]:
    """Queued jobs whose message never arrived, or was taken by a worker that died before it claimed the job."""
    if not database_queue():
        return []
    old = timezone.now() - LOST_AFTER
    waiting = dict(Job.objects.filter(status=Status.QUEUED, queued_at__lt=old).values_list("pk", "task_id"))
    if not waiting:
        return []
    messages = DBTaskResult.objects.filter(pk__in=[task_id for task_id in waiting.values() if task_id])
    live = {str(pk) for pk in messages.filter(status=TaskResultStatus.READY).values_list("pk", flat=True)}
    taken = messages.filter(status=TaskResultStatus.RUNNING, started_at__gte=old)
    live |= {str(pk) for pk in taken.values_list("pk", flat=True)}
    lost = {pk: task_id for pk, task_id in waiting.items() if task_id not in live}
    _bury(task_id for task_id in lost.values() if task_id)
    return list(lost)


def _bury(task_ids: Iterable[str]) -> None:
    """Mark messages of dead workers as failed, so that the queue's own pruning can remove them one day."""
    task_ids = [task_id for task_id in task_ids if task_id]
    if task_ids and database_queue():
        DBTaskResult.objects.filter(pk__in=task_ids, status=TaskResultStatus.RUNNING).update(
            status=TaskResultStatus.FAILED, finished_at=timezone.now()
        )
