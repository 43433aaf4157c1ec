"""解约 and 协议书申请 as the student meets them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from exports.documents import signing as paper
from models.agreements import applying, signing, terminations
from models.agreements.models import NumberApplication, Termination
from models.audit.request import client_ip
from self_service import entering, subjects
from self_service.pages.base import render, student_page
from self_service.pages.choosing import version_of
from self_service.proofs import download, pdf, remove_posted, store_posted
from self_service.sheets import Sheet
from workflows import story
from workflows.errors import Absent, Invalid, Refused
from workflows.levels import Status

COLUMNS = ("单位名称", "协议书编号", "签约类型", "发起人", "审核状态", "目前由谁办理")


# -- 解约 ------------------------------------------------------------------------------------------------------------------


@student_page("GET", "POST")
def list_all(request: HttpRequest) -> HttpResponse:
    """解约列表, and the beginning of a new request."""
    student = request.user.student
    agreement = signing.latest(student)
    if request.method == "POST":
        if agreement is None:
            raise Absent("您还没有协议书。")
        try:
            made = terminations.begin(agreement, by=request.user)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return redirect("student_terminations")
        return redirect("student_termination", pk=made.pk)
    rows = Termination.objects.select_related("agreement__employer", "student").filter(student=student).order_by("-pk")
    found = list(rows)
    for row in found:
        row.holder = terminations.holder(row)
    held = agreement if agreement is not None and agreement.in_force else None
    context = {
        "rows": found,
        "held": held,
        "refusal": terminations.refusal(held) if held else "您目前没有有效的协议书。",
        "under_way": terminations.open_for(held) if held else None,
        "current": "signing",
    }
    return render(request, "student/signing/terminations.html", context)


def _own(request: HttpRequest, pk: int) -> Termination:
    rows = Termination.objects.select_related(*Termination.joins(), "agreement__employer", "student__user")
    found = rows.filter(pk=pk, student=request.user.student).first()
    if found is None:
        raise Absent("没有找到这份解约申请。")
    return found


@student_page("GET", "POST")
def termination(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: fill in and submit, upload the proof when it is due, see who has it."""
    row = _own(request, pk)
    if request.method == "POST":
        return _do(request, row)
    return _show(request, row)


def _show(request: HttpRequest, row: Termination, sheet: Sheet | None = None, **context: Any) -> HttpResponse:
    sheet = sheet or Sheet(row, request.user, reveal=getattr(request, "impersonator", None) is None)
    kinds = [kind for kind in row.evidence_kinds() if row.evidence_refusal(kind, request.user) is None]
    shown = {
        "sheet": sheet, "termination": row, "holder": terminations.holder(row), "waits_for": row.waits_for() if row.waiting_level == "school" else "",
        "kinds": kinds, "files": row.evidence(), "events": list(reversed(story.timeline(row))), "name": "termination",
        "errors": [entry for entry in sheet.entries.values() if entry.error], "mine": row.applicant_id == request.user.pk,
        "open_kinds": {kind.key for kind in kinds}, "current": "signing", **context,
    }  # fmt: skip
    return render(request, "student/signing/termination.html", shown)


def _do(request: HttpRequest, row: Termination) -> HttpResponse:
    do = request.POST.get("do", "")
    try:
        if do == "upload":
            store_posted(request, row)
        elif do == "remove":
            remove_posted(request, row)
        elif do == "withdraw":
            subjects.withdraw(row, request.user, expected=version_of(request), origin=client_ip(request))
            messages.success(request, "已撤回解约申请。")
        elif do == "cancel":
            terminations.cancel(row, by=request.user)
            messages.success(request, "已取消解约申请，协议书照旧有效。")
            return redirect("student_terminations")
        else:
            return _save(request, row, submit=do == "submit")
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect("student_termination", pk=row.pk)


