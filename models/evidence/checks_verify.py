"""Proofs belong to records that are there, and lie where those are."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, OuterRef, Q, Subquery

from models.evidence.kinds import WithEvidence
from models.evidence.models import Evidence
from workflows.chain import matters
from workflows.checks import Fault, check


@check("evidence.record", "证明材料属于存在的记录，且与记录在同一院系")
def records() -> Iterator[Fault]:
    """A file in another unit than its record would be seen by the wrong people."""
    for matter in matters():
        if not issubclass(matter, WithEvidence):
            continue
        true = Subquery(matter._base_manager.filter(pk=OuterRef("record_id")).values("org_path")[:1])
        rows = Evidence._base_manager.filter(record_type=matter._meta.label_lower, removed_at=None)
        wrong = rows.annotate(place=true).filter(Q(place__isnull=True) | ~Q(place=F("org_path")))
        for pk, record, path, place in wrong.values_list("pk", "record_id", "org_path", "place"):
            where = f"证明材料 {pk}（{matter._meta.verbose_name} {record}）"
            yield Fault(where, f"路径为 {path}，记录的路径为 {place}。" if place is not None else "没有这条记录。")
