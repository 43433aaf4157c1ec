"""我的导出 (one's own files while they live) and 导出记录 (the log for who answers for the school's data)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from admin_site.changelist import page_of
from admin_site.exports.downloads import send
from admin_site.filters import ChoiceFilter
from admin_site.places import OfSchoolForm, PlaceAdmin
from admin_site.scoped import DELETE, ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from exports.columns import vocabulary
from exports.exporting.approval import APPROVE, decide, may_decide
from exports.exporting.engine import model_of
from models.audit.models import Action
from models.releases.models import ExportRecord, ExportRule, State
from workflows.errors import Invalid, Refused

STATE_COLOURS = {
    State.WAITING: "amber", State.RUNNING: "blue", State.DONE: "green", State.FAILED: "red", State.REFUSED: "red",
}  # fmt: skip


class RevealedFilter(ChoiceFilter):
    """证件号和手机号."""

    title, parameter_name, options = "证件号和手机号", "revealed", (("1", "完整"), ("0", "已遮盖"))


class StateFilter(ChoiceFilter):
    """状态."""

    title, parameter_name, options = "状态", "state", State.choices


@admin.register(ExportRecord)
class ExportRecordAdmin(ReadOnlyAdmin):
    """The log is read only; nobody fetches somebody else's file from it."""

    empty_text = "在任一列表点「导出」后，每次导出的内容、用途和文件列在这里。"
    list_display = (
        "created_at",
        "person",
        "what",
        "count",
        "range_text",
        "identity",
        "purpose",
        "outcome",
        "downloads",
    )
    list_display_links = ("created_at",)
    list_filter = (RevealedFilter, StateFilter, ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("owner", "decided_by")
    search_fields = ("owner__name", "owner__username", "purpose", "title")
    search_help_text = "导出人、用途或内容"
    sortable_by = ("created_at", "count")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("mine/", wrap(self.mine_view), name="exports"),
            path("mine/rows/", wrap(self.rows_view), name="exports_rows"),
            path("<int:object_id>/decide/", wrap(require_POST(self.decide_view)), name="exports_decide"),
            path("<int:object_id>/download/", wrap(self.download_view), name="exports_download"),
            *super().get_urls(),
        ]

    # -- one's own -------------------------------------------------------------------------------------------------------

    def _page(self, request: HttpRequest) -> Any:
        if not any(".export_" in code for code in request.user.get_all_permissions()):
            raise PermissionDenied
        own = ExportRecord.own(request.user).select_related("job")
        return page_of(request, own)

    def mine_view(self, request: HttpRequest) -> HttpResponse:
        """Newest first, with progress, and the file while it is kept."""
        may_see_log = self.has_view_permission(request)
        waiting = waiting_for(request.user).count() if may_see_log else 0
        return self.page(
            request,
            "admin_site/exports/mine.html",
            title="导出记录",
            records=self._page(request),
            may_see_log=may_see_log,
            waiting=waiting,
        )

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        """The rows alone, for the page to fetch again while one is being made."""
        return render(request, "admin_site/exports/mine_rows.html", {"records": self._page(request)})

    def download_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        record = ExportRecord.own(request.user).filter(pk=object_id).first()
        if record is None or not record.is_available:
            raise Http404("文件已不存在：可能已过保存期限，请重新导出。")
        if record.revealed and not request.user.has_perm("accounts.export_identity"):
            raise PermissionDenied
        return send(request, record)

    # -- the log ---------------------------------------------------------------------------------------------------------

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        record = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, record):
            raise PermissionDenied
        return self.page(
            request,
            "admin_site/exports/entry.html",
            title=f"导出记录：{record}",
            record=record,
            labels=labels_of(record),
            may_decide=record.state == State.WAITING and may_decide(record, request.user),
            own=record.owner_id == request.user.pk,
            colour=STATE_COLOURS[State(record.state)],
        )

    def decide_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """批准 or 不批准 of an export that waits for a second person."""
        record = self.object_or_404(request, object_id)
        agree = request.POST.get("decision") == "agree"
        if not agree and request.POST.get("decision") != "refuse":
            raise Http404
        try:
            decide(record, by=request.user, agree=agree, opinion=request.POST.get("opinion", ""), request=request)
        except Invalid as refusal:
            messages.error(request, "；".join(refusal.errors.values()))
        except Refused as refusal:
            messages.warning(request, refusal.sentence)
        else:
            done = "已批准，正在后台生成文件；只有申请人可以下载。" if agree else "已记为不批准，申请人会看到原因。"
            messages.success(request, done)
        return redirect("admin:releases_exportrecord_change", record.pk)

    @display(description="导出人", ordering="owner__name")
    def person(self, record: ExportRecord) -> str:
        return f"{record.owner.name}（{record.owner.username}）"

    @display(description="内容")
    def what(self, record: ExportRecord) -> str:
        return record.title

    @display(description="条数", ordering="asked")
    def count(self, record: ExportRecord) -> int:
        return record.rows if record.state == State.DONE else record.asked

    @display(description="范围")
    def range_text(self, record: ExportRecord) -> str:
        return "；".join(record.described) or "所管辖的全部"

    @display(description="证件号和手机号")
    def identity(self, record: ExportRecord) -> str:
        return badge("完整", "amber") if record.revealed else badge("已遮盖")

    @display(description="状态")
    def outcome(self, record: ExportRecord) -> str:
        return badge(record.get_state_display(), STATE_COLOURS[State(record.state)])


def waiting_for(user: Any) -> models.QuerySet:
    """The exports that wait for this very person to agree or not."""
    if not user.has_perm(APPROVE):
        return ExportRecord.objects.none()
    rows = ExportRecord.objects.filter(state=State.WAITING).exclude(owner=user)
    return rows if user.scope.everything else rows.filter(school_id__in=schools_held(user))


def schools_held(user: Any) -> list[int]:
    """Schools the person holds as a whole."""
    return [pk for pk in user.scope.school_ids if user.scope.covers(f"{pk}/")]


@admin.register(ExportRule)
class ExportRuleAdmin(PlaceAdmin):
    """导出审批: from how many rows on a second person must agree; one row per school."""

    empty_text = "没有设置时，含完整证件号或手机号的导出超过 1000 条须由另一人批准；学校可以改变条数。"
    audit_action = Action.SETTING_CHANGE
    never = (DELETE,)  # 0 switches it off
    form = OfSchoolForm
    list_display = ("school", "limit")
    list_display_links = ("school",)
    list_select_related = ("school",)
    fields = ("school", "approval_rows")
    sortable_by = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("school",) if obj else ()

    @display(description="超过多少条须批准")
    def limit(self, rule: ExportRule) -> str:
        return f"{rule.approval_rows} 条" if rule.approval_rows else "不需要批准"


def labels_of(record: ExportRecord) -> list[str]:
    """The headings of what was exported; a column that has gone since is named as it was stored."""
    known = vocabulary(model_of(record))
    return [known[name].label if name in known else name for name in record.columns]
