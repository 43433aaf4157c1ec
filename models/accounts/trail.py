"""What an account's owner may read of the audit trail: the own log-ins, and who has looked at the pages as them."""

from __future__ import annotations

from django.db.models import QuerySet

from models.accounts.models import User
from models.audit.models import Action, AuditEntry


def logins(user: User, limit: int = 10) -> QuerySet[AuditEntry]:
    """The newest log-ins of the account, newest first."""
    return AuditEntry.unscoped.filter(actor=user, action=Action.LOGIN).order_by("-at")[:limit]


def viewings(user: User, limit: int = 20) -> QuerySet[AuditEntry]:
    """Who looked at the system as this student, when and why (`actor`, `at`, `purpose`), newest first."""
    found = AuditEntry.unscoped.filter(on_behalf_of=user, action=Action.IMPERSONATE_START)
    return found.select_related("actor").order_by("-at")[:limit]
