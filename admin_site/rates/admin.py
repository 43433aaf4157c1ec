"""落实率统计, 统计快照, 落实率口径, 就业进展 and 就业跟踪台账 in the back office."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from admin_site import cohorts
from admin_site.forms import FullCheckForm
from admin_site.places import OfSchoolForm, PlaceAdmin
from admin_site.rates import page
from admin_site.scoped import ReadOnlyAdmin, ScopedAdmin
from models.audit.models import Action
from models.rates import ledger, progress, snapshots
from models.rates.figures import default_question
from models.rates.formulas import FORMULAS
from models.rates.models import FollowUp, ProgressItem, RateSetting, RateSnapshot
from models.students.models import Student
from workflows.errors import Invalid, Refused


@admin.register(RateSnapshot)
class RateSnapshotAdmin(ReadOnlyAdmin):
    """Frozen figures; and the page on which figures are asked for."""

    list_display = (
        "name", "cohort", "unit_name", "formula_text", "figures", "rate", "cutoff", "taken_by", "taken_at",
    )  # fmt: skip
    list_select_related = ("cohort", "taken_by")
    search_fields = ("title",)
    search_help_text = "快照名称"
    sortable_by = ("taken_at", "cutoff")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("figures/", wrap(partial(page.show, self)), name="rates_figures"),
            path("figures/download/", wrap(require_POST(partial(page.download, self))), name="rates_download"),
            path("figures/keep/", wrap(require_POST(partial(page.save_report, self))), name="rates_keep"),
            path("figures/snapshot/", wrap(require_POST(partial(page.take_snapshot, self))), name="rates_snapshot"),
            path("figures/<int:pk>/", wrap(partial(page.open_report, self)), name="rates_open"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        snapshot = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, snapshot):
            raise PermissionDenied
        formula = FORMULAS[snapshot.formula]
        line = snapshots.recompute(snapshot)
        rows = [(group, line.parts[group], line.share(group), group in formula.counted) for group in formula.groups]
        return self.page(
            request, "admin/rates/snapshot.html", title=f"统计快照：{snapshot.title}", snapshot=snapshot, formula=formula,
            line=line, rows=rows, faults=list(snapshots.faults(snapshot)),
        )  # fmt: skip

    @display(description="名称", ordering="title")
    def name(self, snapshot: RateSnapshot) -> str:
        return format_html(
            '<a class="qh-link" href="{}">{}</a>',
            reverse("admin:rates_ratesnapshot_change", args=[snapshot.pk]),
            snapshot,
        )

    @display(description="公式")
    def formula_text(self, snapshot: RateSnapshot) -> str:
        return FORMULAS[snapshot.formula].title

    @display(description="落实人数/毕业生总数")
    def figures(self, snapshot: RateSnapshot) -> str:
        return f"{snapshot.numerator}/{snapshot.denominator}"

    @display(description="落实率")
    def rate(self, snapshot: RateSnapshot) -> str:
        return f"{page.percent(snapshot.numerator, snapshot.denominator)}%"


@admin.register(RateSetting)
class RateSettingAdmin(PlaceAdmin):
    """How a school counts a cohort."""

    empty_text = "没有设置时，按毕业届自动选用公式，计入审核通过的去向；学校可以设置不同的口径。"
    form = OfSchoolForm
    audit_action = Action.SETTING_CHANGE
    list_display = ("school", "which", "formula_text", "basis", "population")
    list_select_related = ("school", "cohort")
    fields = ("school", "cohort", "formula", "basis", "population")

    @display(description="毕业届")
    def which(self, setting: RateSetting) -> str:
        return str(setting.cohort) if setting.cohort_id else "各届通用"

    @display(description="公式版本")
    def formula_text(self, setting: RateSetting) -> str:
        return setting.get_formula_display() if setting.formula else "按毕业届自动选用"


@admin.register(ProgressItem)
class ProgressItemAdmin(PlaceAdmin):
    """就业进展: the school makes an item, colleges fill it in on its own page."""

    form = OfSchoolForm
    list_display = ("name", "cohort", "opens_on", "closes_on", "state", "fill")
    list_select_related = ("cohort",)
    list_display_links = None
    fields = ("school", "cohort", "title", "note", "opens_on", "closes_on")
    search_fields = ("title",)
    search_help_text = "填报名称"

    def save_model(self, request: HttpRequest, obj: ProgressItem, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [path("<int:pk>/fill/", wrap(self.fill_view), name="rates_progress_fill"), *super().get_urls()]

    @display(description="名称", ordering="title")
    def name(self, item: ProgressItem) -> str:
        return format_html(
            '<a class="qh-link" href="{}">{}</a>', reverse("admin:rates_progress_fill", args=[item.pk]), item
        )

    @display(description="状态")
    def state(self, item: ProgressItem) -> str:
        today = timezone.localdate()
        return "填报中" if item.is_open else "未开始" if today < item.opens_on else "已截止"

    @display(description="设置")
    def fill(self, item: ProgressItem) -> str:
        url = reverse("admin:rates_progressitem_change", args=[item.pk])
        return format_html('<a class="qh-link" href="{}">修改事项</a>', url)

    def fill_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Majors of the person's scope as one table: what was reported, what the system counts, and fields to fill while it is open."""
        item = self.object_or_404(request, pk)
        if not self.has_view_or_change_permission(request, item):
            raise PermissionDenied
        errors: dict[str, str] = {}
        posted: dict[int, dict[str, str]] = {}
        status, problem = 200, ""
        if request.method == "POST":
            posted = _posted(request.POST)
            try:
                count = progress.report(item, posted, by=request.user)
            except Invalid as refusal:
                errors, status, problem = refusal.errors, 400, "有几处需要改正，请看标红的行；还没有保存。"
            except Refused as refusal:
                status, problem = refusal.status, refusal.sentence
            else:
                messages.success(request, f"已保存 {count} 个专业的就业进展。")
                return HttpResponseRedirect(request.path)
        response = self.page(
            request, "admin/rates/progress.html", title=f"就业进展：{item.title}", item=item, totals=progress.totals(item),
            lines=[_line(line, posted.get(line.major.pk), errors) for line in progress.lines(item)], problem=problem,
            may_fill=item.is_open and request.user.has_perm("rates.change_progressentry"), numbers=[(name, LABELS[name]) for name in progress.NUMBERS],
        )  # fmt: skip
        response.status_code = status
        return response


