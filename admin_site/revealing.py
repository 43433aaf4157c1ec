"""Full ID and phone numbers on a page: the only place that lets somebody see what pages show masked (security row F5).

A look is a deed: asked for by a button, only with the function 查看完整证件号和手机号, only so many people an hour whichever pages they
are on, one audit row a look, and the next page is masked again. Whoever needs many numbers orders an export and says what for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse

from models.accounts.counters import hit, tried
from models.audit.models import Action
from models.audit.services import record
from workflows.errors import Refused

REVEAL = "accounts.reveal_identity"
PEOPLE_AN_HOUR = 60
HOUR = 3600
DEED = "reveal"


def may_reveal(user: Any) -> bool:
    """Whether the button is offered."""
    return user.has_perm(REVEAL)


def reveal(request: HttpRequest, obj: models.Model, *, people: int = 1, **detail: Any) -> None:
    """Count and record that the numbers of `people` people on the page of `obj` are shown.

    Raises PermissionDenied without the function, Refused (code "limit") beyond the hour's number; then nothing may be shown.
    """
    if not may_reveal(request.user):
        raise PermissionDenied
    person = str(request.user.pk)
    # Looked at before counting: a page too large for the rest of the hour leaves the smaller looks open.
    if tried(DEED, person, HOUR) + people > PEOPLE_AN_HOUR or hit(DEED, person, HOUR, people) > PEOPLE_AN_HOUR:
        smaller = f"本页有 {people} 人的号码，请减少每页行数；" if people > PEOPLE_AN_HOUR else "请稍后再试；"
        raise Refused(
            f"一小时内最多查看 {PEOPLE_AN_HOUR} 人的完整号码，{smaller}需要成批使用请走导出并填写用途。", code="limit"
        )
    if people != 1:
        detail["people"] = people
    record(Action.REVEAL, request=request, obj=obj, **detail)


@dataclass(frozen=True)
class Look:
    """What a page does about its numbers at this request; its fields are what admin/look.html reads."""

    reveal: bool = False
    may_reveal: bool = False
    problem: str = ""

    def upon(self, answer: HttpResponse) -> HttpResponse:
        """The page, answered 429 where the look was refused."""
        if self.problem:
            answer.status_code = 429
        return answer


def asked(request: HttpRequest) -> bool:
    """Whether this request is the button of admin/reveal.html."""
    return request.method == "POST" and request.POST.get("deed") == DEED


def only(request: HttpRequest) -> None:
    """PermissionDenied for whatever else is posted to a page that otherwise is just read."""
    if request.method not in ("GET", "HEAD") and not asked(request):
        raise PermissionDenied


def look(request: HttpRequest, obj: models.Model, *, people: int, **detail: Any) -> Look:
    """For a page that hides numbers of `people` people: masked, or in full where it was asked for. Raises PermissionDenied."""
    if not asked(request):
        return Look(may_reveal=people > 0 and may_reveal(request.user))
    try:
        reveal(request, obj, people=people, **detail)
    except Refused as refused:
        return Look(may_reveal=True, problem=refused.sentence)
    return Look(reveal=True)
