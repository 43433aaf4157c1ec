"""修改申请: what students of approved records ask to have changed; decided on the record's page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from unfold.decorators import display

from admin_site.matters.verbs import url_name, url_or_none
from admin_site.scoped import ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from workflows import fields
from workflows.chain import matter_by_label
from workflows.models import ChangeRequest

STATES = {"waiting": "blue", "accepted": "green", "refused": "red"}


def page_of(request: ChangeRequest) -> str:
    """Address of the record it is about."""
    return url_or_none(url_name(matter_by_label(request.matter), "change"), request.object_id) or ""


@admin.register(ChangeRequest)
class ChangeRequestAdmin(ReadOnlyAdmin):
    """The requests of the students in the person's scope, the waiting ones first; each leads to its record."""

    empty_text = "审核通过后学生要求更正内容时，申请列在这里等待处理。"
    list_display = ("who", "matter_name", "wanted", "reason", "state_text", "asked_at", "decided_by", "decided_at")
    list_filter = ("state",)
    list_select_related = ("subject_user", "decided_by")
    search_fields = ("subject_user__student__number__startswith", "subject_user__name__startswith")
    search_help_text = "学号或姓名"
    ordering = ("-state", "-asked_at")
    sortable_by = ("asked_at", "decided_at")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return HttpResponseRedirect(page_of(self.object_or_404(request, object_id)))

    @display(description="申请人")
    def who(self, one: ChangeRequest) -> str:
        return format_html('<a class="qh-link" href="{}">{}</a>', page_of(one), one.subject_user)

    @display(description="事务")
    def matter_name(self, one: ChangeRequest) -> str:
        return str(matter_by_label(one.matter)._meta.verbose_name)

    @display(description="申请修改")
    def wanted(self, one: ChangeRequest) -> str:
        """Labels only: the values stand, masked where they must be, on the record's page."""
        model = matter_by_label(one.matter)
        extras = {row.key: row for row in fields.policy.all_extras(model)}
        return "、".join(
            fields.column(model, name, extras).label
            for name in one.values
            if not name.startswith("extra.") or name[6:] in extras
        )

    @display(description="处理结果")
    def state_text(self, one: ChangeRequest) -> str:
        return badge(one.get_state_display(), STATES[one.state])
