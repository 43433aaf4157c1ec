"""What the person lets others see, and which notice on personal data they have agreed to."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from models.accounts import own
from models.accounts.models import User
from workflows.errors import Invalid

# Raise it when the text of /privacy/ changes: everybody is then asked again.
VERSION = "2026-11"

# key → (label, default). The first are read where employers see students, the last by models.notices.
SWITCHES = {
    "phone_public": ("允许我投递或应约的用人单位看到手机号码", True),
    "email_public": ("允许我投递或应约的用人单位看到电子邮箱", True),
    "mail_notices": ("同时用电子邮件接收通知", True),
}


def switches(user: User) -> dict[str, bool]:
    """The switches as they stand."""
    return {key: bool(user.preferences.get(key, default)) for key, (_label, default) in SWITCHES.items()}


def switch(user: User, wanted: dict[str, bool]) -> None:
    """Set some switches; Invalid when one is unknown."""
    if unknown := set(wanted) - set(SWITCHES):
        raise Invalid(dict.fromkeys(sorted(unknown), "没有这项设置。"))
    own.prefer(user, **wanted)


def consented(user: User) -> bool:
    """Whether the person has agreed to the present text."""
    return (user.preferences.get("consent") or {}).get("version") == VERSION


def consent() -> dict[str, Any]:
    """What to keep when the person agrees now."""
    return {"version": VERSION, "at": timezone.localtime().isoformat(timespec="minutes")}
