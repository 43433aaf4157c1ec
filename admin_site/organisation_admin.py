"""Back office of the organisation: schools, cohorts, campuses, majors (the tree has its own module)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, JsonResponse
from django.urls import path, reverse
from unfold.decorators import display

from admin_site.changelist import ScopedChangeList
from admin_site.exports.tables import TableExportMixin
from admin_site.filters import ChoiceFilter
from admin_site.forms import FullCheckForm
from admin_site.places import GuardedAdmin, OfSchoolForm, PlaceAdmin
from models.audit.models import Action
from models.codes.lookup import table
from models.organisation.models import Campus, Cohort, Major, OrgUnit, School

SUGGESTED = 20  # majors offered at once


@admin.register(School)
class SchoolAdmin(PlaceAdmin):
    """学校。The province adds schools; a school keeps its own contact and its first-login rule."""

    audit_action = Action.SETTING_CHANGE
    list_display = ("name", "code", "region_name", "first_login", "students", "is_active")
    list_display_links = ("name",)
    list_filter = ("is_active",)
    search_fields = ("name", "code")
    search_help_text = "学校名称或代码"
    fields = ("name", "code", "short_name", "region", "first_login", "contact", "is_active")

    def place_of(self, obj: School) -> str:
        return obj.path

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(student_count=Count("students"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and request.user.scope.everything

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and request.user.scope.everything

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return () if request.user.scope.everything else ("name", "code", "is_active")

    def save_model(self, request: HttpRequest, obj: School, form: Any, change: bool) -> None:
        """A new school begins with its one 就业中心, where its administrators are appointed."""
        super().save_model(request, obj, form, change)
        if not change:
            OrgUnit(school=obj, kind=OrgUnit.Kind.CENTER, name="就业中心").save()

    @display(description="所在地")
    def region_name(self, school: School) -> str:
        return school.get_region_display()

    @display(description="学生数", ordering="student_count")
    def students(self, school: Any) -> int:
        return school.student_count


@admin.register(Cohort)
class CohortAdmin(PlaceAdmin):
    """毕业届。Added before that year's students are imported; archived when the year is done."""

    audit_action = Action.SETTING_CHANGE
    form = OfSchoolForm
    list_display = ("title", "school", "students", "closed")
    list_filter = ("closed",)
    list_select_related = ("school",)
    fields = ("school", "year", "closed")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(student_count=Count("students"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("school", "year") if obj else ()

    @display(description="毕业届", ordering="year")
    def title(self, cohort: Cohort) -> str:
        return str(cohort)

    @display(description="学生数", ordering="student_count")
    def students(self, cohort: Any) -> int:
        return cohort.student_count


@admin.register(Campus)
class CampusAdmin(PlaceAdmin):
    """校区。"""

    audit_action = Action.SETTING_CHANGE
    form = OfSchoolForm
    list_display = ("name", "school", "majors")
    list_select_related = ("school",)
    search_fields = ("name",)
    search_help_text = "校区名称"
    fields = ("school", "name")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(major_count=Count("major"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("school",) if obj else ()

    @display(description="专业数", ordering="major_count")
    def majors(self, campus: Any) -> int:
        return campus.major_count


class MajorForm(FullCheckForm):
    """专业设置; the school is that of the college. Typing the name or code offers majors of the chosen degree, which fill both."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("name", "code"):
            if name in self.fields:
                looks = {"data-suggest-url": reverse("admin:organisation_major_suggest"), "data-suggest-with": "degree"}
                self.fields[name].widget.attrs |= {**looks, "autocomplete": "off"}
        if "name" in self.fields:
            self.fields["name"].help_text = "先选学历，输入至少 2 个字可按名称或代码查找，选中后自动填写名称和代码。"

    def prepare(self, instance: Major) -> None:
        if instance.college_id:
            instance.school_id = instance.college.school_id

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        college, campus = data.get("college"), data.get("campus")
        if college and campus and campus.school_id != college.school_id:
            self.add_error("campus", "所选校区不属于该学院所在的学校，请重新选择。")
        if self.instance.pk and college and college.school_id != self.instance.school_id:
            self.add_error("college", "专业不能移到另一所学校，请选择本校的学院。")
        return data


class CollegeFilter(ChoiceFilter):
    """学院, only those of the person's scope."""

    title, parameter_name = "学院", "college"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        colleges = OrgUnit.objects.filter(majors__isnull=False).distinct().order_by("school", "order", "name")[:200]
        return [(str(college.pk), college.name) for college in colleges]


def official_majors(text: str, degree: str) -> list[str]:
    """Codes of the official list that fit; vocational colleges have classes 41 to 59 of it, and nobody else has.

    Source: 职业教育专业目录（2021年）, 高职专科 41–59; 普通高等学校本科专业目录, 01–14.
    """
    level = table("degree_level").flags(degree).get("level", "")
    codes = [code for code, _name in table("major").search(text, limit=5 * SUGGESTED)]
    fits = [code for code in codes if not level or (level == "junior") == ("41" <= code[:2] <= "59")]
    return fits[:SUGGESTED]


class MajorChangeList(ScopedChangeList):
    """Search from two characters on (B02)."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> models.QuerySet:
        if 0 < len(self.query.strip()) < 2:
            self.query = ""
        return super().get_queryset(request, exclude_parameters)


@admin.register(Major)
class MajorAdmin(TableExportMixin, GuardedAdmin):
    """专业设置。Entered or imported before the students; its node in the tree is made with it."""

    export_kind = "majors"
    audit_action = Action.SETTING_CHANGE
    form = MajorForm
    list_display = (
        "name",
        "code",
        "direction",
        "college",
        "degree_name",
        "study_length_name",
        "campus",
        "students",
        "is_active",
    )
    list_filter = (CollegeFilter, "is_active")
    list_select_related = ("college", "campus")
    search_fields = ("name", "code", "direction")
    search_help_text = "专业名称、代码或方向，至少 2 个字"
    fields = ("college", "degree", "name", "code", "direction", "study_length", "category", "campus", "is_active")

    def writable(self, request: HttpRequest, obj: Major) -> bool:
        """Who holds the college, where the major is going to as well as where it stands; the colleges offered are those of the scope."""
        return request.user.scope.covers(obj.college.path)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).annotate(student_count=Count("students"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ScopedChangeList]:
        return MajorChangeList

    def choices_for(self, db_field: models.Field, request: HttpRequest) -> models.QuerySet:
        rows = super().choices_for(db_field, request)
        if db_field.name == "college":
            rows = rows.filter(kind__in=(OrgUnit.Kind.COLLEGE, OrgUnit.Kind.OTHER)).order_by("school", "order", "name")
        return rows

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {name: request.GET[name] for name in ("college", "name") if name in request.GET}

    def get_urls(self) -> list[Any]:
        return [
            path("suggest/", self.admin_site.admin_view(self.suggest), name="organisation_major_suggest"),
            *super().get_urls(),
        ]

    def suggest(self, request: HttpRequest) -> JsonResponse:
        """Majors of the degree whose name or code fits, from two characters on: {"results": [{"id", "text", "fill": {field: value}}]}.

        The official list first (code table 专业目录, where the province has imported it), then what the schools in view have set up.
        """
        self.require(request, "organisation.view_major")
        text, degree = request.GET.get("q", "").strip()[:50], request.GET.get("degree", "")
        found: dict[tuple[str, str], dict[str, str]] = {}
        if len(text) >= 2:
            for code in official_majors(text, degree):
                name = table("major").name(code)
                found[code, name] = {"name": name, "code": code}
            rows = Major.objects.filter(models.Q(name__icontains=text) | models.Q(code__startswith=text.upper()))
            rows = rows.filter(degree=degree) if degree in table("degree_level") else rows
            known = rows.order_by("code", "name").values_list("code", "name", "study_length", "category").distinct()
            for code, name, length, category in known[:SUGGESTED]:
                found[code, name] = {"name": name, "code": code, "study_length": length, "category": category}
        results = [
            {"id": code, "text": f"{name}（{code}）", "fill": fill}
            for (code, name), fill in list(found.items())[:SUGGESTED]
        ]
        return JsonResponse({"results": results})

    @display(description="学历", ordering="degree")
    def degree_name(self, major: Major) -> str:
        return major.get_degree_display()

    @display(description="学制", ordering="study_length")
    def study_length_name(self, major: Major) -> str:
        return major.get_study_length_display()

    @display(description="学生数", ordering="student_count")
    def students(self, major: Any) -> int:
        return major.student_count
