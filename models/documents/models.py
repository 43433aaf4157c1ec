"""IssuedDocument: a printed form as it left the house, so that anybody who holds it can ask whether it is genuine and still holds."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflows.scoping import PathField, ScopedManager


def new_token() -> str:
    """128 random bits, 22 characters that need no escaping in an address."""
    return secrets.token_urlsafe(16)


class IssuedDocument(models.Model):
    """One document that was given out: 推荐表, 就业协议书, 去向登记信息表.

    `sha256` is that of the file it was given out in: its own (`stored`), or one printed for many, where it is from page `page` on.
    `facts` is what the public page shows, masked already: nothing more is known to that page. The record is named, not pointed at.
    """

    kind = models.CharField(_("种类"), max_length=30)
    title = models.CharField(_("名称"), max_length=60)
    token = models.CharField(_("验证码"), max_length=22, unique=True, editable=False)
    record_type = models.CharField(_("事务"), max_length=60)
    record_id = models.BigIntegerField(_("记录"))
    record_version = models.PositiveIntegerField(_("记录版本"))
    number = models.CharField(_("编号"), max_length=40, blank=True)
    sha256 = models.CharField(_("摘要"), max_length=64, db_index=True)
    page = models.PositiveIntegerField(_("起始页"), default=1)
    facts = models.JSONField(_("公开内容"), default=list)
    issued_at = models.DateTimeField(_("签发时间"), default=timezone.now)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("签发人"),
    )
    revoked_at = models.DateTimeField(_("失效时间"), null=True, blank=True)
    revoked_reason = models.CharField(_("失效原因"), max_length=100, blank=True)
    stored = models.FileField(_("文件"), max_length=120, blank=True, editable=False)
    school = models.ForeignKey(
        "organisation.School", on_delete=models.PROTECT, related_name="+", null=True, blank=True, verbose_name=_("学校")
    )
    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("毕业届"),
    )
    org_path = PathField(_("路径"), blank=True)

    scope_path = "org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("签发的文件")
        default_permissions = ()
        ordering = ("-issued_at", "-id")
        indexes = [
            models.Index(fields=("record_type", "record_id", "-id"), name="document_record"),
            models.Index(fields=("org_path", "kind"), name="document_path"),
        ]

    def __str__(self) -> str:
        return f"{self.title} {self.number}".strip()
