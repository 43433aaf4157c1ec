"""Every request acts as somebody: the scope of the person, the cohort in view, and impersonation."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from models.accounts.impersonation import apply_impersonation
from workflows.scoping import acting


class ActingMiddleware:
    """Sets `request.user` (the student's account while staff look as that student), `request.impersonator`, and the row scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        apply_impersonation(request)
        with acting(request.user):
            return self.get_response(request)
