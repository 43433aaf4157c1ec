"""Frozen figures are what their rows give (domain: rates recompute to the same value)."""

from __future__ import annotations

from collections.abc import Iterator

from models.rates.models import RateSnapshot
from models.rates.snapshots import faults
from workflows.checks import Fault, check


@check("rates.snapshot", "统计快照由其明细重新计算得到同样的结果")
def snapshots_recompute() -> Iterator[Fault]:
    """Every snapshot, row by row."""
    for snapshot in RateSnapshot.objects.iterator():
        for sentence in faults(snapshot):
            yield Fault(f"快照 {snapshot.pk}", sentence)
