"""Deployment check of the retention period."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks

from models.audit.door import SIX_MONTHS


@checks.register(checks.Tags.security, deploy=True)
def retention(**kwargs: Any) -> list[checks.CheckMessage]:
    """网络安全法第 23 条 asks for at least six months of logs: 181 to 184 days, depending on the months."""
    if settings.AUDIT_RETENTION_DAYS >= SIX_MONTHS:
        return []
    return [
        checks.Warning(
            f"AUDIT_RETENTION_DAYS={settings.AUDIT_RETENTION_DAYS}，少于网络安全法要求的六个月，实际按 {SIX_MONTHS} 天保存。",
            hint=f"设为 {SIX_MONTHS} 或更大。",
            id="audit.W001",
        )
    ]
