"""What a school may set about destinations: which fields a category asks for, which proof it needs, templates for staff."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from models.codes.models import Sureness
from workflows.histories import HistoricalRecords
from workflows.scoping import ScopedManager


class Pack(models.Model):
    """Base of a row of the rule pack: for everybody, a school or one cohort; for graduation years; for a category or its parent."""

    school = models.ForeignKey(
        "organisation.School", on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("学校"),
        help_text=_("不选表示全省通用。"),
    )  # fmt: skip
    cohort = models.ForeignKey(
        "organisation.Cohort", on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("毕业届")
    )  # fmt: skip
    category = CodeField(
        _("毕业去向"),
        table="outcome_category",
        help_text=_("可以选上一级（如“国家基层项目”），对其下各项都有效。"),
    )
    valid_from = models.PositiveSmallIntegerField(_("启用毕业届"), null=True, blank=True)
    valid_to = models.PositiveSmallIntegerField(_("停用毕业届"), null=True, blank=True)
    source = models.CharField(_("依据"), max_length=300, blank=True)
    sureness = models.CharField(
        _("可靠程度"), max_length=10, choices=Sureness.choices, default=Sureness.MEMORY, editable=False
    )

    scope_school = "school_id"
    scope_shared = True
    objects = ScopedManager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_to__isnull=True)
                | Q(valid_from__lte=models.F("valid_to")),
                name="%(class)s_years",
                violation_error_message=_("启用毕业届不能晚于停用毕业届。"),
            ),
            models.CheckConstraint(
                condition=Q(cohort__isnull=True) | Q(school__isnull=False),
                name="%(class)s_cohort",
                violation_error_message=_("选择毕业届时须同时选择学校。"),
            ),
        ]


class OutcomeField(Pack):
    """去向字段：what a category asks of a field: required, may be filled in, or does not belong to it (standards.md §8.4)."""

    class Need(models.TextChoices):
        REQUIRED = "required", _("必填")
        OPTIONAL = "editable", _("可填")
        FORBIDDEN = "hidden", _("不填")

    field = models.CharField(_("字段"), max_length=40)
    need = models.CharField(_("填写要求"), max_length=10, choices=Need.choices)
    help_text = models.CharField(_("填写说明"), max_length=200, blank=True)
    history = HistoricalRecords()

    class Meta(Pack.Meta):
        verbose_name = verbose_name_plural = _("去向填写要求")
        ordering = ("category", "field", "id")

    def __str__(self) -> str:
        return f"{self.category} {self.field} {self.get_need_display()}"


class OutcomeEvidence(Pack):
    """去向证明材料：the kinds of proof a category needs (standards.md §7.5)."""

    key = models.SlugField(_("标识"), max_length=30)
    label = models.CharField(_("材料名称"), max_length=60)
    required = models.BooleanField(_("必须上传"), default=True)
    many = models.BooleanField(_("可传多份"), default=True)
    one_of = models.CharField(
        _("任选一种"), max_length=30, blank=True, help_text=_("填同一个词的几种材料，上传其中一种即可。")
    )
    help_text = models.CharField(_("说明"), max_length=200, blank=True)
    is_active = models.BooleanField(_("启用"), default=True)
    order = models.PositiveSmallIntegerField(_("排序"), default=0)
    history = HistoricalRecords()

    class Meta(Pack.Meta):
        verbose_name = verbose_name_plural = _("去向证明材料")
        ordering = ("category", "order", "id")

    def __str__(self) -> str:
        return f"{self.category} {self.label}"


class FillTemplate(models.Model):
    """填写模板：values staff put into records of one kind of case at once (features.md G13)."""

    school = models.ForeignKey(
        "organisation.School", on_delete=models.CASCADE, related_name="+", verbose_name=_("学校")
    )
    name = models.CharField(_("名称"), max_length=40)
    category = CodeField(_("毕业去向"), table="outcome_category")
    values = models.JSONField(_("内容"), default=dict, blank=True)
    hints = models.TextField(_("填写提示"), max_length=500, blank=True)
    is_active = models.BooleanField(_("启用"), default=True)
    order = models.PositiveSmallIntegerField(_("排序"), default=0)

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("去向填写模板")
        ordering = ("order", "id")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "name"), name="template_name", violation_error_message=_("本校已有同名的填写模板。")
            )
        ]

    def __str__(self) -> str:
        return self.name
