"""就业方案, 上报 and 数据比对: what was frozen, what was sent and what came back, row by row."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.jobs.models import Job
from models.organisation.models import Cohort, School
from models.students.models import Student
from workflows.histories import HistoricalRecords
from workflows.scoping import ScopedManager

FOLDER = "reporting"  # of the private store


class Kind(models.TextChoices):
    """What is reported. Basic data go only after the school's approval; employment data when the school's setting says."""

    BASIC = "basic", _("基本信息")
    EMPLOYMENT = "employment", _("就业信息")


class Trigger(models.TextChoices):
    """From when on an employment record is reported (manual 000 sent every saved row; default here: after approval)."""

    APPROVED = "approved", _("学校审核通过后")
    SUBMITTED = "submitted", _("提交后（含待审核）")


class Channel(models.TextChoices):
    """How a batch leaves."""

    FILE = "file", _("生成文件，人工上传")
    HTTP = "http", _("通过接口发送")


class ReportSetting(models.Model):
    """上报设置 of a school, for all cohorts or one."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(
        Cohort,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("毕业届"),
        help_text=_("留空表示本校各届通用。"),
    )
    trigger = models.CharField(_("就业信息上报时机"), max_length=10, choices=Trigger.choices, default=Trigger.APPROVED)
    basic_layout = models.CharField(_("基本信息格式"), max_length=40, default="upload50")
    employment_layout = models.CharField(_("就业信息格式"), max_length=40, default="employment50")
    endpoint = models.URLField(_("接口地址"), blank=True, help_text=_("留空表示只生成文件。"))
    token_name = models.CharField(
        _("接口令牌名称"),
        max_length=40,
        blank=True,
        help_text=_("服务器环境变量的名称，令牌本身不保存在数据库中。"),
    )

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords(verbose_name=_("上报设置修改历史"))

    class Meta:
        verbose_name = verbose_name_plural = _("上报设置")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "cohort"),
                name="report_setting_cohort",
                violation_error_message=_("这一届已有上报设置，请直接修改。"),
            ),
            models.UniqueConstraint(
                fields=("school",),
                condition=Q(cohort__isnull=True),
                name="report_setting_school",
                violation_error_message=_("本校已有各届通用的上报设置，请直接修改。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.school} {self.cohort or '各届'}"


class EmploymentPlan(models.Model):
    """就业方案: the list a school reports, frozen. `digest` is over its rows in order; a plan is never changed (verify: reporting.plan)."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届"))
    title = models.CharField(_("名称"), max_length=60)
    layout = models.CharField(_("格式"), max_length=40)
    count = models.PositiveIntegerField(_("人数"), default=0)
    left_out = models.JSONField(_("未列入"), default=list)
    digest = models.CharField(_("内容指纹"), max_length=64)
    made_at = models.DateTimeField(_("编制时间"), default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("编制人")
    )

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("就业方案")
        ordering = ("-made_at", "-pk")
        default_permissions = ("view", "add", "export")
        indexes = [models.Index(fields=("cohort", "-made_at"), name="plan_cohort")]

    def __str__(self) -> str:
        return self.title


class PlanRow(models.Model):
    """One graduate of a plan: the cells of the layout as they were."""

    plan = models.ForeignKey(
        EmploymentPlan, on_delete=models.CASCADE, related_name="rows", db_index=False, verbose_name=_("就业方案")
    )
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="+", verbose_name=_("学生"))
    values = models.JSONField(_("各列"), default=list)
    digest = models.CharField(_("内容指纹"), max_length=64)

    scope_path = "student__org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("方案明细")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("plan", "student"), name="plan_row", violation_error_message=_("同一方案中每名学生只有一行。")
            )
        ]

    def __str__(self) -> str:
        return str(self.student_id)


class ReportBatch(models.Model):
    """上报批次: one set of rows on its way to the ministry or province."""

    class State(models.TextChoices):
        BUILDING = "building", _("生成中")
        READY = "ready", _("待上报")
        SENDING = "sending", _("发送中")
        SENT = "sent", _("已上报，待反馈")
        DONE = "done", _("已反馈")
        FAILED = "failed", _("未完成")

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届"))
    kind = models.CharField(_("内容"), max_length=10, choices=Kind.choices)
    layout = models.CharField(_("格式"), max_length=40)
    changes_only = models.BooleanField(_("只报变动"), default=False)
    channel = models.CharField(_("方式"), max_length=4, choices=Channel.choices, default=Channel.FILE)
    state = models.CharField(_("进度"), max_length=8, choices=State.choices, default=State.BUILDING)
    count = models.PositiveIntegerField(_("条数"), default=0)
    unchanged = models.PositiveIntegerField(_("无变动条数"), default=0)
    accepted = models.PositiveIntegerField(_("已接收"), default=0)
    rejected = models.PositiveIntegerField(_("被退回"), default=0)
    left_out = models.JSONField(_("未列入"), default=list)
    digest = models.CharField(_("内容指纹"), max_length=64, blank=True)
    file = models.FileField(_("文件"), max_length=200, blank=True, editable=False)
    file_name = models.CharField(_("文件名"), max_length=200, blank=True)
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False, verbose_name=_("后台任务")
    )  # fmt: skip
    made_at = models.DateTimeField(_("生成时间"), default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("生成人")
    )
    sent_at = models.DateTimeField(_("上报时间"), null=True, blank=True)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("上报批次")
        ordering = ("-made_at", "-pk")
        default_permissions = ("view", "add", "change")
        indexes = [models.Index(fields=("cohort", "kind", "-made_at"), name="batch_cohort")]
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted__lte=models.F("count")) & Q(rejected__lte=models.F("count")),
                name="report_batch_counts",
                violation_error_message=_("反馈条数不能超过上报条数。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.cohort}{self.get_kind_display()} {timezone.localtime(self.made_at):%Y-%m-%d %H:%M}"


class ReportItem(models.Model):
    """One graduate's row of a batch: the cells as sent, and what became of them."""

    class State(models.TextChoices):
        WAITING = "waiting", _("未发送")
        SENT = "sent", _("已发送")
        ACCEPTED = "accepted", _("已接收")
        REJECTED = "rejected", _("被退回")

    batch = models.ForeignKey(
        ReportBatch, on_delete=models.CASCADE, related_name="items", db_index=False, verbose_name=_("上报批次")
    )
    student = models.ForeignKey(
        Student, on_delete=models.PROTECT, related_name="report_items", db_index=False, verbose_name=_("学生")
    )
    values = models.JSONField(_("各列"), default=list)
    digest = models.CharField(_("内容指纹"), max_length=64)
    state = models.CharField(_("结果"), max_length=8, choices=State.choices, default=State.WAITING)
    message = models.CharField(_("反馈"), max_length=300, blank=True)
    answered_at = models.DateTimeField(_("反馈时间"), null=True, blank=True)

    scope_path = "student__org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("上报明细")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=("batch", "student"),
                name="report_item",
                violation_error_message=_("同一批次中每名学生只有一行。"),
            )
        ]
        indexes = [
            models.Index(fields=("student", "batch"), name="report_item_student"),
            models.Index(fields=("batch", "state"), name="report_item_state"),
        ]

    def __str__(self) -> str:
        return f"{self.student}"


