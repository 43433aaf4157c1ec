"""Sending mail in the background, and its upkeep."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from models.jobs.registry import job_handler
from models.jobs.schedule import register_tick
from models.notices.models import Mail, Notice, prune
from models.notices.outbox import send_due

KEEP_MAILS, KEEP_NOTICES = timedelta(days=200), timedelta(days=3 * 365)


@job_handler("notices.mail", title="发送邮件", as_system=True)
def send_mails(job: Any) -> dict[str, int]:
    """Send what waits in the outbox."""
    return {"sent": send_due()}


def send_waiting() -> int:
    """What no job has sent: put there while one was ending, or waiting for another try."""
    return send_due()


def forget_old() -> int:
    """Remove mails and notices nobody looks for any more."""
    now = timezone.now()
    return prune(Mail, created_at__lt=now - KEEP_MAILS) + prune(
        Notice, created_at__lt=now - KEEP_NOTICES, read_at__isnull=False
    )


register_tick("notices.mail", 30, send_waiting)
register_tick("notices.forget", 24 * 3600, forget_old)
