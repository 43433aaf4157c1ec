"""院系与班级: the list is a tree, to which a child is added with one click and in which a node moves with all below it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from admin_site.exports.tables import TableExportMixin
from admin_site.forms import FullCheckForm
from admin_site.organisation import tree
from admin_site.scoped import ScopedAdmin
from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import OrgUnit, School


class ChildForm(FullCheckForm):
    """The small form behind ＋."""

    class Meta:
        model = OrgUnit
        fields = ("kind", "name", "code")


@admin.register(OrgUnit)
class OrgUnitAdmin(TableExportMixin, ScopedAdmin):
    """院系与班级; 导出 takes the departments, since classes come with the students and majors have their own list."""

    export_kind = "departments"
    audit_action = Action.SETTING_CHANGE
    search_fields = ("name", "code")
    fields = ("name", "kind", "code", "order", "is_active")
    ordering = ("path",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("kind", "name") if obj and obj.kind == OrgUnit.Kind.MAJOR else ("kind",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Added in the tree only, below a node."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The 就业中心 stays, and a major goes with its own record."""
        fixed = obj is not None and obj.kind in (OrgUnit.Kind.CENTER, OrgUnit.Kind.MAJOR)
        return not fixed and super().has_delete_permission(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        rows, distinct = super().get_search_results(request, queryset, search_term)
        return rows.select_related("parent__parent"), distinct

    @staticmethod
    def choice_label(unit: OrgUnit) -> str:
        """A unit in a list of choices: with those above it, since class names repeat."""
        names, above = [unit.name], unit.parent
        while above is not None and len(names) < 3:
            names.append(above.name)
            above = above.parent if "parent" in above._state.fields_cache else None
        return " / ".join(reversed(names))

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("add-child/", wrap(require_POST(self.add_child)), name="organisation_orgunit_add_child"),
            path("<int:object_id>/move/", wrap(self.move_view), name="organisation_orgunit_move"),
            *super().get_urls(),
        ]

    def table_rows(self, request: HttpRequest) -> tuple[models.QuerySet, list[str]]:
        """The units of the school in view."""
        rows = self.get_queryset(request)
        school = request.GET.get("school", "")
        return rows.filter(school_id=school) if school.isdecimal() else rows, []

    # -- the tree ----------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        schools = list(School.objects.order_by("code"))
        wanted = request.GET.get("school", "")
        school = next((one for one in schools if str(one.pk) == wanted), schools[0] if schools and not wanted else None)
        if wanted and school is None:
            raise Http404
        nodes = tree.nodes(request, school) if school else []
        may_add = request.user.has_perm("organisation.add_orgunit")
        at_top = bool(school) and may_add and request.user.scope.covers(school.path)
        has_center = any(node.unit.kind == OrgUnit.Kind.CENTER for node in nodes)
        return self.page(
            request, "admin_site/unit_tree.html", title="院系与班级", schools=schools, school=school, nodes=nodes, may_add=may_add,
            may_change=request.user.has_perm("organisation.change_orgunit"), root_kinds=tree.kinds_below("", has_center) if at_top else (),
            no_center=at_top and not has_center, **self.table_tools(request), total=sum(node.students for node in nodes if node.depth == 0),
        )  # fmt: skip

    def _parent(self, request: HttpRequest, value: str) -> tuple[School, OrgUnit | None]:
        """Where a child is to hang: the posted unit, or the posted school itself; 404 outside the scope."""
        if value.startswith("school-"):
            school = School.objects.filter(pk=value[7:] if value[7:].isdecimal() else None).first()
            if school is None or not request.user.scope.covers(school.path):
                raise Http404
            return school, None
        unit = self.object_or_404(request, value)
        return unit.school, unit

    def add_child(self, request: HttpRequest) -> HttpResponse:
        self.require(request, "organisation.add_orgunit")
        school, parent = self._parent(request, request.POST.get("parent", ""))
        allowed = dict(tree.kinds_below(parent.kind if parent else "", has_center=False))
        back = f"{reverse('admin:organisation_orgunit_changelist')}?school={school.pk}"
        kind = request.POST.get("kind", "")
        if kind not in allowed:
            messages.error(request, "这里不能添加这种部门，请重新选择部门类型。")
            return redirect(back)
        if kind == OrgUnit.Kind.MAJOR:
            query = urlencode({"college": parent.pk, "name": request.POST.get("name", "").strip()})
            return redirect(f"{reverse('admin:organisation_major_add')}?{query}")
        form = ChildForm(request.POST, instance=OrgUnit(school=school, parent=parent))
        if not form.is_valid():
            messages.error(request, "没有添加：" + "；".join(text for texts in form.errors.values() for text in texts))
            return redirect(back)
        with transaction.atomic():
            unit = form.save(commit=False)
            unit._history_user = request.user
            unit.save()
            self.check_saved(request, unit)
            self.audit(request, unit, "新增", parent=str(parent or school))
        messages.success(request, f"已在「{parent or school}」下添加{unit.get_kind_display()}「{unit}」。")
        return redirect(f"{back}#unit-{unit.pk}")

    def move_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        unit = self.object_or_404(request, object_id)
        self.require(request, "organisation.change_orgunit")
        choices = tree.targets(unit)
        form = MoveForm(request.POST or None, choices=choices, top=self._may_go_to_top(request, unit))
        plan = None
        if request.method == "POST" and form.is_valid():
            parent = next((row for row in choices if str(row.pk) == form.cleaned_data["parent"]), None)
            plan = tree.plan(unit, parent)
            if request.POST.get("confirmed") == "yes":
                return self._move(request, unit, plan)
        return self.page(
            request,
            "admin_site/unit_move.html",
            title=f"移动「{unit}」",
            unit=unit,
            form=form,
            plan=plan,
            original=unit,
        )

    @staticmethod
    def _may_go_to_top(request: HttpRequest, unit: OrgUnit) -> bool:
        at_top = unit.kind in tree.CHILDREN[""] and unit.parent_id is not None
        return at_top and request.user.scope.covers(unit.school.path)

    def _move(self, request: HttpRequest, unit: OrgUnit, plan: tree.Move) -> HttpResponse:
        try:
            with transaction.atomic():
                tree.move(unit, plan.parent, request.user)
                self.check_saved(request, unit)
                record(
                    Action.SETTING_CHANGE, request=request, obj=unit, deed="移动部门", to=str(plan.parent or unit.school),
                    classes=plan.classes, students=plan.students, new_major=plan.changing,
                )  # fmt: skip
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
            return redirect("admin:organisation_orgunit_move", unit.pk)
        messages.success(
            request,
            f"「{unit}」已移动到「{plan.parent or unit.school}」之下，{plan.classes} 个班级、{plan.students} 名学生随之移动。"
            + (f"{plan.changing} 名学生的专业改为「{plan.major}」。" if plan.changing else ""),
        )
        return redirect(f"{reverse('admin:organisation_orgunit_changelist')}?school={unit.school_id}#unit-{unit.pk}")


class MoveForm(forms.Form):
    """The new parent."""

    parent = forms.ChoiceField(label="新的上级部门")

    def __init__(self, *args: Any, choices: list[OrgUnit], top: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        first = [("", "请选择")] + ([("top", "（直接隶属学校）")] if top else [])
        self.fields["parent"].choices = first + [
            (str(unit.pk), f"{'　' * (unit.path.count('/') - 2)}{unit}") for unit in choices
        ]
