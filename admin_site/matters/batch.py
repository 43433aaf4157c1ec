"""Batches: from ticked records (or all that match) over a preview and a confirmation to a result that names every refused one.

The list posts what was chosen; the preview says what would happen and why not everywhere; confirming freezes the records and does
them, in the request up to DIRECT, else in the background. One confirmation is carried out once, however often it is sent.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse

from admin_site.matters.batch_forms import form_for
from admin_site.matters.lists import posted_selection
from admin_site.matters.verbs import BulkVerb, url_name, url_or_none, verbs_for
from exports.batches import Operation, operation
from exports.selection import BadSelection, Selection
from models.accounts.models import User
from models.audit.request import client_ip
from models.jobs.models import Job
from models.jobs.services import start
from workflows import bulkrows, holding
from workflows.batch import BatchResult
from workflows.errors import Invalid, Refused

DIRECT = 500
KIND = "batch.run"
SHOWN = 20  # records named under each reason
IDLE = {"approve", "reset_password", "unlock"}  # nothing to fill in: the preview is the first page


def urls(admin: Any) -> list[Any]:
    """The batch page of each verb, and the page of a result."""
    name, wrap = f"{admin.opts.app_label}_{admin.opts.model_name}", admin.admin_site.admin_view
    return [
        path("batch/<str:verb>/", wrap(partial(batch_view, admin)), name=f"{name}_batch"),
        path("batch-result/<int:pk>/", wrap(partial(result_view, admin)), name=f"{name}_batch_result"),
    ]


def batch_view(admin: Any, request: HttpRequest, verb: str) -> HttpResponse:
    """Fill in, look at what would happen, confirm: three steps of one address. Looking at it without records leads to the list."""
    root = reverse(url_name(admin.model, "changelist"))
    button = next(
        (one for one, _url in verbs_for(admin.model, request.user) if one.name == verb and one.page == "batch"), None
    )
    if not admin.has_view_or_change_permission(request) or button is None:
        raise PermissionDenied
    if request.method != "POST":
        messages.info(request, "请先在列表中勾选记录，再选择批量操作。")
        return HttpResponseRedirect(root)
    try:
        selection = posted_selection(request, admin.model)
        chosen = selection.queryset(request.user)
        return _step(admin, request, button, operation(verb), selection, chosen)
    except BadSelection as error:
        return _problem(admin, request, button, str(error), 400)
    except Refused as refusal:
        return _problem(admin, request, button, refusal.sentence, refusal.status)


def _problem(admin: Any, request: HttpRequest, button: BulkVerb, problem: str, status: int) -> HttpResponse:
    response = admin.page(
        request, "admin/matters/batch_problem.html", title=f"批量{button.label}", problem=problem,
        root=reverse(url_name(admin.model, "changelist")),
    )  # fmt: skip
    response.status_code = status
    return response


def _step(
    admin: Any, request: HttpRequest, button: BulkVerb, doing: Operation, selection: Selection, chosen: models.QuerySet
) -> HttpResponse:
    rows = doing.rows(chosen)
    step = request.POST.get("step", "check" if doing.name in IDLE else "")
    form = form_for(doing, rows, request, request.POST if step else None)
    if not form.is_bound or not form.is_valid():
        return _page(admin, request, button, doing, selection, rows, form, None, 400 if form.is_bound else 200)
    try:
        if step == "confirm":
            return _confirmed(admin, request, doing, rows, form.args())
        preview = doing.preview(rows, form.args(), request.user)
    except Invalid as refusal:
        form.refuse(refusal.errors)
        return _page(admin, request, button, doing, selection, rows, form, None, 400)
    return _page(admin, request, button, doing, selection, rows, form, preview, 200)


def _page(
    admin: Any, request: HttpRequest, button: BulkVerb, doing: Operation, selection: Selection, rows: models.QuerySet, form: Any,
    preview: BatchResult | None, status: int,
) -> HttpResponse:  # fmt: skip
    total = preview.counted if preview else rows.count()
    response = admin.page(
        request, "admin/matters/batch.html", title=f"批量{button.label}", doing=doing, total=total, form=form, preview=preview,
        reasons=_reasons(rows.model, preview.refused) if preview else (), selection_json=selection.as_json(),
        everything=request.POST.get("all") == "1", root=reverse(url_name(admin.model, "changelist")) + selection.link(),
        parts=selection.describe(request.user), token=secrets.token_urlsafe(16), direct=total <= DIRECT,
    )  # fmt: skip
    response.status_code = status
    return response


def _reasons(model: type[models.Model], refused: dict[int, str]) -> list[tuple[str, int, list[tuple[str, str]]]]:
    """(sentence, number, first records as (name, link)), the most frequent first; one query for the names."""
    grouped: dict[str, list[int]] = defaultdict(list)
    for pk, sentence in refused.items():
        grouped[sentence].append(pk)
    return named(model, sorted(((s, len(ids), ids[:SHOWN]) for s, ids in grouped.items()), key=lambda row: -row[1]))


def named(model: type[models.Model], reasons: list[Any]) -> list[tuple[str, int, list[tuple[str, str]]]]:
    """Reasons with the names and addresses of their first records, as far as the person may see them."""
    wanted = [pk for _sentence, _count, ids in reasons for pk in ids]
    paths = [model.search_paths[key] for key in ("name", "number") if key in model.search_paths]
    found = {
        row[0]: " ".join(row[1:]) for row in bulkrows.those(model.objects.all(), "id", wanted).values_list("pk", *paths)
    }
    link = url_name(model, "change")
    return [
        (sentence, count, [(found[pk], url_or_none(link, pk) or "") for pk in ids if pk in found])
        for sentence, count, ids in reasons
    ]


# -- doing it --------------------------------------------------------------------------------------------------------------


def _confirmed(
    admin: Any, request: HttpRequest, doing: Operation, rows: models.QuerySet, args: dict[str, Any]
) -> HttpResponse:
    token = request.POST.get("token", "")[:40]
    if not token:
        raise Invalid({"token": "请先核对，再确认办理。"})
    ids = list(rows.order_by("pk").values_list("pk", flat=True))
    if not ids:
        raise Invalid({"ids": "没有可办理的记录。"})
    with transaction.atomic():
        # Two presses of the button stand in line here; the second finds what the first has made.
        holding.locking(User.objects.only("pk")).get(pk=request.user.pk)
        key = f"batch:{request.user.pk}:{token}"
        job = Job.visible_to(request.user).filter(key=key).first() or start(
            KIND, owner=request.user, title=f"批量{doing.label} {rows.model._meta.verbose_name} {len(ids)} 条", key=key,
            school=request.user.school_id, immediately=len(ids) <= DIRECT,
            payload={
                "operation": doing.name, "model": rows.model._meta.label_lower, "ids": ids, "args": args, "ip": client_ip(request) or "",
                "request_id": getattr(request, "request_id", ""),
            },
        )  # fmt: skip
    return HttpResponseRedirect(reverse(url_name(admin.model, "batch_result"), args=[job.pk]))


def result_view(admin: Any, request: HttpRequest, pk: int) -> HttpResponse:
    """Progress while it is at work; then N done, M refused and why, and the workbook of the refused."""
    job = Job.visible_to(request.user).filter(pk=pk, kind=KIND).first()
    if job is None:
        raise Http404
    doing = operation(job.payload["operation"])
    worked_on = admin.model._meta.apps.get_model(job.payload["model"])
    reasons = named(worked_on, [tuple(row) for row in job.result.get("reasons", ())])
    return admin.page(
        request, "admin/matters/batch_result.html", title=f"批量{doing.label}的结果", job=job, result=job.result, reasons=reasons,
        doing=doing, root=reverse(url_name(admin.model, "changelist")), progress=reverse("admin:jobs_job_progress", args=[job.pk]),
        download=reverse("admin:jobs_job_download", args=[job.pk]) if job.result_file else "",
    )  # fmt: skip
