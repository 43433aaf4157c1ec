"""The first page of the back office: what waits for this person, what closes soon, what runs in the background."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from admin_site import cohorts
from exports.selection import WAITING, Selection
from models.employers.models import AccountAppeal
from models.jobs.services import latest
from models.notices.services import inbox, unread
from models.students.models import MajorTransfer
from workflows.chain import matters
from workflows.models import ChangeRequest, Window
from workflows.scoping import below

SOON = timedelta(days=14)


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Context of the index page."""
    context.update(
        {
            "title": "工作台",
            "queues": queues(request),
            "windows": closing_windows(request),
            "jobs": latest(request.user, 5),
            "notices": inbox(request.user)[:6],
            "notices_unread": unread(request.user),
            "no_appointment": not request.user.is_superuser and not request.user.appointments,
        }
    )
    return context


def _url(name: str, query: str = "") -> str:
    return reverse(f"admin:{name}") + query


def queues(request: HttpRequest) -> list[dict[str, Any]]:
    """What waits for the person, one line per kind: {"title", "count", "url"}; a matter always has its line, other kinds when not empty."""
    found = []
    for model in matters():
        model_admin = admin.site._registry.get(model)
        if model_admin is None or not model_admin.has_view_or_change_permission(request):
            continue
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        # The list's own words for "waiting for me", so that the figure and what it leads to agree (off-roll students left out).
        waiting = Selection(model._meta.label_lower, cohorts.ids_for(request, model), status=WAITING)
        count = waiting.queryset(request.user).count()
        link = _url(f"{name}_changelist", f"?status={WAITING}") or _url(f"{name}_overview")
        found.append(
            {"title": str(model._meta.verbose_name), "count": count, "url": link, "overview": _url(f"{name}_overview")}
        )
    if request.user.has_perm("students.view_majortransfer"):
        paths = [path for level in ("college", "school") for path in request.user.level_paths(level)]
        waiting = MajorTransfer.objects.filter(below("to_path", paths), state=MajorTransfer.State.WAITING).count()
        found.append(
            {
                "title": "专业转移待接收",
                "count": waiting,
                "url": _url("students_majortransfer_changelist", "?state__exact=waiting"),
            }
        )
    if request.user.has_perm("employers.view_accountappeal"):
        waiting = AccountAppeal.objects.filter(state=AccountAppeal.State.WAITING).count()
        url = _url("employers_accountappeal_changelist", "?state__exact=waiting")
        found.append({"title": "单位账号申诉", "count": waiting, "url": url})
    if request.user.has_perm("workflows.view_changerequest"):
        waiting = ChangeRequest.objects.filter(state=ChangeRequest.State.WAITING).count()
        found.append(
            {
                "title": "修改申请",
                "count": waiting,
                "url": _url("workflows_changerequest_changelist", "?state__exact=waiting"),
            }
        )
    return found


def closing_windows(request: HttpRequest) -> list[dict[str, Any]]:
    """Windows that close within a fortnight, soonest first: {"matter", "unit", "closes_at", "days"}."""
    now = timezone.now()
    names = {model._meta.label_lower: model._meta.verbose_name for model in matters()}
    rows = (
        Window.objects.filter(
            Q(cohort__isnull=True) | Q(cohort__in=cohorts.cohort_ids(request)),
            closes_at__gt=now,
            closes_at__lte=now + SOON,
        )
        .select_related("org_unit", "school")
        .order_by("closes_at")[:8]
    )
    return [
        {
            "matter": names.get(row.matter, row.matter),
            "unit": row.org_unit or row.school or "全部学校",
            "closes_at": row.closes_at,
            "days": (timezone.localdate(row.closes_at) - timezone.localdate()).days,
        }
        for row in rows
    ]
