"""签约中心: may I sign, is my phone proved, what has come, what is under way; and 线下签约 in four steps."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from exports.documents import signing as paper
from models.agreements import eligibility, phones, signing, terminations
from models.agreements.models import Agreement, AgreementNumber, NumberApplication, SigningInvitation, Termination
from models.agreements.policy import setting_for
from models.agreements.settings import SigningSetting
from models.audit.request import client_ip
from models.jobs.files import PrivateDownload
from self_service import entering, subjects
from self_service.pages.base import render, student_page
from self_service.pages.choosing import version_of
from self_service.proofs import download, pdf, remove_posted, store_posted
from self_service.sheets import Sheet
from workflows import story
from workflows.errors import Absent, Invalid, Refused, RulesFailed
from workflows.fields import mask
from workflows.levels import Status

STEPS = ("录入协议", "生成打印", "上传盖章件", "审核")
FILL, PRINT, UPLOAD, REVIEW = 1, 2, 3, 4


@student_page()
def center(request: HttpRequest) -> HttpResponse:
    """/student/signing/."""
    student = request.user.student
    setting = setting_for(student.school_id, student.cohort_id)
    agreement = signing.latest(student)
    profile = eligibility.profile_of(student)
    held = agreement if agreement is not None and agreement.status != Status.VOIDED else None
    context: dict[str, Any] = {
        "obstacles": eligibility.obstacles(student),
        "setting": setting,
        "phone": mask(profile.phone, "phone") if profile else "",
        "proved": bool(eligibility.verified_phone(student, profile)) or not setting.need_phone,
        "held": held,
        "ended": agreement if held is None else None,
        "step": step_of(held) if held is not None else 0,
        "offers": list(_offers(student)[:30]),
        "termination": _termination(student),
        "why_not_end": terminations.refusal(held) if held is not None and held.in_force else "",
        "needs_application": setting.number_issue != SigningSetting.Issue.AUTOMATIC or setting.later_needs_application,
        "number": _number(student),
        "application": NumberApplication.objects.filter(student=student).order_by("-pk").first(),
        "current": "signing",
    }
    return render(request, "student/signing/center.html", context)


def _offers(student: Any):
    return SigningInvitation.objects.select_related("employer").filter(student=student).order_by("-sent_at")


def _termination(student: Any) -> Termination | None:
    rows = Termination.objects.select_related("agreement__employer", "student").filter(student=student)
    found = rows.exclude(status=Status.VOIDED).order_by("-pk").first()
    if found is not None:
        found.holder = terminations.holder(found)
    return found


def _number(student: Any) -> str:
    rows = AgreementNumber._base_manager.filter(student=student, state=AgreementNumber.State.ISSUED)
    return rows.values_list("number", flat=True).first() or ""


# -- the phone -------------------------------------------------------------------------------------------------------------


@student_page("GET", "POST")
def phone(request: HttpRequest) -> HttpResponse:
    """手机验证: a code to the phone of 生源信息, then the code."""
    student = request.user.student
    profile = eligibility.profile_of(student)
    shown: dict[str, Any] = {
        "phone": mask(profile.phone, "phone") if profile else "",
        "current": "signing",
        "demo": settings.DEMO,
    }
    if request.method == "POST":
        try:
            if request.POST.get("do") == "send":
                check = phones.send_code(student)
                shown |= {"sent": True, "shown_code": getattr(check, "shown", "")}
                return render(request, "student/signing/phone.html", shown)
            phones.verify(student, request.POST.get("code", "")[:20])
        except Invalid as refusal:
            shown |= {"sent": True, "error": refusal.errors.get("code", refusal.sentence)}
            return render(request, "student/signing/phone.html", shown, status=400)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return redirect("student_signing_phone")
        messages.success(request, "手机已验证，可以签约了。")
        return redirect("student_signing")
    return render(request, "student/signing/phone.html", shown)


# -- on paper --------------------------------------------------------------------------------------------------------------


def step_of(row: Agreement) -> int:
    """Where the agreement stands on the way of four steps."""
    if row.status not in signing.OWN:
        return REVIEW
    if not row.number or row.generated_hash != row.digest():
        return FILL
    return UPLOAD if row.by_seal or any(one.kind == "stamped" for one in row.evidence()) else PRINT


def _own(request: HttpRequest) -> Agreement:
    found = signing.latest(request.user.student)
    if found is None or found.status == Status.VOIDED:
        raise Absent("您目前没有正在办理的协议书。")
    return found


@student_page("POST")
def begin(request: HttpRequest) -> HttpResponse:
    """线下签约: begin to fill in."""
    try:
        signing.begin(request.user.student, by=request.user)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("student_signing_phone" if refusal.code == "phone" else "student_signing")
    return redirect("student_agreement")


@student_page("GET", "POST")
def agreement(request: HttpRequest) -> HttpResponse:
    """The four steps. Buttons post `do`; `?step=` looks at another step than the one that is due."""
    try:
        row = _own(request)
    except Absent as refusal:  # an old tab or a bookmark: the centre says what can be done now
        messages.info(request, refusal.sentence)
        return redirect("student_signing")
    if request.method == "POST":
        return _do(request, row)
    return _show(request, row)


def _show(request: HttpRequest, row: Agreement, sheet: Sheet | None = None, **context: Any) -> HttpResponse:
    reveal = getattr(request, "impersonator", None) is None
    sheet = sheet or Sheet(row, request.user, reveal=reveal)
    due = step_of(row)
    asked = request.GET.get("step", "")
    step = int(asked) if asked in ("1", "2", "3") and int(asked) <= max(due, UPLOAD if due == PRINT else FILL) else due
    shown = {
        "sheet": sheet, "agreement": row, "step": step, "due": due, "steps": list(enumerate(STEPS, start=1)), "name": "agreement",
        "errors": [entry for entry in sheet.entries.values() if entry.error], "kinds": row.evidence_kinds(), "files": row.evidence(),
        "events": list(reversed(story.timeline(row))), "considering": _considering(row), "missing": sheet.missing,
        "may_discard": row.mode == Agreement.Mode.OFFLINE and row.status in signing.OWN, "current": "signing", **context,
    }  # fmt: skip
    return render(request, "student/signing/agreement.html", shown)


def _considering(row: Agreement) -> SigningInvitation | None:
    """The invitation this agreement came from, while the student may still step back."""
    return SigningInvitation.objects.filter(agreement=row, state="considering").first()


def _do(request: HttpRequest, row: Agreement) -> HttpResponse:
    deed = DEEDS.get(request.POST.get("do", ""), _save)
    try:
        return deed(request, row)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("student_agreement")


def _store(request: HttpRequest, row: Agreement) -> tuple[entering.Entered, dict[str, str]]:
    sheet = Sheet(row, request.user)
    entered = entering.read(request.POST, sheet)
    problems = subjects.save_what_can_be(row, entered.values, request.user, version_of(request))
    return entered, {**problems, **entered.problems}


def _again(
    request: HttpRequest, row: Agreement, entered: entering.Entered, problems: dict[str, str], **context: Any
) -> HttpResponse:
    sheet = Sheet(row, request.user)
    entering.mark(sheet, entered, problems)
    elsewhere = [sentence for name, sentence in problems.items() if name not in sheet.entries]
    return _show(request, row, sheet, elsewhere=elsewhere, **context)


def _save(request: HttpRequest, row: Agreement) -> HttpResponse:
    entered, problems = _store(request, row)
    if problems:
        return _again(request, row, entered, problems, saved_in_part=True)
    messages.success(request, "已保存，可以继续填写或生成协议书。")
    return redirect("student_agreement")


def _find(request: HttpRequest, row: Agreement) -> HttpResponse:
    entered, problems = _store(request, row)
    return _again(request, row, entered, problems)


def _generate(request: HttpRequest, row: Agreement) -> HttpResponse:
    """保存并生成协议书."""
    entered, problems = (
        _store(request, row)
        if row.mode == Agreement.Mode.OFFLINE and "employer_name" in request.POST
        else (entering.Entered(), {})
    )
    if not problems:
        try:
            signing.generate(row, by=request.user, expected=row.version)
            paper.issued(row, request.user)
        except Invalid as refusal:
            problems = refusal.errors
        except RulesFailed as refusal:
            problems = {finding["field"]: f"{finding['sentence']}{finding['fix']}" for finding in refusal.details}
        else:
            messages.success(request, f"协议书已生成，编号 {row.number}。请下载打印。")
            return redirect("student_agreement")
    return _again(request, row, entered, problems, not_submitted=True)


def _submit(request: HttpRequest, row: Agreement) -> HttpResponse:
    try:
        subjects.submit(row, request.user, expected=version_of(request), origin=client_ip(request))
    except Invalid as refusal:
        for sentence in refusal.errors.values():
            messages.error(request, sentence)
        return redirect("student_agreement")
    messages.success(request, "已提交审核，审核结果会通知您。")
    return redirect("student_agreement")


def _withdraw(request: HttpRequest, row: Agreement) -> HttpResponse:
    subjects.withdraw(row, request.user, expected=version_of(request), origin=client_ip(request))
    messages.success(request, "已撤回，可以重新上传盖章件或修改后重新生成。")
    return redirect("student_agreement")


def _upload(request: HttpRequest, row: Agreement) -> HttpResponse:
    store_posted(request, row)
    return redirect("student_agreement")


def _remove(request: HttpRequest, row: Agreement) -> HttpResponse:
    remove_posted(request, row)
    return redirect("student_agreement")


def _discard(request: HttpRequest, row: Agreement) -> HttpResponse:
    if request.POST.get("sure") != "yes":
        messages.error(request, "请先勾选确认，再放弃这份协议书。")
        return redirect("student_agreement")
    signing.discard(row, by=request.user)
    messages.success(request, "已放弃这份协议书，您可以重新签约。")
    return redirect("student_signing")


def _sealing_code(request: HttpRequest, row: Agreement) -> HttpResponse:
    check = phones.send_code(row.student, purpose=phones.SEALING)
    shown = getattr(check, "shown", "")
    messages.success(request, "验证码已发送到您的手机。" + (f"（演示环境：{shown}）" if shown else ""))
    return redirect("student_agreement")


def _seal(request: HttpRequest, row: Agreement) -> HttpResponse:
    signing.seal_as_student(row, request.POST.get("code", "")[:20], by=request.user)
    paper.issued(row, request.user)
    messages.success(request, "已完成电子签名。")
    return redirect("student_agreement")


DEEDS = {
    "save": _save,
    "find": _find,
    "generate": _generate,
    "submit": _submit,
    "withdraw": _withdraw,
    "upload": _upload,
    "remove": _remove,
    "discard": _discard,
    "sealing_code": _sealing_code,
    "seal": _seal,
}


@student_page()
def agreement_pdf(request: HttpRequest) -> HttpResponse:
    """The numbered PDF, as it was given out; before that, and with ?preview, a preview without a number."""
    row = _own(request)
    document = None if "preview" in request.GET else paper.held(row)
    if document is None:
        return pdf(paper.preview(row), "就业协议书预览.pdf")
    return PrivateDownload(document.stored.name, f"就业协议书{row.number}.pdf")


@student_page()
def agreement_file(request: HttpRequest, pk: int) -> HttpResponse:
    """A stamped copy of one's own."""
    return download(request, _own(request), pk)
