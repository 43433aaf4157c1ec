"""Errors of the API: one shape for all, in Chinese: {"detail": sentence, "code": code, "errors": {field: sentence}, …}."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from workflows.errors import Invalid, Refused

USUAL = {403: "没有权限，或页面已过期，请刷新后重试。", 404: "没有找到。", 415: "不支持这种提交格式。"}


def _is_chinese(text: str) -> bool:
    return any("一" <= character <= "鿿" for character in text)


def body_of(refusal: Refused) -> dict[str, Any]:
    """The answer to a refusal of the engine."""
    body: dict[str, Any] = {"detail": refusal.sentence, "code": refusal.code}
    if isinstance(refusal, Invalid):
        body["errors"] = refusal.errors
    if refusal.details:
        body["details"] = refusal.details
    return body


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Refusals of the engine with their status, DRF's own errors in the same shape; anything else is a fault and stays a 500."""
    if isinstance(exc, Refused):
        return Response({**body_of(exc), **getattr(exc, "more", {})}, status=exc.status)
    response = exception_handler(exc, context)
    if response is None:
        return None
    if isinstance(exc, exceptions.NotAuthenticated):
        response.status_code = status.HTTP_401_UNAUTHORIZED
    data, code = response.data, getattr(exc, "default_code", "error")
    if isinstance(exc, exceptions.ValidationError):
        response.data = {"detail": "提交的内容有误，请检查。", "code": "invalid", "errors": _flat(data)}
    elif isinstance(exc, exceptions.ParseError):
        response.data = {"detail": "提交的内容无法识别，请检查格式。", "code": "parse_error"}
    else:
        detail = str(data.get("detail", "")) if isinstance(data, dict) else ""
        response.data = {
            "detail": detail if _is_chinese(detail) else USUAL.get(response.status_code, "请求无法处理。"),
            "code": code,
        }
        if isinstance(exc, exceptions.Throttled):
            response.data["detail"] = "操作过于频繁，请稍后再试。"
    return response


def _flat(data: Any) -> dict[str, str]:
    """Field → first sentence, whatever depth DRF has built."""
    if not isinstance(data, dict):
        return {"": _first(data)}
    return {str(name): _first(value) for name, value in data.items()}


def _first(value: Any) -> str:
    while isinstance(value, list | dict) and value:
        value = next(iter(value.values())) if isinstance(value, dict) else value[0]
    return str(value) if value else ""
