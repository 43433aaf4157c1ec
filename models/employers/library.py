"""Employer 用人单位: the library that fills everybody's forms, one row per 统一社会信用代码."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from models.employers import uscc
from workflows.histories import HistoricalRecords
from workflows.scoping import OrderedCharField, ScopedManager

MOBILE = RegexValidator(r"^1[3-9]\d{9}$", _("手机号码应为 11 位数字，以 13～19 开头。"))
POSTCODE = RegexValidator(r"^\d{6}$", _("邮政编码应为 6 位数字。"))
USCC = RegexValidator(
    uscc.SHAPE,
    _("统一社会信用代码为 18 位，只含数字和大写字母（不含 I、O、S、V、Z），第 3～8 位为数字。"),
)
LANDLINE = RegexValidator(r"^[\d\-+() ]{5,25}$", _("电话只能包含数字、短横线和括号，例如 023-65100000。"))

WEBSITE = RegexValidator(
    r"^(https?://)?[\w\-]+(\.[\w\-]+)+(:\d+)?(/\S*)?$", _("网址格式不正确，例如 https://www.example.com。")
)


class Particulars(models.Model):
    """What is known of an employer; the library and the verification hold the same."""

    name = OrderedCharField(_("单位名称"), max_length=120)
    employer_type = CodeField(_("单位性质"), table="employer_type", blank=True)
    industry = CodeField(_("单位行业"), table="industry", blank=True)
    region = CodeField(_("单位所在地"), table="region", blank=True)
    address = models.CharField(_("通讯地址"), max_length=200, blank=True)
    postcode = models.CharField(_("邮政编码"), max_length=6, blank=True, validators=[POSTCODE])
    contact = models.CharField(_("联系人"), max_length=40, blank=True)
    phone = models.CharField(_("联系电话"), max_length=25, blank=True, validators=[LANDLINE])
    mobile = models.CharField(_("联系手机"), max_length=11, blank=True, validators=[MOBILE])
    email = models.EmailField(_("电子邮箱"), blank=True)
    fax = models.CharField(_("传真"), max_length=25, blank=True, validators=[LANDLINE])
    website = models.CharField(_("单位网址"), max_length=200, blank=True, validators=[WEBSITE])
    description = models.TextField(_("单位简介"), max_length=2000, blank=True)

    class Meta:
        abstract = True


# What everybody may look up, and what is about the person who answers the telephone there.
PUBLIC_FIELDS = ("name", "uscc", "employer_type", "industry", "region", "address", "postcode")
CONTACT_FIELDS = ("contact", "phone", "mobile", "email", "fax")
PARTICULARS = tuple(field.name for field in Particulars._meta.local_fields)


class Employer(Particulars):
    """用人单位库：from accounts that were reviewed, from approved agreements and destinations, and from imports.

    A row without `checked_at` is known to the system only: a registration that nobody has reviewed is not offered to anybody.
    """

    class Source(models.TextChoices):
        ACCOUNT = "account", _("单位注册")
        IMPORT = "import", _("导入")
        APPROVED = "approved", _("审核通过的签约和去向")

    uscc = models.CharField(_("统一社会信用代码"), max_length=18, blank=True, validators=[USCC])
    former_names = models.JSONField(_("曾用名"), default=list, blank=True)
    source = models.CharField(_("来源"), max_length=10, choices=Source.choices, default=Source.IMPORT, editable=False)
    checked_at = models.DateTimeField(_("核对时间"), null=True, blank=True, editable=False)
    checked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
        editable=False,
        verbose_name=_("核对人"),
    )
    account = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="employer",
        editable=False,
        verbose_name=_("账号"),
    )
    created_at = models.DateTimeField(_("建立时间"), auto_now_add=True)
    updated_at = models.DateTimeField(_("更新时间"), auto_now=True)

    masked_fields = {"mobile": "phone"}
    scope_common = Q(checked_at__isnull=False)
    scope_path = "verification__org_path"  # what nobody has checked is seen by the school that is to
    subject_path = "account_id"
    objects = ScopedManager()
    history = HistoricalRecords(no_db_index=["account", "checked_by"])

    class Meta:
        verbose_name = verbose_name_plural = _("用人单位")
        ordering = ("name",)
        default_permissions = ("view", "add", "change", "export", "import")
        constraints = [
            models.UniqueConstraint(
                fields=("uscc",),
                condition=~Q(uscc=""),
                name="employer_uscc",
                violation_error_message=_("用人单位库中已有该统一社会信用代码的单位。"),
            ),
            models.UniqueConstraint(
                fields=("name",),
                condition=Q(uscc=""),
                name="employer_name_without_uscc",
                violation_error_message=_("用人单位库中已有同名且没有统一社会信用代码的单位。"),
            ),
        ]
        indexes = [models.Index(fields=("name",), name="employer_name")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """The code's check digit is right."""
        super().clean()
        if self.uscc:
            try:
                uscc.validate(self.uscc)
            except ValidationError as error:
                raise ValidationError({"uscc": error.messages}) from error

    @property
    def is_checked(self) -> bool:
        """Whether somebody of a school has looked at these data."""
        return self.checked_at is not None
