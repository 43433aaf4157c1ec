"""The chain that shows tampering with the trail at rest (security row F3; GB/T 22239-2019 §8.1.4.7, 数据完整性).

Writing a deed costs nothing more: a tick seals, some minutes later, every entry that has no seal yet. A seal holds a keyed digest of its
entry and one of itself with the seal before it, so an entry changed or removed, and a seal changed or removed with seals after it, are named.
Entries are sealed in the order in which they become visible, not of their keys: a transaction that commits late is sealed later.
What the chain alone cannot show is its newest end cut off whole, seals included: each run logs the head, for a copy of the log elsewhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from models.audit.models import AuditEntry, AuditSeal
from workflows.checks import Fault

logger = logging.getLogger(__name__)

SALT = "models.audit.seals"
BLOCK = 2000


def seal() -> int:
    """Seal what has no seal yet, block by block, and return how many. Of two that seal at once one fails on the number and writes nothing."""
    sealed = 0
    while count := _seal_block():
        sealed += count
    if sealed:
        last = AuditSeal.objects.order_by("-number").values_list("number", "digest")[0]
        logger.info("audit chain sealed up to %s: %s", *last)
    return sealed


def _seal_block() -> int:
    with transaction.atomic():
        last = AuditSeal.objects.order_by("-number").first()
        number, previous = (last.number, last.digest) if last else (0, "")
        bare = AuditEntry.unscoped.filter(~Exists(AuditSeal.objects.filter(entry_id=OuterRef("pk")))).order_by("pk")
        seals = []
        for entry in bare[:BLOCK]:
            number += 1
            link = AuditSeal(number=number, entry_id=entry.pk, at=entry.at, row=_of_row(entry, settings.SECRET_KEY))
            link.digest = previous = _of_link(link, previous, settings.SECRET_KEY)
            seals.append(link)
        AuditSeal.objects.bulk_create(seals)
    return len(seals)


def faults() -> Iterator[Fault]:
    """The first bad link of the chain, and every sealed entry that is changed or gone before its time."""
    floor = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    number, previous, broken = 0, "", False
    while links := list(AuditSeal.objects.filter(number__gt=number).order_by("number")[:BLOCK]):
        entries = AuditEntry.unscoped.in_bulk([link.entry_id for link in links])
        for link in links:
            if not broken and (link.number != number + 1 or not _holds(_of_link, link.digest, link, previous)):
                broken = True
                yield Fault(
                    f"审计封存 {number + 1}", "封存链在这里断开：封存记录被修改或删除。请与异地日志中的封存摘要核对。"
                )
            number, previous = link.number, link.digest
            entry = entries.get(link.entry_id)
            if entry is None and link.at >= floor:
                yield Fault(f"审计日志 {link.entry_id}", "已封存的记录不见了，且未到清理期限：被绕过系统删除。")
            elif entry is not None and not _holds(_of_row, link.row, entry):
                yield Fault(f"审计日志 {link.entry_id}", "内容与封存时不同：被绕过系统修改。")


def _holds(digest_of: Any, digest: str, *parts: Any) -> bool:
    """Whether the digest is right under the key of today or, after a change of keys, one of those before."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(digest, digest_of(*parts, key)) for key in keys)


def _of_row(entry: AuditEntry, key: str) -> str:
    values = {field.attname: getattr(entry, field.attname) for field in entry._meta.concrete_fields}
    return _digest({**values, "at": entry.at.astimezone(UTC).isoformat()}, key)


def _of_link(link: AuditSeal, previous: str, key: str) -> str:
    return _digest([previous, link.number, link.entry_id, link.at.astimezone(UTC).isoformat(), link.row], key)


def _digest(value: Any, key: str) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return salted_hmac(SALT, text, secret=key, algorithm="sha256").hexdigest()
