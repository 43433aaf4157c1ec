"""Short messages: one door (`send`) and a gateway that a deployment chooses, SMS_BACKEND = console | http | memory | none.

A code that proves a phone is sent while the person waits, so this is no outbox: it goes out now or the person is told that it did not.
The http gateway posts {"phone", "text"} as JSON to SMS_URL with SMS_TOKEN as bearer token; whatever speaks another protocol stands
behind a few lines of its own. What was sent is never logged: neither the text nor the whole number.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib import import_module

from django.conf import settings

from workflows.errors import Refused
from workflows.fields import mask

logger = logging.getLogger(__name__)
SECONDS = 8
memory: list[tuple[str, str]] = []  # what the memory gateway was given: tests


class SmsFailed(Refused):
    """The message could not be handed to the gateway."""

    code, status = "sms", 503


def send(phone: str, text: str) -> None:
    """Hand `text` to the gateway; SmsFailed with a sentence when it is not taken."""
    gateway = GATEWAYS.get(settings.SMS_BACKEND)
    if gateway is None:
        raise SmsFailed("学校尚未开通短信服务，请联系学校就业部门。")
    gateway(phone, text)


def _console(phone: str, text: str) -> None:
    """For the demo and for development: on the server's own terminal."""
    sys.stdout.write(f"[短信] {phone} {text}\n")
    sys.stdout.flush()


def _memory(phone: str, text: str) -> None:
    memory.append((phone, text))


def _http(phone: str, text: str) -> None:
    if not settings.SMS_URL.startswith(("https://", "http://")):
        raise SmsFailed("短信服务配置有误，请联系学校就业部门。")
    httpx = import_module("httpx")  # loaded with the first message, not with the server
    headers = {"Authorization": f"Bearer {settings.SMS_TOKEN}"}
    try:
        answer = httpx.post(settings.SMS_URL, json={"phone": phone, "text": text}, headers=headers, timeout=SECONDS)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        logger.warning("short message to %s not taken: %s", mask(phone, "phone"), type(error).__name__)
        raise SmsFailed("短信暂时发送不出去，请稍后再试。") from error


GATEWAYS: dict[str, Callable[[str, str], None]] = {"console": _console, "http": _http, "memory": _memory}
