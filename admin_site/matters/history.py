"""What happened to a record, in plain words: every change and every step, newest first."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from admin_site.matters.verbs import url_name
from workflows.story import story


def urls(admin: Any) -> list[Any]:
    """None of its own: the admin's history address leads here (`history_view`)."""
    return []


def history_view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The story of one record, 200 events to a page; the same 404 whether the record is foreign or missing."""
    found = admin.viewed_or_404(request, object_id, *(admin.model.joins() if hasattr(admin.model, "joins") else ()))
    asked = request.GET.get("p", "1")
    told = story(
        found, page=int(asked) if asked.isdecimal() and len(asked) < 6 else 1,
        subject_user_id=getattr(found, "user_id", None) if not hasattr(found, "review") else None,
    )  # fmt: skip
    return admin.page(
        request, "admin/matters/history.html", title=f"修改记录：{found}", record=found, story=told,
        back=reverse(url_name(admin.model, "change"), args=[found.pk]),
    )  # fmt: skip
