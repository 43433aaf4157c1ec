"""Files of a record: proofs that were handed in, the printed form, and how it would look now."""

from __future__ import annotations

import importlib

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from exports.documents.forms import PrintedForm, form_of
from models.audit.models import Action
from models.audit.services import record as audit
from models.evidence.services import find
from models.jobs.files import PrivateDownload
from self_service import subjects
from self_service.addresses import go
from self_service.pages.base import own_page
from self_service.sheets import Sheet
from workflows.errors import Refused


def _sheet(request: HttpRequest, name: str, pk: int | None) -> Sheet:
    record = subjects.find(request.user, subjects.matter_named(name), pk)
    return Sheet(record, request.user, reveal=getattr(request, "impersonator", None) is None)


@own_page()
def evidence(request: HttpRequest, name: str, proof: int, pk: int | None = None) -> HttpResponse:
    """One file of an own record."""
    record = _sheet(request, name, pk).record
    kept = find(record, proof)
    answer = PrivateDownload(kept.stored.name, kept.name)
    audit(Action.VIEW_FILE, request=request, obj=record, field=kept.kind)
    return answer


def _form(sheet: Sheet) -> PrintedForm:
    form = form_of(sheet.model)
    if form is None:
        raise Http404
    return form


@own_page()
def printed(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """The form as it is given out: the same file every time, as long as nothing changes."""
    sheet = _sheet(request, name, pk)
    form = _form(sheet)
    if not sheet.reveal:
        messages.error(request, "以学生身份查看时不能打印，请在后台的审核页打印。")
        return go(request.user, "matter", sheet.record)
    try:
        # Loaded with the layout engine, when the first form is printed.
        issuing = importlib.import_module("exports.documents.issuing")
        document = issuing.issued(form, sheet.record, by=request.user, base=request.build_absolute_uri("/"))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return go(request.user, "matter", sheet.record)
    audit(Action.ISSUE, request=request, obj=sheet.record, form=form.kind, document=document.pk)
    return PrivateDownload(document.stored.name, form.name_for(sheet.record))


@own_page()
def preview(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """How the form would look now, marked as a draft; nothing is kept. Without the person's own eyes it is not shown: nothing is masked."""
    sheet = _sheet(request, name, pk)
    form = _form(sheet)
    if not form.preview or not sheet.reveal:
        raise Http404
    issuing = importlib.import_module("exports.documents.issuing")
    response = HttpResponse(issuing.preview(form, sheet.record), content_type="application/pdf")
    name_of_file = f"草稿_{form.name_for(sheet.record)}"
    response.headers["Content-Disposition"] = content_disposition_header(False, name_of_file) or "inline"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
