"""数据比对: their sheet taken in, differences by column, a side chosen per cell or column, carried out in the background."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.views.decorators.http import require_POST
from unfold.decorators import display

from admin_site import cohorts, revealing
from admin_site.changelist import page_of
from admin_site.imports import engine
from admin_site.matters.record import MASKED_ALIKE
from admin_site.reporting.common import CohortForm, masks, whole
from admin_site.scoped import ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from exports.importing.refusal import UploadRefused
from exports.ministry.layouts import all_layouts
from exports.reporting import reconcile
from exports.reporting.jobs import APPLY, COMPARE
from models.jobs.services import start
from models.reporting.models import Difference, Kind, Reconciliation
from workflows import fields
from workflows.errors import Invalid, Refused, WrongState

ADD, CHANGE = "reporting.add_reconciliation", "reporting.change_reconciliation"
State, Choice = Reconciliation.State, Difference.Choice
COLOURS = {State.READING: "blue", State.OPEN: "amber", State.APPLIED: "green", State.FAILED: "red"}
LACKING, UNMATCHED = "-", "?"  # in the address: graduates whom they lack; rows that are nobody's here


class CompareForm(CohortForm):
    """Their sheet."""

    kind = forms.ChoiceField(label="比对内容", choices=Kind.choices)
    file = forms.FileField(
        label="对方表格",
        help_text=".xlsx、.xls 或 .csv；列名按上报格式的列名或代码识别，须有学号、考生号或身份证号。",
        error_messages={"required": "请选择要比对的文件。", "empty": "文件是空的。请确认选对了文件，保存后重新上传。"},
    )


def run(kind: str, found: Reconciliation, user: Any) -> None:
    """Compare or apply in the background; a second click finds the first job."""
    job = start(
        kind, owner=user, payload={"reconciliation": found.pk}, title=f"数据比对：{found.file_name}"[:200],
        school=found.school_id, key=f"compare-{found.pk}",
    )  # fmt: skip
    Reconciliation.objects.filter(pk=found.pk).update(job=job)


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """Comparisons of schools the person answers for as a whole: each holds everybody's data."""

    empty_text = "上传对方的数据表比对后，双方不一致的内容列在这里。"
    list_display = ("name", "cohort", "kind", "state_badge", "same", "different", "only_ours", "only_theirs", "made_by", "made_at")  # fmt: skip
    list_select_related = ("cohort", "made_by")
    sortable_by = ("made_at",)
    list_before_template = "admin/reporting/compare_before.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("begin/", wrap(self.begin_view), name="reporting_compare_begin"),
            path("<int:pk>/top/", wrap(self.top_view), name="reporting_compare_top"),
            path("<int:pk>/deed/", wrap(require_POST(self.deed_view)), name="reporting_compare_deed"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request)
        scope = request.user.scope
        return (
            rows if scope.everything else rows.filter(school__in=[pk for pk in scope.school_ids if whole(request, pk)])
        )

    def narrow_list(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        return rows.filter(cohort__in=cohorts.cohort_ids(request))

    @display(description="对方表格")
    def name(self, found: Reconciliation) -> str:
        url = reverse("admin:reporting_reconciliation_change", args=[found.pk])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, found.file_name)

    @display(description="进度")
    def state_badge(self, found: Reconciliation) -> str:
        return badge(found.get_state_display(), COLOURS[found.state])

    # -- taking in -----------------------------------------------------------------------------------------------------

    def begin_view(self, request: HttpRequest) -> HttpResponse:
        """Upload; the comparison runs in the background."""
        self.require(request, ADD)
        refusal, status = "", 200
        if request.method == "POST" and request.POST is not None and getattr(request, "upload_refused", False):
            return self._begin(request, CompareForm(request), engine.too_large(), 413)
        form = CompareForm(request, request.POST, request.FILES) if request.method == "POST" else CompareForm(request)
        if request.method == "POST":
            status = 400
            if form.is_valid():
                data = form.cleaned_data
                if not whole(request, data["cohort"].school_id):
                    raise PermissionDenied
                refusal = engine.refuse(data["file"])
                try:
                    if not refusal:
                        found = reconcile.begin(
                            data["cohort"], data["kind"], data["file"], by=request.user, request=request
                        )
                        run(COMPARE, found, request.user)
                        return HttpResponseRedirect(reverse("admin:reporting_reconciliation_change", args=[found.pk]))
                except Invalid as invalid:
                    refusal = invalid.sentence
                except UploadRefused as refused:
                    refusal = refused.sentence
        return self._begin(request, form, refusal, status)

    def _begin(self, request: HttpRequest, form: CompareForm, refusal: str, status: int) -> HttpResponse:
        answer = self.page(
            request, "admin/reporting/form.html", title="新的数据比对", form=form, button="上传并比对", refusal=refusal,
            about="上传省级或教育部系统导出的表格，与本系统的记录和上次上报的内容逐格比对。比对不改动任何数据，决定以哪一方为准后才写入。",
            back=reverse("admin:reporting_reconciliation_changelist"),
        )  # fmt: skip
        answer.status_code = status
        return answer

    # -- one comparison --------------------------------------------------------------------------------------------------

    def _found(self, request: HttpRequest, pk: Any) -> Reconciliation:
        found = self.object_or_404(request, pk)
        if not self.has_view_permission(request, found):
            raise PermissionDenied
        return found

    def _top(self, request: HttpRequest, found: Reconciliation) -> dict[str, Any]:
        job = found.job
        active = job is not None and job.is_active
        counts = Difference.objects.filter(reconciliation=found, student__isnull=False).aggregate(
            ours=Count("pk", filter=Q(choice=Choice.OURS)), theirs=Count("pk", filter=Q(choice=Choice.THEIRS)),
            open=Count("pk", filter=Q(choice="")), refused=Count("pk", filter=Q(result__startswith="未采用")),
            taken=Count("pk", filter=Q(result="已采用")),
        )  # fmt: skip
        may = request.user.has_perm(CHANGE) and found.state == State.OPEN and not active
        batch = (job.result or {}).get("batch") if job is not None and found.state == State.APPLIED else None
        return {
            "found": found, "active": active, "error": found.problem or (job.error if job is not None and not active else ""),
            "colour": COLOURS[found.state], "counts": counts, "may": may, "job": job,
            "may_apply": may and bool(counts["ours"] + counts["theirs"]), "batch": batch, "layout": all_layouts()[found.layout],
            "may_again": request.user.has_perm(CHANGE) and not active and found.state == State.READING,
        }  # fmt: skip

    def top_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The head alone."""
        return render(request, "admin/reporting/compare_top.html", self._top(request, self._found(request, pk)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        found = self._found(request, object_id)
        revealing.only(request)
        columns = _columns(found)
        column = request.GET.get("column", columns[0]["key"] if columns else "")
        one = next((row for row in columns if row["key"] == column), None)
        page = page_of(request, _rows(found, column))
        takes = reconcile.takeable(found)
        things = {thing.label: thing for thing in reconcile.compared(found.kind, all_layouts()[found.layout])}
        hidden = _hidden(found).get(column, "")
        look = revealing.look(request, found, people=len(page) if hidden else 0, column=column)
        shown = things[column].shown if column in things else str
        answer = self.page(
            request, "admin/reporting/compare.html", title=f"数据比对：{found.file_name}", columns=columns, column=column, one=one,
            page=page, takeable=column in takes, deciding=one is not None and column != UNMATCHED,
            rows=[(row, *_cells(shown, row, "" if look.reveal else hidden)) for row in page],
            **vars(look), **self._top(request, found),
        )  # fmt: skip
        return look.upon(answer)

    def deed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """choose | column | apply | again."""
        found = self._found(request, pk)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        deed, column = request.POST.get("deed", ""), request.POST.get("column", "")
        try:
            if found.job is not None and found.job.is_active:
                raise WrongState("正在处理，请等待完成后再操作。")
            self._do(request, found, deed, column)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
        back = reverse("admin:reporting_reconciliation_change", args=[found.pk])
        query = {"column": column[:60]} if column else {}
        if (number := request.POST.get("p", "")).isdigit():
            query["p"] = number[:6]
        return HttpResponseRedirect(f"{back}?{urlencode(query)}" if query else back)

    def _do(self, request: HttpRequest, found: Reconciliation, deed: str, column: str) -> None:
        side, _dot, choice = deed.partition(".")
        if deed == "choose":
            picked: dict[str, list[int]] = {}
            for name, value in request.POST.items():
                key = name.removeprefix("d")
                if name.startswith("d") and key.isascii() and key.isdigit() and len(key) < 19:
                    picked.setdefault(value, []).append(int(key))
            done = sum(reconcile.choose(found, keys, value, by=request.user) for value, keys in picked.items())
            messages.success(request, f"已保存本页 {done} 处决定。")
        elif side == "column":
            label = "" if column == LACKING else column
            done = reconcile.choose_column(found, label, choice, by=request.user)
            messages.success(request, f"本列 {done} 处未决定的内容已按此决定；已决定的不变。")
        elif deed == "apply":
            if not self._top(request, found)["may_apply"]:
                raise WrongState("还没有决定以哪一方为准，请先逐格或按列决定。")
            run(APPLY, found, request.user)
            messages.success(request, "已开始写入，进度显示在本页。")
        elif deed == "again":
            if not self._top(request, found)["may_again"]:
                raise WrongState("这次比对已经完成，不能重新比对；如需再比，请重新上传对方的表格。")
            run(COMPARE, found, request.user)
        else:
            raise Http404


def _rows(found: Reconciliation, column: str) -> models.QuerySet:
    rows = Difference.objects.filter(reconciliation=found).select_related("student").order_by("pk")
    if column == UNMATCHED:
        return rows.filter(student__isnull=True)
    return rows.filter(student__isnull=False, column="" if column == LACKING else column)


def _columns(found: Reconciliation) -> list[dict[str, Any]]:
    """Columns that differ, most first; then who is missing on either side. One statement."""
    rows = (
        Difference.objects.filter(reconciliation=found)
        .order_by()
        .values("column", nobody=Q(student__isnull=True))
        .annotate(n=Count("pk"), open=Count("pk", filter=Q(choice="", student__isnull=False)))
    )
    found_columns = []
    for row in rows:
        key = UNMATCHED if row["nobody"] else row["column"] or LACKING
        label = {UNMATCHED: "我方没有的行", LACKING: "对方没有的学生"}.get(key, key)
        found_columns.append({"key": key, "label": label, "n": row["n"], "open": row["open"]})
    return sorted(found_columns, key=lambda row: (row["key"] in (LACKING, UNMATCHED), -row["n"], row["label"]))


def _hidden(found: Reconciliation) -> dict[str, str]:
    layout = all_layouts()[found.layout]
    hidden = dict(zip((cell.label for cell in layout.cells), masks(found.kind, layout), strict=True))
    return {label: kind for label, kind in hidden.items() if kind}


def _cells(shown: Any, row: Difference, hidden: str) -> list[str]:
    """Ours, the last reported, theirs; where all that differs is hidden, it is said."""
    if not hidden:
        return [shown(text) for text in (row.ours, row.reported, row.theirs)]
    ours, reported, theirs = (fields.mask(text, hidden) for text in (row.ours, row.reported, row.theirs))
    return [ours, reported, theirs + MASKED_ALIKE if theirs and theirs == ours else theirs]
