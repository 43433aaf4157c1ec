"""Telling people: single events, batch reminders by staff, announcements; and the reader's side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from models.accounts.models import User
from models.audit.models import Action
from models.audit.services import record
from models.notices.models import Notice
from models.notices.outbox import key_of, mail, queue
from workflows.errors import Invalid, NotAllowed

CHUNK = 2000
ADD = "notices.add_notice"


@dataclass
class Told:
    """How many people a message reached: in the site, by e-mail, and how many records have nobody with an account."""

    notified: int = 0
    mailed: int = 0
    unreachable: int = 0


# -- writing -------------------------------------------------------------------------------------------------------------


def tell(notices: Iterable[Notice], mails: Iterable[Any] = ()) -> None:
    """Store notices and queue mails in bulk; what was told before (same key) is left out."""
    rows = list(notices)
    for begin in range(0, len(rows), CHUNK):
        Notice._base_manager.bulk_create(rows[begin : begin + CHUNK], ignore_conflicts=True)
    queue(mails)


def remind(queryset: QuerySet, by: User, text: str) -> Told:
    """催办：a notice and a mail to the subject of every record of `queryset` (a matter or the students) in the scope of `by`.

    The same text about the same record reaches a person once a day, so that a double click tells nobody twice. Raises NotAllowed
    without "notices.add_notice", Invalid without a text.
    """
    text = _checked(by, text, "text", "请填写提醒内容。")
    model = queryset.model
    title = f"请及时办理：{model._meta.verbose_name}" if hasattr(model, "review") else "学校提醒"
    matter = model._meta.label_lower if hasattr(model, "review") else ""
    told, day = Told(), timezone.localdate().isoformat()
    rows = list(by.scope_of(queryset).order_by("pk").values_list("pk", model.subject_path))
    told.unreachable = sum(user_id is None for _pk, user_id in rows)
    about = {
        user_id: f"{model._meta.label_lower}:{pk}:{day}:{key_of(text)}" for pk, user_id in rows if user_id is not None
    }
    _broadcast(about, Notice.Kind.REMIND, title, text, matter, by, told)
    return told


def announce(users: QuerySet[User], title: str, body: str, by: User) -> Told:
    """通知公告：to accounts in the scope of `by`; the same announcement reaches a person once a day."""
    body = _checked(by, body, "body", "请填写通知内容。")
    title = _checked(by, title, "title", "请填写通知标题。")
    told, day = Told(), timezone.localdate().isoformat()
    inside = User.objects.in_scope_of(by).values("pk")
    ids = users.order_by("pk").filter(pk__in=inside, is_active=True).values_list("pk", flat=True)
    about = dict.fromkeys(ids, f"announce:{day}:{key_of(title, body)}")
    _broadcast(about, Notice.Kind.ANNOUNCE, title[:100], body, "", by, told)
    return told


def _checked(by: User, text: str, name: str, sentence: str) -> str:
    if not by.has_perm(ADD):
        raise NotAllowed("您没有发送通知的功能，请联系学校管理员在「功能分配」中开通。")
    if not text.strip():
        raise Invalid({name: sentence})
    return text.strip()[:2000]


def _broadcast(about: dict[int, str], kind: str, title: str, body: str, matter: str, by: User, told: Told) -> None:
    """One notice and, where there is an address, one mail to each user of `about` (user id → what makes the message one)."""
    ids = list(about)
    with transaction.atomic():
        for begin in range(0, len(ids), CHUNK):
            users = list(User.objects.filter(pk__in=ids[begin : begin + CHUNK]).only("pk", "email", "preferences"))
            tell(
                [
                    Notice(
                        recipient=user,
                        kind=kind,
                        title=title,
                        body=body,
                        matter=matter,
                        sender=by,
                        key=key_of(kind, user.pk, about[user.pk]),
                    )
                    for user in users
                ],
                mails := [
                    mail(kind, user, title, f"{body}\n\n请登录系统查看或办理。", about=about[user.pk])
                    for user in users
                    if wants_mail(user)
                ],
            )
            told.notified += len(users)
            told.mailed += len(mails)
        if ids:
            record(Action.BATCH_EDIT, actor=by, obj=Notice, kind=str(kind), title=title, count=told.notified)


def wants_mail(user: User) -> bool:
    """Whether notices also go to the person's mailbox: there is one, and they have not switched it off."""
    return bool(user.email) and user.preferences.get("mail_notices", True)


# -- reading -------------------------------------------------------------------------------------------------------------


def inbox(user: User) -> QuerySet[Notice]:
    """The person's own notices, newest first; for staff and students alike."""
    return Notice._base_manager.filter(recipient_id=user.pk).order_by("-created_at", "-pk")


def unread(user: User) -> int:
    """How many notices the person has not opened: one small index."""
    return Notice._base_manager.filter(recipient_id=user.pk, read_at__isnull=True).count()


def read(user: User, pk: int | None = None) -> int:
    """Mark one notice, or with None all of them, as read; returns how many were unread."""
    rows = inbox(user).filter(read_at__isnull=True).order_by()
    return (rows if pk is None else rows.filter(pk=pk)).update(read_at=timezone.now())
