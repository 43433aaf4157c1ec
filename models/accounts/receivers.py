"""The softer limit of the log-in: failures per account over all addresses (security row B3)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.dispatch import receiver

from models.accounts import counters, sessions

# One address alone reaches 20 failures an hour before django-axes shuts it out: that must not lock the account for everybody.
LOGIN_FAILURES, LOGIN_WINDOW = 30, 3600


@receiver(user_login_failed, dispatch_uid="accounts.count_failure")
def count_failure(credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
    """Count it, unless django-axes has already shut this address out: knocking on a shut door must not lock others out."""
    name = str(credentials.get("username") or "").lower()
    if name and not getattr(request, "axes_locked_out", False):
        counters.hit("login", name, LOGIN_WINDOW)


@receiver(user_logged_in, dispatch_uid="accounts.begin_session")
def begin_session(request: Any, user: Any, **kwargs: Any) -> None:
    """A log-in that succeeds begins a new count of failures and the clock of its session."""
    counters.forget("login", user.username.lower())
    if hasattr(request, "session"):
        sessions.mark(request.session)


def too_many_failures(username: str) -> bool:
    """Whether the account has failed so often within the hour, from wherever, that no more tries are taken."""
    return counters.tried("login", username.lower(), LOGIN_WINDOW) >= LOGIN_FAILURES