class Exchange(models.Model):
    """接口日志: one request of a batch and its answer. Bodies are kept as counts and digests only: they hold personal data."""

    batch = models.ForeignKey(
        ReportBatch, on_delete=models.CASCADE, related_name="exchanges", verbose_name=_("上报批次")
    )
    at = models.DateTimeField(_("时间"), default=timezone.now)
    attempt = models.PositiveSmallIntegerField(_("第几次"), default=1)
    part = models.PositiveIntegerField(_("分包"), default=1)
    rows = models.PositiveIntegerField(_("条数"), default=0)
    request_digest = models.CharField(_("请求指纹"), max_length=64)
    status = models.PositiveSmallIntegerField(_("状态码"), null=True, blank=True)
    answer = models.TextField(_("答复"), blank=True)
    seconds = models.FloatField(_("用时（秒）"), default=0)

    scope_school = "batch__school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("接口日志")
        ordering = ("-at", "-pk")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.batch} 第 {self.part} 包第 {self.attempt} 次"


class Reconciliation(models.Model):
    """数据比对: a sheet of the province or ministry held against our records and against what was last reported."""

    class State(models.TextChoices):
        READING = "reading", _("比对中")
        OPEN = "open", _("待处理")
        APPLIED = "applied", _("已处理")
        FAILED = "failed", _("未完成")

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届"))
    kind = models.CharField(_("内容"), max_length=10, choices=Kind.choices)
    layout = models.CharField(_("格式"), max_length=40)
    file = models.FileField(_("对方表格"), max_length=200, blank=True, editable=False)
    file_name = models.CharField(_("文件名"), max_length=200)
    state = models.CharField(_("进度"), max_length=8, choices=State.choices, default=State.READING)
    problem = models.CharField(_("问题"), max_length=300, blank=True)
    same = models.PositiveIntegerField(_("一致人数"), default=0)
    different = models.PositiveIntegerField(_("不一致人数"), default=0)
    only_ours = models.PositiveIntegerField(_("对方没有"), default=0)
    not_due = models.PositiveIntegerField(_("还不能上报"), default=0)
    only_theirs = models.PositiveIntegerField(_("我方没有"), default=0)
    job = models.ForeignKey(
        Job, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", editable=False, verbose_name=_("后台任务")
    )  # fmt: skip
    made_at = models.DateTimeField(_("时间"), default=timezone.now)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("比对人")
    )
    applied_at = models.DateTimeField(_("处理时间"), null=True, blank=True)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("数据比对")
        ordering = ("-made_at", "-pk")
        default_permissions = ("view", "add", "change")

    def __str__(self) -> str:
        return f"{self.file_name} {timezone.localtime(self.made_at):%Y-%m-%d %H:%M}"


