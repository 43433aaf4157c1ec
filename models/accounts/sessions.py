"""How long a session lasts: idle and absolute time-outs, and the door that a first password opens (security rows B1, B6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils import timezone

from models.accounts.models import User

STARTED, SEEN = "started", "seen"
IDLE = {User.Kind.STAFF: 30 * 60, User.Kind.STUDENT: 2 * 3600, User.Kind.EMPLOYER: 2 * 3600}
ABSOLUTE = settings.SESSION_COOKIE_AGE
MARK_EVERY = 60  # seconds; the session is not written at every request

CHANGE = "/password/change/"
# What an account on its first password reaches; everything else, the API and the back office included, leads to CHANGE.
OPEN_TO_FIRST_PASSWORD = frozenset({CHANGE, "/logout/", "/healthz", "/readyz"})

EXPIRED = "长时间没有操作，为保护您的信息已自动退出，请重新登录。"
MUST_CHANGE = "首次登录须先修改密码，之后才能使用其他功能。"


class SessionMiddleware:
    """Ends sessions that are over, and lets an initial password do nothing but be changed. Stands before anybody acts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            if is_over(request, user):
                logout(request)
                return _refuse(request, 401, "session_expired", EXPIRED, settings.LOGIN_URL)
            if user.password_state == User.PasswordState.INITIAL and request.path not in OPEN_TO_FIRST_PASSWORD:
                return _refuse(request, 403, "must_change_password", MUST_CHANGE, CHANGE)
        response = self.get_response(request)
        if user.is_authenticated and "Cache-Control" not in response.headers:
            # What a person who is logged in gets stays out of every cache unless a view has said otherwise (row D5).
            response.headers["Cache-Control"] = "private, no-store"
        return response


def mark(session: Any) -> None:
    """Start both clocks."""
    session[STARTED] = session[SEEN] = timezone.now().timestamp()


def is_over(request: HttpRequest, user: User) -> bool:
    """Whether the session has been idle or alive for too long; marks it as seen if not, at most once a minute."""
    now, session = timezone.now().timestamp(), request.session
    started, seen = session.get(STARTED), session.get(SEEN)
    if started is None or seen is None:
        mark(session)
        return False
    if now - seen > IDLE[user.kind] or now - started > ABSOLUTE:
        return True
    if now - seen > MARK_EVERY:
        session[SEEN] = now
    return False


def _refuse(request: HttpRequest, status: int, code: str, sentence: str, where: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse(
            {"detail": sentence, "code": code}, status=status, json_dumps_params={"ensure_ascii": False}
        )
    messages.warning(request, sentence)
    query = {"next": request.get_full_path()} if request.method == "GET" and where == settings.LOGIN_URL else {}
    return HttpResponseRedirect(f"{where}?{urlencode(query)}" if query else where)
