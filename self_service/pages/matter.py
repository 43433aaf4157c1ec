"""One matter as the student meets it: check and fill in, submit, withdraw, ask for a change, read the log. For every matter alike."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from exports.documents.forms import form_of
from models.accounts.models import User
from models.audit.request import client_ip
from models.evidence import uploads
from self_service import entering, evidence, subjects
from self_service.addresses import go
from self_service.api.matters import download
from self_service.pages import choosing
from self_service.pages.base import own_page, render
from self_service.pages.choosing import version_of
from self_service.sheets import Sheet
from workflows import story
from workflows.diff import described
from workflows.errors import Conflict, Invalid, Refused, RulesFailed
from workflows.fields import jsonable


def _sheet(request: HttpRequest, name: str, pk: int | None = None) -> Sheet:
    record = subjects.find(request.user, subjects.matter_named(name), pk)
    return Sheet(record, request.user, reveal=getattr(request, "impersonator", None) is None)


def _show(request: HttpRequest, sheet: Sheet, **context: Any) -> HttpResponse:
    errors = [entry for entry in sheet.entries.values() if entry.error]
    for finding in sheet.findings:
        if finding.field in sheet.missing:
            continue  # the field says itself that it has to be filled in
        if finding.field in sheet.entries and not sheet.entries[finding.field].error:
            sheet.entries[finding.field].hint = f"{finding.sentence}{finding.fix}"
    shown = {
        "can_begin": subjects.can_begin(request.user, sheet.model, sheet.record),
        "sheet": sheet,
        "name": sheet.model._meta.model_name,
        "errors": errors,
        "current": "matter",
        "accept": uploads.ACCEPT,
        "upload_help": uploads.HELP,
        "problems": len(errors) + len(context.get("elsewhere", [])),
        "evidence": evidence.blocks(sheet, context.get("wrong_files")),
        "form": form_of(sheet.model),
        **context,
    }
    return render(request, "student/matter.html", shown)


@own_page("GET", "POST")
def matter(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """/student/matters/<name>/ and /employer/matters/<name>/<pk>/: the form, or the record as it stands. Buttons post `do`: save, submit, withdraw, or find (a code)."""
    model = subjects.matter_named(name)
    if model.own_page and request.user.kind == User.Kind.STUDENT:
        return redirect(model.own_page)
    sheet = _sheet(request, name, pk)
    if request.method != "POST":
        return go(request.user, "choose", sheet.record) if choosing.must_choose(sheet) else _show(request, sheet)
    do = DEEDS.get(request.POST.get("do", "").partition("-")[0], _save)
    try:
        return do(request, sheet)
    except (Invalid, Conflict) as refusal:
        if isinstance(refusal, Conflict) and refusal.code == "conflict":
            return _conflict(request, sheet.record, refusal)
        messages.error(request, refusal.sentence)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return go(request.user, "matter", sheet.record)


def _store(request: HttpRequest, sheet: Sheet) -> tuple[entering.Entered, dict[str, str]]:
    """Save what can be saved of the form, files that came with it too; what was typed, and what is wrong with the rest."""
    entered = entering.read(request.POST, sheet)
    problems = subjects.save_what_can_be(sheet.record, entered.values, request.user, version_of(request))
    _taken, wrong = evidence.take(request, sheet)
    return entered, {**problems, **entered.problems, **wrong}


def _save(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """保存草稿 never complains: it keeps what can be kept and says, mildly, what could not."""
    entered, problems = _store(request, sheet)
    if not problems:
        messages.success(request, "草稿已保存。")
        return go(request.user, "matter", sheet.record)
    fresh = _sheet(request, sheet.model._meta.model_name, sheet.record.pk)
    entering.mark(fresh, entered, problems)
    return _show(request, fresh, saved_in_part=True, **_beside(fresh, problems))


def _beside(sheet: Sheet, problems: dict[str, str]) -> dict[str, Any]:
    """What is wrong with files, and with nothing on the form: for the list on top and beside the files."""
    return {"elsewhere": [s for name, s in problems.items() if name not in sheet.entries], "wrong_files": problems}


def _check(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """What is wrong with what stands in the form, nothing of it saved: asked field by field by the page's script (live.js)."""
    entered = entering.read(request.POST, sheet)
    problems = subjects.try_out(sheet.record, entered.values, sheet.writable_specs()) if sheet.can_edit else {}
    entering.mark(sheet, entered, problems)
    return _show(request, sheet)


