"""The page of one record: what the subject did, what the rules say, and what this person may do about it now.

It is the normal change URL of every matter. Actions are plain forms posted to the same address, so that they work without a
script; the script adds keys and dialogs. Everything is decided by `workflows`: this module only asks and shows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from admin_site import revealing
from admin_site.forms import expected, valid
from admin_site.matters import papers
from admin_site.matters import record as page
from admin_site.matters.cases import Case, as_if, case_of, cases_for, posted_pivots
from admin_site.matters.edit_form import PREFIX, RecordForm
from admin_site.matters.queue import Queue
from admin_site.matters.verbs import url_name, url_or_none
from models.audit.models import Action
from models.audit.request import client_ip
from models.audit.services import record as audit
from models.jobs.files import PrivateDownload
from models.organisation.tree import names_on
from workflows import answers, diff, fields, permits, policy, requests
from workflows.actions import perform, save_fields, writable
from workflows.errors import Absent, Conflict, Invalid, NotAllowed, Refused, RulesFailed, WrongState
from workflows.levels import Status, Verb
from workflows.story import timeline

# What each deed says when it is done; the record's name stands before it.
DONE = {
    Verb.APPROVE: "已通过",
    Verb.RETURN: "已退回",
    Verb.VOID: "已作废",
    Verb.REOPEN: "已恢复办理",
    Verb.ACCEPT_CHANGE: "的修改申请已同意",
    Verb.REFUSE_CHANGE: "的修改申请未同意",
}
CORRECT, SAVE = "correct", "save"


def urls(admin: Any) -> list[Any]:
    """The end of the queue, and the files of a record."""
    name, wrap = f"{admin.opts.app_label}_{admin.opts.model_name}", admin.admin_site.admin_view
    return [
        path("queue-end/", wrap(partial(end_view, admin)), name=f"{name}_queue_end"),
        path("<int:pk>/file/<str:field>/", wrap(partial(file_view, admin)), name=f"{name}_file"),
    ]


def change_view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """The page (GET) and every deed on it (POST)."""
    found = admin.viewed_or_404(request, object_id, *admin.model.joins())
    if request.method != "POST":
        return _page(admin, request, found)
    deed = request.POST.get("deed", "")
    handler = _DEEDS.get(deed)
    if handler is None:
        return _page(admin, request, found, status=400, problem="没有识别出要做的操作，请重试。")
    try:
        return handler(admin, request, found)
    except Refused as refusal:
        return _refused(admin, request, object_id, deed, refusal)


# -- deeds -----------------------------------------------------------------------------------------------------------------


def _move(
    verb: Verb, admin: Any, request: HttpRequest, found: Any, values: dict[str, Any] | None = None
) -> HttpResponse:
    queue = Queue(request, admin.model)
    onwards = queue.following(found)  # before the deed: what it changes may be what the list is sorted or narrowed by
    with transaction.atomic():
        log = perform(
            found, verb, by=request.user, text=request.POST.get("text", "")[:2000],
            reasons=[text[:200] for text in request.POST.getlist("reasons")[:20]], values=values, expected=expected(request),
            origin=client_ip(request),
        )  # fmt: skip
        audit(
            Action.REVIEW, request=request, obj=found, verb=str(verb), from_status=log.from_status, to_status=log.to_status,
            level=log.level, acting_for=log.acting_for, corrected=sorted(log.corrections),
        )  # fmt: skip
    status = Status(found.status).label
    messages.success(request, f"{page.heading(found)['name']} {DONE[verb]}，现为「{status}」。")
    return HttpResponseRedirect(queue.link(onwards))


def _form(request: HttpRequest, found: Any) -> RecordForm:
    posted = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    specs = diff.correctable(as_if(found, posted_pivots(request, found, PREFIX)))
    return RecordForm(found, specs, *posted)


def _checked(request: HttpRequest, found: Any) -> dict[str, Any]:
    """The posted changes; Invalid, field by field, for what cannot be."""
    return valid(_form(request, found)).values()


def _correct(admin: Any, request: HttpRequest, found: Any) -> HttpResponse:
    _same_version(request, found)
    return _move(Verb.APPROVE, admin, request, found, values=_checked(request, found))


def _same_version(request: HttpRequest, found: Any) -> None:
    """A form filled in against an older version says nothing about this one: what it changed cannot be told from what others did."""
    if found.version != expected(request):
        details = diff.described(found, diff.changes_since(found, expected(request)))
        raise Conflict("该记录刚刚被他人修改或办理，请核对后再操作。", details=details)


def _save(admin: Any, request: HttpRequest, found: Any) -> HttpResponse:
    _same_version(request, found)
    changed = save_fields(found, _checked(request, found), by=request.user, expected=expected(request))
    if changed:
        messages.success(request, f"已保存 {len(changed)} 项修改，修改记录中可以查到。")
    else:
        messages.info(request, "没有改动，未保存。")
    return HttpResponseRedirect(Queue(request, admin.model).link(found.pk))


def _decide(accept: bool, admin: Any, request: HttpRequest, found: Any) -> HttpResponse:
    asked = requests.waiting_for(found)
    if asked is None or str(asked.pk) != request.POST.get("request", ""):
        raise WrongState("这份修改申请已处理或已更换，请刷新后查看。")
    queue = Queue(request, admin.model)
    with transaction.atomic():
        requests.decide(
            asked, accept=accept, by=request.user, opinion=request.POST.get("opinion", "")[:500], origin=client_ip(request)
        )  # fmt: skip
        verb = Verb.ACCEPT_CHANGE if accept else Verb.REFUSE_CHANGE
        audit(Action.REVIEW, request=request, obj=found, verb=str(verb), fields=sorted(asked.values))
    messages.success(request, f"{page.heading(found)['name']} {DONE[verb]}。")
    return HttpResponseRedirect(queue.link(found.pk))


def _settle(admin: Any, request: HttpRequest, found: Any) -> HttpResponse:
    """处理异议: the answer the person reads; corrections are saved before with 只保存修改."""
    answers.settle(
        found,
        request.user,
        request.POST.get("answer", "")[:500],
        expected=expected(request),
        origin=client_ip(request),
    )
    audit(Action.REVIEW, request=request, obj=found, verb=str(Verb.SETTLE))
    messages.success(request, f"{page.heading(found)['name']} 的异议已处理，已请学生重新确认。")
    return HttpResponseRedirect(Queue(request, admin.model).link(found.pk))


def _reveal(admin: Any, request: HttpRequest, found: Any) -> HttpResponse:
    """Show the masked numbers of this one record, once: a deed with a trail, and only so many an hour."""
    labels = [spec.label for spec in fields.of_record(found) if spec.mask and spec.value(found)]
    revealing.reveal(request, found, fields=labels)
    return _page(admin, request, found, reveal=True)


_DEEDS: dict[str, Callable[[Any, HttpRequest, Any], HttpResponse]] = {
    **{str(verb): partial(_move, verb) for verb in (Verb.APPROVE, Verb.RETURN, Verb.VOID, Verb.REOPEN)},
    CORRECT: _correct,
    SAVE: _save,
    revealing.DEED: _reveal,
    str(Verb.SETTLE): _settle,
    str(Verb.ACCEPT_CHANGE): partial(_decide, True),
    str(Verb.REFUSE_CHANGE): partial(_decide, False),
}


# -- refusals --------------------------------------------------------------------------------------------------------------


def _refused(admin: Any, request: HttpRequest, object_id: str, deed: str, refusal: Refused) -> HttpResponse:
    """The page again with what went wrong, or both versions where somebody else was first; 404 where the record is out of sight."""
    if isinstance(refusal, Absent):
        raise Http404
    found = admin.viewed_or_404(request, object_id, *admin.model.joins())
    if type(refusal) is Conflict:
        return _conflict(admin, request, found, deed, refusal)
    status = 429 if refusal.code == "limit" else refusal.status
    keep = deed in (CORRECT, SAVE) and isinstance(refusal, Invalid | RulesFailed)
    return _page(
        admin, request, found, status=status, problem=refusal.sentence, refusal=refusal if keep else None, deed=deed
    )


def _conflict(admin: Any, request: HttpRequest, found: Any, deed: str, refusal: Conflict) -> HttpResponse:
    queue, seen = Queue(request, admin.model), expected(request)
    form = _form(request, found) if deed in (CORRECT, SAVE) else None
    specs = {spec.name: spec for spec in diff.own_specs(found)}
    theirs = diff.changes_since(found, seen)
    mine = {}
    if form is not None and form.is_valid():
        mine = {
            name: [fields.jsonable(specs[name].value(found)), fields.jsonable(value)]
            for name, value in form.values(store=False).items()
        }
    response = admin.page(
        request, "admin/matters/conflict.html", title=f"已被他人修改：{page.heading(found)['name']}", record=found, refusal=refusal,
        theirs=page.pairs(found, theirs, reveal=False), mine=page.pairs(found, mine, reveal=False), text=request.POST.get("text", ""),
        reasons=request.POST.getlist("reasons"), events=[entry for entry in timeline(found) if entry.version > seen],
        back=queue.link(found.pk), onwards=queue.link(queue.following(found)),
    )  # fmt: skip
    response.status_code = refusal.status
    return response


# -- the page --------------------------------------------------------------------------------------------------------------


def _page(
    admin: Any, request: HttpRequest, found: Any, *, status: int = 200, problem: str = "", refusal: Refused | None = None,
    reveal: bool = False, deed: str = "",
) -> HttpResponse:  # fmt: skip
    user, model = request.user, admin.model
    queue = Queue(request, model)
    place, verbs = queue.place(found), permits.allowed(found, user)
    asked = requests.waiting_for(found)
    events = timeline(found)
    wanted = case_of(request, found)
    form = (
        _edit_form(request, found, refusal, reveal, wanted) if _may_edit(found, user) or Verb.APPROVE in verbs else None
    )
    head = page.heading(found)
    subject = found.subject()
    changes = page.pairs(found, found.changes, reveal=reveal)
    approved_before = any(event.to_status == Status.APPROVED for event in events)
    response = admin.page(
        request, "admin/matters/review.html", title=f"{head['name']} {head['number']}".strip(), subtitle=None, record=found, head=head,
        units=" · ".join(names_on(found.org_path)), queue=queue, place=place, previous=queue.link(place.previous) if place.previous else "",
        following=queue.link(place.following) if place.following else "", queue_list=queue.list_link(), verbs={str(verb) for verb in verbs},
        turn=page.whose_turn(found, user), passed=next((e for e in reversed(events) if e.verb == Verb.APPROVE), None),
        changes=changes, beside=page.beside(found, reveal=reveal), only_filled=not approved_before and not any(pair.old for pair in changes), groups=page.groups(found, reveal=reveal),
        results=page.rule_results(found), rule_count=len(model.rules), events=events[::-1],
        reasons=policy.reasons_for(model, found.school_id, found.cohort_id), asked=asked,
        asked_pairs=page.pairs(found, asked.values, reveal=reveal) if asked else (),
        may_decide=Verb.ACCEPT_CHANGE in verbs, form=form, may_save=_may_edit(found, user), problem=problem, deed=deed,
        reveal=reveal, may_reveal=not reveal and revealing.may_reveal(user) and page.has_masked(found),
        history=url_or_none(url_name(model, "history"), found.pk), against=_against(found, approved_before), posted=request.POST,
        chosen_reasons=request.POST.getlist("reasons"), **papers.context(found, user),
        staff_changes=page.pairs(found, getattr(found, "staff_changed", {}), reveal=reveal), case=wanted,
        cases=cases_for(request, found) if form else (),
        summary=url_or_none(url_name(type(subject), "summary"), subject.pk) if subject is not None else None,
    )  # fmt: skip
    response.status_code = status
    return response


def _against(found: Any, approved_before: bool) -> str:
    """What the changes are counted from."""
    if approved_before:
        return "与上次审核通过时相比"
    return "与学校数据相比" if found.of_roster else "与最初登记的内容相比"


def _edit_form(
    request: HttpRequest, found: Any, refusal: Refused | None, reveal: bool, case: Case | None = None
) -> RecordForm:
    """The form as it stands, or as a case would fill it in; after a refusal as it was filled in, with the sentences beside the fields."""
    if refusal is None:
        form = RecordForm(found, diff.correctable(as_if(found, case.values) if case else found), reveal=reveal)
        form.initial |= case.values if case else {}
        return form
    form = _form(request, found)
    if form.is_valid():
        form.refuse(getattr(refusal, "errors", None) or {f["field"]: f["sentence"] for f in refusal.details})
    return form


def _may_edit(found: Any, user: Any) -> bool:
    """Whether the person may change fields without moving the record (a draft that was imported, say)."""
    if found.archived or found.subject_user_id == user.pk:
        return False
    try:
        return bool(writable(found, user, False))
    except (NotAllowed, WrongState):
        return False


def end_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The end of the queue: done, or some were passed over."""
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    queue = Queue(request, admin.model)
    first = queue.first() if queue.is_waiting else None
    left = queue.rows.values("pk")[:10_000].count() if first else 0
    overview = url_or_none(url_name(admin.model, "overview")) or reverse(url_name(admin.model, "changelist"))
    return admin.page(
        request, "admin/matters/queue_end.html", title="队列已到末尾", left=left, first=queue.link(first) if first else "",
        queue_list=queue.list_link(), overview=overview,
    )  # fmt: skip


def file_view(admin: Any, request: HttpRequest, pk: int, field: str) -> HttpResponse:
    """A file of the record's own field: only through here, after looking at the record, with a line in the trail."""
    found = admin.viewed_or_404(request, pk, *admin.model.joins())
    spec = next(
        (s for s in fields.of_record(found) if s.name == field and s.kind == "file" and s.mode != fields.HIDDEN), None
    )
    value = spec.value(found) if spec else None
    if not isinstance(value, dict) or not value.get("stored"):
        raise Http404
    audit(Action.VIEW_FILE, request=request, obj=found, field=spec.label)
    return PrivateDownload(value["stored"], value.get("name") or spec.label)
