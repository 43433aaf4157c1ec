"""The person's account: password, contact, privacy, log-ins and who has looked; and the end of looking as a student."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from models.accounts import impersonation, own, trail
from models.accounts.models import User
from self_service import mailbox, privacy
from self_service.forms import FirstPasswordForm, PasswordForm
from self_service.pages.base import home_of, local, public, render, student_page
from self_service.pages.contact import edit_contact, send_code


@public("GET", "POST")
def change_password(request: HttpRequest) -> HttpResponse:
    """修改密码, for everybody; with an initial password it is all that is open. Other sessions end, this one gets a new key."""
    user = request.user
    if not user.is_authenticated:
        return redirect("login")
    first = user.password_state == User.PasswordState.INITIAL
    form = (FirstPasswordForm if first else PasswordForm)(user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        if first:
            user.phone = form.cleaned_data["phone"] or user.phone
        own.change_password(user, form.cleaned_data["new1"], request=request)
        update_session_auth_hash(request, user)
        messages.success(request, "密码已修改，其他设备上的登录已失效。")
        address = form.cleaned_data.get("email", "")
        if address and address != user.email and send_code(request, user, address) and user.kind != User.Kind.STUDENT:
            return redirect("contact_code")  # a student finds it among what is to be done
        return HttpResponseRedirect(home_of(user))
    return render(request, "password.html", {"form": form, "first": first, "back": home_of(user)})


@student_page("GET", "POST")
def account(request: HttpRequest) -> HttpResponse:
    """账号: what is bound, what is shown, who was here."""
    user = request.user
    form, answer = edit_contact(request, "student_account")
    if answer is not None:
        return answer
    switches = [(key, privacy.SWITCHES[key][0], on) for key, on in privacy.switches(user).items()]
    context = {
        "form": form,
        "waiting": mailbox.waiting(request),
        "switches": switches,
        "logins": trail.logins(user),
        "viewings": trail.viewings(user),
        "consent": user.preferences.get("consent"),
        "consented": privacy.consented(user),
        "current": "account",
    }
    return render(request, "student/account.html", context)


@student_page("POST")
def set_privacy(request: HttpRequest) -> HttpResponse:
    """隐私设置: the switches that are ticked, the others off."""
    privacy.switch(request.user, {key: key in request.POST for key in privacy.SWITCHES})
    messages.success(request, "隐私设置已保存。")
    return redirect("student_account")


@student_page("POST")
def agree(request: HttpRequest) -> HttpResponse:
    """Agree to the present notice on personal data."""
    own.prefer(request.user, consent=privacy.consent())
    messages.success(request, "已记录您的同意。")
    return HttpResponseRedirect(local(request.POST.get("next"), request) or "/student/")


@student_page("POST")
def end_sessions(request: HttpRequest) -> HttpResponse:
    """退出其他设备: every session but this one."""
    own.end_sessions(request.user, request=request)
    update_session_auth_hash(request, request.user)
    messages.success(request, "其他设备上的登录已全部退出。")
    return redirect("student_account")


@public()
def privacy_notice(request: HttpRequest) -> HttpResponse:
    """The notice on personal data."""
    return render(request, "privacy.html", {"version": privacy.VERSION})


@public("POST")
def stop_impersonation(request: HttpRequest) -> HttpResponse:
    """结束查看: back to the back office as oneself."""
    state = impersonation.stop(request) if request.user.is_authenticated else None
    if state:
        messages.success(request, "已结束以学生身份查看。")
    return redirect("/admin/")
