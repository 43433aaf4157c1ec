"""绑定邮箱：an address counts for an account only after a code sent to it came back from the session that asked (security row B8).

A mailbox opens 找回密码, so nothing but this writes one that a person has typed; an office vouches for those it enters itself.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest

from models.accounts import counters, own
from models.accounts.models import User
from models.accounts.own import TooMany
from models.accounts.recovery import BIND_MAIL, Issued, issue, redeem

SENDS, WINDOW = 5, 3600
SENDS_TO_ONE = 3  # whoever asks: nobody's mailbox is to be filled from here


def ask(user: User, address: str) -> Issued:
    """Make the code that proves `address`. Five an hour per person, three per mailbox: TooMany beyond that."""
    if counters.hit("bind", str(user.pk), WINDOW) > SENDS:
        raise TooMany("获取验证码过于频繁，请一小时后再试。")
    if counters.hit("bind_to", address.lower(), WINDOW) > SENDS_TO_ONE:
        raise TooMany("发往这个邮箱的验证码过多，请一小时后再试，或换一个邮箱。")
    return issue(user, BIND_MAIL, address)


def prove(user: User, ticket: str, entered: str, *, request: HttpRequest | None = None) -> bool:
    """Bind the address the code was sent to; False when the code is wrong, late, used, or tried five times. The old mailbox is told."""
    with transaction.atomic():
        row = redeem(ticket, entered, BIND_MAIL)
        if row is None or row.user_id != user.pk:
            return False
        own.change_contact(user, phone=user.phone, email=row.address, request=request)
    return True
