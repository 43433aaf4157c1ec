"""Termination 解约: a request to end an agreement; forced termination by the school; exceptions from "only once"."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.agreements import rules
from models.agreements.policy import setting_for
from models.evidence.kinds import MEGABYTE, EvidenceKind, WithEvidence
from workflows.chain import Chain, Step
from workflows.errors import NotAllowed, Refused, WrongState
from workflows.histories import HistoricalRecords
from workflows.levels import COLLEGE, PENDING, SCHOOL, Status, Verb
from workflows.matter import ReviewedMatter
from workflows.scoping import PathField, ScopedManager

PROOF = "proof"
SUPPORT = "support"
ENDED = (Status.VOIDED,)


class TerminationException(models.Model):
    """解约例外：the school lets a student end an agreement once more, for a reason; used by one request."""

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="termination_exceptions", verbose_name=_("学生")
    )
    org_path = PathField(_("路径"), editable=False)
    reason = models.CharField(_("原因"), max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("批准人"), editable=False
    )
    at = models.DateTimeField(_("批准时间"), default=timezone.now, editable=False)

    goes_with = "student"
    scope_path = "org_path"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("解约例外")
        ordering = ("-at",)
        default_permissions = ("view", "add")

    def __str__(self) -> str:
        return f"{self.student} {self.at:%Y-%m-%d}"


class Termination(WithEvidence, ReviewedMatter):  # type: ignore[misc]
    """解约申请. Between college and school it waits for the employer's consent (mode 1) or the stamped proof (mode 2, or mode 1 instead).

    `applicant` is the student's or the employer's account, empty for a forced one. `counts` says that this one uses up the student's
    only termination. While it is under way the agreement stays what it is; approval voids it (models.agreements.effects).
    """

    class Mode(models.TextChoices):
        CONSENT = "consent", _("模式一：单位线上同意或上传证明")
        PROOF = "proof", _("模式二：学生上传单位盖章的解除证明")
        FORCED = "forced", _("强制解约")

    class Kind(models.TextChoices):
        STUDENT = "student", _("学生提出解约")
        EMPLOYER = "employer", _("单位提出解约")
        AGREED = "agreed", _("双方协商解约")
        STUDY = "study", _("升学、参军等去向变化")
        OTHER = "other", _("其他")

    class Party(models.TextChoices):
        STUDENT = "student", _("学生")
        EMPLOYER = "employer", _("用人单位")
        STAFF = "staff", _("学校")

    class Answer(models.TextChoices):
        NONE = "", _("未答复")
        CONSENTED = "consented", _("同意解约")
        REFUSED = "refused", _("不同意解约")

    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="terminations", verbose_name=_("学生")
    )
    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.PROTECT, related_name="terminations", verbose_name=_("协议书")
    )
    applicant = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("申请账号"),
    )
    initiator = models.CharField(
        _("发起人"), max_length=10, choices=Party.choices, default=Party.STUDENT, editable=False
    )
    mode = models.CharField(_("解约方式"), max_length=8, choices=Mode.choices, default=Mode.PROOF)
    kind = models.CharField(_("解约类型"), max_length=10, choices=Kind.choices, blank=True)
    reason = models.TextField(_("解约原因"), max_length=1000, blank=True)
    employer_answer = models.CharField(
        _("单位答复"), max_length=10, choices=Answer.choices, default="", blank=True, editable=False
    )
    employer_answered_at = models.DateTimeField(_("单位答复时间"), null=True, blank=True, editable=False)
    employer_note = models.CharField(_("单位说明"), max_length=500, blank=True, editable=False)
    exception = models.OneToOneField(
        TerminationException, on_delete=models.PROTECT, null=True, blank=True, editable=False,
        related_name="termination", verbose_name=_("解约例外"),
    )  # fmt: skip
    counts = models.BooleanField(_("计入解约次数"), default=True, editable=False)
    step_since = models.DateTimeField(_("当前环节开始时间"), default=timezone.now, editable=False)

    section = "signing"
    season = 40
    review = Chain(Step(COLLEGE), Step(SCHOOL))
    scope_source = "student"
    subject_path = "applicant_id"
    party_paths = ("student__user_id", "agreement__employer__account_id")
    rules_follow_status = True
    own_page = "student_terminations"
    subject_begins = False  # it begins from the agreement, which asks whether it may be ended
    columns = (
        "agreement.number",
        "student.number",
        "student.name",
        "student.major.college.name",
        "student.major.name",
        "student.unit.name",
        "agreement.employer_name",
        "agreement.mode",
        "mode",
        "initiator",
        "kind",
        "reason",
        "employer_answer",
        "employer_answered_at",
        "employer_note",
        "status",
        "submitted_at",
        "decided_at",
        "last_reason",
    )
    list_columns = (
        "student.name",
        "student.number",
        "student.major.college.name",
        "agreement.employer_name",
        "mode",
        "initiator",
        "employer_answer",
        "status",
        "step_since",
    )
    field_groups = (
        (_("学生"), ("student.number", "student.name", "student.major.college.name", "student.major.name")),
        (
            _("要解除的协议"),
            ("agreement.number", "agreement.employer_name", "agreement.job_title", "agreement.signed_on"),
        ),
        (_("解约申请"), ("initiator", "mode", "kind", "reason")),
        (_("单位答复"), ("employer_answer", "employer_answered_at", "employer_note")),
    )
    subject_fields = ("mode", "kind", "reason")
    required_fields = ("mode", "kind", "reason")
    key_fields = ("mode", "kind")
    search_paths = {
        "number": "student__number",
        "name": "student__name",
        "id_number": "student__id_number",
    }
    return_reasons = ("解约原因不充分，请补充说明", "解除证明不清晰或未盖章", "请先与单位协商一致", "不符合解约条件")
    rules = rules.TERMINATION_RULES
    rules_need = ("student", "agreement")

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = _("解约申请")
        permissions = [("force_termination", "强制解约")]
        constraints = [
            models.UniqueConstraint(
                fields=("agreement",),
                condition=~Q(status__in=ENDED),
                name="one_termination_per_agreement",
                violation_error_message=_("这份协议书已有一份解约申请。"),
            ),
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(counts=True, status=Status.APPROVED),
                name="one_termination_per_student",
                violation_error_message=_("每名学生只能解约一次。"),
            ),
        ]
        indexes = [*ReviewedMatter.Meta.indexes, models.Index(fields=("student", "-id"), name="termination_student")]

    @classmethod
    def rules_stamp_now(cls) -> str:
        """Findings rest on this list of rules; an answer or a file makes them stale (terminations.answer, receivers)."""
        return rules.PACK

    def state_refusal(self, verb: str) -> str:
        """What is ended stays ended; a request that was given up is made anew."""
        if self.status == Status.APPROVED and verb in (Verb.RETURN, Verb.VOID):
            return "解约已经生效，不能退回或作废；需要恢复的，请学生重新签约。"
        return "取消或作废的解约申请不能恢复，请重新申请。" if verb == Verb.REOPEN else ""

    def evidence_kinds(self) -> tuple[EvidenceKind, ...]:
        """The stamped proof, which comes after the college agreed (a forced one begins with it), and what else supports the request."""
        proof = EvidenceKind(
            key=PROOF,
            label="解除协议证明",
            required=self.mode == self.Mode.FORCED,
            many=True,
            most=4,
            types=("jpg", "png", "pdf") if self.mode == self.Mode.FORCED else ("jpg", "png"),
            max_size=2 * MEGABYTE,
            help_text="单位盖章的解除就业协议证明，可下载标准格式或使用单位自己的格式；院系同意后上传。",
        )
        support = EvidenceKind(
            key=SUPPORT, label="情况说明材料", many=True, help_text="与解约原因有关的材料，可不上传。"
        )
        return (proof,) if self.mode == self.Mode.FORCED else (proof, support)

    def evidence_refusal(self, kind: EvidenceKind, by: Any) -> Refused | None:
        """The proof may be added while the request waits for it; the employer of the agreement may add it too."""
        mine = by.pk in (self.subject_user_id, self.student.user_id)
        if kind.key == PROOF and (mine or self.is_employer(by)):
            if self.status in (Status.DRAFT, Status.RETURNED, PENDING[SCHOOL]):
                return None
            if self.status == PENDING[COLLEGE]:
                return WrongState("院系同意解约后才能上传解除证明。")
            return WrongState(f"当前状态为「{Status(self.status).label}」，不能增减材料。")
        if self.is_employer(by) and self.subject_user_id != by.pk:
            return NotAllowed("单位只能上传解除协议证明。")
        return super().evidence_refusal(kind, by)

    def waits_elsewhere(self) -> str:
        """At the school's door, but somebody else has to move first."""
        return self.waits_for() if self.status == PENDING[SCHOOL] else ""

    def waits_for(self) -> str:
        """What is missing before the school may decide, as a sentence; "" when nothing is."""
        if self.mode == self.Mode.FORCED or any(one.kind == PROOF for one in self.evidence()):
            return ""
        if not setting_for(self.school_id, self.cohort_id).employer_must_consent:
            return ""
        if self.employer_answer == self.Answer.CONSENTED:
            return ""
        if self.mode == self.Mode.PROOF:
            return "等待学生上传单位盖章的解除协议证明。"
        if self.employer_answer == self.Answer.REFUSED:
            return "单位不同意解约。"
        return "等待单位同意解约，或上传解除协议证明。"

    def is_employer(self, user: Any) -> bool:
        """Whether `user` is the account of the employer of this agreement."""
        employer = self.agreement.employer
        return employer is not None and employer.account_id is not None and employer.account_id == user.pk
