"""Evidence posted from a page of signing: stored, taken out, handed back. The checks are those of models.evidence."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from models.audit.models import Action
from models.audit.services import record as audit
from models.evidence import services
from models.jobs.files import PrivateDownload
from workflows import posted
from workflows.errors import Invalid


def store_posted(request: HttpRequest, row: Any) -> int:
    """Every file of the form, under the kind its input is named after; how many were kept. What was not is said on the next page."""
    kept = 0
    for kind in row.evidence_kinds():
        for upload in request.FILES.getlist(kind.field)[: kind.most]:
            try:
                services.attach(row, kind, upload, request.user)
                kept += 1
            except Invalid as refusal:
                for sentence in refusal.errors.values():
                    messages.error(request, sentence)
    if kept:
        messages.success(request, f"已上传 {kept} 个文件。")
    elif not list(messages.get_messages(request)):
        messages.error(request, "请先选择要上传的文件。")
    return kept


def remove_posted(request: HttpRequest, row: Any) -> None:
    """Take the named file out."""
    services.remove(services.find(row, posted.key(request.POST.get("file", "")) or 0), request.user, record=row)
    messages.success(request, "文件已删除。")


def download(request: HttpRequest, row: Any, pk: int) -> PrivateDownload:
    """One file of a record the person may see, with an audit row."""
    one = services.find(row, pk)
    answer = PrivateDownload(one.stored.name, one.name)
    audit(Action.VIEW_FILE, request=request, obj=row, field=one.kind)
    return answer


def pdf(content: bytes, name: str) -> HttpResponse:
    """A PDF made for this very answer."""
    disposition = content_disposition_header(True, name)
    headers = {"Content-Disposition": disposition or "attachment", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="application/pdf", headers=headers)
