"""Deeds on accounts: passwords, locks, sessions. Each writes its audit row in the same transaction; scope is the caller's question."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from axes.models import AccessAttempt
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F

from models.accounts import counters
from models.accounts.models import User
from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import School

# Without letters and digits that are mistaken for one another when a password is read out or copied from paper.
_LETTERS, _CAPITALS, _DIGITS = "abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"
CHUNK = 500
RANK = {level: rank for rank, level in enumerate(("counselor", "data", "college", "school", "province"))}


def random_password(length: int = 12) -> str:
    """A password fit to be shown once: three kinds of characters, nothing ambiguous."""
    alphabet = _LETTERS + _CAPITALS + _DIGITS
    while True:
        password = "".join(secrets.choice(alphabet) for _ in range(length))
        if all(any(character in kind for character in password) for kind in (_LETTERS, _CAPITALS, _DIGITS)):
            return password


def give_initial_password(account: User, *, request: Any = None) -> str:
    """Set a random initial password on a staff account and return it, to be shown once; sessions end, the first log-in must change it."""
    password = random_password()
    with transaction.atomic():
        account.set_password(password)
        account.password_state = User.PasswordState.INITIAL
        account.session_epoch += 1
        account.save(update_fields=["password", "password_state", "session_epoch"])
        record(Action.PASSWORD_RESET, request=request, obj=account)
    return password


def set_enabled(account: User, enabled: bool, *, request: Any = None) -> None:
    """Switch an account on or off; switching off ends its sessions at once."""
    with transaction.atomic():
        account.is_active = enabled
        account.session_epoch += not enabled
        account.save(update_fields=["is_active", "session_epoch"])
        record(Action.RIGHTS_CHANGE, request=request, obj=account, deed="启用账号" if enabled else "停用账号")


def forget_failures(usernames: Sequence[str]) -> None:
    """Forget failed log-ins: the hard limit per address (django-axes) and the soft one per account."""
    for start in range(0, len(usernames), CHUNK):
        AccessAttempt.objects.filter(username__in=usernames[start : start + CHUNK]).delete()
    counters.forget("login", *(name.lower() for name in usernames))


def unlock(accounts: Iterable[User], *, request: Any = None) -> int:
    """Forget failed log-ins of the accounts; returns for how many there were any."""
    accounts, freed = list(accounts), 0
    for start in range(0, len(accounts), CHUNK):
        part = {account.username: account for account in accounts[start : start + CHUNK]}
        with transaction.atomic():
            names = set(AccessAttempt.objects.filter(username__in=part).values_list("username", flat=True))
            counted = counters.known("login", *(name.lower() for name in part))
            names |= {name for name in part if name.lower() in counted}
            forget_failures(list(part))
            for name in names:
                record(Action.UNLOCK, request=request, obj=part[name])
        freed += len(names)
    return freed


def reset_students(accounts: Sequence[User], *, request: Any = None) -> int:
    """Take students' passwords back to the first-login rule of their school; returns how many.

    学生激活 schools: not activated again. ID-tail schools: the initial password holds again and must be changed at the next log-in.
    `accounts` come with `student__school` selected.
    """
    by_state: dict[str, list[User]] = {}
    for account in accounts:
        tail = account.student.school.first_login == School.FirstLogin.ID_TAIL
        by_state.setdefault(User.PasswordState.INITIAL if tail else User.PasswordState.NONE, []).append(account)
    with transaction.atomic():
        for state, group in by_state.items():
            for start in range(0, len(group), CHUNK):
                User.objects.filter(pk__in=[account.pk for account in group[start : start + CHUNK]]).update(
                    password=make_password(None), password_state=state, session_epoch=F("session_epoch") + 1
                )
        forget_failures([account.username for account in accounts])
        for account in accounts:
            record(Action.PASSWORD_RESET, request=request, obj=account, school_id=account.student.school_id)
    return len(accounts)
