"""Log-in, log-out and failed log-in, from Django's own signals: no view has to remember them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from models.audit.models import Action, Result
from models.audit.services import record


@receiver(user_logged_in, dispatch_uid="audit.logged_in")
def on_login(request: Any, user: Any, **kwargs: Any) -> None:
    """A person has logged in, by whatever backend."""
    record(Action.LOGIN, request=request, actor=user, obj=user)


@receiver(user_logged_out, dispatch_uid="audit.logged_out")
def on_logout(request: Any, user: Any, **kwargs: Any) -> None:
    """A person has logged out; somebody whose session had ended before leaves no row."""
    if user is not None and user.pk:
        record(Action.LOGOUT, request=request, actor=user, obj=user)


@receiver(user_login_failed, dispatch_uid="audit.login_failed")
def on_failed_login(credentials: dict[str, Any], request: Any = None, **kwargs: Any) -> None:
    """Somebody tried. The name tried is kept (masked: people type ID numbers there), the password never arrives here."""
    name = str(credentials.get("username") or "")[:150]
    record(Action.LOGIN_FAILED, request=request, result=Result.FAILED, username=name)
