"""专业转移, 学籍异动 and 修改申请 as lists, and the page on which the receiving college decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from admin_site.matters import changes  # noqa: F401  (registers 修改申请)
from admin_site.scoped import ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from models.organisation.models import OrgUnit
from models.students import transfers
from models.students.models import MajorTransfer, RollChange
from workflows.errors import Absent, Refused

STATES = {"waiting": "blue", "accepted": "green", "refused": "red", "cancelled": "grey"}


@admin.register(RollChange)
class RollChangeAdmin(ReadOnlyAdmin):
    """学籍异动: what was changed, by whom, why; done on the student's page."""

    empty_text = "在学生页面办理学籍异动后，每次变动列在这里。"
    list_display = ("who", "old_status_text", "new_status_text", "reason", "by", "at")
    list_select_related = ("student", "by")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    sortable_by = ("at",)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        entry = self.object_or_404(request, object_id)
        return HttpResponseRedirect(reverse("admin:students_student_change", args=[entry.student_id]))

    @display(description="学生")
    def who(self, entry: RollChange) -> str:
        return format_html(
            '<a class="qh-link" href="{}">{}</a>',
            reverse("admin:students_student_change", args=[entry.student_id]),
            entry.student,
        )

    @display(description="原学籍状态")
    def old_status_text(self, entry: RollChange) -> str:
        return entry.get_old_status_display()

    @display(description="新学籍状态")
    def new_status_text(self, entry: RollChange) -> str:
        return entry.get_new_status_display()


class AcceptForm(forms.Form):
    """The class the student joins."""

    to_unit = forms.ModelChoiceField(None, label="转入班级", empty_label="请选择")
    opinion = forms.CharField(label="意见（可不填）", required=False, max_length=200)

    def __init__(self, transfer: MajorTransfer, data: Any = None) -> None:
        super().__init__(data, initial={"to_unit": transfer.to_unit_id})
        classes = OrgUnit.objects.filter(parent=transfer.to_major.unit_id, kind=OrgUnit.Kind.CLASS, is_active=True)
        self.fields["to_unit"].queryset = classes


@admin.register(MajorTransfer)
class MajorTransferAdmin(ReadOnlyAdmin):
    """专业转移: both colleges see it; the receiving one accepts or refuses, the leaving one may take it back."""

    empty_text = "转出学院在学生页面提出专业转移后列在这里，由转入学院接收。"
    list_display = ("who", "from_major", "to_major", "state_text", "asked_by", "asked_at", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("student", "from_major", "to_major", "asked_by", "decided_by")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    sortable_by = ("asked_at", "decided_at")

    @display(description="学生")
    def who(self, transfer: MajorTransfer) -> str:
        url = reverse("admin:students_majortransfer_change", args=[transfer.pk])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, transfer.student)

    @display(description="状态")
    def state_text(self, transfer: MajorTransfer) -> str:
        return badge(transfer.get_state_display(), STATES[transfer.state])

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        joins = (
            "student",
            "from_major__college",
            "to_major__college",
            "to_major__unit",
            "to_unit",
            "to_cohort",
            "asked_by",
            "decided_by",
        )
        return super().get_queryset(request).select_related(*joins)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        transfer = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, transfer):
            raise Http404
        if request.method != "POST":
            return self._page(request, transfer, AcceptForm(transfer))
        form = AcceptForm(transfer, request.POST)
        try:
            sentence = self._deed(request, transfer, form)
        except Absent:
            raise Http404 from None
        except Refused as refusal:
            return self._page(request, self.object_or_404(request, object_id), form, refusal)
        if sentence is None:
            return self._page(request, transfer, form, status=400)
        messages.success(request, sentence)
        return HttpResponseRedirect(reverse("admin:students_majortransfer_changelist"))

    def _deed(self, request: HttpRequest, transfer: MajorTransfer, form: AcceptForm) -> str | None:
        """Do what was posted; the sentence for the person, None where the form does not hold."""
        deed, opinion = request.POST.get("deed"), request.POST.get("opinion", "")
        name = transfer.student.name
        deeds: dict[str, Callable[[], str]] = {
            "refuse": lambda: (
                transfers.refuse(transfer, opinion, by=request.user, request=request),
                f"未接收 {name}，已告知转出学院。",
            )[1],
            "cancel": lambda: (
                transfers.cancel(transfer, by=request.user, request=request),
                f"已撤销 {name} 的专业转移申请。",
            )[1],
        }
        if deed in deeds:
            return deeds[deed]()
        if deed != "accept" or not form.is_valid():
            return None
        unit = form.cleaned_data["to_unit"]
        transfers.accept(transfer, by=request.user, to_unit=unit, opinion=form.cleaned_data["opinion"], request=request)
        return f"{name} 已转入{transfer.to_major}{unit}，其全部记录随之转移。"

    def _page(
        self,
        request: HttpRequest,
        transfer: MajorTransfer,
        form: AcceptForm,
        refusal: Refused | None = None,
        *,
        status: int = 200,
    ) -> HttpResponse:
        waiting = transfer.state == MajorTransfer.State.WAITING
        response = self.page(
            request, "admin/students/transfer.html", title=f"专业转移：{transfer.student.name}", subtitle=None, transfer=transfer, form=form,
            refusal=refusal, colour=STATES[transfer.state], may_decide=waiting and transfers.may_decide(transfer, request.user),
            may_cancel=waiting and transfers.may_cancel(transfer, request.user),
            sees_student=request.user.scope.covers(transfer.student.org_path),
        )  # fmt: skip
        response.status_code = refusal.status if refusal else status
        return response
