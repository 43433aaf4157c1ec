"""核验: anybody who holds a printed form asks here whether it is genuine and still holds. Nothing that is asked or shown is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from models.accounts.counters import hit
from models.audit.request import client_ip
from models.documents.models import IssuedDocument
from models.documents.services import State, by_content, by_token, is_same, state
from self_service.pages.base import public, render

MEGABYTES = 20
UPLOADS_AN_HOUR = 300  # per address: a personnel office looks at hundreds, a script would at thousands
TOKEN = 22
SHOWN = 200


@dataclass
class Compared:
    """What the comparison of an uploaded file with what was given out says."""

    same: bool
    sentence: str


def _uploaded(request: HttpRequest) -> tuple[bytes, str]:
    """The file in the request, read and forgotten; or why it is not looked at."""
    file = request.FILES.get("file")
    if file is None:
        return b"", "请选择要核验的 PDF 文件。"
    if file.size > MEGABYTES * 1024 * 1024:
        return b"", f"文件超过 {MEGABYTES} MB，不是本系统出具的文件。"
    if hit("verify", client_ip(request) or "", 3600) > UPLOADS_AN_HOUR:
        return b"", "核验次数过多，请一小时后再试。"
    return file.read(), ""


@public("GET", "POST")
def start(request: HttpRequest) -> HttpResponse:
    """/verify/: by the code on the paper, or by the file itself."""
    context: dict[str, Any] = {"megabytes": MEGABYTES}
    if request.method != "POST":
        return render(request, "verify_start.html", context)
    if token := request.POST.get("token", "").strip():
        if by_token(token[:60]) is None:
            return render(request, "verify_start.html", {**context, "token": token[:60], "unknown": True}, status=404)
        return redirect("verify", token=token)
    content, problem = _uploaded(request)
    if problem:
        return render(request, "verify_start.html", {**context, "problem": problem}, status=400)
    found = by_content(content)
    if not found:
        return render(request, "verify_start.html", {**context, "altered": True}, status=404)
    if len(found) == 1:
        same = Compared(True, "上传的文件与学校出具的文件完全一致。")
        return _shown(request, found[0], same)
    return render(
        request, "verify_many.html", {"documents": [(one, state(one)) for one in found[:SHOWN]], "total": len(found)}
    )


@public("GET", "POST")
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """/verify/<code>/: what the document says, whether it still holds; and, with the file, whether it is that very file."""
    document = by_token(token)
    if document is None:
        context = {"megabytes": MEGABYTES, "token": token[:60], "unknown": True}
        return render(request, "verify_start.html", context, status=404)
    if request.method != "POST":
        return _shown(request, document)
    content, problem = _uploaded(request)
    if problem:
        return _shown(request, document, problem=problem, status=400)
    if is_same(document, content):
        return _shown(request, document, Compared(True, "上传的文件与学校出具的文件完全一致。"))
    return _shown(
        request,
        document,
        Compared(False, "上传的文件与学校出具的文件不一致：它可能被改动过，或是另一份文件，请勿采信。"),
    )


def _shown(
    request: HttpRequest,
    document: IssuedDocument,
    compared: Compared | None = None,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    standing: State = state(document)
    facts = [(label, value) for label, value in document.facts if not label.startswith("_")]
    context = {
        "document": document,
        "state": standing,
        "facts": facts,
        "compared": compared,
        "problem": problem,
        "megabytes": MEGABYTES,
        "in_file": not document.stored,
    }
    return render(request, "verify.html", context, status=status)
