"""Export of a plain table from its list page: the rows the list shows, in the layout of the import template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from admin_site.exports.downloads import send
from exports.exporting.engine import DIRECT_ROWS, RULE, order_export
from exports.exporting.order import FORMATS, REVEAL, Order
from exports.exporting.tables import TableRows, may_export
from exports.exporting.template import TemplateLayout
from exports.importing.kinds import KINDS
from models.organisation.models import School
from models.releases.models import ExportRule, State
from workflows.errors import Invalid, NotAllowed

SENT = "正在后台导出 {n} 条，完成后会通知您，文件在「导出记录」中下载。"
WAITS = "已提交，等待批准：含完整证件号或手机号的数据超过 {limit} 条，须由另一人批准后才生成文件。结果会通知您。"


def answer(request: HttpRequest, record: Any) -> HttpResponse:
    """What the person gets who has ordered an export: the file, or the page where it will be, with a word about it."""
    if record.state == State.DONE:
        return send(request, record)
    if record.state == State.WAITING:
        messages.warning(request, WAITS.format(limit=ExportRule.rows_for(record.school_id)))
    else:
        messages.success(request, SENT.format(n=record.asked))
    return redirect("admin:exports")


class TableExportMixin:
    """A list of the back office with 导出 (and 导入) above it. `export_kind`: the import kind whose template is the layout."""

    export_kind = ""
    list_before_template = "admin_site/exports/list_tools.html"

    def table_rows(self, request: HttpRequest) -> tuple[models.QuerySet, Sequence[str]]:
        """The rows behind the list as it is filtered now, and the filters in words."""
        listing = self.get_changelist_instance(request)  # type: ignore[attr-defined]
        words = [f"查找：{listing.query}"] if listing.query else []
        for spec in listing.filter_specs:
            if any(spec.used_parameters.values()):
                chosen = [str(choice["display"]) for choice in spec.choices(listing) if choice.get("selected")]
                words += [f"{spec.title}：{'、'.join(chosen)}"] if chosen else []
        return self.exported_of(request, listing.queryset), words

    def exported_of(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        """The rows that leave for these rows of the list: themselves, unless the template is of something else."""
        return rows

    def table_tools(self, request: HttpRequest) -> dict[str, Any]:
        """Context of the links above the list."""
        kind = KINDS[self.export_kind]
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_export"  # type: ignore[attr-defined]
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return {
            "export_url": reverse(name) + query if may_export(TemplateLayout(kind).model, request.user) else "",
            "import_url": f"{reverse('admin:imports')}?kind={kind.name}" if kind.allowed(request.user) else "",
            "export_title": kind.title,
        }

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        extra = {**(extra_context or {}), **self.table_tools(request)}
        return super().changelist_view(request, extra)  # type: ignore[misc]

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"  # type: ignore[attr-defined]
        view = self.admin_site.admin_view(self.table_export_view)  # type: ignore[attr-defined]
        return [path("export/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def table_export_view(self, request: HttpRequest) -> HttpResponse:
        """GET: what will be exported, from which school, how. POST: the file, or a job, or a request for approval."""
        layout = TemplateLayout(KINDS[self.export_kind])
        if not (may_export(layout.model, request.user) and self.has_view_or_change_permission(request)):  # type: ignore[attr-defined]
            raise PermissionDenied
        found, words = self.table_rows(request)
        rows = layout.kind.exportable(found)
        schools = _schools(layout, rows)
        school = _chosen(request, schools)
        if school is not None:
            rows = rows.filter(**{layout.kind.school_path: school.pk})
            words = [f"学校：{school}", *words]
        order = Order(
            layout=layout.key,
            format=request.POST.get("format", "xlsx"),
            reveal=request.POST.get("reveal") == "1",
            purpose=request.POST.get("purpose", "").strip(),
        )
        errors: dict[str, str] = {}
        if request.POST.get("step") == "export":
            try:
                record = order_export(TableRows.of(self.export_kind, rows, words), request.user, order, request)
                return answer(request, record)
            except Invalid as refusal:
                errors = refusal.errors
            except NotAllowed as refusal:
                errors = {"reveal": refusal.sentence}
        return self._order_page(request, layout, rows, schools, school, words, order, errors)

    def _order_page(
        self,
        request: HttpRequest,
        layout: TemplateLayout,
        rows: Any,
        schools: Any,
        school: Any,
        words: Any,
        order: Order,
        errors: Any,
    ) -> HttpResponse:
        total = rows.count()
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")  # type: ignore[attr-defined]
        return self.page(  # type: ignore[attr-defined]
            request, "admin_site/exports/table.html", title=f"导出{layout.title}", layout=layout, total=total, words=words,
            direct=total <= DIRECT_ROWS, schools=schools, school=school, order=order, errors=errors, formats=FORMATS.items(), rule=RULE,
            masked=[column.label for column in layout.columns() if column.mask], may_reveal=request.user.has_perm(REVEAL),
            limit=ExportRule.rows_for(school.pk if school else None), may_import=layout.kind.allowed(request.user),
            back=f"{back}?{request.GET.urlencode()}" if request.GET else back,
        )  # fmt: skip


def _schools(layout: TemplateLayout, rows: models.QuerySet) -> list[School]:
    """The schools the rows are of, each with `found`: how many."""
    column = layout.kind.school_path
    if not column:
        return []
    counts = dict(rows.order_by().values_list(column).annotate(found=Count("pk", distinct=True)))
    schools = list(School.objects.filter(pk__in=counts).order_by("code"))
    for school in schools:
        school.found = counts[school.pk]
    return schools


def _chosen(request: HttpRequest, schools: list[School]) -> School | None:
    """The school that is asked for, else the first: a file is imported into one."""
    wanted = request.POST.get("school", "")
    return next((school for school in schools if str(school.pk) == wanted), schools[0] if schools else None)
