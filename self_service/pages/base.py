"""What every page of the self-service side has in common: who may come in, strict headers, the frame's own figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.shortcuts import render as django_render
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.timesince import timeuntil
from django.views.decorators.http import require_http_methods

from models.accounts.models import User
from models.notices import services as notices
from self_service.addresses import SIDES
from workflows.errors import Absent

View = Callable[..., HttpResponse]

# The self-service pages need no inline style either; only unfold does, in the back office.
STRICT = csp_replace({"style-src": ["'self'"]})


def public(*methods: str) -> Callable[[View], View]:
    """A page of the front door: anybody, strict headers, never kept by a cache."""

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            patch_cache_control(response, private=True, no_store=True)
            return response

        return STRICT(require_http_methods(["HEAD", *(methods or ("GET",))])(wrapped))

    return decorate


def _page_of(kinds: tuple[str, ...], methods: tuple[str, ...]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @public(*methods)
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return HttpResponseRedirect(f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
            # Everybody on the own side only, also where one view serves both.
            if request.user.kind not in kinds or not request.path.startswith(home_of(request.user)):
                return redirect("home")
            try:
                return view(request, *args, **kwargs)
            except Absent as absent:
                raise Http404(absent.sentence) from absent

        return wrapped

    return decorate


def student_page(*methods: str) -> Callable[[View], View]:
    """A page of the student side. Strangers are sent to log in, staff to the back office; what is absent is a 404."""
    return _page_of((User.Kind.STUDENT,), methods)


def employer_page(*methods: str) -> Callable[[View], View]:
    """A page of the employer side, likewise."""
    return _page_of((User.Kind.EMPLOYER,), methods)


def own_page(*methods: str) -> Callable[[View], View]:
    """A page that students and employers both have, each below their own address."""
    return _page_of((User.Kind.STUDENT, User.Kind.EMPLOYER), methods)


def render(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    """A page in the frame, which shows the unread count and, while staff look as a student, until when."""
    frame: dict[str, Any] = {}
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated and user.kind in SIDES:
        frame = {"unread": notices.unread(user), "impersonator": getattr(request, "impersonator", None)}
        if frame["impersonator"]:
            frame |= {"impersonation": request.impersonation, "time_left": timeuntil(request.impersonation["until"])}  # type: ignore[attr-defined]
    return django_render(request, f"self_service/{template}", {**frame, **(context or {})}, status=status)


def local(url: str | None, request: HttpRequest) -> str:
    """`url` if it is a path of this very site, else "": no way out through `next`."""
    if not url or not url.startswith("/") or url.startswith(("//", "/\\")):
        return ""
    safe = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return url if safe else ""


def home_of(user: Any) -> str:
    """Where a person of this kind begins."""
    return {User.Kind.STAFF: "/admin/", User.Kind.STUDENT: "/student/", User.Kind.EMPLOYER: "/employer/"}[user.kind]
