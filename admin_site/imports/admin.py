"""导入: the wizard of four steps (上传 → 匹配列 → 核对 → 完成) and the history of imports."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_GET, require_POST

from admin_site import cohorts, revealing
from admin_site.changelist import page_of
from admin_site.imports import engine, show
from admin_site.imports.forms import UploadForm
from admin_site.scoped import ReadOnlyAdmin
from exports.exporting.template import masks_of
from models.audit.models import Action
from models.audit.services import record
from models.jobs.files import PrivateDownload, store_private
from models.jobs.models import Job
from models.transfer.models import ImportRow, ImportRun
from models.transfer.services import BUSY, begin, settle

Status = ImportRun.Status
FOLDER = "admin_site/imports"
#: Pages that may be opened by address: what a run shows while it is in a state.
STEP_OF = {Status.READING: 2, Status.UPLOADED: 2, Status.CHECKING: 3, Status.CHECKED: 3}


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """Runs are made by uploading and changed by the steps of the wizard alone."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(engine.kinds_for(request.user))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(engine.kinds_for(request.user)) and self.in_scope(request, obj)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.home), name="imports"),
            path("template/<str:kind>/", wrap(require_GET(self.template_view)), name="imports_template"),
            path("upload/", wrap(self.upload_view), name="imports_upload"),
            path("<int:object_id>/match/", wrap(self.match_view), name="imports_match"),
            path("<int:object_id>/", wrap(require_GET(self.run_view)), name="imports_run"),
            path("<int:object_id>/progress/", wrap(require_GET(self.progress_view)), name="imports_progress"),
            path("<int:object_id>/rows/", wrap(self.rows_view), name="imports_rows"),
            path("<int:object_id>/errors/", wrap(require_GET(self.errors_view)), name="imports_errors"),
            path("<int:object_id>/step/<str:step>/", wrap(require_POST(self.step_view)), name="imports_step"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A run has one page, and that one asks for the function; the admin's own form would show every column to who may look."""
        return redirect("admin:imports_run", self.object_or_404(request, object_id).pk)

    # -- finding --------------------------------------------------------------------------------------------------------

    def run_or_404(self, request: HttpRequest, object_id: int) -> ImportRun:
        """The run, if the person may see it and may import its kind."""
        run = self.get_queryset(request).select_related("school", "cohort", "owner").filter(pk=object_id).first()
        if run is None:
            raise Http404
        if run.kind not in engine.kinds_for(request.user):
            raise PermissionDenied
        return settle(run)

    def frame(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        """A page of the wizard."""
        return self.page(request, f"{FOLDER}/{name}.html", **context)

    # -- 1 上传 ----------------------------------------------------------------------------------------------------------

    def home(self, request: HttpRequest) -> HttpResponse:
        """What may be imported, with templates, and the imports so far."""
        kinds = engine.kinds_for(request.user)
        if not kinds:
            raise PermissionDenied
        return self._home(
            request,
            UploadForm(
                user=request.user, kinds=kinds, year=cohorts.current_year(request), initial=_asked(request, kinds)
            ),
        )

    def _home(self, request: HttpRequest, form: UploadForm, refusal: str = "", status: int = 200) -> HttpResponse:
        rows = self.get_queryset(request).exclude(status=Status.DROPPED).select_related("owner", "cohort", "school")
        runs = Paginator(rows.order_by("-created_at", "-pk"), 20).get_page(request.GET.get("p"))
        for run in runs:
            run.colour = show.RUN_COLOURS[run.status]
            run.kind_title = engine.kinds()[run.kind].title
        answer = self.frame(
            request, "upload", title="导入", step=1, form=form, kinds=form.kinds.values(), runs=runs, refusal=refusal
        )
        answer.status_code = status
        return answer

    def template_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """The template of a kind, with the lists of the person's school."""
        kinds = engine.kinds_for(request.user)
        if kind not in kinds:
            raise Http404
        form = UploadForm(user=request.user, kinds=kinds, year=cohorts.current_year(request))
        school = form.school_for(request.GET.get("school", ""))
        if school is None:
            raise Http404
        data = engine.template(kind, school, form.cohort_for(school, form.year))
        answer = HttpResponse(data, content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        answer.headers["Content-Disposition"] = engine.attachment(f"{kinds[kind].title}导入模板.xlsx")
        return answer

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file in: it is looked at before anything unfolds it, and refused with a sentence."""
        kinds = engine.kinds_for(request.user)
        if not kinds:
            raise PermissionDenied
        if request.method != "POST":
            return redirect("admin:imports")
        posted = request.POST  # reading it is what reads the file
        if getattr(request, "upload_refused", False):
            kind = {"kind": posted.get("kind", "")}
            fresh = UploadForm(user=request.user, kinds=kinds, year=cohorts.current_year(request), initial=kind)
            return self._home(request, fresh, engine.too_large(), 413)
        form = UploadForm(posted, request.FILES, user=request.user, kinds=kinds, year=cohorts.current_year(request))
        if not form.is_valid():
            return self._home(request, form, status=400)
        data = form.cleaned_data
        if sentence := engine.refuse(data["file"]):
            return self._home(request, form, sentence, 400)
        run = ImportRun.objects.create(
            kind=data["kind"],
            school=data["school"],
            cohort=data["cohort"],
            owner=request.user,
            org_path=engine.widest(request.user, data["school"]),
            file=store_private(data["file"].name, data["file"], "imports"),
            file_name=data["file"].name[:200],
            options={"blank_erases": data["blank_erases"], "reviewed": data["reviewed"]},
        )
        return redirect("admin:imports_match", run.pk)

    # -- 2 匹配列 --------------------------------------------------------------------------------------------------------

    def match_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Sheet, header row and columns, as proposed and as corrected."""
        run = self.run_or_404(request, object_id)
        if run.status not in (Status.UPLOADED, Status.CHECKED):
            return redirect("admin:imports_run", run.pk)
        chosen = request.POST if request.method == "POST" else request.GET
        if engine.is_read(run):
            page = engine.matching(
                run, sheet=chosen.get("sheet", ""), header_row=chosen.get("header_row", ""), posted=request.POST or None
            )
        elif run.error:
            page, run.error = engine.MatchPage(problem=run.error), ""
        else:
            begin(run, "look", request.user)
            return redirect("admin:imports_run", run.pk)
        if request.method == "POST" and "check" in request.POST and not page.problem and not page.missing:
            run.sheet, run.header_row, run.mapping = page.sheet, page.header_row, page.mapping
            run.save(update_fields=["sheet", "header_row", "mapping"])
            begin(run, "check", request.user)
            return redirect("admin:imports_run", run.pk)
        return self.frame(
            request,
            "match",
            title=f"匹配列：{run.file_name}",
            step=2,
            run=run,
            page=page,
            kind=engine.kinds()[run.kind],
            asked="check" in request.POST,
        )

    # -- 3 核对, 4 完成 ---------------------------------------------------------------------------------------------------

    def run_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Where the run stands: progress, check, or result."""
        run = self.run_or_404(request, object_id)
        if run.status == Status.UPLOADED:
            return redirect("admin:imports_match", run.pk)
        return self.frame(
            request, "run", title=f"{_verb(run)}：{run.file_name}", step=STEP_OF.get(Status(run.status), 4), run=run,
            kind=engine.kinds()[run.kind], numbers=show.numbers(run), errors=show.errors(run), busy=run.status in BUSY,
            job=Job.objects.filter(pk=run.job_id).first(), may_undo=run.status in (Status.DONE, Status.FAILED) and bool(run.file),
            may_download=self._may_download(request, run),
        )  # fmt: skip

    def progress_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The progress alone, fetched again while the run is busy."""
        run = self.run_or_404(request, object_id)
        job = Job.objects.filter(pk=run.job_id).first()
        return render(request, f"{FOLDER}/progress.html", {"run": run, "job": job, "busy": run.status in BUSY})

    def rows_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The rows of one status, with what changes or what is wrong."""
        run = self.run_or_404(request, object_id)
        revealing.only(request)
        status = request.GET.get("status", "")
        rows = ImportRow.objects.filter(run=run).order_by("number")
        if status in ImportRow.Status.values:
            rows = rows.filter(status=status)
        if column := request.GET.get("column", ""):
            rows = show.with_error(rows, column, request.GET.get("code", ""))
        page = page_of(request, rows)
        own, masks = run.owner_id == request.user.pk, masks_of(run.kind)
        look = revealing.look(request, run, people=sum(show.hidden(row, masks, own) for row in page))
        answer = self.frame(
            request, "rows", title=f"导入明细：{run.file_name}", step=STEP_OF.get(Status(run.status), 4), run=run, page=page,
            lines=[show.line(row, {} if look.reveal else masks, own) for row in page], numbers=show.numbers(run), status=status, column=column, **vars(look),
        )  # fmt: skip
        return look.upon(answer)

    def _may_download(self, request: HttpRequest, run: ImportRun) -> bool:
        return bool(run.errors_file) and (
            run.owner_id == request.user.pk or request.user.has_perm("accounts.export_identity")
        )

    def errors_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The workbook of wrong rows: as it was uploaded, with the reasons."""
        run = self.run_or_404(request, object_id)
        if not run.errors_file:
            raise Http404
        if not self._may_download(request, run):
            raise PermissionDenied
        answer = PrivateDownload(
            run.errors_file.name, f"有误数据_{run.file_name.rpartition('.')[0] or run.file_name}.xlsx"
        )
        record(Action.VIEW_FILE, request=request, obj=run, file="有误数据", rows=run.failed)
        return answer

    def step_view(self, request: HttpRequest, object_id: int, step: str) -> HttpResponse:
        """Confirm, go on, take back, or give up."""
        run = self.run_or_404(request, object_id)
        if step == "drop":
            if run.status not in (Status.UPLOADED, Status.CHECKED):
                messages.warning(request, "这次导入已经开始，不能放弃；需要时可以在完成后撤销。")
                return redirect("admin:imports_run", run.pk)
            engine.discard(run)
            messages.success(request, f"已放弃“{run.file_name}”，没有写入任何数据。")
            return redirect("admin:imports")
        if step not in ("run", "resume", "undo"):
            raise Http404
        if begin(run, step, request.user) is None:
            messages.warning(request, f"这次导入目前为“{run.get_status_display()}”，没有重复执行。")
        return redirect("admin:imports_run", run.pk)


def _asked(request: HttpRequest, kinds: dict[str, Any]) -> dict[str, str]:
    kind = request.GET.get("kind", "")
    usual = "students" if "students" in kinds else next(iter(kinds))
    return {"kind": kind if kind in kinds else usual}


def _verb(run: ImportRun) -> str:
    if run.status == Status.READING:
        return "读取"
    return "核对" if run.status in (Status.CHECKING, Status.CHECKED) else "导入"
