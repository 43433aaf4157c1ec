"""Files of a record in the back office: proofs looked at, added and taken out on the review page; printed forms, one or many."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from admin_site.matters.lists import posted_selection
from admin_site.matters.verbs import url_name
from exports.documents.forms import PrintedForm, form_of
from exports.documents.kinds import KIND, ONE_FILE, WAYS, ZIP, too_many
from exports.selection import BadSelection
from models.audit.models import Action
from models.audit.services import record as audit
from models.evidence.kinds import EvidenceKind, WithEvidence
from models.evidence.models import Evidence
from models.evidence.services import attach, find, kind_of, remove
from models.jobs.files import PrivateDownload
from models.jobs.services import start
from workflows.errors import Absent, Refused
from workflows.permits import permission

MOST = 20_000


def urls(admin: Any) -> list[Any]:
    """The files and the printed form of a record, and the page that prints many."""
    name, wrap = f"{admin.opts.app_label}_{admin.opts.model_name}", admin.admin_site.admin_view
    found = []
    if issubclass(admin.model, WithEvidence):
        found += [
            path("<int:pk>/evidence/", wrap(require_POST(partial(change_view_of, admin))), name=f"{name}_evidence"),
            path("<int:pk>/evidence/<int:proof>/", wrap(partial(file_view, admin)), name=f"{name}_evidence_file"),
        ]
    if form_of(admin.model) is not None:
        found += [
            path("<int:pk>/pdf/", wrap(partial(printed_view, admin)), name=f"{name}_pdf"),
            path("print/", wrap(partial(many_view, admin)), name=f"{name}_print"),
        ]
    return found


@dataclass
class Block:
    """One kind of file on the review page."""

    kind: EvidenceKind
    files: list[tuple[Evidence, str]] = field(default_factory=list)
    writable: bool = False


def context(found: Any, user: Any) -> dict[str, Any]:
    """What the review page shows of files: `proofs` by kind, and where the form is printed."""
    form = form_of(type(found))
    may_print = form is not None and user.has_perm(permission(type(found), "export")) and not form.refusal(found)
    return {
        "proofs": _blocks(found, user),
        "proofs_url": reverse(url_name(type(found), "evidence"), args=[found.pk])
        if isinstance(found, WithEvidence)
        else "",
        "printed_form": form,
        "print_url": reverse(url_name(type(found), "pdf"), args=[found.pk]) if may_print else "",
    }


def _blocks(found: Any, user: Any) -> list[Block]:
    if not isinstance(found, WithEvidence):
        return []
    kinds = found.evidence_kinds()
    present = found.evidence() if kinds else []
    name = url_name(type(found), "evidence_file")
    return [
        Block(
            kind,
            [(one, reverse(name, args=[found.pk, one.pk])) for one in present if one.kind == kind.key],
            not found.archived and found.evidence_refusal(kind, user) is None,
        )
        for kind in kinds
    ]


def _record(admin: Any, request: HttpRequest, pk: int) -> Any:
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    found = admin.get_queryset(request).select_related("school", *admin.model.joins()).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def file_view(admin: Any, request: HttpRequest, pk: int, proof: int) -> HttpResponse:
    """One proof, after looking at its record, with a line in the trail."""
    found = _record(admin, request, pk)
    try:
        kept = find(found, proof)
    except Absent as absent:
        raise Http404 from absent
    labels = {kind.key: kind.label for kind in found.evidence_kinds()}
    audit(Action.VIEW_FILE, request=request, obj=found, field=labels.get(kept.kind, kept.kind))
    return PrivateDownload(kept.stored.name, kept.name)


def change_view_of(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Add a proof for the person, or take one out."""
    found = _record(admin, request, pk)
    back = reverse(url_name(admin.model, "change"), args=[pk])
    try:
        if request.POST.get("remove", "").isdecimal():
            remove(find(found, int(request.POST["remove"][:18])), request.user, found)
            messages.success(request, "文件已删除。")
        else:
            kind = kind_of(found, request.POST.get("kind", ""))
            attach(found, kind, request.FILES.get(kind.field), request.user)
            messages.success(request, f"{kind.label}已上传。")
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    return HttpResponseRedirect(back)


# -- printing --------------------------------------------------------------------------------------------------------------


def _form(admin: Any, request: HttpRequest) -> PrintedForm:
    form = form_of(admin.model)
    if form is None:
        raise Http404
    if not request.user.has_perm(permission(admin.model, "export")) or not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    return form


def printed_view(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one record: the document that holds now."""
    form, found = _form(admin, request), _record(admin, request, pk)
    try:
        # Loaded with the layout engine, when the first form is printed.
        issuing = importlib.import_module("exports.documents.issuing")
        document = issuing.issued(form, found, by=request.user, base=request.build_absolute_uri("/"))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return HttpResponseRedirect(reverse(url_name(admin.model, "change"), args=[pk]))
    audit(Action.ISSUE, request=request, obj=found, form=form.kind, document=document.pk)
    return PrivateDownload(document.stored.name, form.name_for(found))


def many_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """From the list: how many, in which way; then a job, whose file is found under 任务."""
    form, root = _form(admin, request), reverse(url_name(admin.model, "changelist"))
    if request.method != "POST":
        messages.info(request, "请先在列表中勾选记录，再选择打印。")
        return HttpResponseRedirect(root)
    try:
        selection = posted_selection(request, admin.model)
        rows = selection.queryset(request.user)
        total = rows.count()
        if total > MOST:
            raise BadSelection(f"一次最多打印 {MOST} 份，请按院系分批打印。")
    except BadSelection as error:
        response = admin.page(
            request, "admin/matters/batch_problem.html", title=f"打印{form.title}", problem=str(error), root=root
        )
        response.status_code = 400
        return response
    how, ready = request.POST.get("how", ""), rows.filter(status__in=form.statuses).count()
    problem = too_many(ONE_FILE, ready)
    if how in WAYS and not (how == ONE_FILE and problem):
        ids = list(rows.order_by("pk").values_list("pk", flat=True))
        start(
            KIND, owner=request.user, title=f"打印{form.title} {len(ids)} 份（{WAYS[how]}）", school=request.user.school_id,
            payload={"form": form.kind, "ids": ids, "how": how, "base": request.build_absolute_uri("/")},
        )  # fmt: skip
        messages.success(request, "已开始打印，完成后会通知您，文件在“任务”中下载。")
        return HttpResponseRedirect(reverse("admin:jobs_job_changelist"))
    return admin.page(
        request, "admin/matters/print.html", title=f"打印{form.title}", form=form, total=total, ready=ready, unready=total - ready, problem=problem,
        ways={ZIP: WAYS[ZIP]} if problem else WAYS, usual=ZIP if problem else ONE_FILE,
        selection_json=selection.as_json(), everything=request.POST.get("all") == "1", parts=selection.describe(request.user),
        root=root + selection.link(),
    )  # fmt: skip
