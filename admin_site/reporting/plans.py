"""就业方案: made, looked at row by row, checked against its fingerprint, downloaded; never changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from admin_site import cohorts
from admin_site.changelist import page_of
from admin_site.reporting.common import CohortForm, left_out_in_scope, masked, masks, require_whole, whole
from admin_site.reporting.settings import layout_choices
from admin_site.scoped import ReadOnlyAdmin
from exports.ministry.layouts import all_layouts
from exports.reporting.plans import faults, header_rows, make
from exports.sheets.writer import write_rows
from models.audit.models import Action
from models.audit.services import record
from models.jobs.files import TYPES, safe_filename
from models.reporting.models import EmploymentPlan, Kind, PlanRow
from workflows.errors import Invalid
from workflows.scoping import system

ADD, EXPORT = "reporting.add_employmentplan", "reporting.export_employmentplan"
LEFT_SHOWN = 200


class PlanForm(CohortForm):
    """What a new plan is called and how its rows look."""

    title = forms.CharField(label="方案名称", max_length=60)
    layout = forms.ChoiceField(label="格式", help_text="默认按上报设置；所选格式不适用于该届时，自动改用适用的版本。")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["layout"].choices = [("", "按上报设置"), *layout_choices(Kind.EMPLOYMENT)]
        self.fields["layout"].required = False


@admin.register(EmploymentPlan)
class EmploymentPlanAdmin(ReadOnlyAdmin):
    """Plans of the schools in scope; a college sees those of its own graduates."""

    empty_text = "编制就业方案后，方案和其中的毕业生列在这里。"
    list_display = ("name", "cohort", "layout_title", "count", "left", "made_by", "made_at")
    list_select_related = ("cohort", "made_by")
    search_fields = ("title",)
    search_help_text = "方案名称"
    sortable_by = ("made_at", "count")
    list_before_template = "admin/reporting/plans_before.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("make/", wrap(self.make_view), name="reporting_plan_make"),
            path("<int:pk>/download/", wrap(require_POST(self.download_view)), name="reporting_plan_download"),
            *super().get_urls(),
        ]

    def narrow_list(self, request: HttpRequest, rows: Any) -> Any:
        return rows.filter(cohort__in=cohorts.cohort_ids(request))

    @display(description="名称", ordering="title")
    def name(self, plan: EmploymentPlan) -> str:
        url = reverse("admin:reporting_employmentplan_change", args=[plan.pk])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, plan)

    @display(description="格式")
    def layout_title(self, plan: EmploymentPlan) -> str:
        return all_layouts()[plan.layout].title

    @display(description="未列入")
    def left(self, plan: EmploymentPlan) -> int:
        return len(plan.left_out)

    def make_view(self, request: HttpRequest) -> HttpResponse:
        """Freeze the plan of a cohort."""
        self.require(request, ADD)
        form = PlanForm(request, request.POST or None)
        if request.method == "POST" and form.is_valid():
            cohort = form.cleaned_data["cohort"]
            if not whole(request, cohort.school_id):
                raise PermissionDenied
            try:
                plan = make(
                    cohort, form.cleaned_data["title"], by=request.user, layout=form.cleaned_data["layout"], request=request
                )  # fmt: skip
            except Invalid as refusal:
                for field, sentence in refusal.errors.items():
                    form.add_error(field if field in form.fields else None, sentence)
            else:
                messages.success(request, f"已编制“{plan.title}”：{plan.count} 人，未列入 {len(plan.left_out)} 人。")
                return HttpResponseRedirect(reverse("admin:reporting_employmentplan_change", args=[plan.pk]))
        answer = self.page(
            request, "admin/reporting/form.html", title="编制就业方案", form=form, button="编制方案",
            about="把这一届可以上报的毕业去向按所选格式固定下来。编制后内容不再随记录变化，并留有内容指纹；未列入的学生和原因一并记下。",
            back=reverse("admin:reporting_employmentplan_changelist"),
        )  # fmt: skip
        answer.status_code = 400 if form.errors else 200
        return answer

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        plan = self.object_or_404(request, object_id)
        if request.method != "GET" or not self.has_view_permission(request, plan):
            raise PermissionDenied
        layout = all_layouts()[plan.layout]
        hidden = masks(Kind.EMPLOYMENT, layout)
        text = request.GET.get("q", "").strip()[:30].replace("\x00", "")
        rows = PlanRow.objects.filter(plan=plan).select_related("student").order_by("pk")
        if text:
            rows = rows.filter(Q(student__number__startswith=text) | Q(student__name__startswith=text))
        page = page_of(request, rows)
        left = left_out_in_scope(plan.left_out, plan.cohort)
        with system("the fingerprint of a plan is over all of its rows; no row is shown"):
            found = faults(plan)
        return self.page(
            request, "admin/reporting/plan.html", title=f"就业方案：{plan.title}", plan=plan, layout=layout, page=page, text=text,
            rows=[(row, masked(row.values, hidden)) for row in page], labels=[cell.label for cell in layout.cells],
            left=left[:LEFT_SHOWN], left_count=len(left), faults=found,
            may_download=request.user.has_perm(EXPORT) and whole(request, plan.school_id),
        )  # fmt: skip

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The plan as the layout writes it, with full numbers; on record."""
        plan = self.object_or_404(request, pk)
        require_whole(request, plan, EXPORT)
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "plan.xlsx"
            rows = PlanRow.objects.filter(plan=plan).order_by("pk").values_list("values", flat=True)
            write_rows(target, header_rows(plan), rows.iterator(2000), sheet_name="就业方案")
            file = target.open("rb")  # outlives its name; the answer closes it
        name = safe_filename(f"{plan.cohort}{plan.title}_{timezone.localtime(plan.made_at):%Y%m%d}.xlsx")
        record(Action.VIEW_FILE, request=request, obj=plan, file=name, rows=plan.count, revealed=True)
        answer = FileResponse(file, as_attachment=True, filename=name, content_type=TYPES[".xlsx"])
        answer.headers["Cache-Control"] = "private, no-store"
        return answer
