"""签约邀请 as the student meets them: the letter, two confirmations, refusal, stepping back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from models.agreements import eligibility, invitations
from models.agreements.inviting import State
from models.agreements.models import SigningInvitation
from models.agreements.policy import setting_for
from self_service.letters import rows_of
from self_service.pages.base import render, student_page
from workflows.errors import Absent, Refused


def _offer(request: HttpRequest, pk: int) -> SigningInvitation:
    rows = SigningInvitation.objects.select_related("employer", "student__cohort", "student__major", "school")
    found = rows.filter(pk=pk, student=request.user.student).first()
    if found is None:
        raise Absent("没有找到这份邀请。")
    return found


@student_page("GET", "POST")
def offer(request: HttpRequest, pk: int) -> HttpResponse:
    """One letter. `do`: read (ask for the second confirmation), accept, refuse, back."""
    row = _offer(request, pk)
    if request.method == "POST":
        return _do(request, row)
    return _show(request, row)


def _show(request: HttpRequest, row: SigningInvitation, *, confirming: bool = False) -> HttpResponse:
    setting = setting_for(row.school_id, row.cohort_id)
    sent = row.state == State.SENT
    context = {
        "offer": row,
        "groups": rows_of(row),
        "setting": setting,
        "open": sent and not row.late,
        "considering": row.state == State.CONSIDERING,
        "obstacles": eligibility.obstacles(row.student) if sent else [],
        "held": eligibility.in_force(row.student) if sent else None,
        "confirming": confirming,
        "events": [] if sent else row.events.order_by("-pk"),
        "current": "signing",
    }
    return render(request, "student/signing/offer.html", context)


def _do(request: HttpRequest, row: SigningInvitation) -> HttpResponse:
    do = request.POST.get("do", "")
    try:
        if do == "read":
            if request.POST.get("read_rules") != "yes":
                messages.error(request, "请先阅读签约须知，并勾选同意。")
                return redirect("student_offer", pk=row.pk)
            invitations.read(row, by=request.user)
            return _show(request, row, confirming=True)
        if do == "accept":
            invitations.accept(
                row,
                read_rules=request.POST.get("read_rules") == "yes",
                sure=request.POST.get("sure") == "yes",
                by=request.user,
            )
            messages.success(request, "已应约。考虑期内可以取消，考虑期结束后协议生效。")
        elif do == "refuse":
            invitations.refuse(row, request.POST.get("why", ""), by=request.user)
            messages.success(request, "已拒绝这份邀请，并通知了单位。")
        elif do == "back":
            invitations.step_back(row, by=request.user)
            messages.success(request, "已取消签约，您可以重新选择。")
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        if refusal.code == "phone":
            return redirect("student_signing_phone")
    return redirect("student_offer", pk=row.pk)
