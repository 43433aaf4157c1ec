"""What people are told: notices in the site, and the mails that go out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflows.scoping import ScopedManager


class Notice(models.Model):
    """站内通知。Students see their own; staff those of the students in their scope, their own through `services.inbox`."""

    class Kind(models.TextChoices):
        REVIEW = "review", _("审核结果")
        REMIND = "remind", _("催办提醒")
        ANNOUNCE = "announce", _("通知公告")
        ACCOUNT = "account", _("账号安全")

    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notices",
        db_index=False,
        verbose_name=_("接收人"),
    )
    kind = models.CharField(_("类别"), max_length=10, choices=Kind.choices)
    title = models.CharField(_("标题"), max_length=100)
    body = models.TextField(_("内容"), blank=True)
    matter = models.CharField(
        _("事务"), max_length=60, blank=True, help_text=_("通知所指的事务，例如 students.graduateprofile。")
    )
    sender = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,  # as ReviewedMatter.submitted_by
        verbose_name=_("发送人"),
    )
    # One event tells one person once, however often it is told: NULL where nothing could be doubled.
    key = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("时间"), default=timezone.now)
    read_at = models.DateTimeField(_("阅读时间"), null=True, blank=True)

    scope_path = "recipient__student__org_path"
    subject_path = "recipient_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("通知")
        ordering = ("-created_at", "-pk")
        default_permissions = ("view", "add")
        indexes = [
            models.Index(fields=("recipient", "-created_at"), name="notice_inbox"),
            models.Index(fields=("recipient",), condition=Q(read_at__isnull=True), name="notice_unread"),
        ]

    def __str__(self) -> str:
        return self.title


class Mail(models.Model):
    """邮件发件箱：written with what causes it, sent in the background, each once (`key`).

    A row is taken before it is sent; a process killed in between leaves it taken, and upkeep marks it failed: rather one mail too
    few than one twice. No personal data stands in a subject.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("待发送")
        SENDING = "sending", _("发送中")
        SENT = "sent", _("已发送")
        FAILED = "failed", _("未送出")

    key = models.CharField(_("标识"), max_length=64, unique=True, editable=False)
    template = models.CharField(_("模板"), max_length=40)
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("接收人"),
        help_text=_("空表示还没有账号的人，例如正在注册的单位。"),
    )
    address = models.EmailField(_("电子邮箱"))
    subject = models.CharField(_("主题"), max_length=100)
    body = models.TextField(_("内容"))
    secret = models.BooleanField(_("发送后清除内容"), default=False)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    error = models.CharField(_("错误"), max_length=200, blank=True)
    not_before = models.DateTimeField(_("最早发送时间"), default=timezone.now)
    created_at = models.DateTimeField(_("建立时间"), default=timezone.now)
    sent_at = models.DateTimeField(_("发送时间"), null=True, blank=True)

    scope_path = "recipient__student__org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("邮件")
        ordering = ("-created_at", "-pk")
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=("not_before",), condition=Q(state__in=("waiting", "sending")), name="mail_waiting")
        ]

    def __str__(self) -> str:
        return self.subject

    def masked_address(self) -> str:
        """The address as a list shows it: first character and domain."""
        name, _at, domain = self.address.partition("@")
        return f"{name[:1]}***@{domain}"


def prune(model: type[models.Model], **old: Any) -> int:
    """Remove rows of `model` that match, whoever is acting; returns how many."""
    return model._base_manager.filter(**old).delete()[0]
