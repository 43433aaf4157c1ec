"""Frozen figures, figures somebody keeps, what colleges report in a period, and the ledger of help given to students."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.organisation.models import Cohort, Major, School
from models.students.models import Student
from workflows.histories import HistoricalRecords
from workflows.scoping import PathField, ScopedManager


class Basis(models.TextChoices):
    """Which registered destinations count."""

    APPROVED = "approved", _("审核通过的去向")
    REGISTERED = "registered", _("已提交的去向（含待审核）")


class Population(models.TextChoices):
    """Who is a graduate of the cohort (教学厅函〔2021〕19号: who has the roll and obtains the qualification)."""

    GRADUATED = "graduated", _("取得毕业资格者（不含结业、肄业）")
    EVERYBODY = "everybody", _("全部在籍毕业生（含结业、肄业）")


class RateSetting(models.Model):
    """落实率口径: how a school counts a cohort. Empty formula: the one of the cohort's year."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(
        Cohort,
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("毕业届"),
        help_text=_("留空表示本校各届通用。"),
    )
    formula = models.CharField(
        _("公式版本"), max_length=4, blank=True, choices=[("2020", "2020 版"), ("2021", "2021 版"), ("2024", "2024 版")],
        help_text=_("留空按毕业届自动选用：2020届及以前、2021～2023届、2024届起。"),
    )  # fmt: skip
    basis = models.CharField(_("计入范围"), max_length=10, choices=Basis.choices, default=Basis.APPROVED)
    population = models.CharField(
        _("毕业生总数"), max_length=10, choices=Population.choices, default=Population.GRADUATED
    )

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords(verbose_name=_("落实率口径修改历史"))

    class Meta:
        verbose_name = verbose_name_plural = _("落实率口径")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "cohort"),
                name="rate_setting_cohort",
                violation_error_message=_("这一届已有口径设置，请直接修改。"),
            ),
            models.UniqueConstraint(
                fields=("school",),
                condition=Q(cohort__isnull=True),
                name="rate_setting_school",
                violation_error_message=_("本校已有各届通用的口径，请直接修改。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.school} {self.cohort or '各届'}"


class RateSnapshot(models.Model):
    """统计快照: figures as they were, with the facts they were counted from. Never changed afterwards.

    `digest` is over the rows; `totals` must be what the rows give (verify: rates.snapshot).
    """

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届"))
    org_path = PathField(_("路径"), editable=False)
    unit_name = models.CharField(_("统计范围"), max_length=100, editable=False)
    title = models.CharField(_("名称"), max_length=60)
    formula = models.CharField(_("公式版本"), max_length=4)
    basis = models.CharField(_("计入范围"), max_length=10, choices=Basis.choices)
    population = models.CharField(_("毕业生总数"), max_length=10, choices=Population.choices)
    cutoff = models.DateField(_("截止日期"))
    denominator = models.PositiveIntegerField(_("毕业生总数（人）"))
    numerator = models.PositiveIntegerField(_("落实人数"))
    totals = models.JSONField(_("各项人数"), default=dict)
    digest = models.CharField(_("内容指纹"), max_length=64)
    taken_at = models.DateTimeField(_("生成时间"), default=timezone.now)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", verbose_name=_("生成人")
    )

    scope_path = "org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("统计快照")
        ordering = ("-taken_at", "-pk")
        default_permissions = ("view", "add")
        indexes = [models.Index(fields=("cohort", "org_path"), name="rate_snapshot_cohort")]
        constraints = [
            models.CheckConstraint(
                condition=Q(numerator__lte=F("denominator")),
                name="rate_snapshot_share",
                violation_error_message=_("落实人数不能超过毕业生总数。"),
            )
        ]

    def __str__(self) -> str:
        return self.title


class SnapshotRow(models.Model):
    """One graduate of a snapshot with the facts that were counted; the student is named by key and number only."""

    snapshot = models.ForeignKey(
        RateSnapshot, on_delete=models.CASCADE, related_name="rows", db_index=False, verbose_name=_("统计快照")
    )
    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="+", verbose_name=_("学生"))
    org_path = PathField(_("路径"))
    facts = models.JSONField(_("事实"), default=dict)

    scope_path = "org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("快照明细")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("snapshot", "student"),
                name="rate_snapshot_row",
                violation_error_message=_("同一快照中每名学生只有一行。"),
            )
        ]

    def __str__(self) -> str:
        return str(self.student_id)


