"""Notices about signing to the two who sign."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from models.notices.models import Notice
from models.notices.services import tell

MATTER = "agreements.agreement"


def tell_student(student: Any, title: str, body: str, by: Any) -> None:
    """To the student's account, after commit."""
    _tell(student.user_id, title, body, by)


def tell_employer(employer: Any, title: str, body: str, by: Any) -> None:
    """To the employer's account, if it has one, after commit."""
    if employer is not None:
        _tell(employer.account_id, title, body, by)


def _tell(user_id: int | None, title: str, body: str, by: Any) -> None:
    if user_id is None:
        return
    made = Notice(recipient_id=user_id, kind=Notice.Kind.REVIEW, title=title, body=body, matter=MATTER, sender=by)
    transaction.on_commit(lambda: tell([made]))
