"""未就业名单: how many have not registered, are under way, or count as not placed; every figure opens the list of just these students."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from admin_site import cohorts
from admin_site.forms import expected
from admin_site.matters.verbs import url_name
from exports.placement import NAME, NONE, OPEN, UNPLACED, WORDS, conditions
from exports.selection import PREFIX
from models.organisation.models import OrgUnit
from models.outcomes import services
from models.outcomes.models import Outcome
from models.students.models import Student
from models.students.places import off_roll_codes
from workflows.errors import Absent, Refused

SHOWN = (NONE, OPEN, UNPLACED)
LISTED = 100


def urls(admin: Any) -> list[Any]:
    """The page, and 代为登记."""
    if admin.model is not Outcome:
        return []
    wrap = admin.admin_site.admin_view
    return [
        path("unplaced/", wrap(partial(view, admin)), name="outcomes_outcome_unplaced"),
        path("<int:pk>/hand-in/", wrap(partial(hand_in, admin)), name="outcomes_outcome_hand_in"),
        path("register/<int:student>/", wrap(partial(register, admin)), name="outcomes_outcome_register"),
    ]


def view(admin: Any, request: HttpRequest) -> HttpResponse:
    """By college; below, the first of those without a record, with 代为登记."""
    if not admin.has_view_permission(request):
        raise PermissionDenied
    people = Student.objects.filter(cohort__in=cohorts.cohort_ids(request)).exclude(roll_status__in=off_roll_codes())
    every = conditions()
    lines: dict[str, dict[str, int]] = {}
    for key in SHOWN:
        for path_, number in people.filter(every[key]).order_by().values_list("org_path").annotate(n=Count("pk")):
            college = "/".join(path_.split("/")[:2]) + "/"
            line = lines.setdefault(college, dict.fromkeys(SHOWN, 0))
            line[key] += number
    names = dict(OrgUnit.objects.filter(path__in=list(lines)).values_list("path", "name"))
    root = reverse(url_name(Student, "changelist"))
    rows = [
        (names.get(unit, unit), [(number, f"{root}?{urlencode({'unit': unit, PREFIX + NAME: key})}") for key, number in line.items()])
        for unit, line in sorted(lines.items(), key=lambda item: names.get(item[0], ""))
    ]  # fmt: skip
    totals = [(sum(line[key] for line in lines.values()), f"{root}?{urlencode({PREFIX + NAME: key})}") for key in SHOWN]
    may = request.user.has_perm("outcomes.change_outcome")
    waiting = people.filter(every[NONE]).select_related("major", "unit").order_by("number")[:LISTED] if may else ()
    return admin.page(
        request, "admin/outcomes/unplaced.html", title="未就业名单", heads=[WORDS[key] for key in SHOWN], rows=rows, totals=totals,
        waiting=waiting, listed=LISTED,
    )  # fmt: skip


def register(admin: Any, request: HttpRequest, student: int) -> HttpResponse:
    """代为登记: an empty draft by staff; its page opens, where a template fills it in."""
    if request.method != "POST":
        raise Http404
    person = Student.objects.filter(pk=student).first()
    if person is None:
        raise Http404
    try:
        made = services.begin_for(person, request.user)
    except Absent as absent:
        raise Http404 from absent
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return HttpResponseRedirect(reverse("admin:outcomes_outcome_unplaced"))
    return HttpResponseRedirect(reverse(url_name(Outcome, "change"), args=[made.pk]) + "#act-edit")


def hand_in(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """送审: what staff filled in goes to review."""
    if request.method != "POST":
        raise Http404
    try:
        services.hand_in(Outcome(pk=pk), request.user, expected=expected(request))
    except Absent as absent:
        raise Http404 from absent
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, "已送审，并请学生确认。")
    return HttpResponseRedirect(reverse(url_name(Outcome, "change"), args=[pk]))
