"""The student's phone, proved by a code in a short message: eight digits, ten minutes, five tries, used once (security row B8)."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from models.accounts.counters import hit, keyed
from models.agreements.eligibility import profile_of
from models.agreements.settings import PhoneCheck
from models.notices import sms
from workflows.errors import Invalid, Refused, WrongState

DIGITS = 8  # 26 bits
PER_HOUR, PER_DAY = 5, 10
PAUSE = timedelta(seconds=60)
SIGNING, SEALING = "signing", "sealing"
WORDS = {SIGNING: "验证手机", SEALING: "加盖电子签名"}


class TooOften(Refused):
    """More codes than anybody needs."""

    code, status = "limit", 429


def send_code(student: Any, *, purpose: str = SIGNING) -> PhoneCheck:
    """Send a code to the phone in the student's 生源信息; earlier codes of the purpose are void. Raises a Refused with a sentence."""
    profile = profile_of(student)
    if profile is None or not profile.phone:
        raise WrongState("生源信息中没有手机号码，请先填写并通过审核。")
    last = _open(student, purpose).first()
    if last is not None and last.sent_at > timezone.now() - PAUSE:
        raise TooOften("验证码刚刚发出，请一分钟后再获取。")
    if (
        hit("sms", f"student:{student.pk}", 3600) > PER_HOUR
        or hit("sms_day", f"phone:{profile.phone}", 86400) > PER_DAY
    ):
        raise TooOften("获取验证码过于频繁，请稍后再试。")
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    _open(student, purpose).update(used_at=timezone.now())
    check = PhoneCheck._base_manager.create(
        student=student, org_path=student.org_path, phone=profile.phone, purpose=purpose, code=_digest(student, code)
    )
    sms.send(profile.phone, f"您正在{WORDS[purpose]}，验证码 {code}，{PhoneCheck.MINUTES} 分钟内有效，请勿告诉他人。")
    check.shown = code if settings.DEMO else ""  # the demo has no gateway a visitor could read
    return check


def verify(student: Any, entered: str, *, purpose: str = SIGNING) -> PhoneCheck:
    """The code is right: the phone is proved. Invalid when it is wrong, late, used, or tried five times: nobody learns which."""
    entered = "".join(str(entered).split())
    rows = _open(student, purpose).filter(sent_at__gt=timezone.now() - timedelta(minutes=PhoneCheck.MINUTES))
    row = rows.first()
    wrong = Invalid({"code": "验证码不正确或已失效，请核对，或重新获取。"})
    # Counted before it is compared: parallel guesses cannot share a try.
    if row is None or not rows.filter(pk=row.pk, tries__lt=PhoneCheck.TRIES).update(tries=F("tries") + 1):
        raise wrong
    if not constant_time_compare(row.code, _digest(student, entered)):
        raise wrong
    now = timezone.now()
    profile = profile_of(student)
    if profile is None or profile.phone != row.phone:
        raise WrongState("生源信息中的手机号码已变更，请重新获取验证码。")
    if not rows.filter(pk=row.pk, used_at=None).update(used_at=now, verified_at=now):
        raise wrong
    row.refresh_from_db()
    return row


def _open(student: Any, purpose: str):
    return PhoneCheck._base_manager.filter(student_id=student.pk, purpose=purpose, used_at=None).order_by("-sent_at")


def _digest(student: Any, code: str) -> str:
    return keyed("phone_check", f"{student.pk}:{code}")