def _find(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """查找 beside a region, without JavaScript: the page again, with what fits."""
    entered, problems = _store(request, sheet)
    fresh = _sheet(request, sheet.model._meta.model_name, sheet.record.pk)
    entering.mark(fresh, entered, problems)
    return _show(request, fresh)


def _submit(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """提交审核: save, then submit; what is missing or wrong is listed on top and beside the fields."""
    entered, problems = _store(request, sheet)
    if not problems:
        try:
            subjects.submit(sheet.record, request.user, expected=sheet.record.version, origin=client_ip(request))
        except Invalid as refusal:
            problems = refusal.errors
        except RulesFailed as refusal:
            problems = {finding["field"]: f"{finding['sentence']}{finding['fix']}" for finding in refusal.details}
        else:
            messages.success(request, "已提交审核，审核结果会通知您。")
            return go(request.user, "matter", sheet.record)
    fresh = _sheet(request, sheet.model._meta.model_name, sheet.record.pk)
    problems = {**fresh.missing, **problems}
    entering.mark(fresh, entered, problems)
    return _show(request, fresh, not_submitted=True, **_beside(fresh, problems))


def _withdraw(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    subjects.withdraw(sheet.record, request.user, expected=version_of(request), origin=client_ip(request))
    messages.success(request, "已撤回，可以修改后重新提交。")
    return go(request.user, "matter", sheet.record)


def _amend(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    subjects.amend(sheet.record, request.user, expected=version_of(request), origin=client_ip(request))
    messages.success(request, "可以修改了。改好后请重新提交，审核通过前仍以原内容为准。")
    return go(request.user, "matter", sheet.record)


def _upload(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """Save the form, then put the chosen files into their fields."""
    entered, problems = _store(request, sheet)
    names = [spec.name for spec in sheet.writable_specs() if spec.kind == "file" and spec.name in request.FILES]
    for name in names:
        try:
            subjects.attach(
                sheet.record, name, uploads.accept(request.FILES[name], name), request.user, sheet.record.version
            )
        except Invalid as refusal:
            problems |= refusal.errors
    if not problems:
        messages.success(request, "文件已上传。" if names else "草稿已保存。")
        return go(request.user, "matter", sheet.record)
    fresh = _sheet(request, sheet.model._meta.model_name, sheet.record.pk)
    entering.mark(fresh, entered, problems)
    return _show(request, fresh, saved_in_part=True, **_beside(fresh, problems))


def _attach(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """Put the chosen proofs to the record, and keep what was typed meanwhile where the form is open."""
    if not sheet.can_edit:
        taken, problems = evidence.take(request, sheet)
        entered = entering.Entered()
    else:
        taken = len([name for name in request.FILES if name.startswith("evidence.")])
        entered, problems = _store(request, sheet)
    if not problems:
        said = "文件已上传。" if taken else "请先选择要上传的文件。"
        (messages.success if taken else messages.warning)(request, said)
        return go(request.user, "matter", sheet.record)
    fresh = _sheet(request, sheet.model._meta.model_name, sheet.record.pk)
    entering.mark(fresh, entered, problems)
    return _show(request, fresh, saved_in_part=True, **_beside(fresh, problems))


def _remove(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """Take a proof out; what was typed meanwhile is kept."""
    if sheet.can_edit:
        _store(request, sheet)
    evidence.take_out(request, sheet, request.POST.get("do", ""))
    messages.success(request, "文件已删除。")
    return go(request.user, "matter", sheet.record)


DEEDS = {
    "save": _save,
    "submit": _submit,
    "withdraw": _withdraw,
    "amend": _amend,
    "find": _find,
    "check": _check,
    "upload": _upload,
    "attach": _attach,
    "remove": _remove,
    "confirm": choosing.confirm,
    "dispute": choosing.dispute,
}


def _conflict(request: HttpRequest, record: Any, conflict: Conflict) -> HttpResponse:
    """Somebody was faster: both versions side by side, and the person chooses (security row E5)."""
    sheet = _sheet(request, record._meta.model_name, record.pk)
    entered = entering.read(request.POST, sheet)
    rows = []
    for field, value in entered.values.items():
        entry = sheet.entries[field]
        if jsonable(value) != jsonable(entry.value) and not (value in (None, "") and entry.value in (None, "")):
            rows.append(
                {
                    "entry": entry,
                    "mine": entry.spec.present(value) or "（空）",
                    "theirs": entry.text or "（空）",
                    "raw": entered.raw[field],
                }
            )
    context = {
        "sheet": sheet,
        "name": record._meta.model_name,
        "rows": rows,
        "since": conflict.details,
        "sentence": conflict.sentence,
        "current": "matter",
    }
    return render(request, "student/conflict.html", context, status=409)


@own_page("GET", "POST")
def change(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """申请修改: present values beside the new ones, and the reason."""
    sheet = _sheet(request, name, pk)
    if "ask_change" not in sheet.verbs or not sheet.reveal:
        messages.warning(request, sheet.closed_sentence or "现在不能申请修改。")
        return go(request.user, "matter", sheet.record)
    specs = {spec.name for spec in sheet.writable_specs() if spec.kind != "file"}
    fields = [entry for entry in sheet.entries.values() if entry.spec.name in specs]
    reason, wrong = request.POST.get("reason", "").strip()[:500], {}
    if request.method == "POST":
        entered = entering.read(request.POST, sheet)
        wrong = dict(entered.problems)
        if not wrong and request.POST.get("do") != "find":
            try:
                subjects.ask_change(sheet.record, entered.values, reason, request.user, origin=client_ip(request))
            except Invalid as refusal:
                wrong = refusal.errors
            except Refused as refusal:
                messages.error(request, refusal.sentence)
                return go(request.user, "matter", sheet.record)
            else:
                messages.success(request, "修改申请已提交，处理结果会通知您。")
                return go(request.user, "matter", sheet.record)
        for field, text in entered.raw.items():
            sheet.entries[field].entered = text
        entering.mark(sheet, entered, wrong)
    errors = [entry for entry in fields if entry.error]
    general = [sentence for field, sentence in wrong.items() if field not in specs and field != "reason"]
    context = {
        "sheet": sheet,
        "name": name,
        "fields": fields,
        "reason": reason,
        "errors": errors,
        "general": general,
        "reason_error": wrong.get("reason", ""),
        "current": "matter",
    }
    return render(request, "student/change.html", context)


@own_page()
def log(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """审核记录."""
    sheet = _sheet(request, name, pk)
    wanted = sheet.request
    asked = described(sheet.record, wanted.values) if wanted else []
    context = {
        "sheet": sheet,
        "name": name,
        "entries": list(reversed(story.timeline(sheet.record))),
        "asked": asked,
        "current": "matter",
    }
    return render(request, "student/log.html", context)


@own_page()
def file(request: HttpRequest, name: str, key: str, pk: int | None = None) -> HttpResponse:
    """An uploaded proof of one's own."""
    return download(_sheet(request, name, pk).record, key, request)