class Difference(models.Model):
    """One cell that differs (column set), or a graduate that only one side has (column empty)."""

    class Choice(models.TextChoices):
        OPEN = "", _("未决定")
        OURS = "ours", _("以我方为准")
        THEIRS = "theirs", _("以对方为准")

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.CASCADE, related_name="differences", db_index=False, verbose_name=_("数据比对")
    )
    student = models.ForeignKey(Student, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("学生"))
    key = models.CharField(_("识别号"), max_length=40)
    name = models.CharField(_("姓名"), max_length=60, blank=True)
    row = models.PositiveIntegerField(_("行号"), null=True, blank=True)
    column = models.CharField(_("列"), max_length=60, blank=True)
    ours = models.CharField(_("我方"), max_length=500, blank=True)
    reported = models.CharField(_("上次上报"), max_length=500, blank=True)
    theirs = models.CharField(_("对方"), max_length=500, blank=True)
    choice = models.CharField(_("处理"), max_length=6, choices=Choice.choices, blank=True, default=Choice.OPEN)
    result = models.CharField(_("处理结果"), max_length=200, blank=True)

    scope_school = "reconciliation__school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("不一致的内容")
        default_permissions = ()
        ordering = ("pk",)
        constraints = [
            models.UniqueConstraint(
                fields=("reconciliation", "key", "column"),
                name="difference_cell",
                violation_error_message=_("同一人的同一列只比对一次。"),
            )
        ]
        indexes = [models.Index(fields=("reconciliation", "column", "id"), name="difference_column")]

    def __str__(self) -> str:
        return f"{self.name} {self.column}"
