"""The front door: one log-in page for everybody, logging out, and the page of those who tried too often."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect

from models.accounts.login import find_username
from models.accounts.models import User
from models.accounts.receivers import too_many_failures
from models.audit.models import Action, Result
from models.audit.services import record
from models.demo.place import ACCOUNTS, PASSWORD
from self_service.forms import LoginForm
from self_service.pages.base import home_of, local, public, render

WRONG = "账号或密码不正确。"
REMEMBERED = "school"  # cookie: which school was chosen last; nothing personal


@public()
def home(request: HttpRequest) -> HttpResponse:
    """/: to where a person of this kind begins, strangers to the log-in page."""
    return HttpResponseRedirect(home_of(request.user) if request.user.is_authenticated else settings.LOGIN_URL)


@public("GET", "POST")
def log_in(request: HttpRequest) -> HttpResponse:
    """Account or 学号, and password. Whatever is wrong, the answer is the same."""
    target = local(request.POST.get("next") or request.GET.get("next"), request)
    if request.user.is_authenticated and request.method == "GET":
        return HttpResponseRedirect(_destination(request.user, target))
    form = (
        LoginForm(request.POST)
        if request.method == "POST"
        else LoginForm(initial={"school": request.COOKIES.get(REMEMBERED)})
    )
    failed = False
    if request.method == "POST" and form.is_valid():
        username = find_username(form.cleaned_data["username"], form.cleaned_data["school"])
        if too_many_failures(username):
            record(Action.LOGIN_FAILED, request=request, result=Result.DENIED, username=username)
            return locked_out(request)
        user = authenticate(request, username=username, password=form.cleaned_data["password"])
        if user is not None:
            return _enter(request, user, target, form.cleaned_data["school"])
        failed = True
    context = {
        "form": form,
        "failed": failed,
        "wrong": WRONG,
        "next": target,
        "sent_here": bool(target) and request.method == "GET",
        "demo": demo_cards(),
    }
    return render(request, "login.html", context)


def _enter(request: HttpRequest, user: User, target: str, school: int | None) -> HttpResponse:
    login(request, user)  # a new session key, whatever the browser brought along
    response = HttpResponseRedirect(_destination(user, target))
    if school and user.kind == User.Kind.STUDENT:
        response.set_cookie(
            REMEMBERED, str(school), max_age=180 * 86400, httponly=True, samesite="Lax", secure=settings.HTTPS
        )
    return response


def _destination(user: User, target: str) -> str:
    """`target`, unless it is the other front door's."""
    own = home_of(user)
    wrong_door = target.startswith(("/admin/", "/student/", "/employer/")) and not target.startswith(own)
    return target if target and not wrong_door else own


def demo_cards() -> list[dict[str, str]]:
    """The demo accounts that are there, in demo mode only."""
    if not settings.DEMO:
        return []
    there = set(User.objects.filter(username__in=[name for name, *_ in ACCOUNTS]).values_list("username", flat=True))
    return [{"username": n, "who": w, "does": f, "password": PASSWORD} for n, w, f in ACCOUNTS if n in there]


@public("POST")
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session; only by a button, so that no link can do it."""
    logout(request)
    return redirect("login")


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Too many wrong passwords (also settings.AXES_LOCKOUT_CALLABLE); says nothing of whether the account exists."""
    if request.path.startswith("/api/"):
        body = {"detail": "登录失败次数过多，请 15 分钟后再试。", "code": "throttled"}
        return JsonResponse(body, status=429, json_dumps_params={"ensure_ascii": False})
    return render(request, "locked.html", status=429)
