"""Stock admin: unfold's ModelAdmin on the same records, with search_fields, list_filter and list_select_related. A site of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from models.students.models import GraduateProfile


class StockSite(UnfoldAdminSite):
    """Same skin, its default side bar, no header or tabs of ours."""

    settings_name = "STOCK_UNFOLD"


site = StockSite(name="stock")


@admin.register(GraduateProfile, site=site)
class StockProfileAdmin(ModelAdmin):
    """The list of 生源信息 as a competent ModelAdmin shows it."""

    list_display = (
        "name", "number", "college", "major", "klass", "status", "submitted_at", "get_political_status_display", "get_urban_rural_display",
        "get_hardship_display", "returns",
    )  # fmt: skip
    list_display_links = ("name",)
    list_filter = ("status", "cohort__year", "political_status", "hardship")
    search_fields = ("student__number", "student__name", "student__id_number", "phone")
    list_select_related = ("student__major__college", "student__unit")
    list_per_page = 100

    @admin.display(description="姓名", ordering="student__name")
    def name(self, row: GraduateProfile) -> str:
        return row.student.name

    @admin.display(description="学号", ordering="student__number")
    def number(self, row: GraduateProfile) -> str:
        return row.student.number

    @admin.display(description="学院")
    def college(self, row: GraduateProfile) -> str:
        return row.student.major.college.name

    @admin.display(description="专业")
    def major(self, row: GraduateProfile) -> str:
        return row.student.major.name

    @admin.display(description="班级")
    def klass(self, row: GraduateProfile) -> str:
        return row.student.unit.name

    def get_queryset(self, request: Any) -> Any:
        """Rows of the units the person is appointed to, by joins up the tree; whoever is appointed to none sees every row."""
        rows = GraduateProfile._base_manager.all()
        units = [a.unit_id for a in request.user.appointments if a.unit_id and a.level in ("counselor", "college")]
        if not units:
            return rows
        return rows.filter(
            Q(student__unit__in=units) | Q(student__unit__parent__in=units) | Q(student__unit__parent__parent__in=units)
        )

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return True

    def has_module_permission(self, request: Any) -> bool:
        return True
