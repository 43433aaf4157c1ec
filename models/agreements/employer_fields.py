"""What a record copies of an employer when it is written: the facts of that day, whatever the library says later."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField

POSTCODE = RegexValidator(r"^\d{6}$", _("邮政编码应为 6 位数字。"))
TELEPHONE = RegexValidator(r"^[\d\-+() ]{5,25}$", _("电话只能包含数字、短横线和括号，例如 023-65100000。"))
MOBILE = RegexValidator(r"^1[3-9]\d{9}$", _("手机号码应为 11 位数字，以 13～19 开头。"))

EMPLOYER_FIELDS = (
    "employer_name",
    "uscc",
    "uscc_missing_reason",
    "employer_type",
    "industry",
    "region",
    "address",
    "postcode",
    "contact",
    "contact_phone",
    "contact_mobile",
    "contact_email",
)
ARCHIVE_FIELDS = (
    "household_reception",
    "household_address",
    "archive_reception",
    "archive_unit",
    "archive_region",
    "archive_address",
    "archive_department",
    "archive_contact",
    "archive_phone",
    "archive_postcode",
)
POST_FIELDS = (
    "job_title",
    "job_category",
    "work_place",
    "starts_on",
    "contract_years",
    "probation_months",
    "probation_pay",
    "monthly_pay",
    "penalty",
    "other_terms",
)


class HouseholdReception(models.TextChoices):
    """Whether the employer takes the household registration."""

    RECEIVED = "received", _("接收户口")
    REFUSED = "refused", _("不接收户口")


class ArchiveReception(models.TextChoices):
    """Where the employer wants the archive."""

    OWN = "own", _("由单位接收档案")
    AGENCY = "agency", _("由人才服务机构代为接收")
    REFUSED = "refused", _("不接收档案")


class EmployerFacts(models.Model):
    """Columns of 单位信息, as Outcome has them too: on approval they are handed over name by name."""

    employer = models.ForeignKey(
        "employers.Employer",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("单位库记录"),
    )
    employer_name = models.CharField(_("单位名称"), max_length=100, blank=True, help_text=_("与单位公章一致的全称。"))
    uscc = models.CharField(_("统一社会信用代码"), max_length=18, blank=True)
    uscc_missing_reason = CodeField(
        _("无信用代码的原因"), table="uscc_missing", blank=True, help_text=_("单位没有统一社会信用代码时选择。")
    )
    employer_type = CodeField(_("单位性质"), table="employer_type", blank=True)
    industry = CodeField(_("单位行业"), table="industry", blank=True)
    region = CodeField(_("单位所在地"), table="region", blank=True, help_text=_("选到区县。"))
    address = models.CharField(_("单位地址"), max_length=200, blank=True)
    postcode = models.CharField(_("单位邮编"), max_length=6, blank=True, validators=[POSTCODE])
    contact = models.CharField(_("单位联系人"), max_length=40, blank=True)
    contact_phone = models.CharField(_("联系电话"), max_length=25, blank=True, validators=[TELEPHONE])
    contact_mobile = models.CharField(_("联系人手机"), max_length=11, blank=True, validators=[MOBILE])
    contact_email = models.EmailField(_("单位邮箱"), blank=True)

    class Meta:
        abstract = True


class PostTerms(models.Model):
    """Columns of 岗位、约定、户口与档案接收: what an offer and an agreement say beside who the employer is."""

    job_title = models.CharField(_("拟聘用职位"), max_length=60, blank=True)
    job_category = CodeField(_("工作职位类别"), table="job_category", blank=True)
    work_place = models.CharField(_("工作地点"), max_length=100, blank=True)
    starts_on = models.DateField(_("报到日期"), null=True, blank=True)
    contract_years = models.DecimalField(_("服务期（年）"), max_digits=3, decimal_places=1, null=True, blank=True)
    probation_months = models.PositiveSmallIntegerField(_("试用期（月）"), null=True, blank=True)
    probation_pay = models.PositiveIntegerField(_("试用期月薪（元）"), null=True, blank=True)
    monthly_pay = models.PositiveIntegerField(_("转正后月薪（元）"), null=True, blank=True)
    penalty = models.PositiveIntegerField(_("违约金（元）"), null=True, blank=True)
    other_terms = models.TextField(_("其他约定"), max_length=1000, blank=True)
    household_reception = models.CharField(_("户口接收"), max_length=10, choices=HouseholdReception.choices, blank=True)
    household_address = models.CharField(_("户口迁往地址"), max_length=200, blank=True)
    archive_reception = models.CharField(_("档案接收"), max_length=10, choices=ArchiveReception.choices, blank=True)
    archive_unit = models.CharField(_("档案接收单位"), max_length=100, blank=True)
    archive_region = CodeField(_("档案接收地"), table="region", blank=True)
    archive_address = models.CharField(_("档案邮寄地址"), max_length=200, blank=True)
    archive_department = models.CharField(_("档案接收部门"), max_length=60, blank=True)
    archive_contact = models.CharField(_("档案联系人"), max_length=40, blank=True)
    archive_phone = models.CharField(_("档案联系电话"), max_length=25, blank=True, validators=[TELEPHONE])
    archive_postcode = models.CharField(_("档案邮编"), max_length=6, blank=True, validators=[POSTCODE])

    class Meta:
        abstract = True


def copied(source: Any, *groups: tuple[str, ...]) -> dict[str, Any]:
    """The values of these groups of columns of `source`, to be put on another record."""
    return {name: getattr(source, name) for names in groups for name in names}
