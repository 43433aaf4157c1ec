"""What came in from files: one run per upload, one row per line of the sheet, and how columns were matched last time."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.organisation.models import Cohort, School
from workflows.scoping import PathField, ScopedManager


class ImportRun(models.Model):
    """导入记录：one uploaded file on its way in: matched, checked, written, perhaps taken back.

    Seen by whoever made it, and by staff whose scope holds everything the importer's scope held (`org_path`).
    """

    class Status(models.TextChoices):
        READING = "reading", _("读取中")
        UPLOADED = "uploaded", _("待匹配列")
        CHECKING = "checking", _("核对中")
        CHECKED = "checked", _("待确认")
        RUNNING = "running", _("导入中")
        DONE = "done", _("已完成")
        FAILED = "failed", _("未完成")
        UNDOING = "undoing", _("撤销中")
        UNDONE = "undone", _("已撤销")
        DROPPED = "dropped", _("已放弃")

    kind = models.CharField(_("导入内容"), max_length=20)
    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(
        Cohort, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("毕业届")
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("导入人"),
        help_text=_("空表示由系统管理员在服务器上用命令导入。"),
    )
    org_path = PathField(_("范围"), editable=False)
    file = models.FileField(_("文件"), max_length=200, blank=True, editable=False)
    file_name = models.CharField(_("文件名"), max_length=200)
    look = models.FileField(_("文件的前几行"), max_length=200, blank=True, editable=False)
    sheet = models.CharField(_("工作表"), max_length=100, blank=True)
    header_row = models.PositiveIntegerField(_("表头行"), default=0)
    mapping = models.JSONField(_("列的对应"), default=dict, blank=True)
    options = models.JSONField(_("选项"), default=dict, blank=True)
    status = models.CharField(_("状态"), max_length=10, choices=Status.choices, default=Status.UPLOADED)
    job_id = models.BigIntegerField(_("后台任务"), null=True, blank=True, editable=False)
    rows = models.PositiveIntegerField(_("总行数"), default=0)
    created = models.PositiveIntegerField(_("新增"), default=0)
    updated = models.PositiveIntegerField(_("更新"), default=0)
    unchanged = models.PositiveIntegerField(_("无变化"), default=0)
    failed = models.PositiveIntegerField(_("有误"), default=0)
    summary = models.JSONField(_("说明"), default=dict, blank=True)
    made = models.JSONField(_("随导入新建的部门"), default=dict, blank=True, editable=False)
    errors_file = models.FileField(_("有误数据"), max_length=200, blank=True, editable=False)
    error = models.CharField(_("未完成原因"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("上传时间"), default=timezone.now, editable=False)
    finished_at = models.DateTimeField(_("完成时间"), null=True, blank=True, editable=False)
    undone_at = models.DateTimeField(_("撤销时间"), null=True, blank=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("撤销人"),
    )

    scope_path = "org_path"
    owner_path = "owner_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("导入记录")
        default_permissions = ("view",)
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=("org_path", "-created_at"), name="import_path_at"),
            models.Index(fields=("owner", "-created_at"), name="import_owner_at"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status="done")
                | models.Q(rows=models.F("created") + models.F("updated") + models.F("unchanged") + models.F("failed")),
                name="import_all_counted",
                violation_error_message=_("导入的每一行都必须有结果。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.file_name}（{self.get_status_display()}）"

    @property
    def counts(self) -> dict[str, int]:
        """The five numbers of a check or a result."""
        return {name: getattr(self, name) for name in ("rows", "created", "updated", "unchanged", "failed")}


class ImportRow(models.Model):
    """One line of the sheet: what will become, or became, of it. `written` tells the two apart.

    errors   [{"column": template header, "code", "message"}]
    changes  {template header: [old, new]} as people read them
    undo     what to restore: {"student": [id, history mark, {attname: old value} or null when made], "profile": …}
    """

    class Status(models.TextChoices):
        CREATED = "created", _("新增")
        UPDATED = "updated", _("更新")
        UNCHANGED = "unchanged", _("无变化")
        FAILED = "failed", _("有误")

    run = models.ForeignKey(
        ImportRun, on_delete=models.CASCADE, related_name="lines", db_index=False, verbose_name=_("导入记录")
    )
    number = models.PositiveIntegerField(_("行号"))
    status = models.CharField(_("结果"), max_length=10, choices=Status.choices)
    written = models.BooleanField(_("已写入"), default=False)
    label = models.CharField(_("对象"), max_length=120, blank=True)
    errors = models.JSONField(_("错误"), default=list, blank=True)
    changes = models.JSONField(_("变化"), default=dict, blank=True)
    undo = models.JSONField(_("撤销信息"), default=dict, blank=True, editable=False)

    scope_path = "run__org_path"
    owner_path = "run__owner_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("导入明细")
        default_permissions = ()
        ordering = ("run", "number")
        constraints = [models.UniqueConstraint(fields=("run", "number"), name="import_row_once")]
        indexes = [models.Index(fields=("run", "status", "number"), name="import_row_status")]

    def __str__(self) -> str:
        return f"第 {self.number} 行 {self.label}"


class ColumnMapping(models.Model):
    """列的对应：how a school's sheet headers were matched last time, per kind; "" means the column was left out on purpose."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+", verbose_name=_("学校"))
    kind = models.CharField(_("导入内容"), max_length=20)
    mapping = models.JSONField(_("对应"), default=dict, blank=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("更新人"),
    )
    updated_at = models.DateTimeField(_("更新时间"), auto_now=True)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("列的对应")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("school", "kind"), name="one_mapping_per_kind")]

    def __str__(self) -> str:
        return f"{self.school} {self.kind}"

    def learn(self, mapping: dict[str, Any]) -> None:
        """Add this time's choices to those of earlier files; not saved here."""
        self.mapping = {**self.mapping, **mapping}
