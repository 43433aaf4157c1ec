"""Evidence 证明材料: a file that proves what a record says; who put it there, and what it was when it came."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflows.scoping import PathField, ScopedManager


class Evidence(models.Model):
    """One file of one record of any matter.

    The record is named, not pointed at, so that every matter can have files without a table of its own. Whoever may see the record
    may see its files: pages go through `models.evidence.services`; the scope columns are for lists and exports of files alone.
    A file that was taken out keeps its row; the file itself goes some time later (`upkeep`).
    """

    record_type = models.CharField(_("事务"), max_length=60)
    record_id = models.BigIntegerField(_("记录"))
    kind = models.CharField(_("材料种类"), max_length=40)
    name = models.CharField(_("文件名"), max_length=130)
    stored = models.FileField(_("文件"), max_length=120, blank=True, editable=False)
    size = models.PositiveIntegerField(_("大小"))
    content_type = models.CharField(_("格式"), max_length=40)
    sha256 = models.CharField(_("摘要"), max_length=64)
    phash = models.CharField(
        _("图像指纹"), max_length=16, blank=True, help_text=_("相似的图片指纹相近，用于找出重复使用的材料。")
    )
    pages = models.PositiveSmallIntegerField(_("页数"), default=1)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("上传人"),
    )
    uploaded_at = models.DateTimeField(_("上传时间"), default=timezone.now)
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
    removed_at = models.DateTimeField(_("移除时间"), null=True, blank=True)
    removed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        verbose_name=_("移除人"),
    )

    scope_path = "org_path"
    owner_path = "uploaded_by_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("证明材料")
        default_permissions = ()
        ordering = ("record_type", "record_id", "kind", "id")
        indexes = [
            models.Index(fields=("record_type", "record_id"), name="evidence_record"),
            models.Index(fields=("org_path", "record_type"), name="evidence_path"),
            models.Index(fields=("sha256",), condition=models.Q(removed_at__isnull=True), name="evidence_same"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_image(self) -> bool:
        """Whether a browser can show it inside a page."""
        return self.content_type.startswith("image/")
