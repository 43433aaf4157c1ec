"""SigningSetting: how a school signs, per cohort; SigningExclusion: students who may not; PhoneCheck: the phone proved to be theirs."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflows.histories import HistoricalRecords
from workflows.scoping import PathField, ScopedManager


class Stamping(models.TextChoices):
    """How an online agreement gets its seals."""

    PAPER = "paper", _("纸质盖章后上传")
    E_SIGN = "e_sign", _("电子签章")


class SigningSetting(models.Model):
    """签约设置：for everybody (school empty), a school, or one cohort of it; the most specific row holds as a whole."""

    class Issue(models.TextChoices):
        AUTOMATIC = "automatic", _("生成协议书时自动取号")
        CENTRAL = "central", _("学生申请，学校审核后发放")
        COLLEGE = "college", _("学校分配到院系，院系审核后发放")

    class NumberSource(models.TextChoices):
        GENERATED = "generated", _("系统按规则生成")
        POOL = "pool", _("只用编号库中已有的编号")

    school = models.ForeignKey(
        "organisation.School", on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("学校"), related_name="+"
    )
    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("毕业届"),
        related_name="+",
    )
    online_open = models.BooleanField(_("开放线上应约"), default=True)
    offline_open = models.BooleanField(_("开放线下签约"), default=True)
    stamping = models.CharField(
        _("线上协议的盖章方式"), max_length=10, choices=Stamping.choices, default=Stamping.PAPER
    )
    need_phone = models.BooleanField(_("签约前须短信验证手机"), default=True)
    need_profile = models.BooleanField(_("须生源信息审核通过"), default=True)
    need_roll = models.BooleanField(_("须在籍"), default=True)
    exclude_directed = models.BooleanField(_("定向、委培学生不能签约"), default=True)
    exclude_further_study = models.BooleanField(_("推免、升学学生不能签约"), default=True)
    validity_days = models.PositiveSmallIntegerField(
        _("邀请有效期（天）"), default=5, validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    consideration_hours = models.PositiveSmallIntegerField(
        _("签约考虑期（小时）"),
        default=24,
        validators=[MaxValueValidator(240)],
        help_text=_("应约后可以反悔的时间；填 0 表示应约即生效。"),
    )
    number_source = models.CharField(
        _("协议书编号来源"), max_length=10, choices=NumberSource.choices, default=NumberSource.GENERATED
    )
    number_issue = models.CharField(_("协议书编号发放"), max_length=10, choices=Issue.choices, default=Issue.AUTOMATIC)
    number_prefix = models.CharField(
        _("编号前缀"),
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"^[A-Z0-9-]*$", _("编号前缀只用大写字母、数字和短横线。"))],
        help_text=_("系统生成编号时使用；留空为「学校代码 + 毕业年份」。"),
    )
    later_needs_application = models.BooleanField(
        _("再次领取编号须申请"),
        default=False,
        help_text=_("自动取号时：用过编号的学生再签约，须先提交违约、遗失等申请。"),
    )
    material_kinds = models.CharField(
        _("须交材料的申请类型"),
        max_length=60,
        blank=True,
        default="breach,lost,miswritten,damaged",
        help_text=_("breach 违约、lost 遗失、miswritten 错填、damaged 损坏、other 其他，用逗号隔开。"),
    )
    termination_month = models.PositiveSmallIntegerField(
        _("解约开始月份"), default=12, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    termination_day = models.PositiveSmallIntegerField(
        _("解约开始日"), default=1, validators=[MinValueValidator(1), MaxValueValidator(31)],
        help_text=_("毕业前一年的这一天开始受理；早于 7 月的月份按毕业当年计算。"),
    )  # fmt: skip
    terminate_once = models.BooleanField(_("每名学生只能解约一次"), default=True)
    employer_must_consent = models.BooleanField(
        _("解约须单位同意或上传证明"), default=True, help_text=_("关闭后，院系同意即可由学校审核。")
    )
    notice_text = models.TextField(
        _("签约前必读"), blank=True, help_text=_("学生应约前须阅读并勾选同意；留空则使用系统的说明。")
    )

    scope_school = "school_id"
    scope_shared = True
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("签约设置")
        ordering = ("school", "cohort")
        constraints = [
            models.UniqueConstraint(
                Coalesce("school", Value(0)),
                Coalesce("cohort", Value(0)),
                name="one_signing_setting",
                violation_error_message=_("该范围已有签约设置。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.school or _('全部学校')} {self.cohort or _('各届')}"

    @property
    def materials_for(self) -> frozenset[str]:
        """The kinds of application that come with material."""
        return frozenset(kind.strip() for kind in self.material_kinds.split(",") if kind.strip())

    def clean(self) -> None:
        """The cohort is one of the school's, the day exists."""
        if self.cohort_id and self.cohort.school_id != self.school_id:
            raise ValidationError({"cohort": _("所选毕业届不属于所选学校。")})
        last = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}.get(self.termination_month or 0, 31)
        if (self.termination_day or 0) > last:
            raise ValidationError({"termination_day": _("这个月没有这一天。")})


class SigningExclusion(models.Model):
    """签约限制：a student who may not sign, with the reason (推免 lists and the like); lifted, never deleted."""

    class Kind(models.TextChoices):
        RECOMMENDED = "recommended", _("推荐免试研究生")
        FURTHER = "further", _("已录取升学")
        DIRECTED = "directed", _("定向或委培")
        OTHER = "other", _("其他")

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="signing_exclusions", verbose_name=_("学生")
    )
    kind = models.CharField(_("类别"), max_length=12, choices=Kind.choices)
    reason = models.CharField(_("说明"), max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("登记人"),
        editable=False,
    )  # fmt: skip
    at = models.DateTimeField(_("登记时间"), default=timezone.now, editable=False)
    lifted_at = models.DateTimeField(_("解除时间"), null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("解除人"), editable=False,
    )  # fmt: skip

    scope_path = "student__org_path"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("签约限制")
        ordering = ("-at",)
        constraints = [
            models.UniqueConstraint(
                fields=("student",),
                condition=models.Q(lifted_at__isnull=True),
                name="one_signing_exclusion",
                violation_error_message=_("该学生已有一条有效的签约限制。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.student} {self.get_kind_display()}"


class PhoneCheck(models.Model):
    """手机验证：a code sent to a student's phone; used once, within ten minutes, five tries. `verified_at` proves that very number."""

    MINUTES = 10
    TRIES = 5

    student = models.ForeignKey(
        "students.Student", on_delete=models.CASCADE, related_name="phone_checks", verbose_name=_("学生")
    )
    org_path = PathField(_("路径"), editable=False)
    phone = models.CharField(_("手机号码"), max_length=11)
    purpose = models.CharField(_("用途"), max_length=12, default="signing")
    code = models.CharField(_("验证码摘要"), max_length=64)
    tries = models.PositiveSmallIntegerField(_("已尝试次数"), default=0)
    sent_at = models.DateTimeField(_("发出时间"), default=timezone.now)
    used_at = models.DateTimeField(_("失效时间"), null=True, blank=True)
    verified_at = models.DateTimeField(_("验证时间"), null=True, blank=True)

    goes_with = "student"
    scope_path = "org_path"
    subject_path = "student__user_id"
    masked_fields = {"phone": "phone"}
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("手机验证")
        ordering = ("-sent_at",)
        default_permissions = ("view",)
        indexes = [models.Index(fields=("student", "purpose", "-sent_at"), name="phone_check_student")]

    def __str__(self) -> str:
        return f"{self.student} {self.sent_at:%Y-%m-%d %H:%M}"
