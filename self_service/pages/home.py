"""The student's first page: what is to be done now, how far things are, what is new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from models.notices import services
from self_service import mailbox, privacy, subjects
from self_service.pages.base import render, student_page
from self_service.sheets import Sheet
from workflows.errors import Absent
from workflows.levels import Status

RECENT = 3


@dataclass
class Card:
    """One matter on the first page; without a sheet it has not begun."""

    model: type
    sheet: Sheet | None
    can_begin: bool = False

    @property
    def title(self) -> str:
        """The matter's name."""
        return str(self.model._meta.verbose_name)

    @property
    def name(self) -> str:
        """How the matter stands in URLs."""
        return self.model._meta.model_name

    @property
    def to_do(self) -> bool:
        """Whether the person has something to do here now."""
        return self.sheet.is_due or self.sheet.must_confirm if self.sheet else self.can_begin


def cards(request: HttpRequest) -> list[Card]:
    """One card per matter of the person, what is to be done first."""
    reveal = getattr(request, "impersonator", None) is None
    found = []
    for model in subjects.own_matters(request.user):
        try:
            found.append(Card(model, Sheet(subjects.find(request.user, model), request.user, reveal=reveal)))
        except Absent:
            if model.own_page:
                continue  # it begins on a page of its own, which says who may
            found.append(Card(model, None, subjects.can_begin(request.user, model, None)))
    return sorted(found, key=_urgency)


def _urgency(card: Card) -> tuple[bool, bool, bool]:
    """What is to be done, and of that first what came back, last what has not been begun."""
    returned = card.sheet is not None and card.sheet.status == Status.RETURNED
    return (not card.to_do, not returned, card.sheet is None)


@student_page()
def home(request: HttpRequest) -> HttpResponse:
    """/student/."""
    student = request.user.student
    shown = cards(request)
    context: dict[str, Any] = {
        "student": student,
        "cards": shown,
        "to_do": [card for card in shown if card.to_do],
        "recent": services.inbox(request.user).filter(read_at__isnull=True)[:RECENT],
        "consented": privacy.consented(request.user),
        "waiting": mailbox.waiting(request) if getattr(request, "impersonator", None) is None else None,
        "current": "home",
        "school": student.school,
    }
    return render(request, "student/home.html", context)


@student_page("POST")
def begin(request: HttpRequest, name: str) -> HttpResponse:
    """Begin a matter that nobody has begun for the student."""
    model = subjects.matter_named(name)
    subjects.create(request.user, model)
    return redirect("student_matter", name=name)
