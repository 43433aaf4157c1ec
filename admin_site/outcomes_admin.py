"""去向填写要求, 去向证明材料 and 填写模板: what a school sets about destinations, and the page that shows what holds now."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from unfold.decorators import display

from admin_site import cohorts
from admin_site.places import OfSchoolForm, PlaceAdmin, SettingAdmin, SettingForm
from models.audit.models import Action
from models.codes.lookup import table
from models.organisation.models import Cohort
from models.outcomes import matrix
from models.outcomes.models import FillTemplate, Outcome, OutcomeEvidence, OutcomeField
from workflows.fields import native

MARKS = {"required": "必填", "editable": "可填", "hidden": "—"}


def field_choices() -> list[tuple[str, str]]:
    """The fields a category decides about, by their names."""
    return [(name, native(Outcome, name).label) for name in matrix.governed()]


class PackForm(SettingForm):
    """A row of the rule pack; the field from the list of fields."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "field" in self.fields:
            self.fields["field"] = forms.ChoiceField(label="字段", choices=[("", "请选择"), *field_choices()])


class PackAdmin(SettingAdmin):
    """Base: what a school sets about a category of destinations."""

    form = PackForm
    list_filter = ("category",)

    @display(description="毕业去向", ordering="category")
    def category_text(self, row: Any) -> str:
        return f"{row.category} {table('outcome_category').name(row.category)}"


@admin.register(OutcomeField)
class OutcomeFieldAdmin(PackAdmin):
    """去向填写要求: rows are what a school has changed; 现行要求 shows everything."""

    list_display = ("category_text", "field_text", "need", "reach", "help_text")
    fields = ("school", "cohort", "category", "field", "need", "help_text", "valid_from", "valid_to", "source")
    list_before_template = "admin/outcomes/list_top.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(partial(matrix_view, self))
        return [path("in-force/", view, name="outcomes_matrix"), *super().get_urls()]

    @display(description="字段", ordering="field")
    def field_text(self, row: OutcomeField) -> str:
        return dict(field_choices()).get(row.field, row.field)


@admin.register(OutcomeEvidence)
class OutcomeEvidenceAdmin(PackAdmin):
    """去向证明材料."""

    list_display = ("category_text", "label", "required", "one_of", "reach", "is_active", "order")
    list_filter = ("category", "is_active")
    list_before_template = "admin/outcomes/list_top.html"
    fields = (
        "school", "cohort", "category", "key", "label", "required", "many", "one_of", "help_text", "order", "is_active",
        "valid_from", "valid_to", "source",
    )  # fmt: skip


def matrix_view(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """现行要求: what every category asks for at this school and cohort, and where the school differs from the usual."""
    if not model_admin.has_view_or_change_permission(request):
        model_admin.require(request, "outcomes.view_outcomefield")
    ids = cohorts.cohort_ids(request)
    cohort = Cohort.objects.select_related("school").filter(pk__in=ids or []).order_by("-year").first()
    year, school = (cohort.year, cohort.school_id) if cohort else (2027, None)
    shown = [leaf for _branch, members in matrix.branches(year) for leaf in members]
    key = cohort.pk if cohort else None
    asked = {code: matrix.asked_of(code, school, key, year) for code, _name in shown}
    usual = {code: matrix.asked_of(code, None, None, year) for code, _name in shown}
    add = reverse("admin:outcomes_outcomefield_add")
    may_add = model_admin.has_add_permission(request)
    rows = [
        (label, [_cell(code, name, asked[code][name], usual[code][name], add if may_add else "", school) for code, _n in shown])
        for name, label in field_choices()
    ]  # fmt: skip
    proof = [(f"{code} {name}", _proofs(code, school, key, year)) for code, name in shown]
    return model_admin.page(
        request, "admin/outcomes/matrix.html", title="毕业去向现行要求", heads=shown, rows=rows, proof=proof, cohort=cohort,
        back=reverse("admin:outcomes_outcomefield_changelist"), kinds=reverse("admin:outcomes_outcomeevidence_changelist"),
    )  # fmt: skip


def _cell(code: str, name: str, now: Any, usual: Any, add: str, school: int | None) -> dict[str, Any]:
    link = f"{add}?category={code}&field={name}&school={school or ''}" if add else ""
    return {"mark": MARKS[now.need], "need": now.need, "differs": now.need != usual.need, "link": link}


def _proofs(code: str, school: int | None, cohort: int | None, year: int) -> str:
    found: list[str] = []
    groups: dict[str, list[str]] = {}
    for one in matrix.proof_of(code, school, cohort, year):
        if one.one_of and one.must:
            groups.setdefault(one.one_of, []).append(one.kind.label)
        else:
            found.append(f"{one.kind.label}{'' if one.must else '（可选）'}")
    return "；".join([*found, *(f"{'、'.join(labels)}（任选一种）" for labels in groups.values())]) or "不需要"


class FillTemplateForm(OfSchoolForm):
    """A template as fields of a destination, instead of the stored dictionary."""

    OFFERED = (
        "employer_name", "uscc", "employer_type", "industry", "region", "address", "job_category", "job_title", "project_unit",
        "work_content", "remark",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.OFFERED:
            self.fields[f"value_{name}"].initial = (self.instance.values or {}).get(name, "")

    def clean(self) -> dict[str, Any]:
        """Only what the category asks for can be filled in beforehand."""
        data = super().clean() or {}
        year = 9999
        asked = matrix.asked_of(data.get("category") or "", None, None, year)
        values = {}
        for name in self.OFFERED:
            value = data.get(f"value_{name}")
            if value in (None, ""):
                continue
            if asked[name].need == "hidden":
                self.add_error(f"value_{name}", "这一类去向不填写此项，请清空。")
            values[name] = value
        self.instance.values = values
        return data


@admin.register(FillTemplate)
class FillTemplateAdmin(PlaceAdmin):
    """填写模板 for staff: what stands in the form of a certain kind of case."""

    audit_action = Action.SETTING_CHANGE
    fieldsets = ((None, {"fields": ("school", "name", "category", "hints", "order", "is_active")}),)
    list_display = ("name", "category_text", "school", "order", "is_active")
    list_select_related = ("school",)
    search_fields = ("name",)
    search_help_text = "模板名称"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        found = {}
        for name in FillTemplateForm.OFFERED:
            field = self.formfield_for_dbfield(Outcome._meta.get_field(name), request)
            field.required, field.help_text = False, ""
            if isinstance(field.widget, forms.Textarea):
                field.widget.attrs["rows"] = 3
            found[f"value_{name}"] = field
        form = type("FillTemplateForm", (FillTemplateForm,), found)
        return super().get_form(request, obj, change, **{**kwargs, "form": form})

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[str | None, dict[str, Any]]]:
        values = tuple(f"value_{name}" for name in FillTemplateForm.OFFERED)
        return [*self.fieldsets, ("预先填入的内容", {"fields": values})]

    @display(description="毕业去向", ordering="category")
    def category_text(self, row: FillTemplate) -> str:
        return table("outcome_category").name(row.category)
