"""A mailbox on its way to be bound: the code goes out, the session keeps the other half until it comes back."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from models.accounts import binding
from models.accounts.counters import MailCode
from models.accounts.models import User
from models.notices.outbox import mail, queue

KEY = "mailbox"


def ask(request: HttpRequest, user: User, address: str) -> None:
    """Send a code to `address` and wait for it in this session; TooMany (a Refused) when that was asked for too often."""
    issued = binding.ask(user, address)
    text = (
        f"您正在把本邮箱绑定到启航就业管理系统的账号，验证码为：{issued.code}\n\n"
        f"{MailCode.MINUTES} 分钟内有效，请勿告诉他人。如非本人操作，请忽略本邮件。"
    )
    queue([mail("bind", user, "绑定邮箱验证码", text, about=issued.ticket, address=address, secret=True)])
    until = timezone.now().timestamp() + MailCode.MINUTES * 60
    request.session[KEY] = {"user": user.pk, "ticket": issued.ticket, "address": address, "until": until}


def waiting(request: HttpRequest) -> dict[str, Any] | None:
    """What this session waits for: {"address", "ticket", …}; None when nothing, or when it is too late."""
    kept = request.session.get(KEY)
    if not kept or kept["user"] != request.user.pk or kept["until"] <= timezone.now().timestamp():
        return None
    return kept


def prove(request: HttpRequest, code: str) -> bool:
    """Bind the waiting address if `code` is the one that was sent."""
    kept = waiting(request)
    if kept is None or not binding.prove(request.user, kept["ticket"], code, request=request):
        return False
    drop(request)
    return True


def drop(request: HttpRequest) -> None:
    """Wait no longer; the bound address stays as it is."""
    request.session.pop(KEY, None)
