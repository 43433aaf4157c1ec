"""What the engine keeps: the append-only log, and the settings a school edits (levels, windows, reasons, fields)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from workflows.histories import HistoricalRecords
from workflows.levels import LEVEL_NAMES, LEVELS, Status, Verb
from workflows.scoping import PathField, ScopedManager, ScopedQuerySet


def _any(name: str) -> Coalesce:
    """A nullable key in a unique constraint: empty counts as a value (0), on engines without NULLS NOT DISTINCT too."""
    return Coalesce(name, models.Value(0))


class AppendOnly(TypeError):
    """Somebody tried to change or delete a row of an append-only table: a programming error."""


class AppendOnlyQuerySet(ScopedQuerySet):
    """Refuses what would rewrite the past."""

    def update(self, **kwargs: Any) -> int:
        raise AppendOnly("review log rows are never changed")

    def delete(self):
        raise AppendOnly("review log rows are never deleted")


class ReviewLog(models.Model):
    """审核记录：who moved which record from where to where, at which level, why, and which version of the record was judged."""

    matter = models.CharField(_("事务"), max_length=60)
    object_id = models.BigIntegerField(_("记录"))
    seq = models.PositiveIntegerField(_("版本"))
    verb = models.CharField(_("操作"), max_length=15, choices=Verb.choices)
    level = models.CharField(_("办理层级"), max_length=10, blank=True)
    acting_for = models.CharField(_("代审层级"), max_length=10, blank=True)
    from_status = models.CharField(_("原状态"), max_length=20, blank=True, choices=Status.choices)
    to_status = models.CharField(_("新状态"), max_length=20, choices=Status.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        db_constraint=False,  # as ReviewedMatter.submitted_by
        related_name="+",
        verbose_name=_("办理人"),
        help_text=_("空表示系统按规则自动办理。"),
    )
    actor_name = models.CharField(_("办理人姓名"), max_length=60, blank=True)
    held_path = models.CharField(_("任职范围"), max_length=120, blank=True)
    opinion = models.TextField(_("意见"), blank=True)
    reasons = models.JSONField(_("原因"), default=list, blank=True)
    corrections = models.JSONField(_("更正"), default=dict, blank=True)
    org_path = PathField(_("路径"))
    ip = models.GenericIPAddressField(_("来源地址"), null=True, blank=True)
    at = models.DateTimeField(_("时间"))

    scope_path = "org_path"
    objects = ScopedManager.from_queryset(AppendOnlyQuerySet)()

    class Meta:
        verbose_name = verbose_name_plural = _("审核记录")
        default_permissions = ("view",)
        ordering = ("matter", "object_id", "seq")
        constraints = [
            # A doubled approval fails in the database, whatever the code above it did.
            models.UniqueConstraint(fields=("matter", "object_id", "seq"), name="one_log_per_version"),
        ]
        indexes = [models.Index(fields=("org_path", "at"), name="log_path_at")]

    def __str__(self) -> str:
        return f"{self.actor_name or _('系统')} {self.get_verb_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise AppendOnly("review log rows are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any):
        raise AppendOnly("review log rows are never deleted")


class Setting(models.Model):
    """Base of the engine's settings: for one matter, and for all schools (school empty), one school, or one cohort of it."""

    matter = models.CharField(_("事务"), max_length=60)
    school = models.ForeignKey(
        "organisation.School", on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("学校"), related_name="+"
    )
    cohort = models.ForeignKey(
        "organisation.Cohort",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("毕业届"),
        related_name="+",
    )

    scope_school = "school_id"
    scope_shared = True
    objects = ScopedManager()

    class Meta:
        abstract = True

    def clean(self) -> None:
        """A cohort belongs to the school it is set for."""
        if self.cohort_id and self.cohort.school_id != self.school_id:
            raise ValidationError({"cohort": _("所选毕业届不属于所选学校。")})


