"""单位审核 and 入驻 as matters: reviewed by the school office, of no graduation year, about an employer instead of a student."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.employers.library import MOBILE, Employer, Particulars
from models.evidence.kinds import EvidenceKind, WithEvidence
from workflows.chain import Chain, Step
from workflows.levels import SCHOOL
from workflows.matter import LastingMatter, OnRecord

LICENCE = EvidenceKind(
    "licence",
    "营业执照或组织机构登记证书",
    required=True,
    help_text="上传正本或副本的扫描件或照片，须清晰完整；事业单位、社会团体上传相应的法人证书。",
)
LETTER = EvidenceKind(
    "letter", "招聘经办人授权书", help_text="写明经办人姓名和授权事项，加盖单位公章；学校要求时上传。"
)


# What a register says of an employer, as against whom to call there.
REGISTERED = ("name", "employer_type", "industry", "region", "address", "postcode")


class EmployerMatter(LastingMatter):
    """Base: the subject is the employer's account, the place is the school that reviews."""

    employer = models.ForeignKey(Employer, on_delete=models.PROTECT, related_name="+", verbose_name=_("用人单位"))

    scope_source = "employer"
    subject_path = "employer__account_id"
    section = "employers"
    subject_word = "单位"
    subject_begins = False  # registration and 申请入驻 make them, which say at which school

    class Meta(LastingMatter.Meta):
        abstract = True

    def adopt_scope(self) -> None:
        """An employer stands in no school's tree: the record belongs to the school it was given."""
        self.org_path = self.school.path


class EmployerVerification(WithEvidence, EmployerMatter, Particulars):
    """单位审核：who the employer is. Reviewed once, by the school it registered with; changed data are reviewed again (待复审)."""

    employer = models.OneToOneField(
        Employer, on_delete=models.PROTECT, related_name="verification", verbose_name=_("用人单位")
    )
    revising = models.BooleanField(_("复审"), default=False, editable=False)

    season = 70
    review = Chain(Step(SCHOOL))
    amendable = True
    columns = (
        "employer.uscc", "name", "employer_type", "industry", "region", "address", "postcode", "contact", "phone", "mobile", "email",
        "fax", "website", "school.name", "status", "revising", "submitted_at", "decided_at", "returns", "last_reason",
    )  # fmt: skip
    list_columns = (
        "name",
        "employer.uscc",
        "employer_type",
        "industry",
        "region",
        "status",
        "revising",
        "submitted_at",
    )
    field_groups = (
        (
            _("单位信息"),
            ("employer.uscc", "name", "employer_type", "industry", "region", "address", "postcode", "website"),
        ),
        (_("联系方式"), ("contact", "phone", "mobile", "email", "fax")),
        (_("单位简介"), ("description",)),
    )
    subject_fields = (
        "name", "employer_type", "industry", "region", "address", "postcode", "website", "contact", "phone", "mobile", "email", "fax",
        "description",
    )  # fmt: skip
    required_fields = ("name", "employer_type", "industry", "region", "address", "contact", "mobile", "email")
    key_fields = ("name", "employer_type", "industry", "region", "address", "contact", "mobile", "email")
    masked_fields = {"mobile": "phone"}
    search_paths = {"number": "employer__uscc", "name": "name", "phone": "mobile"}
    search_words = {"number": "统一社会信用代码", "name": "单位名称"}
    return_reasons = (
        "营业执照不清晰或已过期",
        "单位名称与营业执照不一致",
        "统一社会信用代码与营业执照不一致",
        "联系电话无法接通",
        "请补充招聘经办人授权书",
    )

    class Meta(EmployerMatter.Meta):
        verbose_name = verbose_name_plural = _("单位审核")

    def on_record(self) -> OnRecord | None:
        """工商信息对比: what the library knows of this code from others (a register that was imported, what other reviews approved).

        What the employer itself had approved before is not a second source: its changes stand among the changes of the record.
        """
        known = self.employer
        if not known.is_checked or known.source == Employer.Source.ACCOUNT:
            return None
        values = {name: getattr(known, name) for name in REGISTERED if getattr(known, name)}
        source = f"单位库，来源：{known.get_source_display()}，{timezone.localtime(known.checked_at):%Y-%m-%d} 核对"
        return OnRecord("工商登记信息对比", source, values)

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """The licence always, a letter of authority when the school wants one."""
        return (LICENCE, LETTER)


class EmployerAdmission(EmployerMatter):
    """入驻：an employer at one school. Its approval opens that school to the employer; a blacklisting closes it."""

    employer = models.ForeignKey(
        Employer, on_delete=models.PROTECT, related_name="admissions", verbose_name=_("用人单位")
    )
    purpose = models.CharField(
        _("入驻说明"), max_length=300, blank=True, help_text=_("计划招聘的专业、人数和时间，便于学校安排。")
    )
    contact = models.CharField(_("本校联系人"), max_length=40, blank=True)
    mobile = models.CharField(_("联系人手机"), max_length=11, blank=True, validators=[MOBILE])

    season = 75
    review = Chain(Step(SCHOOL), requires="employers.EmployerVerification")
    columns = (
        "employer.uscc", "employer.name", "employer.employer_type", "employer.industry", "employer.region", "school.name", "purpose",
        "contact", "mobile", "status", "submitted_at", "decided_at", "returns", "last_reason",
    )  # fmt: skip
    list_columns = (
        "employer.name", "employer.uscc", "employer.employer_type", "employer.industry", "employer.region", "status", "submitted_at",
    )  # fmt: skip
    field_groups = (
        (
            _("单位信息"),
            (
                "employer.uscc", "employer.name", "employer.employer_type", "employer.industry", "employer.region", "employer.address",
                "employer.website", "school.name",
            ),
        ),
        (_("入驻申请"), ("purpose", "contact", "mobile")),
    )  # fmt: skip
    subject_fields = ("purpose", "contact", "mobile")
    required_fields = ("contact", "mobile")
    key_fields = ("purpose", "contact", "mobile")
    masked_fields = {"mobile": "phone"}
    search_paths = {"number": "employer__uscc", "name": "employer__name", "phone": "mobile"}
    search_words = {"number": "统一社会信用代码", "name": "单位名称"}
    return_reasons = ("单位暂不符合入驻条件", "入驻说明不完整", "联系人无法联系")

    class Meta(EmployerMatter.Meta):
        verbose_name = verbose_name_plural = _("单位入驻")
        constraints = [
            models.UniqueConstraint(
                fields=("employer", "school"), name="one_admission", violation_error_message=_("该单位已申请入驻本校。")
            )
        ]
