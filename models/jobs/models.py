"""Long work: one row per job with its progress, lease and result; the schedule of upkeep; the pulse of the workers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where a job stands."""

    QUEUED = "queued", _("排队中")
    RUNNING = "running", _("进行中")
    DONE = "done", _("已完成")
    FAILED = "failed", _("失败")
    CANCELLED = "cancelled", _("已取消")


ACTIVE = (Status.QUEUED, Status.RUNNING)
FINISHED = (Status.DONE, Status.FAILED, Status.CANCELLED)


class JobQuerySet(models.QuerySet):
    """Query set of jobs."""

    def visible_to(self, user: Any) -> JobQuerySet:
        """A person sees the jobs that person started, and no others: a result file may hold more than a colleague may see."""
        return self.filter(owner_id=user.pk) if getattr(user, "pk", None) else self.none()

    def active(self) -> JobQuerySet:
        """Not ended yet."""
        return self.filter(status__in=ACTIVE)


class Job(models.Model):
    """One piece of background work, started through `models.jobs.services.start`.

    The queue (django-tasks) only says "run job 12"; everything that matters stands here, so that a lost queue message or a killed
    worker loses nothing. Whoever runs it holds a lease: every write names the lease's token, so a worker that was given up for
    dead and wakes again changes nothing.
    """

    kind = models.CharField(_("种类"), max_length=60)
    title = models.CharField(_("任务"), max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("发起人"), null=True, blank=True, related_name="jobs"
    )
    school_id = models.BigIntegerField(_("学校"), null=True, blank=True)
    key = models.CharField(_("唯一标识"), max_length=100, blank=True, editable=False)
    payload = models.JSONField(_("参数"), default=dict, blank=True, help_text=_("不放个人信息，只放编号和选项"))

    status = models.CharField(_("状态"), max_length=10, choices=Status.choices, default=Status.QUEUED)
    done = models.PositiveIntegerField(_("已处理"), default=0)
    total = models.PositiveIntegerField(_("总数"), default=0)
    message = models.CharField(_("进展"), max_length=200, blank=True)
    state = models.JSONField(_("续办位置"), default=dict, blank=True, editable=False)
    result = models.JSONField(_("结果"), default=dict, blank=True)
    result_file = models.FileField(_("结果文件"), max_length=200, blank=True, editable=False)
    file_name = models.CharField(_("下载文件名"), max_length=200, blank=True)
    error = models.CharField(_("失败原因"), max_length=500, blank=True)

    cancel_requested = models.BooleanField(_("已请求取消"), default=False, editable=False)
    attempts = models.PositiveSmallIntegerField(_("已尝试次数"), default=0, editable=False)
    max_attempts = models.PositiveSmallIntegerField(_("最多尝试次数"), default=3, editable=False)
    worker = models.CharField(_("执行进程"), max_length=80, blank=True, editable=False)
    lease_until = models.DateTimeField(_("租约到期"), null=True, blank=True, editable=False)
    task_id = models.CharField(_("队列编号"), max_length=64, blank=True, editable=False)

    created_at = models.DateTimeField(_("创建时间"), default=timezone.now, editable=False)
    queued_at = models.DateTimeField(_("入队时间"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("开始时间"), null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(_("结束时间"), null=True, blank=True, editable=False)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("后台任务")
        verbose_name_plural = _("后台任务")
        default_permissions = ("view",)
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="job_owner_created"),
            models.Index(fields=["status", "lease_until"], name="job_status_lease"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(status__in=ACTIVE) & ~models.Q(key=""),
                name="job_one_active_per_key",
                violation_error_message=_("同样的任务正在进行，请等它结束。"),
            ),
            models.CheckConstraint(
                condition=~models.Q(status=Status.RUNNING)
                | (~models.Q(worker="") & models.Q(lease_until__isnull=False)),
                name="job_running_has_lease",
                violation_error_message=_("进行中的任务必须有执行进程和租约。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}（{self.status_label}）"

    @classmethod
    def visible_to(cls, user: Any) -> JobQuerySet:
        """The jobs `user` may see: the own ones."""
        return cls.objects.visible_to(user)

    @property
    def status_label(self) -> str:
        """Status in words; a running job that was asked to stop says so."""
        if self.cancel_requested and self.status == Status.RUNNING:
            return str(_("正在取消"))
        return str(self.get_status_display())

    @property
    def is_active(self) -> bool:
        """Whether it is still queued or running."""
        return self.status in ACTIVE

    @property
    def percent(self) -> int | None:
        """Progress in whole percent, None while the total is not known."""
        if self.status == Status.DONE:
            return 100
        return min(99, self.done * 100 // self.total) if self.total else None


class WorkerBeat(models.Model):
    """A living worker process; /readyz asks for a beat of the last two minutes."""

    worker = models.CharField(_("进程"), max_length=80, primary_key=True)
    started_at = models.DateTimeField(_("启动时间"), default=timezone.now)
    beat_at = models.DateTimeField(_("心跳时间"), default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("工作进程")
        verbose_name_plural = _("工作进程")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.worker


class Tick(models.Model):
    """When a piece of upkeep last ran; claiming a run is one guarded UPDATE, so two workers never do the same one."""

    name = models.CharField(_("名称"), max_length=80, primary_key=True)
    last_started = models.DateTimeField(_("上次开始"), null=True, blank=True)
    last_finished = models.DateTimeField(_("上次完成"), null=True, blank=True)
    outcome = models.CharField(_("结果"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("定时任务")
        verbose_name_plural = _("定时任务")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name
