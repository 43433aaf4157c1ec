"""The graduation year in view: chosen at the top of every page, remembered for the person."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from admin_site.preferences import recall, remember
from models.organisation.cohorts import in_scope

KEY = "cohort_year"


def years(request: HttpRequest) -> list[int]:
    """The years to choose from, newest first."""
    return sorted({row.year for row in in_scope()}, reverse=True)


def current_year(request: HttpRequest) -> int | None:
    """The year in view: the one last chosen, else the newest that is not archived, else the newest; None without any cohort."""
    rows = in_scope()
    chosen = recall(request.user, KEY)
    if any(row.year == chosen for row in rows):
        return chosen
    return next((row.year for row in rows if not row.closed), rows[0].year if rows else None)


def ids_for(request: HttpRequest, model: type) -> tuple[int, ...] | None:
    """`cohort_ids` for the rows of `model`; None for what belongs to no graduation year, which is in view whatever the year."""
    return cohort_ids(request) if getattr(model, "by_cohort", True) else None


def cohort_ids(request: HttpRequest) -> tuple[int, ...]:
    """Ids of the cohorts of the year in view in the person's schools: one for a school, several for the province."""
    year = current_year(request)
    return tuple(sorted(row.id for row in in_scope() if row.year == year))


def context(request: HttpRequest) -> dict[str, Any]:
    """What the header needs."""
    return {"cohort_years": years(request), "cohort_year": current_year(request)}


def way_back(request: HttpRequest) -> str:
    """Where the person was: the posted `next` if it is a page of ours, else the first page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if safe else reverse("admin:index")


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Bring another year into view and go back to where one was."""
    try:
        year = int(request.POST.get("year", ""))
    except ValueError:
        year = 0
    if year not in years(request):
        return HttpResponseBadRequest("没有这一届，请重新选择毕业届。", content_type="text/plain; charset=utf-8")
    remember(request.user, **{KEY: year})
    return redirect(way_back(request))
