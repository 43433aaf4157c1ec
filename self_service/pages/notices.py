"""Notices: the list, one of them, and marking as read. Opening is a button: a link, which anything may follow, changes nothing."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from models.accounts.models import User
from models.notices import services
from models.notices.models import Notice
from self_service.addresses import address, go
from self_service.pages.base import own_page, render
from self_service.subjects import find, own_matters
from workflows.errors import Absent
from workflows.policy import label

PER_PAGE = 20


@own_page()
def notices(request: HttpRequest) -> HttpResponse:
    """/student/notices/, /employer/notices/."""
    page = Paginator(services.inbox(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "student/notices.html", {"page": page, "current": "notices"})


@own_page()
def notice(request: HttpRequest, pk: int) -> HttpResponse:
    """One notice, with the way to what it is about."""
    found = _own(request, pk)
    about = next((model for model in own_matters(request.user) if label(model) == found.matter), None)
    return render(
        request,
        "student/notice.html",
        {"notice": found, "about": about and about._meta, "way": about and _way(request, about), "current": "notices"},
    )


@own_page("POST")
def open_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark as read and show."""
    services.read(request.user, _own(request, pk).pk)
    return go(request.user, "notice", pk=pk)


@own_page("POST")
def read_all(request: HttpRequest) -> HttpResponse:
    """全部标为已读."""
    services.read(request.user)
    return go(request.user, "notices")


def _way(request: HttpRequest, model: type) -> str:
    """The newest record of the person that a notice may be about; where there is none any more, the first page."""
    if model.section == "signing" and request.user.kind == User.Kind.STUDENT:
        return reverse("student_signing")  # offers, agreement and termination stand on one page
    try:
        return address(request.user, "matter", find(request.user, model))
    except Absent:
        return address(request.user, "home")


def _own(request: HttpRequest, pk: int) -> Notice:
    found = services.inbox(request.user).filter(pk=pk).select_related("sender").first()
    if found is None:
        raise Http404
    return found
