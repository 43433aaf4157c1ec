"""落实率统计: the figures of the cohort in view, by whatever is asked; every number opens the list behind it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from admin_site import cohorts
from admin_site.matters.units import unit_options
from exports.figures_sheet import export_figures
from exports.selection import unit_name
from exports.statistics import NAME, Cell
from models.organisation.models import Cohort
from models.rates import reports, snapshots
from models.rates.dimensions import DIMENSIONS
from models.rates.figures import (
    ALL,
    COUNTED,
    NOT_COUNTED,
    BadQuestion,
    Line,
    Question,
    asked,
    breakdown,
    default_question,
    total,
)
from models.rates.formulas import FORMULAS, percent  # noqa: F401  (percent: for the list of snapshots)
from models.rates.models import Basis, Population, RateReport
from workflows.errors import Invalid, Refused

DEFAULT_BY = "college"
COLOURS = ("#1d4ed8", "#0f766e", "#7c3aed", "#b45309", "#64748b", "#94a3b8", "#cbd5e1", "#e2e8f0")


@dataclass(frozen=True)
class View:
    """What the page shows: the question, by what, and for which single cohort (None for a province with several schools)."""

    question: Question
    by: str
    cohort: Cohort | None
    year: int

    def params(self) -> dict[str, str]:
        """The query string that shows the same again."""
        return {key: str(value) for key, value in (self.question.as_dict() | {"by": self.by}).items() if value}


def view_of(request: HttpRequest, params: Any) -> View | None:
    """The view a query string asks for, over the cohort at the top of the page; None without any cohort. Raises BadQuestion."""
    ids, year = cohorts.cohort_ids(request), cohorts.current_year(request)
    if not ids or year is None:
        return None
    rows = list(Cohort.objects.filter(pk__in=ids).select_related("school"))
    cohort = rows[0] if len(rows) == 1 else None
    question = default_question(cohort.school_id if cohort else None, rows[0], cohort_ids=ids)
    question = asked(question, params)
    wide = cohort is None
    by = params.get("by") or ("school" if wide else DEFAULT_BY)
    if by not in DIMENSIONS:
        raise BadQuestion("没有这种统计维度，请重新选择。")
    return View(question, by, cohort, year)


def show(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page; what cannot be understood in the address is said so, with status 400."""
    if not request.user.has_perm("rates.view_ratesnapshot"):
        raise PermissionDenied
    try:
        view = view_of(request, request.GET)
    except BadQuestion as error:
        response = admin.page(request, "admin/rates/figures.html", title="落实率统计", problem=str(error), view=None)
        response.status_code = 400
        return response
    if view is None:
        return admin.page(request, "admin/rates/figures.html", title="落实率统计", view=None, problem="")
    return admin.page(request, "admin/rates/figures.html", **_context(request, view))


def _context(request: HttpRequest, view: View) -> dict[str, Any]:
    question, dimension = view.question, DIMENSIONS[view.by]
    whole, lines = total(question), breakdown(question, dimension)
    groups = [group for group in question.version.groups if whole.parts[group] or group in question.version.counted]
    colours = dict(zip(question.version.groups, COLOURS, strict=False))
    wide = request.user.scope.everything and view.cohort is None
    return {
        "title": "落实率统计", "view": view, "question": question, "formula": question.version, "problem": "",
        "whole": _row(view, whole, groups, colours), "lines": [_row(view, line, groups, colours, view.by) for line in lines],
        "groups": [(group, colours[group], group in question.version.counted) for group in groups], "dimension": dimension,
        "dimensions": [(one, f"?{urlencode(view.params() | {'by': one.key})}") for one in DIMENSIONS.values() if one.key != "school" or wide],
        "formulas": FORMULAS.values(), "bases": Basis.choices, "populations": Population.choices,
        "units": unit_options(request.user, question.cohort_ids, question.unit), "hidden": view.params(),
        "unit_name": unit_name(question.unit) if question.unit else "", "today": timezone.localdate(),
        "reports": reports.of(request.user), "snapshot_url": reverse("admin:rates_ratesnapshot_changelist"),
        "may_snapshot": view.cohort is not None and request.user.has_perm("rates.add_ratesnapshot"),
        "may_export": request.user.has_perm("rates.view_ratesnapshot"), "sizes_differ": dimension.of_outcome,
    }  # fmt: skip


