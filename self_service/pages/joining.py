"""学生激活 and 找回密码: both prove who somebody is in one step and set a password in the next; the session keeps what was proved."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from models.accounts import activation, own, recovery
from models.accounts.models import User
from models.notices.outbox import mail, queue
from self_service import privacy
from self_service.forms import ActivationForm, CodeForm, ForgotForm, IdentityForm, NewPassword
from self_service.pages.base import public, render
from self_service.pages.contact import send_code
from workflows.errors import Refused

BACKEND = "models.accounts.backends.FunctionBackend"
VERIFIED, TICKET, PROVED = "activation", "recovery_ticket", "recovery"
MINUTES = 10


def _keep(request: HttpRequest, key: str, user: User) -> None:
    """Remember for ten minutes that this session has proved to be `user`, as the account is now."""
    request.session[key] = {
        "user": user.pk,
        "epoch": user.session_epoch,
        "until": timezone.now().timestamp() + MINUTES * 60,
    }
    request.session.cycle_key()


def _proved(request: HttpRequest, key: str) -> User | None:
    """Whom this session has proved to be; None when too late, or when the account has changed since."""
    kept = request.session.get(key)
    if not kept or kept["until"] <= timezone.now().timestamp():
        return None
    return (
        User.objects.select_related("student")
        .filter(pk=kept["user"], session_epoch=kept["epoch"], is_active=True)
        .first()
    )


# -- activation ----------------------------------------------------------------------------------------------------------


@public("GET", "POST")
def identify(request: HttpRequest) -> HttpResponse:
    """学生激活, first step: facts that must agree with the roster; one sentence for every way in which they do not."""
    form, failure = IdentityForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            user = activation.verify(
                given["school"], given["number"], given["name"], given["identity"], request=request
            )
        except own.TooMany as refusal:
            return render(request, "activate.html", {"form": form, "failure": refusal.sentence}, status=429)
        if user is not None:
            _keep(request, VERIFIED, user)
            return redirect("activate_account")
        failure = activation.FAILED
    return render(request, "activate.html", {"form": form, "failure": failure})


@public("GET", "POST")
def activate_account(request: HttpRequest) -> HttpResponse:
    """学生激活, second step: own password, phone, mail and consent; then straight into the student pages."""
    user = _proved(request, VERIFIED)
    if user is None:
        messages.warning(request, "核对身份已超时，请重新填写。")
        return redirect("activate")
    form = ActivationForm(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            account = activation.activate(
                user,
                password=given["new1"],
                phone=given["phone"],
                request=request,
                consent=privacy.consent(),
            )
        except Refused as refusal:
            messages.warning(request, refusal.sentence)
            return redirect("login")
        del request.session[VERIFIED]
        login(request, account, backend=BACKEND)
        messages.success(request, "账号已激活，今后请用学号和新密码登录。")
        send_code(request, account, given["email"])
        return redirect("student_home")
    return render(request, "activate_account.html", {"form": form, "student": user.student})


# -- recovery ------------------------------------------------------------------------------------------------------------


@public("GET", "POST")
def forgot(request: HttpRequest) -> HttpResponse:
    """找回密码, first step. The answer is the same whether or not there is such an account with such a mailbox."""
    form, failure = ForgotForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            issued = recovery.ask(given["username"], given["school"], given["email"])
        except own.TooMany as refusal:
            return render(request, "forgot.html", {"form": form, "failure": refusal.sentence}, status=429)
        if issued.user is not None:
            text = (
                f"您正在找回密码，验证码为：{issued.code}\n\n10 分钟内有效，请勿告诉他人。如非本人操作，请忽略本邮件。"
            )
            queue(
                [
                    mail(
                        "code",
                        issued.user,
                        "找回密码验证码",
                        text,
                        about=issued.ticket,
                        address=issued.address,
                        secret=True,
                    )
                ]
            )
        request.session[TICKET] = issued.ticket
        return redirect("forgot_code")
    return render(request, "forgot.html", {"form": form, "failure": failure})


@public("GET", "POST")
def forgot_code(request: HttpRequest) -> HttpResponse:
    """找回密码, second step: the code, in the session that asked for it."""
    ticket = request.session.get(TICKET)
    if not ticket:
        return redirect("forgot")
    form, failed = CodeForm(request.POST or None), False
    if request.method == "POST" and form.is_valid():
        row = recovery.redeem(ticket, form.cleaned_data["code"], recovery.RESET)
        if row is not None:
            del request.session[TICKET]
            _keep(request, PROVED, row.user)
            return redirect("forgot_password")
        failed = True
    return render(request, "forgot_code.html", {"form": form, "failed": failed})


@public("GET", "POST")
def forgot_password(request: HttpRequest) -> HttpResponse:
    """找回密码, third step: the new password. Every session of the account ends."""
    user = _proved(request, PROVED)
    if user is None:
        messages.warning(request, "验证已超时，请重新获取验证码。")
        return redirect("forgot")
    form = NewPassword(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        own.change_password(user, form.cleaned_data["new1"], request=request, how="recovery")
        request.session.pop(PROVED, None)
        messages.success(request, "密码已重设，请用新密码登录。")
        return redirect("login")
    return render(request, "forgot_password.html", {"form": form})
