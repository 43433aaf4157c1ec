"""The employers' door: 单位注册, 账号申诉 and the link that an appeal may bring. No page here tells whether a code has an account."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from models.accounts.own import TooMany
from models.employers import appeals, registration
from self_service import privacy
from self_service.employer_forms import AppealForm, RegisterForm
from self_service.forms import CodeForm, NewPassword
from self_service.pages.base import public, render
from self_service.pages.joining import BACKEND
from workflows.errors import Conflict, Invalid

TICKET, APPEALED = "employer_ticket", "employer_appealed"


@public("GET", "POST")
def register(request: HttpRequest) -> HttpResponse:
    """单位注册, first step. What follows a well-formed form is the same for every 统一社会信用代码."""
    form, failure = RegisterForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            begun = registration.begin(
                given, given["new1"], given["school"], consent=privacy.consent(), request=request
            )
        except TooMany as refusal:
            return render(request, "employer/register.html", {"form": form, "failure": refusal.sentence}, status=429)
        request.session[TICKET] = {"ticket": begun.ticket, "email": begun.email}
        return redirect("employer_register_code")
    return render(request, "employer/register.html", {"form": form, "failure": failure})


@public("GET", "POST")
def register_code(request: HttpRequest) -> HttpResponse:
    """单位注册, second step: the code from the mailbox, in the session that asked; then straight into the centre."""
    kept = request.session.get(TICKET)
    if not kept:
        return redirect("employer_register")
    form, failure = CodeForm(request.POST or None), ""
    form.fields[
        "code"
    ].help_text = f"邮件中的 {registration.DIGITS} 位数字，{registration.Registration.MINUTES} 分钟内有效。"
    if request.method == "POST" and form.is_valid():
        try:
            user = registration.complete(kept["ticket"], form.cleaned_data["code"], request=request)
        except Conflict as refusal:
            del request.session[TICKET]
            return render(request, "employer/taken.html", {"sentence": refusal.sentence}, status=409)
        if user is not None:
            del request.session[TICKET]
            login(request, user, backend=BACKEND)
            messages.success(request, "注册成功。今后请用统一社会信用代码和密码登录。")
            return redirect("employer_home")
        failure = "验证码不正确，或已经失效，请核对邮件中的 8 位数字。输错 5 次后须点“重新填写”再次获取。"
    return render(request, "employer/register_code.html", {"form": form, "failure": failure, "email": kept["email"]})


@public("GET", "POST")
def appeal(request: HttpRequest) -> HttpResponse:
    """账号申诉. The receipt is the same whether or not there is such an account."""
    form, failure = AppealForm(request.POST or None, request.FILES or None), ""
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            appeals.file(given, given["licence"], given["school"], request=request)
        except TooMany as refusal:
            return render(request, "employer/appeal.html", {"form": form, "failure": refusal.sentence}, status=429)
        except Invalid as refusal:
            form.add_error("licence", next(iter(refusal.errors.values())))
        else:
            return redirect("employer_appeal_done")
    return render(request, "employer/appeal.html", {"form": form, "failure": failure})


@public()
def appeal_done(request: HttpRequest) -> HttpResponse:
    """The receipt."""
    return render(request, "employer/appeal_done.html")


@public("GET", "POST")
def reset(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an appeal: a new password, once, within thirty minutes. Looking at the page does not use it up."""
    user = appeals.account_of(token)
    if user is None:
        return render(request, "employer/reset_over.html", status=410)
    form = NewPassword(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if appeals.use_link(token, form.cleaned_data["new1"], request=request) is None:
            return render(request, "employer/reset_over.html", status=410)
        messages.success(request, "密码已设置，请用统一社会信用代码和新密码登录。")
        return redirect("login")
    return render(request, "employer/reset.html", {"form": form})
