"""What the public verification page says of a printed agreement."""

from __future__ import annotations

from typing import Any

from models.documents.services import Facts, facts_of
from workflows.fields import mask
from workflows.levels import Status

KIND = "agreement"


@facts_of(KIND, holds=tuple(status for status in Status if status != Status.VOIDED))
def facts(record: Any) -> Facts:
    """Who with whom, masked; enough to compare with the paper in hand."""
    return [
        ("协议书编号", record.number),
        ("毕业生", mask(record.student.name, "name")),
        ("学校", record.school.name),
        ("专业", record.student.major.name),
        ("用人单位", record.employer_name),
        ("职位", record.job_title),
        ("签约日期", str(record.signed_on or "")),
        ("_seals", f"{record.employer_sealed_at or ''} {record.student_sealed_at or ''}".strip()),
    ]
