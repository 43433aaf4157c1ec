"""学生激活：who can name school, 学号, 姓名 and 证件号 as the roster has them may set a password of their own."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from models.accounts import counters
from models.accounts.models import User
from models.accounts.own import TooMany, set_own_password
from models.audit.models import Action, Result
from models.audit.services import record
from workflows import holding
from workflows.errors import Conflict

TRIES, WINDOW = 5, 3600
FAILED = "填写的信息与学校登记的不一致，或该账号已经激活。请核对后重试；已激活请直接登录，仍有问题请联系辅导员。"


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def verify(school_id: int, number: str, name: str, identity: str, *, request: HttpRequest | None = None) -> User | None:
    """The account these facts belong to, if it still waits for activation; None otherwise, whatever the reason.

    Five tries an hour per student number, successful or not, from wherever they come: TooMany beyond that.
    """
    key = f"{school_id}:{_plain(number)}"
    if counters.hit("activation", key, WINDOW) > TRIES:
        raise TooMany("尝试次数过多，请一小时后再试，或联系辅导员。")
    waiting = (User.PasswordState.NONE, User.PasswordState.INITIAL)
    user = (
        User.objects.select_related("student")
        .filter(
            kind=User.Kind.STUDENT,
            is_active=True,
            password_state__in=waiting,
            student__school_id=school_id,
            student__number=_plain(number),
        )
        .first()
    )
    stored = (_plain(user.student.name), _plain(user.student.id_number)) if user else ("", "")
    same = [constant_time_compare(a, b) for a, b in zip(stored, (_plain(name), _plain(identity)), strict=True)]
    if user is None or not all(same) or not stored[1]:
        record(Action.ACTIVATION, request=request, result=Result.FAILED, school_id=school_id)
        return None
    counters.forget("activation", key)
    return user


def activate(user: User, *, password: str, phone: str, request: HttpRequest | None = None, **preferences: Any) -> User:
    """Give a verified account its own password and phone. Conflict when somebody activated it meanwhile.

    The caller has validated both; a mailbox is bound by `binding`, once it is proved. `preferences` are added to the
    account's (the consent given).
    """
    with transaction.atomic():
        held = holding.locking(User.objects.all()).get(pk=user.pk)
        if held.password_state == User.PasswordState.OWN:
            raise Conflict("该账号已经激活，请直接登录。")
        held.phone = phone
        held.preferences = {**held.preferences, **preferences}
        set_own_password(held, password, how="activation")
        record(Action.ACTIVATION, request=request, actor=held, obj=held)
    return held
