"""单位注册：form, a code to the mailbox, then the account. One account per 统一社会信用代码; what is in the way is said to the mailbox only.

The form's answer is the same, byte for byte, whether the code has an account or not: nothing is looked up until the code that was
mailed comes back. Whoever gets that far has shown a mailbox, and a mailbox, an address and a code are each good for a few tries.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from models.accounts import counters
from models.accounts.models import User
from models.accounts.own import TooMany
from models.audit.models import Action
from models.audit.request import client_ip
from models.audit.services import record
from models.employers.library import Employer
from models.employers.matters import EmployerVerification
from models.employers.records import Registration
from models.notices.outbox import mail, queue
from workflows import holding
from workflows.errors import Conflict
from workflows.scoping import system

HOUR = 3600
PER_MAILBOX, PER_CODE, PER_ADDRESS = 3, 5, 30
DIGITS = 8
FILLED_IN = ("name", "contact", "mobile", "email")
TAKEN = "该统一社会信用代码已经注册过账号，不能重复注册。请用原账号登录；经办人更换或忘记密码，可提交账号申诉。"


@dataclass(frozen=True)
class Begun:
    """What the session of the person who registers keeps: the other half of the code in the mail."""

    ticket: str
    email: str


def limit(kind: str, request: HttpRequest | None, **counted: tuple[str, int]) -> None:
    """Count one try of each thing named; TooMany when any of them, or the address it comes from, was used too often within the hour."""
    address = (client_ip(request) or "") if request is not None else ""
    tries = {**counted, "ip": (address, PER_ADDRESS)} if address else counted
    over = [name for name, (value, most) in tries.items() if counters.hit(f"{kind}_{name}"[:20], value, HOUR) > most]
    if over:
        raise TooMany("提交过于频繁，请一小时后再试。")


def begin(
    values: dict[str, str],
    password: str,
    school_id: int,
    *,
    consent: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> Begun:
    """Keep what was filled in (validated by the caller) and mail a code to the mailbox given. TooMany beyond a few an hour."""
    email = values["email"].lower()
    limit("register", request, mail=(email, PER_MAILBOX), code=(values["uscc"], PER_CODE))
    ticket, code = secrets.token_urlsafe(24), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    with transaction.atomic():
        Registration._base_manager.create(
            ticket=counters.keyed("ticket", ticket),
            code=counters.keyed("code", f"{ticket}:{code}"),
            uscc=values["uscc"],
            school_id=school_id,
            values={**{name: values[name] for name in FILLED_IN}, "consent": consent},
            password=make_password(password),
        )
        text = (
            f"您正在注册用人单位账号（统一社会信用代码 {values['uscc']}），验证码为：{code}\n\n"
            f"{Registration.MINUTES} 分钟内有效，请勿告诉他人。如非本人操作，请忽略本邮件。"
        )
        queue([mail("register", None, "用人单位注册验证码", text, about=ticket, address=values["email"], secret=True)])
    return Begun(ticket, values["email"])


def complete(ticket: str, entered: str, *, request: HttpRequest | None = None) -> User | None:
    """Make the account if `entered` is the code; None when it is wrong, late, used or tried five times.

    Conflict when the 统一社会信用代码 has an account meanwhile or already: only who has the mailbox of this registration reads it.
    """
    row = _redeem(ticket, entered)
    if row is None:
        return None
    with system("an account is made for somebody who is not logged in"):
        try:
            with transaction.atomic():
                user = _make(row)
                record(Action.EMPLOYER_REGISTRATION, request=request, actor=user, obj=user, school_id=row.school_id)
        except IntegrityError as error:
            raise Conflict(TAKEN) from error
    return user


def _redeem(ticket: str, entered: str) -> Registration | None:
    now = timezone.now()
    rows = Registration._base_manager.filter(
        ticket=counters.keyed("ticket", ticket),
        used_at=None,
        created_at__gt=now - timedelta(minutes=Registration.MINUTES),
    )
    # Counted before it is compared: parallel guesses cannot share a try.
    if not rows.filter(tries__lt=Registration.TRIES).update(tries=F("tries") + 1):
        return None
    row = rows.first()
    entered = "".join(entered.split())
    if row is None or not constant_time_compare(row.code, counters.keyed("code", f"{ticket}:{entered}")):
        return None
    return row if rows.update(used_at=now) else None


def _make(row: Registration) -> User:
    """Account, library row (not offered to anybody before the review) and the record of 单位审核. IntegrityError when there is one."""
    user = User(
        username=row.uscc,
        name=row.values["name"][:60],
        kind=User.Kind.EMPLOYER,
        phone=row.values["mobile"],
        email=row.values["email"],
        password=row.password,
        preferences={"consent": row.values["consent"]} if row.values.get("consent") else {},
    )
    user.save(force_insert=True)
    employer = holding.locking(Employer._base_manager.filter(uscc=row.uscc)).first()
    if employer is None:
        employer = Employer(uscc=row.uscc, name=row.values["name"], source=Employer.Source.ACCOUNT)
    if employer.account_id is not None:
        raise IntegrityError("the employer has an account")
    employer.account = user
    employer._history_user, employer._change_reason = user, "单位注册"
    employer.save()
    # What the library may already know of this employer is not shown to whoever registers: they fill in their own.
    verification = EmployerVerification(employer=employer, school_id=row.school_id, version=1, baseline_version=1)
    for name in FILLED_IN:
        setattr(verification, name, row.values[name])
    verification._history_user, verification._change_reason = user, "单位注册"
    verification.save()
    return user


def forget_old() -> int:
    """Remove registrations that nobody finished; upkeep. Returns how many."""
    before = timezone.now() - timedelta(days=1)
    return Registration._base_manager.filter(created_at__lt=before).delete()[0]
