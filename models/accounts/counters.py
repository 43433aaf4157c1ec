"""What the front door keeps for a short while: how often something was tried, and the codes it has mailed.

Both stand in the database and not in a cache, so that several server processes count together and a restart forgets nothing.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from workflows.scoping import ScopedManager


def keyed(kind: str, value: str) -> str:
    """A keyed hash of what is counted or looked up: an account name or a number someone typed need not stand in a table."""
    return salted_hmac(f"qihang.accounts.{kind}", value, algorithm="sha256").hexdigest()[:40]


class Tally(models.Model):
    """How often one thing was tried since the beginning of its window."""

    kind = models.CharField(_("类别"), max_length=20)
    key = models.CharField(_("对象"), max_length=40)
    count = models.PositiveIntegerField(_("次数"), default=0)
    since = models.DateTimeField(_("起算时间"), db_index=True)

    objects = ScopedManager()  # no scope is declared: nobody but the system sees rows

    class Meta:
        verbose_name = verbose_name_plural = _("尝试次数")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=("kind", "key"), name="one_tally")]

    def __str__(self) -> str:
        return f"{self.kind} {self.count}"


class MailCode(models.Model):
    """A code sent by e-mail: used once, within ten minutes, by the session that asked, with five tries (security row B8)."""

    MINUTES = 10
    TRIES = 5

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("账号")
    )
    purpose = models.CharField(_("用途"), max_length=20)
    ticket = models.CharField(_("会话凭据"), max_length=40, unique=True)
    code = models.CharField(_("验证码摘要"), max_length=40)
    address = models.EmailField(_("电子邮箱"))
    tries = models.PositiveSmallIntegerField(_("已尝试次数"), default=0)
    used_at = models.DateTimeField(_("使用时间"), null=True, blank=True)
    created_at = models.DateTimeField(_("发出时间"), default=timezone.now, db_index=True)

    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("邮箱验证码")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.purpose} {self.created_at:%Y-%m-%d %H:%M}"


def hit(kind: str, value: str, seconds: int, times: int = 1) -> int:
    """Count one try of `value`, or several, and return how many there were in its window of `seconds`, these included."""
    now = timezone.now()
    rows = Tally._base_manager.filter(kind=kind, key=keyed(kind, value))
    start = now - timedelta(seconds=seconds)
    if not rows.filter(since__gt=start).update(count=F("count") + times) and not rows.filter(since__lte=start).update(
        count=times, since=now
    ):
        Tally._base_manager.bulk_create([Tally(kind=kind, key=keyed(kind, value), since=now)], ignore_conflicts=True)
        rows.update(count=F("count") + times)
    return rows.values_list("count", flat=True).first() or 0


def tried(kind: str, value: str, seconds: int) -> int:
    """How often `value` was tried in its present window."""
    start = timezone.now() - timedelta(seconds=seconds)
    rows = Tally._base_manager.filter(kind=kind, key=keyed(kind, value), since__gt=start)
    return rows.values_list("count", flat=True).first() or 0


def known(kind: str, *values: str) -> set[str]:
    """Those of `values` that have been counted."""
    keys = {keyed(kind, value): value for value in values}
    return {keys[key] for key in Tally._base_manager.filter(kind=kind, key__in=keys).values_list("key", flat=True)}


def forget(kind: str, *values: str) -> None:
    """Begin again at nought."""
    for start in range(0, len(values), 500):
        keys = [keyed(kind, value) for value in values[start : start + 500]]
        Tally._base_manager.filter(kind=kind, key__in=keys).delete()


def forget_old() -> int:
    """Remove what a day has made meaningless; upkeep. Returns how many rows."""
    before = timezone.now() - timedelta(days=1)
    return (
        Tally._base_manager.filter(since__lt=before).delete()[0]
        + MailCode._base_manager.filter(created_at__lt=before).delete()[0]
    )
