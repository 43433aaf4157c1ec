"""The operations that are measured, in the order of docs/performance.md."""

from __future__ import annotations

from benchmarks.measure import Operation
from benchmarks.ops import (
    api,
    batch,
    documents,
    exporting,
    figures,
    lists,
    overview,
    pasted,
    reconciling,
    roster,
    start,
)

ALL: tuple[type[Operation], ...] = (
    *roster.OPERATIONS,
    *exporting.OPERATIONS,
    *batch.OPERATIONS,
    *lists.OPERATIONS,
    *pasted.OPERATIONS,
    *overview.OPERATIONS,
    *documents.OPERATIONS,
    *figures.OPERATIONS,
    *reconciling.OPERATIONS,
    *api.OPERATIONS,
    *start.OPERATIONS,
)
