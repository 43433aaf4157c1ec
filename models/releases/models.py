"""数据导出记录: every set of records that left the system, who took it, what for, and the file while it is kept.

A large one with full numbers waits for a second person first (`ExportRule`, exports.exporting.approval). The row is written before
the first cell and is never deleted; only its file goes after some days (models.releases.upkeep). What was
exported is described in words for the log and, for the background job, kept as a frozen selection without names or numbers.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.jobs.models import Job
from models.organisation.models import School
from workflows.histories import HistoricalRecords
from workflows.scoping import ScopedManager


class State(models.TextChoices):
    """How far an export has come."""

    WAITING = "waiting", _("待批准")
    RUNNING = "running", _("生成中")
    DONE = "done", _("已完成")
    FAILED = "failed", _("未完成")
    REFUSED = "refused", _("未批准")


class Codes(models.TextChoices):
    """How coded columns are written."""

    NAME = "name", _("名称")
    CODE = "code", _("代码")
    BOTH = "both", _("代码和名称")


class ExportRecord(models.Model):
    """One export. The office of the school it was made for sees it in the log; the file opens for its maker alone.

    `columns` are names of `exports.columns`; `selection` is `Selection.as_json()` with ids in the place of what was typed.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="export_records", verbose_name=_("导出人")
    )
    school_id = models.BigIntegerField(_("学校"), null=True, blank=True, db_index=True)
    model_label = models.CharField(_("数据种类"), max_length=60)
    title = models.CharField(_("内容"), max_length=100)
    described = models.JSONField(_("范围"), default=list, blank=True)
    layout = models.CharField(_("官方格式"), max_length=40, blank=True)
    columns = models.JSONField(_("列"), default=list, blank=True)
    codes = models.CharField(_("代码列"), max_length=4, choices=Codes.choices, default=Codes.NAME)
    format = models.CharField(_("文件格式"), max_length=4, default="xlsx")
    revealed = models.BooleanField(_("含完整证件号和手机号"), default=False)
    purpose = models.CharField(_("用途"), max_length=200, blank=True)
    selection = models.JSONField(default=dict, blank=True, editable=False)
    asked = models.PositiveIntegerField(_("申请条数"), default=0)
    rows = models.PositiveIntegerField(_("导出条数"), default=0)
    seconds = models.FloatField(_("用时（秒）"), default=0)
    state = models.CharField(_("状态"), max_length=8, choices=State.choices, default=State.RUNNING)
    job = models.OneToOneField(
        Job,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="export_record",
        editable=False,
        verbose_name=_("后台任务"),
    )
    file = models.FileField(_("文件"), max_length=200, blank=True, editable=False)
    file_name = models.CharField(_("文件名"), max_length=200, blank=True)
    file_size = models.PositiveBigIntegerField(_("文件大小"), default=0)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("批准人"),
    )
    decided_at = models.DateTimeField(_("批准时间"), null=True, blank=True, editable=False)
    opinion = models.CharField(_("批准意见"), max_length=200, blank=True)
    downloads = models.PositiveIntegerField(_("下载次数"), default=0)
    created_at = models.DateTimeField(_("导出时间"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("文件保留至"), null=True, blank=True, db_index=True)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("数据导出记录")
        default_permissions = ("view",)
        permissions = (
            ("approve_exportrecord", _("批准导出（含完整证件号的大批量数据）")),
            ("export_table", _("导出专业设置、院系、教职工和系统代码")),
        )
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=("owner", "-created_at"), name="release_owner_at"),
            models.Index(fields=("school_id", "-created_at"), name="release_school_at"),
            models.Index(fields=("created_at",), condition=Q(state="waiting"), name="release_waiting"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(revealed=False) | ~Q(purpose=""),
                name="release_purpose",
                violation_error_message=_("导出完整证件号和手机号必须填写用途。"),
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=models.F("owner")),
                name="release_second_person",
                violation_error_message=_("导出不能由申请人本人批准。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.rows} 条"

    @classmethod
    def own(cls, user: Any) -> models.QuerySet[ExportRecord]:
        """The exports `user` has made, wherever they have been appointed since."""
        return cls._base_manager.filter(owner_id=user.pk)

    @property
    def is_available(self) -> bool:
        """Whether the file can be fetched now."""
        return bool(
            self.state == State.DONE and self.file and (self.expires_at is None or timezone.now() < self.expires_at)
        )


class ExportRule(models.Model):
    """导出审批：from how many rows on an export with full numbers needs a second person, in one school."""

    USUAL = 1000

    school = models.OneToOneField(School, on_delete=models.CASCADE, related_name="+", verbose_name=_("学校"))
    approval_rows = models.PositiveIntegerField(
        _("超过多少条须批准"),
        default=USUAL,
        help_text=_("含完整证件号或手机号的导出，超过这个条数须由另一人批准后才生成文件；0 表示不需要批准。"),
    )

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("导出审批")
        default_permissions = ("view", "add", "change")
        ordering = ("school",)

    def __str__(self) -> str:
        return f"{self.school}：{f'超过 {self.approval_rows} 条须批准' if self.approval_rows else '不需要批准'}"

    @classmethod
    def rows_for(cls, school_id: int | None) -> int:
        """The number in force for a school; rows of several schools go by the usual one."""
        found = cls._base_manager.filter(school_id=school_id).values_list("approval_rows", flat=True).first()
        return cls.USUAL if found is None else found


def keep_until() -> datetime:
    """When a file made now goes: it is kept as long as other result files are."""
    return timezone.now() + timedelta(days=settings.JOB_FILE_DAYS)
