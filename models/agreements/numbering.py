"""AgreementNumber 编号库: a number is used once, for ever. NumberApplication 协议书申请: how a student gets one where it is handed out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from models.agreements import rules
from models.agreements.policy import setting_for
from models.evidence.kinds import EvidenceKind, WithEvidence
from workflows.chain import Chain, Step
from workflows.histories import HistoricalRecords
from workflows.levels import PENDING, SCHOOL, Status
from workflows.matter import ReviewedMatter
from workflows.scoping import OrderedCharField, PathField, ScopedManager

NUMBER = RegexValidator(r"^[A-Z0-9][A-Z0-9\-]{2,29}$", _("协议书编号为 3～30 位大写字母、数字或短横线。"))
MATERIAL = "material"
OPEN = (Status.DRAFT, *PENDING.values(), Status.RETURNED)


class AgreementNumber(models.Model):
    """协议书编号：free → issued (to a student) → used (on an agreement), or spoilt; never free again and never deleted."""

    class State(models.TextChoices):
        FREE = "free", _("未发放")
        ISSUED = "issued", _("已发放")
        USED = "used", _("已使用")
        SPOILT = "spoilt", _("已作废")

    class Source(models.TextChoices):
        GENERATED = "generated", _("系统生成")
        IMPORTED = "imported", _("导入")

    school = models.ForeignKey(
        "organisation.School", on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("学校")
    )
    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("毕业届"),
    )
    org_path = PathField(_("路径"), editable=False)
    college = models.ForeignKey(
        "organisation.OrgUnit", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("分配到院系"),
    )  # fmt: skip
    number = OrderedCharField(_("编号"), max_length=30, validators=[NUMBER])
    source = models.CharField(_("来源"), max_length=10, choices=Source.choices, default=Source.GENERATED)
    state = models.CharField(_("状态"), max_length=8, choices=State.choices, default=State.FREE)
    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, null=True, blank=True, related_name="agreement_numbers",
        verbose_name=_("学生"),
    )  # fmt: skip
    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.PROTECT, null=True, blank=True, related_name="numbers",
        verbose_name=_("协议书"),
    )  # fmt: skip
    issued_at = models.DateTimeField(_("发放时间"), null=True, blank=True)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        db_index=False, verbose_name=_("发放人"),
    )  # fmt: skip
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)
    spoilt_at = models.DateTimeField(_("作废时间"), null=True, blank=True)
    spoilt_why = models.CharField(_("作废原因"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("入库时间"), auto_now_add=True)

    goes_with = "student"
    scope_path = "org_path"
    objects = ScopedManager()
    history = HistoricalRecords(no_db_index=["school", "cohort", "college", "student", "agreement", "issued_by"])

    class Meta:
        verbose_name = verbose_name_plural = _("协议书编号")
        ordering = ("number",)
        default_permissions = ("view", "add", "change", "export", "import")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "number"),
                name="agreement_number_unique",
                violation_error_message=_("编号库中已有这个编号。"),
            ),
            models.CheckConstraint(
                condition=Q(state="free", student=None, agreement=None)
                | Q(state="issued", student__isnull=False, agreement=None)
                | Q(state="used", student__isnull=False, agreement__isnull=False)
                | Q(state="spoilt"),
                name="agreement_number_state",
                violation_error_message=_("编号的状态与学生、协议书不符。"),
            ),
            models.UniqueConstraint(
                fields=("agreement",),
                condition=Q(state="used"),
                name="one_number_per_agreement",
                violation_error_message=_("这份协议书已有编号。"),
            ),
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(state="issued"),
                name="one_issued_number",
                violation_error_message=_("该学生已有一个未使用的编号。"),
            ),
        ]
        indexes = [
            models.Index(fields=("school", "state", "number"), name="number_next"),
            models.Index(fields=("org_path", "state"), name="number_path"),
        ]

    def __str__(self) -> str:
        return self.number


class NumberApplication(WithEvidence, ReviewedMatter):  # type: ignore[misc]
    """协议书申请：first or later; approval hands out a number. Levels: the school, or where colleges issue, the college (审核流程)."""

    class Kind(models.TextChoices):
        FIRST = "first", _("首次申请")
        BREACH = "breach", _("违约")
        LOST = "lost", _("遗失")
        MISWRITTEN = "miswritten", _("错填")
        DAMAGED = "damaged", _("损坏")
        OTHER = "other", _("其他")

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="number_applications", verbose_name=_("学生")
    )
    kind = models.CharField(_("申请类型"), max_length=12, choices=Kind.choices, blank=True)
    reason = models.TextField(_("申请说明"), max_length=500, blank=True)
    tag = models.CharField(_("识别号"), max_length=30, blank=True, editable=False, help_text=_("批量打印的批次标记。"))
    number = models.OneToOneField(
        AgreementNumber, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="application",
        verbose_name=_("发放的编号"),
    )  # fmt: skip
    resets = models.PositiveSmallIntegerField(_("重置次数"), default=0, editable=False)

    section = "signing"
    season = 30
    review = Chain(Step(SCHOOL), requires="students.GraduateProfile")
    scope_source = "student"
    subject_path = "student__user_id"
    own_page = "student_number_application"
    subject_begins = False  # it begins in the signing centre
    columns = (
        "student.number",
        "student.name",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "kind",
        "reason",
        "number.number",
        "tag",
        "resets",
        "status",
        "submitted_at",
        "decided_at",
    )
    list_columns = (
        "student.name",
        "student.number",
        "student.major.college.name",
        "kind",
        "number.number",
        "tag",
        "status",
        "submitted_at",
    )
    field_groups = (
        (_("学生"), ("student.number", "student.name", "student.major.college.name", "student.major.name")),
        (_("申请"), ("kind", "reason")),
        (_("发放"), ("number.number", "tag", "resets")),
    )
    subject_fields = ("kind", "reason")
    required_fields = ("kind",)
    key_fields = ("kind",)
    search_paths = {"number": "student__number", "name": "student__name", "id_number": "student__id_number"}
    rules = rules.APPLICATION_RULES
    rules_need = ("student",)
    return_reasons = ("申请类型选择有误", "证明材料不齐", "已有可用的协议书编号")

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("协议书申请")
        constraints = [
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(status__in=OPEN),
                name="one_open_number_application",
                violation_error_message=_("您已有一份协议书申请正在办理。"),
            ),
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(kind="first", status=Status.APPROVED),
                name="one_first_number_application",
                violation_error_message=_("首次申请每人只有一次。"),
            ),
        ]
        indexes = [*ReviewedMatter.Meta.indexes, models.Index(fields=("student", "-id"), name="numberapp_student")]

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on this list of rules."""
        return rules.PACK

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """Material, where the school asks for it with this kind of application."""
        if self.kind in ("", self.Kind.FIRST):
            return ()
        needed = self.kind in setting_for(self.school_id, self.cohort_id).materials_for
        return (EvidenceKind(MATERIAL, "证明材料", required=needed, many=True, help_text=MATERIALS[self.kind]),)

    def incomplete(self) -> dict[str, str]:
        """Later applications say why."""
        found: dict[str, Any] = super().incomplete()
        if self.kind not in ("", self.Kind.FIRST) and not self.reason.strip():
            found["reason"] = "请填写申请说明。"
        return found


MATERIALS = {
    "breach": "与原单位解除协议的证明。",
    "lost": "遗失声明或情况说明，本人签名。",
    "miswritten": "填错的原协议书照片。",
    "damaged": "损坏的原协议书照片。",
    "other": "与申请有关的材料。",
}
