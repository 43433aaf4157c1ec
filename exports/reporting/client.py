"""The client of a reporting interface: parts of rows as JSON, an answer per row, a log of every exchange, retries that repeat nothing.

The official interface is not published (standards §10.3), so this is a plain one that a province's adapter can speak:

POST <endpoint>/batches  Authorization: Bearer <token>, Idempotency-Key: <digest of the part>
    {"school", "year", "kind", "layout", "part", "columns": [header], "rows": [{"key": 学号, "values": [cell]}]}
200 {"results": [{"key": 学号, "accepted": true, "message": ""}]}

Staff name an endpoint; which hosts may be reached at all, and the tokens, stand in the environment of the server (REPORT_HOSTS,
REPORT_TOKEN_*), so that nobody can make the server call a stranger or give away another secret.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone

from exports.ministry.layouts import all_layouts
from exports.reporting.batches import take_answers
from exports.reporting.rows import setting_of
from models.audit.masking import mask_text
from models.reporting.models import Exchange, ReportBatch, ReportItem
from workflows.errors import Refused, WrongState

PART = 500
ATTEMPTS = 4
WAIT = 0.5  # seconds before the second attempt; doubles
SECONDS, SECONDS_TO_CONNECT = 30, 10
MOST_ANSWER = 20_000_000  # characters
TOKEN_NAME = re.compile(r"REPORT_TOKEN_[A-Z0-9_]{1,26}")
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Unreachable(Refused):
    """The interface did not take a part, after every attempt."""

    code, status = "interface", 502


@dataclass(frozen=True)
class Door:
    """Where to send and with which token."""

    url: str
    token: str


def door_of(endpoint: str, token_name: str) -> Door:
    """The door of a setting. Raises WrongState with whom to ask when the server does not allow it."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    if host not in settings.REPORT_HOSTS:
        raise WrongState(f"服务器没有允许连接 {host or '该地址'}，请系统管理员把它列入 REPORT_HOSTS。")
    if parts.scheme != "https" and not settings.REPORT_PLAIN_HTTP:
        raise WrongState("接口地址必须以 https:// 开头。")
    if parts.username or parts.query or parts.fragment:
        raise WrongState("接口地址不能带用户名、参数或锚点。")
    if token_name and not TOKEN_NAME.fullmatch(token_name):
        raise WrongState("接口令牌名称须以 REPORT_TOKEN_ 开头。")
    token = os.environ.get(token_name, "") if token_name else ""
    if token_name and not token:
        raise WrongState(f"服务器上没有名为 {token_name} 的接口令牌，请联系系统管理员。")
    return Door(endpoint.rstrip("/"), token)


def parts_of(batch: ReportBatch) -> Iterator[tuple[int, list[ReportItem]]]:
    """(number, rows) of what has not been answered yet; a part keeps its number and content whatever was sent before."""
    keys = list(ReportItem.objects.filter(batch=batch).order_by("pk").values_list("pk", flat=True))
    for number, start in enumerate(range(0, len(keys), PART), start=1):
        rows = ReportItem.objects.filter(pk__in=keys[start : start + PART]).select_related("student").order_by("pk")
        items = list(rows)
        if any(item.state in (ReportItem.State.WAITING, ReportItem.State.SENT) for item in items):
            yield number, items


def body_of(batch: ReportBatch, number: int, items: list[ReportItem]) -> bytes:
    """The request, byte for byte the same each time it is made."""
    columns = all_layouts()[batch.layout].header_rows()[-1]
    found = {
        "school": batch.school.code, "year": batch.cohort.year, "kind": batch.kind, "layout": batch.layout, "part": number,
        "columns": columns, "rows": [{"key": item.student.number, "values": item.values} for item in items],
    }  # fmt: skip
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()


