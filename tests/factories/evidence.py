"""Files that a record needs before it can be submitted, without a real file behind them."""

from __future__ import annotations

from typing import Any

from models.evidence.kinds import WithEvidence
from models.evidence.models import Evidence


def complete(record: Any) -> None:
    """Give the record one file of every kind it requires."""
    if not isinstance(record, WithEvidence):
        return
    for kind in record.evidence_kinds():
        if kind.required:
            Evidence._base_manager.create(
                record_type=record._meta.label_lower, record_id=record.pk, kind=kind.key, name="示例.pdf", stored="", size=1,
                content_type="application/pdf", sha256=f"{record.pk:064d}", school_id=record.school_id, cohort_id=record.cohort_id,
                org_path=record.org_path,
            )  # fmt: skip
    record.__dict__.pop("_evidence", None)
