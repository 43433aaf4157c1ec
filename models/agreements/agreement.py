"""Agreement 就业协议书: the numbered tripartite agreement, signed online (mode 1) or on paper (mode 2)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.agreements import rules
from models.agreements.employer_fields import ARCHIVE_FIELDS, EMPLOYER_FIELDS, POST_FIELDS, EmployerFacts, PostTerms
from models.agreements.settings import Stamping
from models.codes.lookup import stamp
from models.evidence.kinds import MEGABYTE, EvidenceKind, WithEvidence
from workflows.chain import Chain, Step
from workflows.fields import LOCKED, jsonable
from workflows.levels import COLLEGE, SCHOOL, Status
from workflows.matter import ReviewedMatter

STAMPED = "stamped"
TERMS = ("signed_on", *POST_FIELDS)


class Agreement(WithEvidence, EmployerFacts, PostTerms, ReviewedMatter):  # type: ignore[misc]
    """就业协议书. `in_force` holds the student's one right to sign, from the number (or the acceptance) until it is voided.

    `generated_hash` is the content the numbered PDF was made from: what is changed afterwards must be printed and stamped anew.
    """

    class Mode(models.TextChoices):
        ONLINE = "online", _("线上应约")
        OFFLINE = "offline", _("线下签约")

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="agreements", verbose_name=_("学生")
    )
    mode = models.CharField(_("签约方式"), max_length=8, choices=Mode.choices, default=Mode.OFFLINE, editable=False)
    stamping = models.CharField(
        _("盖章方式"), max_length=10, choices=Stamping.choices, default=Stamping.PAPER, editable=False
    )
    number = models.CharField(_("协议书编号"), max_length=30, blank=True, editable=False)
    in_force = models.BooleanField(_("占用签约资格"), default=False, editable=False)
    signed_on = models.DateField(_("签约日期"), null=True, blank=True)
    consider_until = models.DateTimeField(_("考虑期至"), null=True, blank=True, editable=False)
    generated_at = models.DateTimeField(_("生成时间"), null=True, blank=True, editable=False)
    generated_hash = models.CharField(max_length=64, blank=True, editable=False)
    employer_sealed_at = models.DateTimeField(_("单位签章时间"), null=True, blank=True, editable=False)
    student_sealed_at = models.DateTimeField(_("学生签章时间"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True, editable=False)
    ended_why = models.CharField(_("终止原因"), max_length=200, blank=True, editable=False)

    section = "signing"
    season = 35
    review = Chain(Step(COLLEGE), Step(SCHOOL))
    scope_source = "student"
    subject_path = "student__user_id"
    party_paths = ("employer__account_id",)
    own_page = "student_agreement"
    subject_begins = False  # it begins in the signing centre, which asks who may sign first
    columns = (
        "number",
        "student.number",
        "student.name",
        "student.id_number",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "mode",
        "stamping",
        *EMPLOYER_FIELDS,
        *TERMS,
        *ARCHIVE_FIELDS,
        "generated_at",
        "status",
        "submitted_at",
        "decided_at",
        "returns",
        "last_reason",
        "ended_at",
        "ended_why",
    )
    list_columns = (
        "student.name",
        "student.number",
        "student.major.college.name",
        "number",
        "mode",
        "employer_name",
        "job_title",
        "status",
        "submitted_at",
    )
    field_groups = (
        (
            _("学生"),
            (
                "student.number",
                "student.name",
                "student.sex",
                "student.id_number",
                "student.major.college.name",
                "student.major.name",
                "student.degree",
            ),
        ),
        (_("协议"), ("number", "mode", "stamping", "generated_at")),
        (_("单位信息"), EMPLOYER_FIELDS),
        (_("岗位与约定"), TERMS),
        (_("户口与档案"), ARCHIVE_FIELDS),
    )
    subject_fields = (*EMPLOYER_FIELDS, *TERMS, *ARCHIVE_FIELDS)
    required_fields = (
        "employer_name",
        "employer_type",
        "industry",
        "region",
        "address",
        "contact",
        "contact_phone",
        "job_title",
        "job_category",
        "signed_on",
        "household_reception",
        "archive_reception",
    )
    key_fields = ("employer_name", "uscc", "job_title")
    masked_fields = {"student.id_number": "id", "contact_mobile": "phone"}
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
    }
    return_reasons = (
        "上传的协议书不清晰，请重新拍摄",
        "缺少单位公章或学生签名",
        "单位名称与公章不一致",
        "单位信息填写有误",
        "户口或档案接收信息不完整",
    )
    rules = rules.AGREEMENT_RULES
    rules_need = ("student__major",)

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("就业协议书")
        constraints = [
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(in_force=True),
                name="one_agreement_in_force",
                violation_error_message=_("该学生已有一份有效的协议书。"),
            ),
            models.UniqueConstraint(
                fields=("school", "number"),
                condition=~Q(number=""),
                name="agreement_number_once",
                violation_error_message=_("该协议书编号已被使用。"),
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.VOIDED) | Q(in_force=False),
                name="voided_not_in_force",
                violation_error_message=_("作废的协议书不能占用签约资格。"),
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.APPROVED) | Q(in_force=True),
                name="approved_in_force",
                violation_error_message=_("审核通过的协议书必须是有效的协议书。"),
            ),
        ]
        indexes = [*ReviewedMatter.Meta.indexes, models.Index(fields=("student", "-id"), name="agreement_student")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save; a voided agreement gives the right to sign back in the same statement."""
        if self.status == Status.VOIDED:
            self.in_force = False
        super().save(*args, **kwargs)

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on the code tables and on this list of rules."""
        return f"{rules.PACK}:{stamp()}"

    def adapt_fields(self, specs: list[Any]) -> list[Any]:
        """What an employer offered and the student accepted is nobody's to edit alone: online, the student fills in nothing."""
        if self.mode != self.Mode.ONLINE:
            return specs
        return [replace(spec, mode=LOCKED) if spec.is_writable and not spec.is_extra else spec for spec in specs]

    def incomplete(self) -> dict[str, str]:
        """Before it is submitted it has its number, its paper says what it says now, and the stamps are there."""
        found: dict[str, str] = super().incomplete()
        if not self.number or not self.generated_hash:
            found["number"] = "请先生成带编号的协议书。"
        elif self.generated_hash != self.digest():
            found["number"] = "内容在生成协议书之后有修改，请重新生成、盖章并上传。"
        if self.by_seal and not (self.employer_sealed_at and self.student_sealed_at):
            found["stamping"] = "单位和学生都完成电子签章后才能提交审核。"
        return found

    @property
    def considering(self) -> bool:
        """Whether the student may still step back (签约考虑期)."""
        return self.consider_until is not None and self.consider_until > timezone.now()

    @property
    def by_seal(self) -> bool:
        """Whether it is sealed electronically instead of on paper."""
        return self.mode == self.Mode.ONLINE and self.stamping == Stamping.E_SIGN

    def content(self) -> dict[str, Any]:
        """What the paper says; a change of it makes paper stamped before worthless."""
        return {name: jsonable(getattr(self, name)) for name in ("number", *self.subject_fields)}

    def digest(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(json.dumps(self.content(), ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """The stamped copy."""
        return (
            EvidenceKind(
                key=STAMPED,
                label="盖章的协议书",
                required=not self.by_seal,
                many=True,
                most=4,
                max_size=10 * MEGABYTE,
                help_text="单位公章（或劳动合同专用章）和学生签名须同时可见；拍摄端正、清晰，四角完整，没有杂物遮挡。",
            ),
        )