def _save(request: HttpRequest, row: Any, *, submit: bool) -> HttpResponse:
    sheet = Sheet(row, request.user)
    entered = entering.read(request.POST, sheet)
    problems = {**subjects.save_what_can_be(row, entered.values, request.user, version_of(request)), **entered.problems}
    if not problems and submit:
        try:
            subjects.submit(row, request.user, expected=row.version, origin=client_ip(request))
            messages.success(request, "已提交，审核结果会通知您。")
        except Invalid as refusal:
            problems = refusal.errors
    if not problems:
        if not submit:
            messages.success(request, "已保存。")
        return redirect(request.path)
    fresh = Sheet(row, request.user)
    entering.mark(fresh, entered, problems)
    elsewhere = [sentence for name, sentence in problems.items() if name not in fresh.entries]
    show = _show if isinstance(row, Termination) else _show_application
    return show(request, row, fresh, not_submitted=submit, elsewhere=elsewhere)


@student_page()
def proof_form(request: HttpRequest, pk: int) -> HttpResponse:
    """标准解除证明 to be stamped."""
    return pdf(paper.termination_proof(_own(request, pk).agreement), "解除就业协议证明.pdf")


@student_page()
def proof_file(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """A file of the request."""
    return download(request, _own(request, pk), file)


# -- 协议书申请 --------------------------------------------------------------------------------------------------------------


@student_page("GET", "POST")
def application(request: HttpRequest) -> HttpResponse:
    """协议书申请: the newest one, or a new one (`do` = begin)."""
    rows = NumberApplication.objects.select_related(*NumberApplication.joins(), "number", "school")
    row = rows.filter(student=request.user.student).order_by("-pk").first()
    if request.method != "POST":
        return _show_application(request, row)
    do = request.POST.get("do", "")
    try:
        if do == "begin":
            applying.begin(request.user.student, by=request.user)
        elif row is None:
            raise Absent("您还没有协议书申请。")
        elif do == "upload":
            _save_fields(request, row)
            store_posted(request, row)
        elif do == "remove":
            remove_posted(request, row)
        elif do == "withdraw":
            subjects.withdraw(row, request.user, expected=version_of(request), origin=client_ip(request))
        else:
            return _save(request, row, submit=do == "submit")
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect("student_number_application")


def _save_fields(request: HttpRequest, row: NumberApplication) -> None:
    entered = entering.read(request.POST, Sheet(row, request.user))
    subjects.save_what_can_be(row, entered.values, request.user, version_of(request))


def _show_application(
    request: HttpRequest, row: NumberApplication | None, sheet: Sheet | None = None, **context: Any
) -> HttpResponse:
    student = request.user.student
    if row is not None and sheet is None:
        sheet = Sheet(row, request.user, reveal=getattr(request, "impersonator", None) is None)
    shown = {
        "sheet": sheet, "application": row, "may_begin": row is None or row.status in (Status.APPROVED, Status.VOIDED),
        "first": applying.is_first(student), "kinds": row.evidence_kinds() if row else (), "files": row.evidence() if row else (),
        "errors": [entry for entry in sheet.entries.values() if entry.error] if sheet else [],
        "events": list(reversed(story.timeline(row))) if row else (), "name": "numberapplication", "current": "signing", **context,
    }  # fmt: skip
    return render(request, "student/signing/application.html", shown)


@student_page()
def application_form(request: HttpRequest) -> HttpResponse:
    """《申请表》."""
    rows = NumberApplication.objects.select_related("student__major__college", "number", "school")
    row = rows.filter(student=request.user.student).order_by("-pk").first()
    if row is None:
        raise Absent("您还没有协议书申请。")
    return pdf(paper.application_forms([row]), "协议书申请表.pdf")


@student_page()
def application_file(request: HttpRequest, pk: int) -> HttpResponse:
    """A file of the application."""
    row = NumberApplication.objects.filter(student=request.user.student).order_by("-pk").first()
    if row is None:
        raise Absent("没有找到该文件。")
    return download(request, row, pk)
