"""Dispatch 派遣/档案转递信息: where papers, 档案 and 户口 of a graduate go (standards.md §3). One row per student."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from models.codes.lookup import stamp, table
from models.dispatch import rules
from models.dispatch.routing import route
from models.students.profile import LANDLINE, POSTCODE
from workflows import policy
from workflows.chain import Chain, Step
from workflows.fields import HIDDEN, REQUIRED, FieldSpec
from workflows.levels import SCHOOL, Status
from workflows.matter import Case, ReviewedMatter

__all__ = ["Dispatch"]

ARCHIVE_FIELDS = (
    "archive_transfer",
    "archive_unit",
    "archive_unit_code",
    "archive_region",
    "archive_address",
    "archive_department",
    "archive_contact",
    "archive_phone",
    "archive_postcode",
)
POSTED_TO = ("archive_unit", "archive_address", "archive_contact", "archive_phone")
HOUSEHOLD_FIELDS = ("household_transfer", "household_address", "household_unit")
# 报到证: issued for graduates up to this year only (人社部发〔2023〕26号).
LAST_REPORT_CARD_YEAR = 2022
LEGACY_FIELDS = (
    "report_type",
    "report_unit",
    "report_region",
    "report_number",
    "report_from",
    "report_until",
    "report_remark",
)


class Dispatch(ReviewedMatter):
    """派遣与档案转递信息：checked by the student, approved by the school; one that came with an agreement passes the college too."""

    student = models.OneToOneField("students.Student", on_delete=models.PROTECT, verbose_name=_("学生"))
    agreement = models.ForeignKey(
        "agreements.Agreement",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("就业协议书"),
    )
    archive_transfer = CodeField(_("档案转递类型"), table="archive_transfer", blank=True)
    archive_unit = models.CharField(_("档案转递单位名称"), max_length=100, blank=True)
    archive_unit_code = models.CharField(_("档案转递单位代码"), max_length=18, blank=True)
    archive_region = CodeField(_("档案转递单位所在地"), table="region", blank=True)
    archive_address = models.CharField(_("档案转递单位地址"), max_length=200, blank=True)
    archive_department = models.CharField(_("收件部门"), max_length=60, blank=True)
    archive_contact = models.CharField(_("收件人"), max_length=40, blank=True)
    archive_phone = models.CharField(_("收件电话"), max_length=25, blank=True, validators=[LANDLINE])
    archive_postcode = models.CharField(_("档案转递单位邮编"), max_length=6, blank=True, validators=[POSTCODE])
    household_transfer = CodeField(_("户口迁移类型"), table="household_transfer", blank=True)
    household_address = models.CharField(_("户口迁移地址"), max_length=200, blank=True)
    household_unit = models.CharField(_("户口迁转单位"), max_length=100, blank=True)
    transfer_number = models.CharField(_("转递编号"), max_length=40, blank=True)
    verify_number = models.CharField(_("核验编号"), max_length=40, blank=True)
    confirmed_at = models.DateTimeField(_("本人核对时间"), null=True, blank=True, editable=False)
    before_agreement = models.JSONField(_("协议书同步前的内容"), default=dict, blank=True, editable=False)
    changes_count = models.PositiveSmallIntegerField(_("变更次数"), default=0, editable=False)
    report_type = CodeField(_("报到证签发类别"), table="report_card", blank=True)
    report_unit = models.CharField(_("报到证签往单位名称"), max_length=100, blank=True)
    report_region = CodeField(_("签往单位所在地"), table="region", blank=True)
    report_number = models.CharField(_("报到证编号"), max_length=40, blank=True)
    report_from = models.DateField(_("报到起始时间"), null=True, blank=True)
    report_until = models.DateField(_("报到截止时间"), null=True, blank=True)
    report_remark = models.CharField(_("报到证备注"), max_length=200, blank=True)
    posted_on = models.DateField(_("档案寄出日期"), null=True, blank=True)
    parcel_number = models.CharField(_("档案邮件号"), max_length=40, blank=True)
    parcel_carrier = models.CharField(_("寄递方式"), max_length=40, blank=True)

    section = "outcomes"
    season = 60
    review = Chain(Step(SCHOOL))
    scope_source = "student"
    subject_path = "student__user_id"
    columns = (
        "student.number",
        "student.name",
        "student.sex",
        "student.id_number",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "student.degree",
        *ARCHIVE_FIELDS,
        *HOUSEHOLD_FIELDS,
        "transfer_number",
        "verify_number",
        "confirmed_at",
        "changes_count",
        *LEGACY_FIELDS,
        "posted_on",
        "parcel_number",
        "parcel_carrier",
        "status",
        "submitted_at",
        "decided_at",
        "returns",
        "last_reason",
    )
    list_columns = (
        "student.name",
        "student.number",
        "student.major.college.name",
        "student.unit.name",
        "archive_transfer",
        "archive_unit",
        "household_transfer",
        "status",
        "submitted_at",
    )
    field_groups = (
        (
            _("学籍信息"),
            ("student.number", "student.name", "student.major.name", "student.unit.name", "student.degree"),
        ),
        (_("档案"), ARCHIVE_FIELDS),
        (_("户口"), HOUSEHOLD_FIELDS),
        (_("编号"), ("transfer_number", "verify_number")),
        (_("报到证"), LEGACY_FIELDS),
        (_("寄递"), ("posted_on", "parcel_number", "parcel_carrier")),
    )
    subject_fields = (*ARCHIVE_FIELDS, *HOUSEHOLD_FIELDS)
    required_fields = ("archive_transfer", "household_transfer")
    key_fields = ("archive_transfer", "archive_unit", "household_transfer")
    masked_fields = {"student.id_number": "id"}
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
        "exam_number": "student__exam_number",
    }
    dated_fields = dict.fromkeys(LEGACY_FIELDS, LAST_REPORT_CARD_YEAR)
    return_reasons = ("档案接收单位地址不完整", "档案转递类型与毕业去向不一致", "户口迁移地址不完整")
    rules = rules.DISPATCH_RULES
    rules_need = ("student__major", "cohort")

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("派遣与档案转递")

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on the code tables and on the list of rules."""
        return f"{rules.PACK}:{stamp()}"

    @classmethod
    def gather_facts(cls, rows: list[Any]) -> None:
        """The destination and where the household registration stands."""
        rules.gather(rows)

    def told(self) -> str:
        """Where the archive is by now, or what to check."""
        if self.posted_on:
            way = f"以{self.parcel_carrier}" if self.parcel_carrier else ""
            to = f"寄往{self.archive_unit}" if self.archive_unit else "寄出"
            number = f"，邮件号 {self.parcel_number}" if self.parcel_number else ""
            return f"您的档案已于 {self.posted_on:%Y-%m-%d} {way}{to}{number}。"
        if self.status in (Status.DRAFT, Status.RETURNED):
            return (
                "请逐项核对档案和户口的去向：无误的直接提交即为确认，有误的改正后提交。学校按审核通过的内容寄送档案。"
            )
        if self.status == Status.APPROVED:
            return "学校将按以下内容寄送档案，寄出后可在本页查到日期和邮件号。内容有变化的，请在寄出前申请修改。"
        return ""

    def fill_cases(self) -> list[Case]:
        """The route that the destination suggests, for staff to fill in."""
        rules.gather([self])
        outcome = self.rule_facts["outcome"]
        if outcome is None or not outcome.category:
            return []
        found = route(outcome)
        names = ("archive_transfer", "archive_unit", "archive_region", "archive_address")
        values = {name: getattr(found, name) for name in names if getattr(found, name)}
        return [
            Case(
                "route", f"按毕业去向建议：{table('archive_transfer').name(found.archive_transfer)}", values, found.why
            )
        ]

    def adapt_fields(self, specs: list[FieldSpec]) -> list[FieldSpec]:
        """报到证 only where it was issued; an address with receiver and telephone wherever papers are posted to (they are never carried)."""
        modes: dict[str, str] = {}
        if self.cohort.year > LAST_REPORT_CARD_YEAR:
            modes |= dict.fromkeys(LEGACY_FIELDS, HIDDEN)
        if self.archive_transfer and table("archive_transfer").flags(self.archive_transfer).get("route") != "keep":
            modes |= dict.fromkeys(POSTED_TO, REQUIRED)
        if table("household_transfer").flags(self.household_transfer).get("address"):
            modes["household_address"] = REQUIRED
        set_by_school = policy.policies_for(Dispatch, self.school_id, self.cohort_id)
        return [
            replace(spec, mode=modes[spec.name])
            if spec.name in modes and (spec.name not in set_by_school or modes[spec.name] == HIDDEN)
            else spec
            for spec in specs
        ]
