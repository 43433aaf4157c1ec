"""Who may log in and what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import QuerySet, Value

from models.accounts.functions import Level, group_name
from models.accounts.login import initial_password_matches
from models.accounts.models import FunctionOverride, User
from workflows.prepared import KEY, TEXT, Prepared

# The account of a session with the student's row: student pages then need no second statement.
_person = Prepared(lambda key: User.objects.select_related("student").filter(pk=key), KEY)


def _given_and_taken(key: int, *groups: str) -> QuerySet:
    """(app, code, given) of the groups' defaults and of what was given to or taken from this account by name."""
    path = "permission__content_type__app_label", "permission__codename", "granted"
    by_name = FunctionOverride._base_manager.filter(user=key).order_by().values_list(*path)
    by_level = Permission.objects.filter(group__name__in=groups).order_by()
    return by_level.values_list("content_type__app_label", "codename", Value(True)).union(by_name, all=True)


# An account that holds fewer levels than there are names one of them again.
_functions = Prepared(_given_and_taken, KEY, *(f"{TEXT}{level}" for level in Level))
_session: ContextVar[Any] = ContextVar("qihang_session", default=None)


@contextmanager
def read_along(session: Any) -> Iterator[None]:
    """While this lasts the account may be taken from `session`, which has read it in the same statement (models.logins)."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def _codes(permissions) -> set[str]:
    return {f"{app}.{code}" for app, code in permissions.values_list("content_type__app_label", "codename").order_by()}


class FunctionBackend(ModelBackend):
    """Password log-in, and functions: the defaults of every level held today, then what was given or taken by name.

    Everything is read afresh at each request, so that a change takes effect at the next one without a new log-in.
    """

    def authenticate(self, request, username=None, password=None, **kwargs: Any):
        """Check the password; an account still on its school's initial password is checked against the rule instead."""
        user = super().authenticate(request, username=username, password=password, **kwargs)
        if user is None and username and password:
            candidate = User.objects.filter(
                username=username, password_state=User.PasswordState.INITIAL, is_active=True
            ).first()
            if candidate is not None and initial_password_matches(candidate, password):
                return candidate
        return user

    def get_user(self, user_id):
        """The account of a session with the student's row, from what was read with the session where there is one."""
        taken = getattr(_session.get(), "take", None)
        user = (taken(user_id) if taken else None) or _person.first(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj, obj=None) -> set[str]:
        """Codes "app.action_model" this person may use."""
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_function_codes"):
            user_obj._function_codes = self._collect(user_obj)
        return user_obj._function_codes

    def _collect(self, user: User) -> set[str]:
        if user.is_superuser:
            return _codes(Permission.objects.all())
        if user.kind != User.Kind.STAFF or not user.levels:
            return set()
        names = [group_name(level) for level in user.levels]
        names += names[:1] * (len(Level) - len(names))
        rows = _functions.rows(user.pk, *names)
        taken = {f"{app}.{codename}" for app, codename, given in rows if not given}
        return {f"{app}.{codename}" for app, codename, given in rows if given} - taken

    def has_perm(self, user_obj, perm, obj=None) -> bool:
        return user_obj.is_active and perm in self.get_all_permissions(user_obj, obj)
