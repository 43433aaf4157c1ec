"""系统代码: browse by table, search by code, name or alias; edited by the province through the one door of models.codes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from admin_site.exports.tables import TableExportMixin
from admin_site.filters import ChoiceFilter
from admin_site.forms import FullCheckForm, LinesField, described_changes
from admin_site.scoped import ADD, DELETE, ScopedAdmin
from admin_site.templatetags.qihang import badge
from models.audit.models import Action
from models.codes import lookup, services
from models.codes.models import Code, CodeTable

FOUND = 300  # codes a search answers with, per table


@admin.register(CodeTable)
class CodeTableAdmin(TableExportMixin, ScopedAdmin):
    """代码表; 导出 takes the codes of the tables that are listed."""

    export_kind = "codes"
    audit_action = Action.SETTING_CHANGE
    never = (ADD, DELETE)  # a table is named in a declaration; one that no field uses would be of no use
    list_display = ("title", "codes", "kind", "source", "maintained")
    list_display_links = None
    search_fields = ("name", "key")
    search_help_text = "代码表名称"
    fields = ("name", "description", "source")
    ordering = ("order", "key")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(code_count=Count("codes"))

    def exported_of(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        return Code.objects.filter(table__in=rows.values("key"))

    def save_model(self, request: HttpRequest, obj: CodeTable, form: Any, change: bool) -> None:
        services.save_table(obj, by=request.user)
        request._described = described_changes(form)

    @display(description="代码表", ordering="name")
    def title(self, table: CodeTable) -> str:
        return format_html(
            '<a class="qh-link" href="{}?table={}">{}</a>',
            reverse("admin:codes_code_changelist"),
            table.key,
            table.name,
        )

    @display(description="代码数", ordering="code_count")
    def codes(self, table: Any) -> int:
        return table.code_count

    @display(description="可维护")
    def maintained(self, table: CodeTable) -> str:
        return badge("可维护", "green") if table.editable else badge("只读")


class TableFilter(ChoiceFilter):
    """代码表."""

    title, parameter_name = "代码表", "table"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(found.key, found.title) for found in lookup.tables()]


class CodeForm(FullCheckForm):
    """A row of a table; aliases one per line."""

    aliases = LinesField(
        label="别名",
        required=False,
        help_text="导入时同样认得的写法，每行一个，例如「汉」「本科生」。",
        widget=UnfoldAdminTextareaWidget,
    )

    class Meta:
        model = Code
        fields = "__all__"  # narrowed by CodeAdmin.fields

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "flags" in self.fields:
            self.fields["flags"].required = False

    def clean_flags(self) -> dict[str, Any]:
        flags = self.cleaned_data.get("flags") or {}
        if not isinstance(flags, dict):
            raise forms.ValidationError('请按 {"is_employed": true} 的格式填写，或留空。')
        return flags


@admin.register(Code)
class CodeAdmin(TableExportMixin, ScopedAdmin):
    """代码。"""

    export_kind = "codes"
    audit_action = Action.SETTING_CHANGE
    never = (DELETE,)  # switched off instead: records carry it
    form = CodeForm
    list_display = ("code", "full_name", "table_name", "alias_text", "years", "state", "sureness")
    list_display_links = ("code", "full_name")
    list_filter = (TableFilter, "former", "is_active")
    list_select_related = ("table",)
    search_fields = ("code", "name")
    search_help_text = "代码、名称或别名"
    ordering = ("table__order", "order", "code")
    fields = (
        "table", "code", "name", "parent_code", "aliases", ("valid_from_year", "valid_to_year"), "is_active", "former", "successor", "flags",
        "source", "sureness", "order",
    )  # fmt: skip

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        """From memory, as the importer understands a writing: code, name, full name or alias; former codes too."""
        if not search_term.strip():
            return queryset, False
        key = request.GET.get("table")
        condition = Q(pk__in=[])
        for found in [lookup.table(key)] if key else lookup.tables():
            if codes := [code for code, _name in found.search(search_term, limit=FOUND, former=True)]:
                condition |= Q(table=found.key, code__in=codes)
        return queryset.filter(condition | Q(is_active=False, name__icontains=search_term)), False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        filters = super().get_changeform_initial_data(request)
        table = CodeTable.objects.filter(key=request.GET.get("table", "")).first()
        return {
            **{name: value for name, value in filters.items() if name != "table"},
            **({"table": table} if table else {}),
        }

    def choices_for(self, db_field: models.Field, request: HttpRequest) -> models.QuerySet:
        return super().choices_for(db_field, request).filter(editable=True)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = () if self.has_change_permission(request, obj) else ("alias_text", "flag_text")
        return ("table", "code", *shown) if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Read only, lists of words are shown as words."""
        names = list(super().get_fields(request, obj))
        if obj is None or self.has_change_permission(request, obj):
            return names
        words = {"aliases": "alias_text", "flags": "flag_text"}
        return [words.get(name, name) if isinstance(name, str) else name for name in names]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or obj.table.editable)

    def save_model(self, request: HttpRequest, obj: Code, form: Any, change: bool) -> None:
        services.save_code(obj, by=request.user)
        request._described = described_changes(form)

    @display(description="名称", ordering="name")
    def full_name(self, code: Code) -> str:
        return lookup.table(code.table_id).path_name(code.code) or code.name

    @display(description="代码表")
    def table_name(self, code: Code) -> str:
        return code.table.name

    @display(description="别名")
    def alias_text(self, code: Code) -> str:
        return "、".join(code.aliases)

    @display(description="分组标记")
    def flag_text(self, code: Code) -> str:
        words = {True: "是", False: "否"}
        return "、".join(f"{name}：{words.get(value, value)}" for name, value in code.flags.items()) or "—"

    @display(description="适用毕业届")
    def years(self, code: Code) -> str:
        first, last = code.valid_from_year, code.valid_to_year
        return f"{first or ''}～{last or ''}" if first or last else "不限"

    @display(description="状态")
    def state(self, code: Code) -> str:
        if code.former:
            return badge(f"已废止，现为 {code.successor}" if code.successor else "已废止", "amber")
        return badge("启用", "green") if code.is_active else badge("已停用")
