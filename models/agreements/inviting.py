"""SigningInvitation 应约邀请: an employer's online offer to a named student. Its states have one door: models.agreements.invitations."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.agreements.employer_fields import ARCHIVE_FIELDS, POST_FIELDS, PostTerms
from workflows.chain import StatusField
from workflows.models import AppendOnly, AppendOnlyQuerySet
from workflows.scoping import PathField, ScopedManager


class State(models.TextChoices):
    """How an invitation stands."""

    SENT = "sent", _("待应约")
    CONSIDERING = "considering", _("已应约，考虑期")
    CONCLUDED = "concluded", _("已签约")
    REFUSED = "refused", _("学生已拒绝")
    RECALLED = "recalled", _("单位已撤回")
    EXPIRED = "expired", _("已过期（视为放弃）")
    LAPSED = "lapsed", _("已失效（学生与其他单位签约）")
    RETRACTED = "retracted", _("学生在考虑期内取消")


class SigningInvitation(PostTerms):
    """应约邀请：job, terms, household and archive reception, valid for some days; used once (`agreement` is one to one)."""

    school = models.ForeignKey(
        "organisation.School", on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("学校")
    )
    cohort = models.ForeignKey(
        "organisation.Cohort", on_delete=models.PROTECT, related_name="+", verbose_name=_("毕业届")
    )
    org_path = PathField(_("路径"), editable=False)
    employer = models.ForeignKey(
        "employers.Employer", on_delete=models.PROTECT, related_name="signing_invitations", verbose_name=_("用人单位")
    )
    student = models.ForeignKey(
        "students.Student", on_delete=models.PROTECT, related_name="signing_invitations", verbose_name=_("学生")
    )
    state = StatusField(_("状态"), default=State.SENT, choices=State.choices, protected=True, max_length=12)
    message = models.CharField(_("给学生的话"), max_length=500, blank=True)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, verbose_name=_("发出人")
    )
    sent_at = models.DateTimeField(_("邀请日期"), default=timezone.now)
    expires_at = models.DateTimeField(_("应约过期时间"))
    read_at = models.DateTimeField(_("阅读时间"), null=True, blank=True)
    answered_at = models.DateTimeField(_("答复时间"), null=True, blank=True)
    consider_until = models.DateTimeField(_("考虑期至"), null=True, blank=True)
    refusal = models.CharField(_("拒绝原因"), max_length=200, blank=True)
    lapsed_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("因此失效")
    )
    agreement = models.OneToOneField(
        "agreements.Agreement", on_delete=models.PROTECT, null=True, blank=True, related_name="invitation",
        verbose_name=_("协议书"),
    )  # fmt: skip

    goes_with = "student"
    scope_path = "org_path"
    subject_path = "student__user_id"
    party_paths = ("employer__account_id",)
    subject_fields = (*POST_FIELDS, *ARCHIVE_FIELDS, "message")  # what the employer fills in
    required_fields = ("job_title", "job_category", "household_reception", "archive_reception")
    field_groups = (
        (_("岗位与约定"), POST_FIELDS),
        (_("户口与档案"), ARCHIVE_FIELDS),
        (_("留言"), ("message",)),
    )
    masked_fields: dict[str, str] = {}
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("应约邀请")
        ordering = ("-sent_at",)
        default_permissions = ("view", "export")
        constraints = [
            models.UniqueConstraint(
                fields=("employer", "student"),
                condition=Q(state__in=("sent", "considering")),
                name="one_open_invitation",
                violation_error_message=_("已有一份给该学生的邀请正在等待答复。"),
            ),
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(state="considering"),
                name="one_considered_invitation",
                violation_error_message=_("该学生已应约另一份邀请。"),
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("considering", "concluded")) | Q(agreement__isnull=False),
                name="accepted_has_agreement",
                violation_error_message=_("已应约的邀请必须有协议书。"),
            ),
        ]
        indexes = [
            models.Index(fields=("student", "state"), name="invitation_student"),
            models.Index(fields=("employer", "-sent_at"), name="invitation_employer"),
            models.Index(fields=("state", "expires_at"), name="invitation_due"),
        ]

    def __str__(self) -> str:
        return f"{self.employer} → {self.student}"

    @property
    def late(self) -> bool:
        """Whether it can no longer be accepted although it still stands as sent: upkeep closes it within minutes."""
        return self.state == State.SENT and self.expires_at <= timezone.now()


class InvitationEvent(models.Model):
    """邀请记录：every change of an invitation's state; rows are never changed or deleted."""

    invitation = models.ForeignKey(
        SigningInvitation, on_delete=models.PROTECT, related_name="events", verbose_name=_("应约邀请")
    )
    from_state = models.CharField(_("原状态"), max_length=12, blank=True, choices=State.choices)
    to_state = models.CharField(_("新状态"), max_length=12, choices=State.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("操作人"), help_text=_("空表示系统自动办理。"),
    )  # fmt: skip
    note = models.CharField(_("说明"), max_length=200, blank=True)
    at = models.DateTimeField(_("时间"), default=timezone.now)

    scope_path = "invitation__org_path"
    subject_path = "invitation__student__user_id"
    party_paths = ("invitation__employer__account_id",)
    objects = ScopedManager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        verbose_name = verbose_name_plural = _("邀请记录")
        ordering = ("invitation", "id")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.get_from_state_display()} → {self.get_to_state_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnly("invitation events are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any):
        raise AppendOnly("invitation events are never deleted")
