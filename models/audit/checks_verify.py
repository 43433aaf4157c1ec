"""The audit trail names nobody by number."""

from __future__ import annotations

import json
from collections.abc import Iterator

from models.audit import door, seals
from models.audit.masking import mask_text
from models.audit.models import AuditEntry
from workflows.checks import Fault, check

TEXTS = ("actor_label", "object_label", "purpose")


@check("audit.private", "审计日志中没有证件号和手机号")
def texts() -> Iterator[Fault]:
    """Security 3.6, row 12: `record` masks; what got in past it is named here."""
    rows = AuditEntry.unscoped.order_by("pk").values_list("pk", "detail", *TEXTS)
    for pk, detail, *texts in rows.iterator(chunk_size=2000):
        whole = "\n".join((json.dumps(detail, ensure_ascii=False), *texts))
        if mask_text(whole) != whole:
            yield Fault(f"审计日志 {pk}", "有未遮盖的证件号或手机号。")


@check("audit.chain", "审计日志封存后没有被修改或删除")
def chain() -> Iterator[Fault]:
    """Security 3.6, row 8."""
    yield from seals.faults()


@check("audit.guard", "数据库拒绝修改和删除审计日志")
def guard() -> Iterator[Fault]:
    """Security row F2: the triggers stand."""
    for name in door.missing():
        yield Fault(
            f"触发器 {name}",
            "不存在或已停用，审计日志可能被绕过系统修改或删除。请从备份或迁移 audit.0004_guard 重新建立。",
        )