class Flow(Setting):
    """审核层级：which levels a matter passes at a school. Records in flight keep the levels they were submitted under."""

    class Resubmit(models.TextChoices):
        FIRST = "first", _("从第一级重新审核")
        RETURNER = "returner", _("回到退回的那一级")

    levels = models.CharField(_("审核层级"), max_length=60, help_text=_("按顺序，例如 counselor,college,school。"))
    resubmit = models.CharField(_("退回后再次提交"), max_length=10, choices=Resubmit.choices, default=Resubmit.FIRST)
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("审核流程")
        constraints = [
            models.UniqueConstraint(
                "matter",
                _any("school"),
                _any("cohort"),
                name="one_flow",
                violation_error_message=_("该范围已有审核流程设置。"),
            )
        ]

    def __str__(self) -> str:
        return " → ".join(str(LEVEL_NAMES[level]) for level in self.level_list())

    def level_list(self) -> list[str]:
        """The levels, in order."""
        return [level for level in self.levels.split(",") if level]

    def clean(self) -> None:
        """Levels are known, in rising order, and at least one."""
        super().clean()
        levels = self.level_list()
        if not levels or any(level not in LEVELS for level in levels):
            raise ValidationError({"levels": _("请至少选择一个审核层级。")})
        if levels != sorted(set(levels), key=LEVELS.index):
            raise ValidationError({"levels": _("审核层级须从低到高排列，不能重复。")})


