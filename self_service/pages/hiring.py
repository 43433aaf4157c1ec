"""单位的签约: find a student one knows, offer, recall; seal agreements; answer and ask for terminations."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from exports.documents import signing as paper
from models.agreements import finding, invitations, signing, terminations
from models.agreements.inviting import State
from models.agreements.models import Agreement, Termination
from models.audit.request import client_ip
from models.jobs.files import PrivateDownload
from self_service import entering, subjects
from self_service.api.signing import own_agreements, own_offers
from self_service.letters import rows_of
from self_service.offer_form import OfferForm
from self_service.pages.base import employer_page, render
from self_service.proofs import download, pdf, remove_posted, store_posted
from self_service.sheets import Sheet
from workflows import story
from workflows.errors import Absent, Invalid, Refused
from workflows.levels import Status

SHOWN = 50


@employer_page("GET", "POST")
def center(request: HttpRequest) -> HttpResponse:
    """/employer/signing/. POST `do`: find a student; send an offer to the one found."""
    if request.method != "POST":
        return _center(request)
    if request.POST.get("do") == "send":
        return _send(request)
    asked = {name: request.POST.get(name, "").strip()[:60] for name in ("name", "year", "phone")}
    try:
        found = finding.find_student(request.user.employer, by=request.user, request=request, **asked)
    except Refused as refusal:
        return _center(request, asked=asked, problem=refusal.sentence, status=refusal.status)
    return _center(request, asked=asked, found=found, form=OfferForm())


def _send(request: HttpRequest) -> HttpResponse:
    form = OfferForm(request.POST)
    found = {name: request.POST.get(f"found.{name}", "")[:100] for name in ("name", "school", "college", "major")}
    found["ticket"] = request.POST.get("ticket", "")[:500]
    try:
        made = invitations.send(request.user.employer, found["ticket"], form.values, by=request.user, request=request)
    except Invalid as refusal:
        return _center(
            request,
            found=found,
            form=OfferForm(request.POST, refusal.errors),
            problem="请处理以下内容后再发出。",
            status=400,
        )
    except Refused as refusal:
        return _center(request, found=found, form=form, problem=refusal.sentence, status=refusal.status)
    messages.success(request, f"已向 {made.student.name} 发出签约邀请。")
    return redirect("employer_offer", pk=made.pk)


def _center(request: HttpRequest, status: int = 200, **context: Any) -> HttpResponse:
    employer = request.user.employer
    endings = Termination.objects.select_related("agreement__employer", "student").filter(agreement__employer=employer)
    rows = list(endings.exclude(status__in=(Status.DRAFT, Status.VOIDED)).order_by("-pk")[:SHOWN])
    for row in rows:
        row.holder = terminations.holder(row)
    shown = {
        "employer": employer, "offers": own_offers(employer)[:SHOWN], "agreements": own_agreements(employer)[:SHOWN],
        "endings": rows, "current": "signing", **context,
    }  # fmt: skip
    return render(request, "employer/signing.html", shown, status=status)


@employer_page("GET", "POST")
def offer(request: HttpRequest, pk: int) -> HttpResponse:
    """One invitation; `do` = recall."""
    row = own_offers(request.user.employer).filter(pk=pk).first()
    if row is None:
        raise Absent("没有找到这份邀请。")
    if request.method == "POST":
        try:
            invitations.recall(row, by=request.user)
            messages.success(request, "已撤回邀请。")
        except Refused as refusal:
            messages.error(request, refusal.sentence)
        return redirect("employer_offer", pk=pk)
    context = {
        "offer": row,
        "groups": rows_of(row)[1:],
        "open": row.state == State.SENT,
        "events": row.events.order_by("-pk"),
        "current": "signing",
    }
    return render(request, "employer/offer.html", context)


@employer_page("POST")
def agreement(request: HttpRequest, pk: int) -> HttpResponse:
    """`do`: seal, or ask for the end of an agreement."""
    row: Agreement | None = own_agreements(request.user.employer).filter(pk=pk).first()
    if row is None:
        raise Absent("没有找到这份协议书。")
    try:
        if request.POST.get("do") == "seal":
            signing.seal_as_employer(row, by=request.user)
            paper.issued(row, request.user)
            messages.success(request, "已完成电子签章。")
        else:
            made = terminations.begin(row, by=request.user)
            return redirect("employer_termination", pk=made.pk)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return redirect("employer_signing")


@employer_page()
def agreement_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The numbered PDF of an agreement of one's own, as it was given out."""
    row = own_agreements(request.user.employer).filter(pk=pk).first()
    document = paper.held(row) if row is not None else None
    if row is None or document is None:
        raise Absent("协议书还没有生成，请等待学生生成后再下载。")
    return PrivateDownload(document.stored.name, f"就业协议书{row.number}.pdf")


