"""Pages for what went wrong: Chinese, with a way back. The API gets the same as JSON."""

from __future__ import annotations

import sys
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from self_service.pages.base import STRICT

GENERIC = {
    400: ("请求无法识别", "请返回上一页重试。"),
    403: ("没有权限", "您没有权限进行这项操作。如需开通，请联系学校管理员。"),
    404: ("没有找到页面", "页面不存在、已被移走，或您没有权限查看。"),
    409: ("没有办成", "刚才有人同时在办理同一份材料，您的操作没有生效，也没有留下任何改动。请返回上一页刷新后再办理。"),
    500: ("系统出错", "系统出现问题，已记录下来。请稍后再试；若反复出现，请联系学校就业部门。"),
}
CODES = {400: "bad_request", 403: "forbidden", 404: "not_found", 409: "conflict", 500: "error"}


def _answer(request: HttpRequest, status: int, sentence: str = "") -> HttpResponse:
    title, usual = GENERIC[status]
    if request.path.startswith("/api/"):
        body = {"detail": sentence or usual, "code": CODES[status]}
        return JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    # No request context: an error page asks neither the session nor the database.
    html = render_to_string(
        "self_service/error.html", {"title": title, "sentence": sentence or usual, "status": status}
    )
    response = HttpResponse(html, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@STRICT
def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """handler400."""
    return _answer(request, 400)


@STRICT
def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """handler403; a PermissionDenied raised with a sentence shows it."""
    return _answer(request, 403, _chinese(str(exception or "")))


@STRICT
def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """handler404; a foreign record and a missing one look the same."""
    return _answer(request, 404)


@STRICT
def failed(request: HttpRequest) -> HttpResponse:
    """handler500; whoever lost a dead-lock has done nothing and may try again, which is no fault of the system's."""
    return _answer(request, 409 if _met_somebody(sys.exception()) else 500)


def _met_somebody(error: BaseException | None) -> bool:
    """Whether the database broke two deeds apart that waited for each other (SQLSTATE 40P01), or could not put them in an order (40001)."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", "") in ("40P01", "40001")


@STRICT
def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """settings.CSRF_FAILURE_VIEW: a form that lay open too long, or a browser without cookies."""
    return _answer(
        request,
        403,
        "页面已过期，或浏览器没有启用小饼干（网站数据）。请返回上一页刷新后重新提交；填写的内容仍在页面上。",
    )


def _chinese(text: str) -> str:
    return text if any("一" <= character <= "鿿" for character in text) else ""
