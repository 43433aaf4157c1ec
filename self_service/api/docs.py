"""接口说明: the schema as a page for people, in Chinese, made on the server: no script, nothing from outside.

Everything on it comes from the schema at /api/schema/, so that it cannot say anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.html import format_html, format_html_join
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from self_service.pages.base import STRICT, home_of, render

TYPES = {
    "string": "文字", "integer": "整数", "number": "数字", "boolean": "是或否", "object": "对象", "array": "列表", "null": "空",
    "date-time": "日期时间", "date": "日期", "binary": "文件", "email": "电子邮箱",
}  # fmt: skip
STATUS = {
    "200": "成功", "201": "已建立", "204": "成功，没有内容", "400": "内容有误", "401": "没有登录", "403": "没有权限", "404": "没有找到",
    "409": "已被他人修改", "422": "没有通过规则检查", "429": "过于频繁",
}  # fmt: skip
NAME = re.compile(r"([A-Za-z/][A-Za-z0-9_/.<-]*[A-Za-z0-9_/]|<[^>]*>/?)")  # a name of the API in a Chinese sentence
ENUM = re.compile(r"\* `([^`]*)` - ([^\n]*)\n?")  # how drf-spectacular explains what may be chosen
PLACES = {"path": "地址中", "query": "问号之后", "header": "请求头", "cookie": "小饼干"}


@dataclass(frozen=True)
class Item:
    """One value that goes in or out: `shape` names the structure it is described in, if it has one."""

    name: str
    kind: str
    shape: str = ""
    required: bool = False
    text: str = ""
    where: str = ""


@dataclass(frozen=True)
class Operation:
    """One request."""

    method: str
    path: str
    title: str
    takes: list[Item]
    answers: list[Item]


@extend_schema(exclude=True)
class DocsView(APIView):
    """/api/docs/."""

    throttle_scope = "account"

    def get(self, request: Request) -> HttpResponse:
        """The page; signed-in people only, as the schema."""
        schema = SchemaGenerator().get_schema(request=request, public=False)
        context = {
            "title": schema["info"]["title"],
            "groups": groups(schema),
            "shapes": shapes(schema),
            "back": home_of(request.user),
        }
        return render(request._request, "api_docs.html", context)


docs = STRICT(DocsView.as_view())


def groups(schema: dict[str, Any]) -> dict[str, list[Operation]]:
    """Operations by tag, in the order of the schema."""
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            tag = next(iter(operation.get("tags", ())), "")
            found.setdefault(chinese(tag) or "其他", []).append(_operation(path, method, operation))
    return found


def _operation(path: str, method: str, operation: dict[str, Any]) -> Operation:
    takes = [
        Item(
            entry["name"],
            *kind_of(entry.get("schema", {})),
            required=entry.get("required", False),
            text=marked(chinese(entry.get("description", ""))),
            where=PLACES.get(entry["in"], ""),
        )
        for entry in operation.get("parameters", ())
    ]
    for media, body in list(operation.get("requestBody", {}).get("content", {}).items())[:1]:
        takes.append(Item(media, *kind_of(body.get("schema", {})), required=True, where="请求正文"))
    answers = []
    for status, response in operation.get("responses", {}).items():
        body = next(iter(response.get("content", {}).values()), {})
        said = chinese(response.get("description", "")) or STATUS.get(status, "")
        answers.append(Item(status, *(kind_of(body["schema"]) if body.get("schema") else ("",)), text=marked(said)))
    title = chinese(operation.get("summary", "")) or chinese(operation.get("description", ""))
    return Operation(method.upper(), path, marked(title), takes, answers)


def shapes(schema: dict[str, Any]) -> dict[str, list[Item]]:
    """The fields of every structure."""
    found = {}
    for name, shape in schema.get("components", {}).get("schemas", {}).items():
        required = shape.get("required", ())
        found[name] = [
            Item(key, *kind_of(value), required=key in required, text=marked(chinese(value.get("description", ""))))
            for key, value in shape.get("properties", {}).items()
        ]
        if "enum" in shape:
            found[name] = [
                Item("、".join(map(str, shape["enum"])), "取值", text=marked(chinese(shape.get("description", ""))))
            ]
    return found


def kind_of(schema: dict[str, Any]) -> tuple[str, str]:
    """What kind of value a schema means, in Chinese, and the structure it points at ("" if none)."""
    if "$ref" in schema:
        return "对象", schema["$ref"].rsplit("/", 1)[-1]
    for key in ("allOf", "oneOf", "anyOf"):
        if schema.get(key):
            return kind_of(schema[key][0])
    kinds = schema.get("type", "")
    words = [
        TYPES.get(schema.get("format", ""), "") or TYPES.get(kind, "")
        for kind in ([kinds] if isinstance(kinds, str) else kinds)
    ]
    word = "或".join(dict.fromkeys(w for w in words if w)) or "任意值"
    if schema.get("enum"):
        word += f"（{len(schema['enum'])} 种取值之一）"
    if kinds == "array":
        inner, shape = kind_of(schema.get("items", {}))
        return f"列表，每项为{inner}", shape
    if kinds == "object" and isinstance(schema.get("additionalProperties"), dict):
        inner, shape = kind_of(schema["additionalProperties"])
        return f"名称到{inner}的对照", shape
    return word + ("，可为空" if schema.get("nullable") else ""), ""


def marked(text: str) -> str:
    """A sentence with the names of the API in it set as code."""
    parts = NAME.split(ENUM.sub(r"\1：\2；", text).strip("；\n "))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", p) if i % 2 else p,) for i, p in enumerate(parts))
    )


def chinese(text: str) -> str:
    """A text if it is for people: Chinese; docstrings for programmers are not shown."""
    return text if any("一" <= character <= "鿿" for character in text) else ""
