"""Files that a record needs before it can be submitted, without a real file behind them."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from models.evidence.kinds import WithEvidence
from models.evidence.models import Evidence
from workflows import actions


def complete(record: Any) -> None:
    """Give the record one file of every kind it requires."""
    if not isinstance(record, WithEvidence):
        return
    with transaction.atomic():
        row = actions.locked(record, None)  # as who attaches one does
        for kind in row.evidence_kinds():
            if kind.required:
                Evidence._base_manager.create(
                    record_type=row._meta.label_lower, record_id=row.pk, kind=kind.key, name="示例.pdf", stored="", size=1,
                    content_type="application/pdf", sha256=f"{row.pk:064d}", school_id=row.school_id, cohort_id=row.cohort_id,
                    org_path=row.org_path,
                )  # fmt: skip
    record.__dict__.pop("_evidence", None)
