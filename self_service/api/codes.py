"""Choices for coded fields: a page of a table, a search, or one step of the region picker."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models.codes.lookup import BIG, TableLookup, table
from workflows.errors import Absent

LIMIT = 20
TEXT = 50


class CodeOut(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    has_children = serializers.BooleanField(required=False)


class ChoiceOut(serializers.Serializer):
    results = CodeOut(many=True)
    path = serializers.ListField(child=CodeOut(), required=False, help_text="所给代码从上到下的各级。")


@extend_schema(tags=["系统代码"])
class CodesView(APIView):
    """系统代码。"""

    throttle_scope = "codes"

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description=f"按名称或代码查找，最多 {LIMIT} 条。"),
            OpenApiParameter("parent", str, description="分级表中某一项的下级；空为最上级。"),
            OpenApiParameter("code", str, description="给出一个代码从上到下的各级。"),
        ],
        responses=ChoiceOut,
    )
    def get(self, request: Request, key: str) -> Response:
        """查找（q）、取下级（parent）、取各级（code）；小表不带参数时给出全部。"""
        codes = table(key)
        if not codes.exists:
            raise Absent("没有这个代码表。")
        year = getattr(getattr(request.user, "student", None), "grad_year", None)
        ask = request.query_params
        if "q" in ask:
            return Response({"results": _rows(codes.search(ask["q"][:TEXT], limit=LIMIT, cohort_year=year))})
        if "code" in ask:
            entry = codes.get(ask["code"][:TEXT])
            line = [*reversed(codes.ancestors(entry.code)), entry] if entry else []
            return Response({"results": [], "path": _rows((e.code, e.name) for e in line)})
        if codes.is_tree or "parent" in ask:
            return Response({"results": children(codes, ask.get("parent", "")[:TEXT], year)})
        return Response({"results": _rows(codes.choices(year)[:BIG])})


def children(codes: TableLookup, parent: str, year: int | None) -> list[dict[str, Any]]:
    """The valid rows right below `parent`, each with whether it has more below it. What only occurs in ID numbers is no place to choose."""
    found = [
        entry for entry in codes.children(parent) if codes.valid(entry.code, year) and not entry.flags.get("id_only")
    ]
    return [{"code": e.code, "name": e.name, "has_children": bool(codes.children(e.code))} for e in found]


def _rows(pairs: Any) -> list[dict[str, str]]:
    return [{"code": code, "name": name} for code, name in pairs]
