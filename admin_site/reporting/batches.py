"""上报批次: ordered, built and sent in the background, downloaded, answered row by row, sent again; 报送日志 over all of them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST
from unfold.decorators import display

from admin_site import cohorts
from admin_site.changelist import page_of
from admin_site.imports.engine import too_large
from admin_site.reporting.common import CohortForm, left_out_in_scope, require_whole, stored_file, whole
from admin_site.scoped import ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from exports.importing.refusal import UploadRefused
from exports.ministry.layouts import all_layouts
from exports.reporting import answers, batches
from exports.reporting.jobs import KIND
from models.jobs.services import start
from models.reporting.models import Channel, Exchange, Kind, ReportBatch, ReportItem
from workflows.errors import Invalid, Refused, WrongState

ADD, CHANGE = "reporting.add_reportbatch", "reporting.change_reportbatch"
State = ReportBatch.State
COLOURS = {State.BUILDING: "blue", State.READY: "amber", State.SENDING: "blue", State.SENT: "blue", State.DONE: "green", State.FAILED: "red"}  # fmt: skip
ITEM_COLOURS = {"waiting": "grey", "sent": "blue", "accepted": "green", "rejected": "red"}
LEFT_SHOWN = 200


class OrderForm(CohortForm):
    """What is reported, how much of it and how."""

    kind = forms.ChoiceField(label="上报内容", choices=Kind.choices)
    extent = forms.ChoiceField(label="范围", choices=(("changes", "只报上次以来有变动的"), ("full", "全部")))
    channel = forms.ChoiceField(label="方式", choices=Channel.choices)


class AnswerForm(forms.Form):
    """The sheet that came back."""

    file = forms.FileField(label="反馈表", error_messages={"required": "请选择反馈表文件。", "empty": "文件是空的。"})


def run(batch: ReportBatch, user: Any) -> None:
    """Build and send in the background; a second click finds the first job."""
    job = start(
        KIND, owner=user, payload={"batch": batch.pk}, title=f"上报：{batch}", school=batch.school_id, key=f"report-{batch.pk}"
    )  # fmt: skip
    ReportBatch.objects.filter(pk=batch.pk).update(job=job)


@admin.register(ReportBatch)
class ReportBatchAdmin(ReadOnlyAdmin):
    """Batches, newest first."""

    empty_text = "生成上报批次后，每批的报送情况列在这里。"
    list_display = ("name", "cohort", "kind", "extent", "channel", "state_badge", "count", "accepted", "rejected", "made_by")  # fmt: skip
    list_filter = ("kind", "state")
    list_select_related = ("cohort", "made_by")
    sortable_by = ()
    list_before_template = "admin/reporting/batches_before.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("order/", wrap(self.order_view), name="reporting_batch_order"),
            path("<int:pk>/top/", wrap(self.top_view), name="reporting_batch_top"),
            path("<int:pk>/deed/", wrap(require_POST(self.deed_view)), name="reporting_batch_deed"),
            path("<int:pk>/download/", wrap(require_POST(self.download_view)), name="reporting_batch_download"),
            *super().get_urls(),
        ]

    def narrow_list(self, request: HttpRequest, rows: Any) -> Any:
        return rows.filter(cohort__in=cohorts.cohort_ids(request))

    @display(description="批次", ordering="made_at")
    def name(self, batch: ReportBatch) -> str:
        return format_html(
            '<a class="qh-link" href="{}">{}</a>', reverse("admin:reporting_reportbatch_change", args=[batch.pk]), batch
        )

    @display(description="范围")
    def extent(self, batch: ReportBatch) -> str:
        return "变动" if batch.changes_only else "全部"

    @display(description="进度")
    def state_badge(self, batch: ReportBatch) -> str:
        return badge(batch.get_state_display(), COLOURS[batch.state])

    # -- ordering ----------------------------------------------------------------------------------------------------

    def order_view(self, request: HttpRequest) -> HttpResponse:
        """A new batch, built in the background."""
        self.require(request, ADD)
        form = OrderForm(request, request.POST or None)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            if not whole(request, data["cohort"].school_id):
                raise PermissionDenied
            try:
                batch = batches.order(
                    data["cohort"], data["kind"], changes_only=data["extent"] == "changes", channel=data["channel"],
                    by=request.user, request=request,
                )  # fmt: skip
            except Invalid as refusal:
                for field, sentence in refusal.errors.items():
                    form.add_error(field if field in form.fields else None, sentence)
            else:
                run(batch, request.user)
                return HttpResponseRedirect(reverse("admin:reporting_reportbatch_change", args=[batch.pk]))
        answer = self.page(
            request, "admin/reporting/form.html", title="生成上报批次", form=form, button="生成批次",
            about="基本信息在学校审核通过后才能上报；就业信息按上报设置中的时机上报。学生有异议、待学生确认或不符合上报规则的记录不列入，原因会逐人列出。",
            back=reverse("admin:reporting_reportbatch_changelist"),
        )  # fmt: skip
        answer.status_code = 400 if form.errors else 200
        return answer

    # -- one batch ---------------------------------------------------------------------------------------------------

    def _batch(self, request: HttpRequest, pk: Any) -> ReportBatch:
        batch = self.object_or_404(request, pk)
        if not self.has_view_permission(request, batch):
            raise PermissionDenied
        return batch

    def _top(self, request: HttpRequest, batch: ReportBatch) -> dict[str, Any]:
        """The head of the page, also fetched again by itself while a job is at work."""
        may = request.user.has_perm(CHANGE) and whole(request, batch.school_id)
        active = batch.job is not None and batch.job.is_active
        broken = not active and batch.state in (State.BUILDING, State.SENDING, State.FAILED)
        http, file = batch.channel == Channel.HTTP, batch.channel == Channel.FILE
        return {
            "batch": batch, "layout": all_layouts()[batch.layout], "colour": COLOURS[batch.state], "active": active, "may": may,
            "error": batch.job.error if batch.job is not None and not active else "",
            "may_run": may and (broken or (http and batch.state == State.READY and bool(batch.count) and not active)),
            "may_mark": may and file and batch.state == State.READY and bool(batch.count),
            "may_download": may and bool(batch.file), "may_answer": may and batch.state in answers.OPEN and not active,
            "may_repeat": may and bool(batch.rejected) and batch.state in (State.SENT, State.DONE),
        }  # fmt: skip

    def top_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The head alone."""
        return render(request, "admin/reporting/batch_top.html", self._top(request, self._batch(request, pk)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        return self._page(request, self._batch(request, object_id))

    def _page(
        self, request: HttpRequest, batch: ReportBatch, form: Any = None, refusal: str = "", status: int = 200
    ) -> HttpResponse:
        items = ReportItem.objects.filter(batch=batch).select_related("student", "student__unit").order_by("pk")
        wanted, text = request.GET.get("state", ""), request.GET.get("q", "").strip()[:30].replace("\x00", "")
        if wanted in ReportItem.State.values:
            items = items.filter(state=wanted)
        if text:
            items = items.filter(Q(student__number__startswith=text) | Q(student__name__startswith=text))
        page = page_of(request, items)
        left = left_out_in_scope(batch.left_out, batch.cohort)
        answer = self.page(
            request, "admin/reporting/batch.html", title=f"上报批次：{batch}", page=page, colours=ITEM_COLOURS, wanted=wanted, text=text,
            rows=[(item, ITEM_COLOURS[item.state]) for item in page], states=[("", "全部"), *ReportItem.State.choices],
            left=left[:LEFT_SHOWN], left_count=len(left), form=form or AnswerForm(), refusal=refusal,
            exchanges=Exchange.objects.filter(batch=batch)[:50] if batch.channel == Channel.HTTP else (),
            **self._top(request, batch),
        )  # fmt: skip
        answer.status_code = status
        return answer

    def deed_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """run | mark | answer | repeat; the services say what is refused."""
        batch = self._batch(request, pk)
        deed = request.POST.get("deed")
        require_whole(request, batch, CHANGE)
        if getattr(request, "upload_refused", False):
            return self._page(request, batch, refusal=too_large(), status=413)
        try:
            if deed == "answer":
                return self._answer(request, batch)
            if deed == "run":
                self._run(request, batch)
            elif deed == "mark":
                batches.mark_sent(batch, by=request.user, request=request)
                messages.success(request, f"已标记为已上报：{batch.count} 条。对方反馈后，请在本页登记结果。")
            elif deed == "repeat":
                again = batches.repeat(batch, by=request.user)
                messages.success(request, f"已生成只含被退回学生的批次：{again.count} 条。")
                batch = again
            else:
                raise Http404
        except Refused as refusal:
            messages.error(request, refusal.sentence)
        return HttpResponseRedirect(reverse("admin:reporting_reportbatch_change", args=[batch.pk]))

    def _run(self, request: HttpRequest, batch: ReportBatch) -> None:
        if not self._top(request, batch)["may_run"]:
            raise WrongState(f"该批次为「{batch.get_state_display()}」，不能再次执行。")
        run(batch, request.user)
        messages.success(request, "已重新开始，进度显示在本页。")

    def _answer(self, request: HttpRequest, batch: ReportBatch) -> HttpResponse:
        form = AnswerForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, batch, form, status=400)
        try:
            taken = answers.answer(batch, form.cleaned_data["file"], by=request.user, request=request)
        except UploadRefused as refusal:
            return self._page(request, batch, form, refusal.sentence, 400)
        extra = f"；另有 {taken.strangers} 个学号不属于本批次，未处理" if taken.strangers else ""
        messages.success(
            request,
            f"已登记 {taken.rows} 条反馈，累计接收 {taken.batch.accepted} 条、退回 {taken.batch.rejected} 条{extra}。",
        )
        return HttpResponseRedirect(reverse("admin:reporting_reportbatch_change", args=[batch.pk]))

    def download_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The file to upload, with full numbers; on record."""
        batch = self._batch(request, pk)
        require_whole(request, batch, CHANGE)
        if not batch.file:
            raise Http404
        return stored_file(request, batch, batch.file_name)


@admin.register(ReportItem)
class ReportItemAdmin(ReadOnlyAdmin):
    """报送日志: every row that was ever sent, found by student; a student's number brings their whole past."""

    empty_text = "生成上报批次后，每名学生的报送情况和结果列在这里。"
    list_display = ("who", "batch_name", "kind", "state_badge", "message", "answered_at")
    list_filter = ("state", "batch__kind")
    list_select_related = ("student", "batch", "batch__cohort")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    sortable_by = ()
    ordering = ("-batch__made_at", "pk")

    def narrow_list(self, request: HttpRequest, rows: Any) -> Any:
        return rows.filter(batch__cohort__in=cohorts.cohort_ids(request))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        item = self.object_or_404(request, object_id)
        if request.method != "GET" or not self.has_view_permission(request, item):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:reporting_reportbatch_change", args=[item.batch_id]))

    @display(description="学生")
    def who(self, item: ReportItem) -> str:
        url = reverse("admin:students_student_change", args=[item.student_id])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, item.student)

    @display(description="批次")
    def batch_name(self, item: ReportItem) -> str:
        url = reverse("admin:reporting_reportbatch_change", args=[item.batch_id])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, item.batch)

    @display(description="内容")
    def kind(self, item: ReportItem) -> str:
        return item.batch.get_kind_display()

    @display(description="结果")
    def state_badge(self, item: ReportItem) -> str:
        return badge(item.get_state_display(), ITEM_COLOURS[item.state])
