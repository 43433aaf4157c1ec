"""What was sent is what was kept: counts, and one row per graduate and batch. (Frozen plans: exports.checks_verify.)"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Q

from models.reporting.models import ReportBatch, ReportItem
from workflows.checks import Fault, check


@check("reporting.counted", "上报批次的条数与明细一致")
def counted() -> Iterator[Fault]:
    """Totals equal the rows, counted independently (security E8)."""
    rows = ReportBatch.objects.exclude(state=ReportBatch.State.BUILDING).annotate(
        items_found=Count("items"),
        accepted_found=Count("items", filter=Q(items__state=ReportItem.State.ACCEPTED)),
        rejected_found=Count("items", filter=Q(items__state=ReportItem.State.REJECTED)),
    )
    wrong = rows.exclude(items_found=F("count"), accepted_found=F("accepted"), rejected_found=F("rejected"))
    for batch in wrong.order_by("pk"):
        yield Fault(
            f"上报批次 {batch.pk}",
            f"记录 {batch.count} 条（接收 {batch.accepted}、退回 {batch.rejected}），明细 {batch.items_found} 条"
            f"（接收 {batch.accepted_found}、退回 {batch.rejected_found}）。",
        )