class RateReport(models.Model):
    """我的统计: a question somebody keeps, answered anew each time it is opened."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", editable=False, verbose_name=_("所有者")
    )
    title = models.CharField(_("名称"), max_length=60)
    question = models.JSONField(_("统计条件"), default=dict, editable=False)
    created_at = models.DateTimeField(_("建立时间"), auto_now_add=True)

    owner_path = "owner_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("我的统计")
        ordering = ("title", "pk")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=("owner", "title"),
                name="rate_report_title",
                violation_error_message=_("您已有同名的统计，请换一个名称。"),
            )
        ]

    def __str__(self) -> str:
        return self.title


class ProgressItem(models.Model):
    """就业进展填报: what a school asks its colleges for in a period."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届"))
    title = models.CharField(_("名称"), max_length=60)
    note = models.TextField(_("填报说明"), blank=True, max_length=500)
    opens_on = models.DateField(_("开始日期"))
    closes_on = models.DateField(_("截止日期"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("建立人"),
    )

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords(verbose_name=_("就业进展填报修改历史"))

    class Meta:
        verbose_name = verbose_name_plural = _("就业进展")
        ordering = ("-opens_on", "-pk")
        constraints = [
            models.CheckConstraint(
                condition=Q(closes_on__gte=F("opens_on")),
                name="progress_item_dates",
                violation_error_message=_("截止日期不能早于开始日期。"),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether colleges may fill it in today (both days included)."""
        return self.opens_on <= timezone.localdate() <= self.closes_on


class ProgressEntry(models.Model):
    """What one college reports for one major: graduates, those placed, those being helped; and the situation in words."""

    item = models.ForeignKey(
        ProgressItem, on_delete=models.CASCADE, related_name="entries", db_index=False, verbose_name=_("填报事项")
    )
    major = models.ForeignKey(Major, on_delete=models.PROTECT, related_name="+", verbose_name=_("专业"))
    graduates = models.PositiveIntegerField(_("毕业生人数"))
    placed = models.PositiveIntegerField(_("已落实人数"))
    in_talks = models.PositiveIntegerField(_("洽谈中人数"), default=0)
    helped = models.PositiveIntegerField(_("帮扶人数"), default=0)
    situation = models.TextField(_("情况说明"), blank=True, max_length=500)
    reported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("填报人")
    )
    reported_at = models.DateTimeField(_("填报时间"), auto_now=True)

    scope_path = "major__unit__path"
    objects = ScopedManager()
    history = HistoricalRecords(verbose_name=_("就业进展数据修改历史"))

    class Meta:
        verbose_name = verbose_name_plural = _("就业进展数据")
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(
                fields=("item", "major"), name="progress_entry", violation_error_message=_("该专业已填报，请直接修改。")
            ),
            models.CheckConstraint(
                condition=Q(placed__lte=F("graduates"))
                & Q(in_talks__lte=F("graduates"))
                & Q(helped__lte=F("graduates")),
                name="progress_entry_numbers",
                violation_error_message=_("各项人数都不能超过毕业生人数。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.major}"


class FollowUp(models.Model):
    """就业跟踪台账: one contact with a student, the situation found and the help given."""

    class Way(models.TextChoices):
        PHONE = "phone", _("电话")
        MEETING = "meeting", _("面谈")
        MESSAGE = "message", _("微信或短信")
        VISIT = "visit", _("家访")
        OTHER = "other", _("其他")

    class Situation(models.TextChoices):
        SEEKING = "seeking", _("正在求职")
        OFFERED = "offered", _("已有录用意向")
        EXAM = "exam", _("备考（升学、公考）")
        WAITING = "waiting", _("暂不求职")
        PLACED = "placed", _("已落实去向")
        UNREACHED = "unreached", _("未联系上")

    student = models.ForeignKey(
        Student, on_delete=models.PROTECT, related_name="follow_ups", db_index=False, verbose_name=_("学生")
    )
    contacted_on = models.DateField(_("联系日期"), default=timezone.localdate)
    way = models.CharField(_("联系方式"), max_length=10, choices=Way.choices, default=Way.PHONE)
    situation = models.CharField(_("就业状况"), max_length=10, choices=Situation.choices)
    wish = models.CharField(_("求职意向"), max_length=200, blank=True)
    difficulty = models.CharField(_("困难与原因"), max_length=200, blank=True)
    help_given = models.TextField(_("帮扶措施"), blank=True, max_length=500)
    jobs_offered = models.PositiveSmallIntegerField(_("推荐岗位数"), default=0)
    next_on = models.DateField(_("下次联系日期"), null=True, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, editable=False, related_name="+", verbose_name=_("记录人")
    )
    created_at = models.DateTimeField(_("记录时间"), auto_now_add=True)

    scope_path = "student__org_path"
    objects = ScopedManager()
    history = HistoricalRecords(verbose_name=_("跟踪记录修改历史"))

    class Meta:
        verbose_name = verbose_name_plural = _("就业跟踪台账")
        ordering = ("-contacted_on", "-pk")
        indexes = [
            models.Index(fields=("student", "-contacted_on"), name="follow_up_student"),
            models.Index(fields=("contacted_on",), name="follow_up_day"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(next_on__isnull=True) | Q(next_on__gte=F("contacted_on")),
                name="follow_up_next",
                violation_error_message=_("下次联系日期不能早于本次联系日期。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.student} {self.contacted_on}"