@employer_page()
def proof_form(request: HttpRequest, pk: int) -> HttpResponse:
    """标准解除证明, to be stamped."""
    return pdf(paper.termination_proof(_ending(request, pk).agreement), "解除就业协议证明.pdf")


def _ending(request: HttpRequest, pk: int) -> Termination:
    rows = Termination.objects.select_related(*Termination.joins(), "agreement__employer", "student__user")
    found = rows.filter(pk=pk, agreement__employer=request.user.employer).first()
    if found is None or (found.status == Status.DRAFT and found.applicant_id != request.user.pk):
        raise Absent("没有找到这份解约申请。")
    return found


@employer_page("GET", "POST")
def ending(request: HttpRequest, pk: int) -> HttpResponse:
    """A termination as the employer meets it: to answer, to prove, or one's own to fill in."""
    row = _ending(request, pk)
    if request.method == "POST":
        try:
            answer = _do(request, row)
        except Invalid as refusal:
            for sentence in refusal.errors.values():
                messages.error(request, sentence)
            return redirect("employer_termination", pk=pk)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return redirect("employer_termination", pk=pk)
        return answer or redirect("employer_termination", pk=pk)
    sheet = Sheet(row, request.user)
    kinds = [kind for kind in row.evidence_kinds() if row.evidence_refusal(kind, request.user) is None]
    context = {
        "sheet": sheet, "termination": row, "holder": terminations.holder(row), "mine": row.applicant_id == request.user.pk, "kinds": kinds,
        "files": [one for one in row.evidence() if one.kind in {kind.key for kind in kinds}], "waits_for": row.waits_elsewhere(),
        "may_answer": terminations.holder(row) == "用人单位" and row.applicant_id != request.user.pk,
        "events": list(reversed(story.timeline(row))) if row.applicant_id == request.user.pk else (), "current": "signing",
    }  # fmt: skip
    return render(request, "employer/termination.html", context)


def _do(request: HttpRequest, row: Termination) -> HttpResponse | None:
    do = request.POST.get("do", "")
    if do in ("consent", "refuse"):
        terminations.answer(row, consents=do == "consent", note=request.POST.get("note", ""), by=request.user)
        messages.success(request, "已答复，学校会继续办理。")
    elif do == "upload":
        store_posted(request, row)
    elif do == "remove":
        remove_posted(request, row)
    elif do == "cancel":
        terminations.cancel(row, by=request.user)
        messages.success(request, "已取消解约申请。")
        return redirect("employer_signing")
    elif do == "withdraw":
        subjects.withdraw(row, request.user, expected=row.version, origin=client_ip(request))
    elif row.applicant_id == request.user.pk:
        entered = entering.read(request.POST, Sheet(row, request.user))
        subjects.save(row, entered.values, request.user, row.version)
        if do == "submit":
            subjects.submit(row, request.user, expected=row.version, origin=client_ip(request))
            messages.success(request, "已提交解约申请，等待院系审核。")
    return None


@employer_page()
def proof(request: HttpRequest, pk: int, file: int) -> HttpResponse:
    """The proof of a termination."""
    row = _ending(request, pk)
    if not any(one.pk == file and one.kind == "proof" for one in row.evidence()):
        raise Absent("没有找到该文件。")
    return download(request, row, file)
