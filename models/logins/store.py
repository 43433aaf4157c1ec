"""settings.SESSION_ENGINE: Django's database sessions, read together with the account (and a student's row)."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.utils import timezone

from workflows.prepared import TEXT, Prepared


class SessionStore(DatabaseStore):
    """`take(key)` gives the account that was read with the session, once."""

    _person: Any = None

    @classmethod
    def get_model_class(cls) -> Any:
        return apps.get_model("logins", "Session")

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """The row to store, with whose it is beside what is signed."""
        row = super().create_model_instance(data)
        row.user_id = data.get(SESSION_KEY)
        return row

    def take(self, key: int) -> Any | None:
        """The account with this key if it came with the session and nobody has had it yet."""
        person, self._person = self._person, None
        return person if person is not None and person.pk == key else None

    def _get_session_from_db(self) -> Any | None:
        key = self.session_key
        # A key of ours is letters and figures; anything else in the cookie need not reach the database.
        row = READ.first(key) if key and key.isascii() and key.isalnum() else None
        if row is None or row.expire_date <= timezone.now():
            self._session_key = None
            return None
        self._person = row.user
        return row


READ = Prepared(
    lambda key: SessionStore.get_model_class()._base_manager.filter(pk=key).select_related("user__student"), TEXT
)
