"""找回密码：a code by e-mail, then a new password. Nothing anybody sees tells whether the account or the mailbox exists."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from models.accounts import counters
from models.accounts.counters import MailCode
from models.accounts.login import find_username
from models.accounts.models import User
from models.accounts.own import TooMany

RESET, BIND_MAIL = "reset", "bind_mail"
SENDS, WINDOW = 3, 3600
DIGITS = 8  # 26 bits; six digits would be below the 20 bits that are asked for


@dataclass(frozen=True)
class Issued:
    """A code on its way: `ticket` stays in the session that asked, `code` goes to `address` and nowhere else. No `user`, no mail."""

    ticket: str
    user: User | None = None
    address: str = ""
    code: str = ""


def ask(entered: str, school_id: int | None, email: str) -> Issued:
    """Begin a recovery for what was typed. Three an hour per account name, real or not: TooMany beyond that."""
    username = find_username(entered, school_id)
    if counters.hit("recovery", f"{school_id or ''}:{username.lower()}", WINDOW) > SENDS:
        raise TooMany("获取验证码过于频繁，请一小时后再试。")
    user = (
        User.objects.filter(username=username, is_active=True, password_state=User.PasswordState.OWN)
        .exclude(email="")
        .first()
    )
    if user is None or user.email.lower() != email.strip().lower():
        return Issued(secrets.token_urlsafe(24))
    return issue(user, RESET, user.email)


def issue(user: User, purpose: str, address: str) -> Issued:
    """Make a code for `user`, bound to the ticket in the result; earlier ones of the same purpose are void."""
    ticket, code = secrets.token_urlsafe(24), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    MailCode._base_manager.filter(user=user, purpose=purpose, used_at=None).update(used_at=timezone.now())
    MailCode._base_manager.create(
        user=user,
        purpose=purpose,
        ticket=counters.keyed("ticket", ticket),
        code=counters.keyed("code", f"{ticket}:{code}"),
        address=address,
    )
    return Issued(ticket, user, address, code)


def redeem(ticket: str, entered: str, purpose: str) -> MailCode | None:
    """The code's row if `entered` is right, now used up; None if it is wrong, late, used, or tried five times: nobody learns which."""
    now = timezone.now()
    rows = MailCode._base_manager.filter(
        ticket=counters.keyed("ticket", ticket),
        purpose=purpose,
        used_at=None,
        created_at__gt=now - timedelta(minutes=MailCode.MINUTES),
    )
    # Counted before it is compared: parallel guesses cannot share a try.
    if not rows.filter(tries__lt=MailCode.TRIES).update(tries=F("tries") + 1):
        return None
    row = rows.select_related("user").first()
    entered = "".join(entered.split())
    if row is None or not constant_time_compare(row.code, counters.keyed("code", f"{ticket}:{entered}")):
        return None
    return row if rows.update(used_at=now) else None
