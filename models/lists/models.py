"""Lists of numbers or names that somebody pasted to find the records behind them; kept a day, since URLs end at a few kilobytes."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections import Counter
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LIMIT = 2000
KEPT = timedelta(days=1)
_BETWEEN = re.compile(r"[\n\r\t,;，；、]+")


class TooMany(ValueError):
    """More items than one list may have; `count` says how many there were."""

    def __init__(self, count: int) -> None:
        super().__init__(f"一次最多查找 {LIMIT} 个学号或姓名，现在粘贴了 {count} 个，请分几次查找。")
        self.count = count


def split(text: str) -> tuple[list[str], list[str]]:
    """Items of a pasted text in order without repetition, and those that came more than once.

    One per line, tab or comma; full-width figures and letters become half-width, spaces inside numbers go. Raises TooMany.
    """
    found = [_tidy(part) for part in _BETWEEN.split(text)]
    counted = Counter(item for item in found if item)
    if len(counted) > LIMIT:
        raise TooMany(len(counted))
    return list(counted), [item for item, times in counted.items() if times > 1]


def _tidy(part: str) -> str:
    part = unicodedata.normalize("NFKC", part).replace("\u200b", "").replace("\ufeff", "").strip().strip("'\"")
    if any(character.isdigit() for character in part):
        return "".join(part.split()).upper()[:60]
    return " ".join(part.split())[:60]


def make_key() -> str:
    """A short key nobody guesses."""
    return secrets.token_urlsafe(9)


class PastedListManager(models.Manager):
    """Lists are their owner's alone."""

    def keep(self, owner: Any, model_label: str, text: str) -> PastedList:
        """Keep what `owner` pasted, and drop lists that are older than a day. Raises TooMany."""
        items, repeated = split(text)
        self.filter(created_at__lt=timezone.now() - KEPT).delete()
        return self.create(key=make_key(), owner=owner, model_label=model_label, items=items, repeated=repeated)

    def of(self, owner: Any, key: str) -> PastedList | None:
        """The owner's list with this key, None when there is none (any more)."""
        return self.filter(owner=owner, key=key, created_at__gte=timezone.now() - KEPT).first()


class PastedList(models.Model):
    """One pasted list: its items in order, and which of them had been pasted more than once."""

    key = models.CharField(_("标识"), max_length=16, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", verbose_name=_("使用人")
    )
    model_label = models.CharField(_("查找对象"), max_length=60)
    items = models.JSONField(_("内容"), default=list)
    repeated = models.JSONField(_("重复项"), default=list)
    created_at = models.DateTimeField(_("时间"), auto_now_add=True, db_index=True)

    objects = PastedListManager()

    class Meta:
        verbose_name = verbose_name_plural = _("批量查找清单")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.key}（{len(self.items)}）"
