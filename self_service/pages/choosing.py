"""The first step of a form whose fields depend on one choice (毕业去向分支选择), and what the person says about what others wrote."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from models.audit.request import client_ip
from self_service import subjects
from self_service.addresses import go
from self_service.pages.base import own_page, render
from self_service.sheets import Sheet
from workflows import posted
from workflows.errors import Absent, Invalid, Refused


def version_of(request: HttpRequest) -> int | None:
    """The version of the record the page showed."""
    return posted.version(request.POST.get("version", ""))


def must_choose(sheet: Sheet) -> bool:
    """Whether the form has nothing to ask yet."""
    return sheet.can_edit and any(not getattr(sheet.record, name) for name in sheet.model.pivot_fields)


@own_page("GET", "POST")
def choose(request: HttpRequest, name: str, pk: int | None = None) -> HttpResponse:
    """Branches and their leaves; a choice stores the code and opens the form. Choosing again empties what no longer belongs."""
    record = subjects.find(request.user, subjects.matter_named(name), pk)
    sheet = Sheet(record, request.user, reveal=getattr(request, "impersonator", None) is None)
    if not sheet.model.pivot_fields:
        raise Absent("没有这个页面。")
    pivot = sheet.model.pivot_fields[0]
    if not sheet.can_edit or not sheet.entries[pivot].writable:
        messages.warning(request, sheet.closed_sentence or "现在不能更改，如需修改请联系老师。")
        return go(request.user, "matter", record)
    if request.method == "POST":
        try:
            subjects.save(record, {pivot: request.POST.get("choice", "")[:20]}, request.user, version_of(request))
        except Invalid as refusal:
            messages.error(request, refusal.sentence)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return go(request.user, "matter", record)
        else:
            return go(request.user, "matter", record)
    context: dict[str, Any] = {
        "sheet": sheet,
        "chosen": getattr(record, pivot),
        "branches": record.branches(),
        "label": sheet.entries[pivot].spec.label,
        "current": "matter",
    }
    return render(request, "student/choose.html", context)


def confirm(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """确认无误."""
    subjects.confirm(sheet.record, request.user, expected=version_of(request), origin=client_ip(request))
    messages.success(request, "已确认，感谢您的核对。")
    return go(request.user, "matter", sheet.record)


def dispute(request: HttpRequest, sheet: Sheet) -> HttpResponse:
    """信息不实."""
    text = request.POST.get("dispute", "")[:500]
    subjects.dispute(sheet.record, request.user, text, expected=version_of(request), origin=client_ip(request))
    messages.success(request, "已转交学校就业部门核实，核实前这条信息不会上报。")
    return go(request.user, "matter", sheet.record)
