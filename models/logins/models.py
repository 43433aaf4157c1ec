"""Sessions that know whose they are, so that one statement reads the session and the person: it is the first of every request."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _


class Session(AbstractBaseSession):
    """登录会话. What the person may do with it is decided by what is signed inside; `user` only says which row to read along."""

    # No constraint: a session whose account is gone is worth nothing anyway, and accounts go set-wise (an import taken back).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("账号"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("登录会话")
        default_permissions = ()

    @classmethod
    def get_session_store_class(cls):
        return import_module(settings.SESSION_ENGINE).SessionStore