def send(
    batch: ReportBatch, progress: Callable[[int, int], None] | None = None, sleep: Callable[[float], None] = time.sleep
) -> ReportBatch:
    """Send every part that has no answer yet and write down the answers. Raises WrongState and Unreachable; what was answered stays."""
    if batch.state not in (ReportBatch.State.READY, ReportBatch.State.SENDING, ReportBatch.State.FAILED):
        raise WrongState(f"该批次为「{batch.get_state_display()}」，不能发送。")
    setting = setting_of(batch.cohort)
    door = door_of(setting.endpoint, setting.token_name)
    ReportBatch.objects.filter(pk=batch.pk).update(state=ReportBatch.State.SENDING, sent_at=timezone.now())
    done = 0
    httpx = import_module("httpx")  # loaded with the first batch that is sent, not with the server
    timeout = httpx.Timeout(SECONDS, connect=SECONDS_TO_CONNECT)
    try:
        with httpx.Client(timeout=timeout, follow_redirects=False) as client:
            for number, items in parts_of(batch):
                answers = _part(client, door, batch, number, items, sleep)
                batch = take_answers(batch, answers)
                done += len(items)
                if progress:
                    progress(done, batch.count)
    except BaseException:
        ReportBatch.objects.filter(pk=batch.pk).update(state=ReportBatch.State.FAILED)
        raise
    batch.refresh_from_db()
    if batch.state == ReportBatch.State.SENDING:
        ReportBatch.objects.filter(pk=batch.pk).update(state=ReportBatch.State.SENT)
        batch.refresh_from_db()
    return batch


def _part(
    client: Any,
    door: Door,
    batch: ReportBatch,
    number: int,
    items: list[ReportItem],
    sleep: Callable[[float], None],
) -> dict[int, tuple[bool, str]]:
    """One part, tried again where trying again may help. What it was: Exchange rows, one per attempt."""
    body = body_of(batch, number, items)
    digest = hashlib.sha256(body).hexdigest()
    headers = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": digest}
    if door.token:
        headers["Authorization"] = f"Bearer {door.token}"
    problem, httpx = "", import_module("httpx")
    for attempt in range(1, ATTEMPTS + 1):
        if attempt > 1:
            sleep(WAIT * 2 ** (attempt - 2))
        began, status, text = time.monotonic(), None, ""
        try:
            answer = client.post(f"{door.url}/batches", content=body, headers=headers)
            status, text = answer.status_code, answer.text[:MOST_ANSWER]
            problem = "" if status == 200 else f"接口答复 {status}"
        except httpx.HTTPError as error:
            problem = "连接超时" if isinstance(error, httpx.TimeoutException) else "无法连接"
        found = _read(text, items) if status == 200 else None
        if status == 200 and found is None:
            problem = "接口的答复无法识别"
        Exchange.objects.create(
            batch=batch, attempt=attempt, part=number, rows=len(items), request_digest=digest, status=status,
            answer=problem or _summary(found), seconds=round(time.monotonic() - began, 3),
        )  # fmt: skip
        if found is not None:
            return found
        if status is not None and status != 200 and status not in AGAIN:
            raise Unreachable(f"第 {number} 包没有被接收：{problem}，请核对上报设置后重新发送。")
    raise Unreachable(
        f"第 {number} 包没有发送成功：{problem}，已尝试 {ATTEMPTS} 次。已答复的部分不受影响，稍后可继续发送。"
    )


def _read(text: str, items: list[ReportItem]) -> dict[int, tuple[bool, str]] | None:
    """Answers by student key; None for what is no answer to exactly these rows."""
    try:
        results = json.loads(text)["results"]
        by_number = {str(one["key"]): (one["accepted"] is True, str(one.get("message") or "")) for one in results}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if set(by_number) != {item.student.number for item in items}:
        return None
    return {
        item.student_id: (by_number[item.student.number][0], mask_text(by_number[item.student.number][1]))
        for item in items
    }


def _summary(found: Any) -> str:
    accepted = sum(1 for ok, _message in found.values() if ok)
    return f"接收 {accepted} 条，退回 {len(found) - accepted} 条"
