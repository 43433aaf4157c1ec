"""单位中心: the employer's first page, its schools, and its account."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from models.accounts import own, trail
from models.accounts.models import SchoolOf
from models.employers import admission, services
from models.employers.matters import EmployerAdmission, EmployerVerification
from models.notices import services as notices
from self_service import mailbox, privacy
from self_service.addresses import go
from self_service.employer_forms import AdmissionForm
from self_service.pages.base import employer_page, render
from self_service.pages.contact import edit_contact
from self_service.sheets import Sheet
from workflows.errors import Refused
from workflows.levels import Status

RECENT = 3


def _records(user: Any) -> tuple[Sheet, list[Sheet]]:
    """单位审核 and every 入驻 of this employer."""
    verification = EmployerVerification.objects.select_related("employer", "school").get(employer=user.employer)
    admissions = EmployerAdmission.objects.select_related("employer", "school").filter(employer=user.employer)
    return Sheet(verification, user), [Sheet(row, user) for row in admissions.order_by("school__code")]


@employer_page()
def home(request: HttpRequest) -> HttpResponse:
    """/employer/: what is to be done now, how the review stands, the schools, what is new."""
    user = request.user
    verification, admissions = _records(user)
    open_at = set(services.admitted_schools(user.employer))
    for sheet in admissions:
        sheet.paused = sheet.status == Status.APPROVED and sheet.record.school_id not in open_at
    context = {
        "employer": user.employer,
        "verification": verification,
        "admissions": admissions,
        "to_do": [sheet for sheet in (verification, *admissions) if sheet.is_due],
        "form": _offer(verification, admissions),
        "recent": notices.inbox(user).filter(read_at__isnull=True)[:RECENT],
        "consented": privacy.consented(user),
        "waiting": mailbox.waiting(request),
        "current": "home",
    }
    return render(request, "employer/home.html", context)


def _offer(verification: Sheet, admissions: list[Sheet], data: Any = None) -> AdmissionForm | None:
    """The choice of further schools; None before the review or when there is no further school."""
    if verification.status != Status.APPROVED:
        return None
    form = AdmissionForm({sheet.record.school_id for sheet in admissions}, data)
    return form if form.offered else None


@employer_page("POST")
def apply(request: HttpRequest) -> HttpResponse:
    """申请入驻: begin at the chosen school; the form of the application follows."""
    verification, admissions = _records(request.user)
    form = _offer(verification, admissions, request.POST)
    if form is None or not form.is_valid():
        messages.error(request, "请选择要申请入驻的学校。" if form else "单位审核通过后才能申请入驻其他学校。")
        return redirect("employer_home")
    school = SchoolOf.active().get(pk=form.cleaned_data["school"])
    try:
        record = admission.apply(request.user.employer, school, request.user)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("employer_home")
    return go(request.user, "matter", record)


@employer_page("GET", "POST")
def account(request: HttpRequest) -> HttpResponse:
    """账号: phone and mailbox of the account, password, log-ins."""
    user = request.user
    form, answer = edit_contact(request, "employer_account")
    if answer is not None:
        return answer
    context = {"form": form, "waiting": mailbox.waiting(request), "logins": trail.logins(user), "current": "account"}
    return render(request, "employer/account.html", context)


@employer_page("POST")
def end_sessions(request: HttpRequest) -> HttpResponse:
    """退出其他设备: every session but this one."""
    own.end_sessions(request.user, request=request)
    update_session_auth_hash(request, request.user)
    messages.success(request, "其他设备上的登录已全部退出。")
    return redirect("employer_account")


@employer_page("POST")
def agree(request: HttpRequest) -> HttpResponse:
    """Agree to the present notice on personal data."""
    own.prefer(request.user, consent=privacy.consent())
    messages.success(request, "已记录您的同意。")
    return redirect("employer_home")