class Window(Setting):
    """功能时间设置：when subjects may work on a matter; half-open [opens_at, closes_at). Without any window a matter is open."""

    org_unit = models.ForeignKey(
        "organisation.OrgUnit",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        verbose_name=_("院系"),
        related_name="+",
        help_text=_("不选表示全校；选了院系，则以院系的时间为准。"),
    )
    opens_at = models.DateTimeField(_("开放时间"), null=True, blank=True)
    closes_at = models.DateTimeField(_("截止时间"), null=True, blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("功能时间设置")
        ordering = ("matter", "school", "cohort", "opens_at")

    def __str__(self) -> str:
        return (
            f"{self.opens_at:%Y-%m-%d %H:%M} – {self.closes_at:%Y-%m-%d %H:%M}"
            if self.opens_at and self.closes_at
            else str(_("时间窗口"))
        )

    def clean(self) -> None:
        """It closes after it opens, and the unit belongs to the school."""
        super().clean()
        if self.opens_at and self.closes_at and self.opens_at >= self.closes_at:
            raise ValidationError({"closes_at": _("截止时间必须晚于开放时间。")})
        if self.org_unit_id and self.org_unit.school_id != self.school_id:
            raise ValidationError({"org_unit": _("所选院系不属于所选学校。")})


class ReturnReason(Setting):
    """常用退回原因：offered as check boxes when a record is returned."""

    text = models.CharField(_("原因"), max_length=100)
    order = models.PositiveSmallIntegerField(_("排序"), default=0)

    class Meta:
        verbose_name = verbose_name_plural = _("常用退回原因")
        ordering = ("order", "id")

    def __str__(self) -> str:
        return self.text


class FieldPolicy(Setting):
    """字段设置：what the subject sees of a field and may do with it, against the matter's own default."""

    class Mode(models.TextChoices):
        HIDDEN = "hidden", _("不显示")
        LOCKED = "locked", _("只读")
        EDITABLE = "editable", _("可填写")
        REQUIRED = "required", _("必填")

    field = models.CharField(_("字段"), max_length=60)
    mode = models.CharField(_("学生可以"), max_length=10, choices=Mode.choices)
    help_text = models.CharField(_("填写说明"), max_length=200, blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("字段设置")
        ordering = ("matter", "field")
        constraints = [
            models.UniqueConstraint(
                "matter",
                _any("school"),
                _any("cohort"),
                "field",
                name="one_policy",
                violation_error_message=_("该字段在此范围已有设置。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.field} {self.get_mode_display()}"


class RuleSetting(Setting):
    """规则设置：how a rule of a matter counts at a school: off, a warning or blocking, and its limit."""

    class Severity(models.TextChoices):
        OFF = "off", _("不检查")
        WARNING = "warning", _("提醒")
        ERROR = "error", _("必须处理")

    rule = models.CharField(_("规则"), max_length=10)
    severity = models.CharField(
        _("检查结果"), max_length=10, choices=Severity.choices, blank=True, help_text=_("不选表示按系统默认。")
    )
    limit = models.DecimalField(
        _("界限"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("只用于有界限的规则，留空按默认。"),
    )
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("规则设置")
        ordering = ("matter", "rule")
        constraints = [
            models.UniqueConstraint(
                "matter",
                _any("school"),
                _any("cohort"),
                "rule",
                name="one_rule_setting",
                violation_error_message=_("该规则在此范围已有设置。"),
            ),
            models.CheckConstraint(
                condition=models.Q(limit__isnull=True) | models.Q(limit__gte=0),
                name="rule_limit_positive",
                violation_error_message=_("界限不能为负数。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.get_severity_display()}".strip()


class ExtraField(Setting):
    """自定义字段：a school's own field of a matter. Values live in the matter's `extra`; forms, lists, files and history show it by itself."""

    class Kind(models.TextChoices):
        TEXT = "text", _("文字")
        NUMBER = "number", _("数字")
        DATE = "date", _("日期")
        CHOICE = "choice", _("选项")
        FILE = "file", _("文件")

    key = models.CharField(
        _("标识"),
        max_length=30,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$", _("标识用小写字母、数字和下划线，以字母开头。"))],
    )
    label = models.CharField(_("名称"), max_length=30)
    kind = models.CharField(_("类型"), max_length=10, choices=Kind.choices, default=Kind.TEXT)
    choices = models.TextField(_("选项"), blank=True, help_text=_("每行一个选项，仅用于「选项」类型。"))
    mode = models.CharField(
        _("学生可以"), max_length=10, choices=FieldPolicy.Mode.choices, default=FieldPolicy.Mode.EDITABLE
    )
    help_text = models.CharField(_("填写说明"), max_length=200, blank=True)
    order = models.PositiveSmallIntegerField(_("排序"), default=0)
    is_active = models.BooleanField(_("启用"), default=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("自定义字段")
        ordering = ("order", "id")
        constraints = [
            models.UniqueConstraint(
                "matter",
                _any("school"),
                _any("cohort"),
                "key",
                name="one_extra",
                violation_error_message=_("该标识已被使用。"),
            )
        ]

    def __str__(self) -> str:
        return self.label

    def choice_list(self) -> list[str]:
        """The options, one per non-empty line."""
        return [line.strip() for line in self.choices.splitlines() if line.strip()]

    def clean(self) -> None:
        super().clean()
        if self.kind == self.Kind.CHOICE and len(self.choice_list()) < 2:
            raise ValidationError({"choices": _("「选项」类型至少填写两个选项，每行一个。")})


class ChangeRequest(models.Model):
    """申请修改：what the subject of an approved record asks to have changed; the last level accepts or refuses."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待处理")
        ACCEPTED = "accepted", _("已同意")
        REFUSED = "refused", _("未同意")

    matter = models.CharField(_("事务"), max_length=60)
    object_id = models.BigIntegerField(_("记录"))
    org_path = PathField(_("路径"), db_index=True)
    school_id = models.BigIntegerField(_("学校"))
    subject_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("申请人")
    )
    values = models.JSONField(_("申请内容"))
    reason = models.TextField(_("理由"), max_length=500)
    state = models.CharField(_("处理结果"), max_length=10, choices=State.choices, default=State.WAITING)
    opinion = models.TextField(_("处理意见"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("处理人"),
    )
    asked_at = models.DateTimeField(_("申请时间"), auto_now_add=True)
    decided_at = models.DateTimeField(_("处理时间"), null=True, blank=True)

    scope_path = "org_path"
    subject_path = "subject_user_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("修改申请")
        ordering = ("-asked_at",)
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=("matter", "object_id"),
                condition=models.Q(state="waiting"),
                name="one_waiting_request",
                violation_error_message=_("已有一份修改申请正在等待处理。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} {self.asked_at:%Y-%m-%d}"
