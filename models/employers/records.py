"""What else is kept about employers: exclusions by a school, registrations that wait for their code, appeals for an account."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.employers.library import MOBILE, Employer
from models.organisation.models import School
from workflows.histories import HistoricalRecords
from workflows.scoping import ScopedManager


class Blacklist(models.Model):
    """不受信单位(黑名单)：an employer that a school excludes, with the reason. It closes all doors at that school until it is lifted."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("学校"))
    employer = models.ForeignKey(
        Employer, on_delete=models.PROTECT, related_name="blacklistings", verbose_name=_("用人单位")
    )
    reason = models.TextField(_("列入原因"), max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False, verbose_name=_("列入人")
    )
    placed_at = models.DateTimeField(_("列入时间"), default=timezone.now, editable=False)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("解除人"),
    )
    lifted_at = models.DateTimeField(_("解除时间"), null=True, blank=True, editable=False)
    lift_reason = models.TextField(_("解除原因"), max_length=500, blank=True, editable=False)

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("不受信单位")
        ordering = ("-placed_at",)
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "employer"),
                condition=Q(lifted_at__isnull=True),
                name="one_blacklisting",
                violation_error_message=_("该单位已在本校不受信单位名单中。"),
            ),
            models.CheckConstraint(
                condition=~Q(reason=""), name="blacklist_reason", violation_error_message=_("请填写列入原因。")
            ),
        ]

    def __str__(self) -> str:
        return str(self.employer)


class Registration(models.Model):
    """A registration between its form and the code that proves the mailbox; nothing else of the system knows of it yet."""

    MINUTES = 30
    TRIES = 5

    ticket = models.CharField(_("会话凭据"), max_length=40, unique=True)
    code = models.CharField(_("验证码摘要"), max_length=40)
    uscc = models.CharField(_("统一社会信用代码"), max_length=18)
    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="+", verbose_name=_("学校"))
    values = models.JSONField(_("填写内容"), default=dict)
    password = models.CharField(_("密码摘要"), max_length=128)
    tries = models.PositiveSmallIntegerField(_("已尝试次数"), default=0)
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)
    created_at = models.DateTimeField(_("提交时间"), default=timezone.now, db_index=True)

    objects = ScopedManager()  # no scope is declared: nobody but the system sees rows

    class Meta:
        verbose_name = verbose_name_plural = _("单位注册申请")
        default_permissions = ()

    def __str__(self) -> str:
        return self.uscc


class AccountAppeal(models.Model):
    """用人单位账号申诉：whoever can show the licence gets the account back when its keeper has left or the password is lost."""

    LINK_MINUTES = 30

    class State(models.TextChoices):
        WAITING = "waiting", _("待处理")
        DONE = "done", _("已处理")

    class Outcome(models.TextChoices):
        PASSWORD = "password", _("设置新密码，线下告知")
        LINK = "link", _("向新邮箱发送重置链接（30 分钟内有效）")
        SMS = "sms", _("向新手机号发送随机密码")
        OTHER = "other", _("其他处理")

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="+", verbose_name=_("受理学校"))
    uscc = models.CharField(_("统一社会信用代码"), max_length=18)
    name = models.CharField(_("单位名称"), max_length=120)
    contact = models.CharField(_("新联系人"), max_length=40)
    mobile = models.CharField(_("新联系手机"), max_length=11, validators=[MOBILE])
    email = models.EmailField(_("新电子邮箱"))
    reason = models.TextField(_("申诉原因"), max_length=500)
    licence = models.CharField(max_length=120, blank=True, editable=False)
    licence_name = models.CharField(_("营业执照"), max_length=130, blank=True, editable=False)
    employer = models.ForeignKey(
        Employer, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("对应单位")
    )
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.WAITING)
    outcome = models.CharField(_("处理方式"), max_length=10, choices=Outcome.choices, blank=True)
    note = models.TextField(_("处理说明"), max_length=500, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("处理人"),
    )
    decided_at = models.DateTimeField(_("处理时间"), null=True, blank=True)
    link_digest = models.CharField(max_length=40, blank=True, editable=False, db_index=True)
    link_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("申诉时间"), default=timezone.now, db_index=True)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("账号申诉")
        ordering = ("-created_at",)
        default_permissions = ("view", "change")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="waiting", outcome="") | Q(state="done") & ~Q(outcome=""),
                name="appeal_outcome",
                violation_error_message=_("已处理的申诉必须有处理方式。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.uscc}）"

    @classmethod
    def link_expiry(cls):
        """Until when a reset link sent now is good."""
        return timezone.now() + timedelta(minutes=cls.LINK_MINUTES)
