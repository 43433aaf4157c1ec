"""manage.py purge_audit: remove audit rows older than the retention period."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from models.audit.models import Action, AuditEntry
from models.audit.services import record


class Command(BaseCommand):
    """See the module."""

    help = "清理超过保存期限（AUDIT_RETENTION_DAYS，默认 200 天）的审计日志；未到期的记录不会被清理。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--before", metavar="YYYY-MM-DD", help="只清理这一天以前的记录；晚于保存期限的日期按保存期限算"
        )

    def handle(self, *args: Any, before: str | None, **options: Any) -> None:
        limit = None
        if before:
            try:
                limit = timezone.make_aware(datetime.strptime(before, "%Y-%m-%d"))  # noqa: DTZ007 - made aware at once
            except ValueError as error:
                raise CommandError(f"日期“{before}”不对，应写成 2026-11-22 这样。") from error
        removed = purge(limit)
        self.stdout.write(f"已清理 {removed} 条过期审计日志。")


def purge(before: datetime | None = None) -> int:
    """Purge, and leave a row saying so if anything was removed."""
    removed = AuditEntry.unscoped.purge(before)
    if removed:
        record(Action.PURGE, obj=AuditEntry, rows=removed)
    return removed
