"""Handing over the file of an export to the person who made it, and to nobody else."""

from __future__ import annotations

from django.db.models import F
from django.http import HttpRequest, HttpResponse

from models.audit.models import Action
from models.audit.services import record as audit
from models.jobs.files import PrivateDownload
from models.releases.models import ExportRecord


def send(request: HttpRequest, record: ExportRecord) -> HttpResponse:
    """The file as an attachment; counted and audited. Http404 when it is not there any more."""
    answer = PrivateDownload(record.file.name, record.file_name)
    ExportRecord.own(request.user).filter(pk=record.pk).update(downloads=F("downloads") + 1)
    audit(
        Action.VIEW_FILE, request=request, obj=record, file=record.file_name, rows=record.rows, revealed=record.revealed
    )
    return answer