def _row(view: View, line: Line, groups: list[str], colours: dict[str, str], by: str = "") -> dict[str, Any]:
    """A line of the table with its links, and its bar."""
    cell = Cell(replace(view.question, cohort_ids=()), by, line.bucket if by else "", ALL)
    root = reverse("admin:students_student_changelist")

    def link(part: str) -> str:
        return f"{root}?{urlencode({f'f.{NAME}': cell.at(part=part).token()})}"

    return {
        "line": line,
        "all": link(ALL),
        "counted": link(COUNTED),
        "open": link(NOT_COUNTED),
        "open_number": line.denominator - line.numerator,
        "parts": [(group, line.parts[group], line.share(group), link(group), colours[group]) for group in groups],
    }


def save_report(admin: Any, request: HttpRequest) -> HttpResponse:
    """Keep the question under a name, or drop a kept one."""
    if not request.user.has_perm("rates.view_ratesnapshot"):
        raise PermissionDenied
    try:
        view = view_of(request, request.POST)
    except BadQuestion as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:rates_figures"))
    if view is None:
        return HttpResponseRedirect(reverse("admin:rates_figures"))
    try:
        if request.POST.get("drop"):
            reports.drop(request.user, request.POST["drop"])
            messages.success(request, "已删除这项统计。")
        else:
            kept = reports.keep(request.user, request.POST.get("title", ""), view.question, view.by)
            messages.success(request, f"已保存为“{kept.title}”，以后从页面上方的“我的统计”打开。")
    except Invalid as refusal:
        messages.error(request, next(iter(refusal.errors.values())))
    return HttpResponseRedirect(f"{reverse('admin:rates_figures')}?{urlencode(view.params())}")


def open_report(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """A kept question, asked of the cohort in view."""
    kept = RateReport.objects.filter(owner=request.user, pk=pk).first()
    if kept is None:
        messages.warning(request, "没有这项统计，可能已经删除。")
        return HttpResponseRedirect(reverse("admin:rates_figures"))
    return HttpResponseRedirect(
        f"{reverse('admin:rates_figures')}?{urlencode({k: v for k, v in kept.question.items() if v})}"
    )


def take_snapshot(admin: Any, request: HttpRequest) -> HttpResponse:
    """Freeze what the page shows."""
    try:
        view = view_of(request, request.POST)
        if view is None:
            raise BadQuestion("还没有毕业届，无法生成快照。")
        snapshot = snapshots.take(view.question, request.POST.get("title", ""), by=request.user, request=request)
    except BadQuestion as error:
        messages.error(request, str(error))
    except Invalid as refusal:
        messages.error(request, next(iter(refusal.errors.values())))
    except Refused as refusal:
        raise PermissionDenied(refusal.sentence) from refusal
    else:
        messages.success(
            request, f"已生成快照“{snapshot.title}”：{snapshot.numerator}/{snapshot.denominator}，以后不再变化。"
        )
        return HttpResponseRedirect(reverse("admin:rates_ratesnapshot_change", args=[snapshot.pk]))
    return HttpResponseRedirect(reverse("admin:rates_figures"))


def download(admin: Any, request: HttpRequest) -> HttpResponse:
    """The table as a workbook: the figures as they stand, with the rule they follow; on record as every export."""
    if not request.user.has_perm("rates.view_ratesnapshot"):
        raise PermissionDenied
    try:
        view = view_of(request, request.GET)
    except BadQuestion as error:
        messages.error(request, str(error))
        view = None
    if view is None:
        return HttpResponseRedirect(reverse("admin:rates_figures"))
    kept = export_figures(view.question, DIMENSIONS[view.by], f"{view.year}届", request.user, request)
    return FileResponse(kept.file.open("rb"), as_attachment=True, filename=kept.file_name)
