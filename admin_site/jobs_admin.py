"""任务: the person's own background work, with progress, result files and a way to stop it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from admin_site.changelist import page_of
from admin_site.scoped import ReadOnlyAdmin
from models.audit.models import Action
from models.audit.services import record
from models.jobs.files import PrivateDownload
from models.jobs.models import Job
from models.jobs.services import cancel, latest


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Everybody sees what they started themselves, and nothing else; there is nothing to edit."""

    empty_text = "您发起的导入、导出、批量办理等后台任务列在这里，可以看进度、下载结果。"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.in_scope(request, obj)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("rows/", wrap(self.rows_view), name="jobs_job_rows"),
            path("<int:object_id>/progress/", wrap(self.progress_view), name="jobs_job_progress"),
            path("<int:object_id>/download/", wrap(self.download_view), name="jobs_job_download"),
            path("<int:object_id>/cancel/", wrap(require_POST(self.cancel_view)), name="jobs_job_cancel"),
            *super().get_urls(),
        ]

    def _page(self, request: HttpRequest) -> Any:
        return page_of(request, Job.visible_to(request.user))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return self.page(request, "admin_site/jobs.html", title="任务", jobs=self._page(request))

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """The rows alone, for the page to fetch again while something is at work."""
        short = "short" in request.GET
        jobs = latest(request.user, 5) if short else self._page(request)
        return render(request, "admin_site/job_rows.html", {"jobs": jobs, "short": short})

    def progress_view(self, request: HttpRequest, object_id: int) -> JsonResponse:
        """{"status", "label", "percent", "done", "total", "message", "active", "error", "url", "download"} of one own job."""
        job = self.object_or_404(request, object_id)
        download = reverse("admin:jobs_job_download", args=[job.pk]) if job.result_file else ""
        return JsonResponse(
            {
                "status": job.status,
                "label": job.status_label,
                "percent": job.percent,
                "done": job.done,
                "total": job.total,
                "message": job.message,
                "active": job.is_active,
                "error": job.error,
                "url": reverse("admin:jobs_job_change", args=[job.pk]),
                "download": download,
            }
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        job = self.object_or_404(request, object_id)
        return self.page(request, "admin_site/job.html", title=job.title, job=job, jobs=[job])

    def download_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if not job.result_file:
            raise Http404
        answer = PrivateDownload(job.result_file.name, job.file_name or job.title)
        record(Action.VIEW_FILE, request=request, obj=job, file=job.file_name)
        return answer

    def cancel_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        job = self.object_or_404(request, object_id)
        if cancel(job):
            messages.success(request, f"已请求取消「{job.title}」。")
        else:
            messages.warning(request, f"「{job.title}」已经结束，不能取消。")
        return redirect("admin:jobs_job_changelist")
