"""账号申诉：whoever shows the licence gets the account back. Four outcomes (设置新密码, 重置链接, 短信密码, 其他处理), all by the school.

The page answers the same whatever is typed; only the school sees whether there is such an account. Nothing of the account changes
before a person has decided.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from models.accounts import counters
from models.accounts.models import User
from models.accounts.own import set_own_password
from models.accounts.services import forget_failures, random_password
from models.audit.models import Action
from models.audit.services import record
from models.employers.library import Employer
from models.employers.matters import LICENCE, EmployerVerification
from models.employers.records import AccountAppeal
from models.employers.registration import limit
from models.evidence.services import checked
from models.jobs.files import safe_filename, store_private
from models.notices import sms
from models.notices.outbox import mail, queue
from workflows import holding
from workflows.errors import Conflict, Invalid, WrongState
from workflows.scoping import system

PER_CODE, PER_MAILBOX = 3, 3
Outcome = AccountAppeal.Outcome
FOLDER = "appeals"
# What keeps the account: approval updates its contact (features I10).
GIVES_ACCOUNT = (Outcome.PASSWORD, Outcome.LINK, Outcome.SMS)


def file(values: dict[str, str], upload: Any, school_id: int, *, request: HttpRequest | None = None) -> AccountAppeal:
    """Keep an appeal (validated by the caller) with its licence; Invalid for a file that is not taken, TooMany beyond a few an hour.

    It goes to the school that reviewed the account, wherever it was addressed to: no other school may give the account away.
    """
    limit("appeal", request, mail=(values["email"].lower(), PER_MAILBOX), code=(values["uscc"], PER_CODE))
    looked_at = checked(upload, LICENCE)
    with system("an appeal is filed by somebody who is not logged in"):
        employer = Employer._base_manager.filter(uscc=values["uscc"], account__isnull=False).first()
        home = EmployerVerification._base_manager.filter(employer=employer).first() if employer else None
        appeal = AccountAppeal(school_id=home.school_id if home else school_id, employer=employer)
        for name in ("uscc", "name", "contact", "mobile", "email", "reason"):
            setattr(appeal, name, values[name])
        appeal.licence = store_private(f"x{looked_at.extension}", looked_at.content, FOLDER)
        appeal.licence_name = safe_filename(upload.name)
        appeal.save()
    return appeal


def others_of(appeal: AccountAppeal) -> int:
    """How many other appeals for the same code wait or were decided within half a year: a reason to look twice."""
    since = timezone.now() - timedelta(days=183)
    same = AccountAppeal._base_manager.filter(uscc=appeal.uscc).exclude(pk=appeal.pk)
    return same.filter(Q(state=AccountAppeal.State.WAITING) | Q(decided_at__gt=since)).count()


def account_for(appeal: AccountAppeal) -> User | None:
    """The account the appeal is about, as it stands; None when the code has none."""
    return User.objects.filter(username=appeal.uscc, kind=User.Kind.EMPLOYER).first()


def settle(appeal: AccountAppeal, outcome: str, *, by: Any, note: str = "", request: HttpRequest | None = None) -> str:
    """Decide a waiting appeal; returns the new password for `password` (shown once), "" otherwise. Raises a Refused.

    An outcome that gives the account back also makes the appeal's contact the account's and ends its sessions.
    """
    if outcome not in Outcome.values:
        raise Invalid({"outcome": "请选择处理方式。"})
    note = note.strip()[:500]
    if outcome == Outcome.OTHER and not note:
        raise Invalid({"note": "选择其他处理时，请写明如何处理。"})
    with transaction.atomic():
        row = holding.held(by.scope_of(AccountAppeal._base_manager.filter(pk=appeal.pk)))
        if row is None or row.state != AccountAppeal.State.WAITING:
            raise Conflict("该申诉已处理，请刷新后查看。")
        password = ""
        if outcome in GIVES_ACCOUNT:
            password = _give_back(row, outcome, request)
        row.state, row.outcome, row.note = AccountAppeal.State.DONE, outcome, note
        row.decided_by, row.decided_at = by, timezone.now()
        row.save()
        record(Action.ACCOUNT_APPEAL, request=request, actor=by, obj=row, school_id=row.school_id, outcome=str(outcome))
        if outcome == Outcome.SMS:  # last: what cannot be sent leaves everything as it was
            sms.send(row.mobile, f"您的启航用人单位账号临时密码为 {password}，登录后请立即修改。")
    return password if outcome == Outcome.PASSWORD else ""


def _give_back(row: AccountAppeal, outcome: str, request: HttpRequest | None) -> str:
    """Make the account the appellant's: contact, ended sessions, and a password or a link; the account's own row is locked."""
    employer = Employer._base_manager.filter(uscc=row.uscc, account__isnull=False).first()
    user = holding.held(User.objects.filter(pk=employer.account_id)) if employer else None
    if user is None:
        raise WrongState("该统一社会信用代码还没有账号，请选择「其他处理」，告知对方直接注册。")
    row.employer = employer
    old_email = user.email
    user.phone, user.email, user.is_active = row.mobile, row.email, True
    user.session_epoch += 1
    password = ""
    if outcome == Outcome.LINK:
        _send_link(row, user, request)
        user.password = make_password(None)  # the old password ends with the old keeper
    else:
        password = random_password()
        user.set_password(password)
        user.password_state = User.PasswordState.INITIAL
    user.save()
    forget_failures([user.username])
    if old_email and old_email != row.email:
        text = "贵单位账号经学校核实申诉后已更换联系人，原密码不再有效。如有疑问，请立即联系学校就业部门。"
        queue([mail("appeal_old", user, "账号联系人已更换", text, about=row.pk, address=old_email)])
    _update_contact(employer, row)
    return password


def _send_link(row: AccountAppeal, user: User, request: HttpRequest | None) -> None:
    token = secrets.token_urlsafe(32)
    row.link_digest, row.link_until = counters.keyed("appeal", token), AccountAppeal.link_expiry()
    path = reverse("employer_reset", args=[token])
    address = request.build_absolute_uri(path) if request is not None else path
    text = (
        f"贵单位的账号申诉已通过。请在 {AccountAppeal.LINK_MINUTES} 分钟内打开以下链接设置新密码，链接只能使用一次：\n\n{address}\n\n"
        "如非本人操作，请忽略本邮件并联系学校就业部门。"
    )
    queue([mail("appeal_link", user, "账号申诉：设置新密码", text, about=row.pk, address=row.email, secret=True)])


def _update_contact(employer: Employer, row: AccountAppeal) -> None:
    employer.contact, employer.mobile, employer.email = row.contact, row.mobile, row.email
    employer._change_reason = "账号申诉通过，更新联系人"
    employer.save()


def account_of(token: str) -> User | None:
    """The account a reset link opens now; None when it is wrong, late or used."""
    row = _link(token)
    return row.employer.account if row is not None else None


def _link(token: str) -> AccountAppeal | None:
    rows = AccountAppeal._base_manager.select_related("employer__account")
    return rows.filter(link_digest=counters.keyed("appeal", token), link_until__gt=timezone.now()).first()


def use_link(token: str, password: str, *, request: HttpRequest | None = None) -> User | None:
    """Set the password (validated by the caller) and use the link up; None when somebody was faster or it has run out."""
    with transaction.atomic():
        row = _link(token)
        used = AccountAppeal._base_manager.filter(pk=row.pk, link_digest=row.link_digest) if row else None
        if used is None or not used.update(link_digest="", link_until=None):
            return None
        user = holding.locking(User.objects.all()).get(pk=row.employer.account_id)
        set_own_password(user, password, how="recovery")
        record(Action.PASSWORD_RESET, request=request, actor=user, obj=user, school_id=row.school_id)
    return user
