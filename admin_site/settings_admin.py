"""The engine's settings: 审核流程, 功能时间, 常用退回原因, 自定义字段. 字段设置 is a grid of its own (admin_site.policy_grid)."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from admin_site.filters import ChoiceFilter
from admin_site.forms import ChosenLevels, matter_choices
from admin_site.places import SettingAdmin, SettingForm
from admin_site.policy_grid import PolicyGrid
from admin_site.scoped import ADD, DELETE
from admin_site.templatetags.qihang import badge
from models.organisation.models import OrgUnit
from workflows.chain import matters
from workflows.levels import LEVEL_NAMES, LEVELS
from workflows.models import ExtraField, FieldPolicy, Flow, ReturnReason, RuleSetting, Window


class MatterForm(SettingForm):
    """A setting of a matter, chosen from the list of matters."""

    matter = forms.ChoiceField(label="事务", choices=matter_choices, widget=UnfoldAdminSelectWidget)


class MatterFilter(ChoiceFilter):
    """事务."""

    title, parameter_name, options = "事务", "matter", staticmethod(matter_choices)


class MatterSettingAdmin(SettingAdmin):
    """Base of the engine's settings: each is about one matter."""

    form = MatterForm
    list_filter = (MatterFilter,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("school",) if obj else ()

    @display(description="事务", ordering="matter")
    def matter_name(self, row: Any) -> str:
        return dict(matter_choices()).get(row.matter, row.matter)


class FlowForm(MatterForm):
    """Levels as check boxes, in their fixed order."""

    levels = ChosenLevels(
        label="审核层级",
        choices=[(level, LEVEL_NAMES[level]) for level in LEVELS],
        help_text="按从左到右的顺序逐级审核；不勾选的层级跳过。省级由规则自动审核。",
    )


@admin.register(Flow)
class FlowAdmin(MatterSettingAdmin):
    """审核流程。Records in flight keep the levels they were submitted under."""

    empty_text = "没有单独设置时，各项事务按系统默认的层级逐级审核；学校或某一届可以增减层级。"
    form = FlowForm
    list_display = ("matter_name", "reach", "chain", "resubmit")
    fields = ("matter", "school", "cohort", "levels", "resubmit")

    @display(description="审核层级")
    def chain(self, row: Flow) -> str:
        return str(row)


@admin.register(Window)
class WindowAdmin(MatterSettingAdmin):
    """功能时间。A college may set those of its own units, where it has the function."""

    empty_text = "没有设置时间的事务一直开放；需要限定时间的事务在这里设置。"
    list_display = ("matter_name", "reach", "place", "opens_at", "closes_at", "state")
    list_select_related = ("school", "cohort", "org_unit")
    fields = ("matter", "school", "cohort", "org_unit", "opens_at", "closes_at")
    autocomplete_fields = ("org_unit",)
    outside = "没有保存：这项设置的适用范围超出了您的任职，请选择本人任职的学校或院系。"

    def writable(self, request: HttpRequest, obj: Window) -> bool:
        if super().writable(request, obj):
            return True
        return obj.org_unit is not None and request.user.scope.covers(obj.org_unit.path)

    def choices_for(self, db_field: models.Field, request: HttpRequest) -> models.QuerySet:
        rows = super().choices_for(db_field, request)
        return rows.exclude(kind=OrgUnit.Kind.CENTER) if db_field.name == "org_unit" else rows

    @display(description="院系")
    def place(self, row: Window) -> str:
        return str(row.org_unit or "全部院系")

    @display(description="状态")
    def state(self, row: Window) -> str:
        now = timezone.now()
        if row.opens_at and now < row.opens_at:
            return badge("未开放")
        if row.closes_at and now >= row.closes_at:
            return badge("已截止", "red")
        return badge("开放中", "green")


def rule_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The rules of every matter, grouped by matter; what may not be changed is left out."""
    return [
        (str(model._meta.verbose_name), [(f"{model._meta.label_lower}:{rule.id}", f"{rule.id} {rule.title}{_limit(rule)}") for rule in model.rules if not rule.fixed])
        for model in matters()
        if model.rules
    ]  # fmt: skip


def _limit(rule: Any) -> str:
    return f"（界限 {rule.limit:g} {rule.unit}）" if rule.limit is not None else ""


class RuleSettingForm(SettingForm):
    """Matter and rule are one choice."""

    chosen = forms.ChoiceField(label="规则", widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["chosen"].choices = [("", "请选择"), *rule_choices()]
        if self.instance.pk:
            self.fields["chosen"].initial = f"{self.instance.matter}:{self.instance.rule}"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        matter, _colon, rule = data.get("chosen", "").partition(":")
        self.instance.matter, self.instance.rule = matter, rule
        if not data.get("severity") and data.get("limit") is None:
            self.add_error("severity", "请选择检查结果，或填写界限。")
        return data


@admin.register(RuleSetting)
class RuleSettingAdmin(MatterSettingAdmin):
    """规则设置：a rule off, milder or stricter, and its limit."""

    empty_text = "没有单独设置时，各条规则按系统默认的检查结果和界限执行；学校可以停用、放宽或收紧某条规则。"
    form = RuleSettingForm
    list_display = ("rule_name", "matter_name", "reach", "severity", "limit")
    fields = ("school", "cohort", "chosen", "severity", "limit")

    @display(description="规则", ordering="rule")
    def rule_name(self, row: RuleSetting) -> str:
        titles = {f"{m._meta.label_lower}:{rule.id}": f"{rule.id} {rule.title}" for m in matters() for rule in m.rules}
        return titles.get(f"{row.matter}:{row.rule}", row.rule)


@admin.register(ReturnReason)
class ReturnReasonAdmin(MatterSettingAdmin):
    """常用退回原因。"""

    empty_text = "设置后，审核人退回时可以直接选用，不必每次输入。"
    list_display = ("text", "matter_name", "reach", "order")
    fields = ("matter", "school", "cohort", "text", "order")
    search_fields = ("text",)
    search_help_text = "退回原因"


@admin.register(ExtraField)
class ExtraFieldAdmin(MatterSettingAdmin):
    """自定义字段。They appear, without code, in forms, lists, files and history."""

    empty_text = "学校需要而系统没有的项目在这里设置，设置后填报页、列表、导入导出中随即出现。"
    list_display = ("label", "matter_name", "reach", "kind", "mode", "order", "is_active")
    list_filter = (MatterFilter, "is_active")
    search_fields = ("label",)
    search_help_text = "字段名称"
    fields = (
        "matter",
        "school",
        "cohort",
        "label",
        "key",
        "kind",
        "choices",
        "mode",
        "help_text",
        "order",
        "is_active",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*super().get_readonly_fields(request, obj), *(("matter", "key", "kind") if obj else ()))


@admin.register(FieldPolicy)
class FieldPolicyAdmin(MatterSettingAdmin):
    """字段设置: one page per matter, school and cohort with every field as a row."""

    never = (ADD, DELETE)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return PolicyGrid(self, request).answer()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return PolicyGrid(self, request).of(self.object_or_404(request, object_id))
