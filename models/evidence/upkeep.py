"""What files need: those that were taken out go after a while."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from models.evidence.models import Evidence
from models.jobs.files import remove_private

AT_ONCE = 1000


def forget_removed() -> int:
    """Delete files that were taken out of their record settings.EVIDENCE_KEEP_DAYS ago; the row stays and says that there was one."""
    before = timezone.now() - timedelta(days=settings.EVIDENCE_KEEP_DAYS)
    old = list(Evidence._base_manager.filter(removed_at__lt=before).exclude(stored="")[:AT_ONCE])
    for one in old:
        remove_private(one.stored.name)
    Evidence._base_manager.filter(pk__in=[one.pk for one in old]).update(stored="")
    return len(old)
