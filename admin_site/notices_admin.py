"""通知: what the system and colleagues tell this person."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_POST

from admin_site.changelist import page_of
from admin_site.scoped import ReadOnlyAdmin
from models.notices.models import Notice
from models.notices.services import inbox, read


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """The own inbox; read here, written elsewhere."""

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        return inbox(request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.in_scope(request, obj)

    def get_urls(self) -> list[Any]:
        return [
            path("read/", self.admin_site.admin_view(require_POST(self.read_view)), name="notices_notice_read"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        page = page_of(request, self.get_queryset(request))
        return self.page(request, "admin_site/notices.html", title="通知", notices=page)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        raise Http404  # the list shows everything there is

    def read_view(self, request: HttpRequest) -> HttpResponse:
        """Mark all of them as read."""
        read(request.user)
        return redirect("admin:notices_notice_changelist")
