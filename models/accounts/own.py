"""What a person does to the own account: password, contact, sessions, preferences. Staff's deeds stand in models.accounts.services.

Whatever ends trust in a password raises `session_epoch`, which ends every session of the account; the page in which a person
changes the own password renews its own session (`django.contrib.auth.update_session_auth_hash`).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest

from models.accounts import counters
from models.accounts.models import User
from models.accounts.services import forget_failures
from models.accounts.signals import contact_changed, password_changed
from models.audit.models import Action
from models.audit.services import record
from workflows.errors import Refused

CONFIRMS = 10


class TooMany(Refused):
    """Tried too often; `str()` says when to come back."""

    code, status = "throttled", 429


def set_own_password(user: User, password: str, *, how: str) -> None:
    """Store a password the person has chosen (validated by the caller), end all sessions, lift lock-outs. `how` goes into the mail.

    Saves the account with whatever else the caller has changed on it.
    """
    user.set_password(password)
    user.password_state = User.PasswordState.OWN
    user.session_epoch += 1
    user.save()
    forget_failures([user.username])
    transaction.on_commit(lambda: password_changed.send_robust(sender=User, user=user, how=how))


def change_password(user: User, password: str, *, request: HttpRequest | None = None, how: str = "change") -> None:
    """The person sets a new password: every other session ends, an audit row is written."""
    with transaction.atomic():
        set_own_password(user, password, how=how)
        record(
            Action.PASSWORD_RESET if how == "recovery" else Action.PASSWORD_CHANGE,
            request=request,
            actor=user,
            obj=user,
        )


def confirm(user: User, password: str) -> bool:
    """Whether `password` is the person's, asked again before something weighty; TooMany after ten wrong ones within the hour."""
    if counters.tried("confirm", str(user.pk), 3600) >= CONFIRMS:
        raise TooMany("当前密码输错次数过多，请一小时后再试。")
    if user.check_password(password):
        counters.forget("confirm", str(user.pk))
        return True
    counters.hit("confirm", str(user.pk), 3600)
    return False


def end_sessions(user: User, *, request: HttpRequest | None = None) -> None:
    """End every session of the account; the page renews its own."""
    with transaction.atomic():
        user.session_epoch += 1
        user.save(update_fields=["session_epoch"])
        record(Action.LOGOUT, request=request, actor=user, obj=user, everywhere=True)


def change_contact(user: User, *, phone: str, email: str, request: HttpRequest | None = None) -> list[str]:
    """Set phone and mail of the account (validated by the caller); returns the names of what changed. The old mailbox is told."""
    old = {"phone": user.phone, "email": user.email}
    changed = [name for name, value in (("phone", phone), ("email", email)) if value != old[name]]
    if not changed:
        return []
    with transaction.atomic():
        user.phone, user.email = phone, email
        user.save(update_fields=["phone", "email"])
        record(Action.CONTACT_CHANGE, request=request, actor=user, obj=user, fields=changed)
        transaction.on_commit(lambda: contact_changed.send_robust(sender=User, user=user, old_email=old["email"]))
    return changed


def prefer(user: User, **preferences: Any) -> None:
    """Keep preferences of the person (privacy switches, consent); a value None removes the key."""
    kept = {**user.preferences, **preferences}
    user.preferences = {key: value for key, value in kept.items() if value is not None}
    user.save(update_fields=["preferences"])
