"""The mail outbox: `queue` in the transaction of what causes a mail, `send_due` from a worker."""

from __future__ import annotations

import hashlib
import logging
import smtplib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.utils import timezone

from models.jobs.services import start
from models.notices.models import Mail

logger = logging.getLogger(__name__)

ATTEMPTS = 5
BATCH = 200
LOST_AFTER = timedelta(minutes=10)
FOOTER = "\n\n—— 启航就业管理系统\n本邮件由系统自动发送，请勿回复。"


def key_of(*parts: Any) -> str:
    """The identity of one message: template, recipient, object and whatever makes the event one."""
    return hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()


def mail(
    template: str, user: Any, subject: str, body: str, *, about: Any, address: str = "", secret: bool = False
) -> Mail:
    """One mail, not yet stored. `about` names the object and event, so that a retry finds it already there.

    `user` None is somebody who has no account yet; `address` is then needed.
    """
    address = address or user.email
    return Mail(
        key=key_of(template, user.pk if user else address, about),
        template=template,
        recipient=user,
        address=address,
        subject=subject[:100],
        body=body,
        secret=secret,
    )


def queue(mails: Iterable[Mail]) -> int:
    """Put mails into the outbox, those already there left out, and have a worker send them. Returns how many were handed in."""
    rows = [row for row in mails if row.address]
    for begin in range(0, len(rows), 1000):
        Mail._base_manager.bulk_create(rows[begin : begin + 1000], ignore_conflicts=True)
    if rows:
        transaction.on_commit(lambda: start("notices.mail", owner=None, key="notices.mail"))
    return len(rows)


def send_due() -> int:
    """Send what waits; returns how many went out. One connection per batch; a failing one is tried again later, five times."""
    forget_lost()
    sent = 0
    while ids := list(_due().values_list("pk", flat=True)[:BATCH]):
        connection = get_connection()
        try:
            connection.open()
        except OSError as error:  # the mail server is away: all of it waits
            logger.warning("mail server unavailable: %s", error)
            _due().filter(pk__in=ids).update(
                not_before=timezone.now() + timedelta(minutes=1), error="邮件服务器无法连接"
            )
            return sent
        try:
            sent += sum(_send(pk, connection) for pk in ids)
        finally:
            connection.close()
    return sent


def forget_lost() -> int:
    """Mark as failed what a killed process had taken: whether it left is not known, and nothing is sent twice."""
    lost = Mail._base_manager.filter(state=Mail.State.SENDING, not_before__lt=timezone.now() - LOST_AFTER)
    return lost.update(state=Mail.State.FAILED, error="发送中断，未确认是否送达")


def _due():
    return Mail._base_manager.filter(state=Mail.State.WAITING, not_before__lte=timezone.now()).order_by(
        "not_before", "pk"
    )


def _send(pk: int, connection: Any) -> int:
    row = Mail._base_manager.filter(pk=pk)
    now = timezone.now()
    if not row.filter(state=Mail.State.WAITING).update(state=Mail.State.SENDING, not_before=now):
        return 0  # another worker has it
    one = row.get()
    message = EmailMessage(
        one.subject, one.body + FOOTER, settings.DEFAULT_FROM_EMAIL, [one.address], connection=connection
    )
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        _failed(row, one, error)
        return 0
    row.update(state=Mail.State.SENT, sent_at=timezone.now(), error="", **({"body": ""} if one.secret else {}))
    return 1


def _failed(row: Any, one: Mail, error: Exception) -> None:
    attempts = one.attempts + 1
    over = attempts >= ATTEMPTS or isinstance(error, smtplib.SMTPRecipientsRefused)
    logger.warning("mail %s not sent (%s. try): %s", one.pk, attempts, type(error).__name__)
    row.update(
        state=Mail.State.FAILED if over else Mail.State.WAITING,
        attempts=attempts,
        error=type(error).__name__,
        not_before=timezone.now() + timedelta(minutes=2**attempts),
        **({"body": ""} if over and one.secret else {}),
    )