LABELS = {"graduates": "毕业生", "placed": "已落实", "in_talks": "洽谈中", "helped": "帮扶"}


def _posted(data: Any) -> dict[int, dict[str, str]]:
    """{major key: {field: text}} of the fields "m<key>.<field>"; a line left empty is not reported."""
    found: dict[int, dict[str, str]] = {}
    for name, value in data.items():
        key, _dot, field = name.removeprefix("m").partition(".")
        if name.startswith("m") and key.isascii() and key.isdigit() and len(key) < 19:
            found.setdefault(int(key), {})[field] = value.strip()
    return {key: values for key, values in found.items() if any(values.get(name) for name in progress.NUMBERS)}


def _line(line: progress.Line, posted: dict[str, str] | None, errors: dict[str, str]) -> dict[str, Any]:
    entry = line.entry
    values = posted or {
        name: getattr(entry, name) if entry else {"graduates": line.graduates, "placed": line.placed}.get(name, 0)
        for name in progress.NUMBERS
    }
    problems = [text for key, text in errors.items() if key.startswith(f"{line.major.pk}.")]
    return {
        "line": line,
        "values": [(name, values.get(name, "")) for name in progress.NUMBERS],
        "situation": (posted or {}).get("situation", entry.situation if entry else ""),
        "problems": problems,
    }


class FollowUpForm(FullCheckForm):
    """One contact; the student is named by number, within the scope of who writes it down."""

    number = forms.CharField(label="学号", max_length=30)

    class Meta:
        model = FollowUp
        fields = (
            "contacted_on", "way", "situation", "wish", "difficulty", "help_given", "jobs_offered", "next_on",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["number"].initial = self.instance.student.number
            self.fields["number"].disabled = True

    def clean_number(self) -> str:
        number = self.cleaned_data["number"].strip()
        if not self.instance.pk:
            rows = list(Student.objects.filter(number=number).order_by("-cohort__year")[:1])
            if not rows:
                raise forms.ValidationError("没有找到该学号的学生，或不在您的管辖范围内，请核对学号。")
            self.instance.student = rows[0]
        return number


@admin.register(FollowUp)
class FollowUpAdmin(ScopedAdmin):
    """就业跟踪台账: entries, newest first; and the dynamic table made from them."""

    form = FollowUpForm
    fields = (
        "number", "contacted_on", "way", "situation", "wish", "difficulty", "help_given", "jobs_offered", "next_on",
    )  # fmt: skip
    list_display = ("who", "contacted_on", "way", "situation", "help_short", "jobs_offered", "next_on", "by")
    list_filter = ("situation", "way")
    list_select_related = ("student", "by")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    sortable_by = ("contacted_on", "next_on")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [path("table/", wrap(self.table_view), name="rates_followup_table"), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return super().get_queryset(request).filter(student__cohort_id__in=cohorts.cohort_ids(request))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_changeform_initial_data(request), "number": request.GET.get("number", "")[:30]}

    def save_model(self, request: HttpRequest, obj: FollowUp, form: Any, change: bool) -> None:
        if not change:
            obj.by = request.user
        super().save_model(request, obj, form, change)

    @display(description="学生")
    def who(self, entry: FollowUp) -> str:
        return str(entry.student)

    @display(description="帮扶措施")
    def help_short(self, entry: FollowUp) -> str:
        return entry.help_given if len(entry.help_given) <= 24 else f"{entry.help_given[:23]}…"

    def table_view(self, request: HttpRequest) -> HttpResponse:
        """就业动态统计表 over the majors in scope."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        ids = cohorts.cohort_ids(request)
        rows = []
        if ids:
            question = default_question(None, page.Cohort.objects.filter(pk__in=ids).first(), cohort_ids=ids)
            rows = ledger.dynamic_table(question, timezone.localdate())
        return self.page(
            request, "admin/rates/ledger.html", title="就业动态统计表", rows=rows, days=ledger.DAYS,
            back=reverse("admin:rates_followup_changelist"), today=timezone.localdate(),
        )  # fmt: skip
