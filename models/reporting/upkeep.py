"""Files of batches and comparisons: kept as long as their record, removed when no record names them."""

from __future__ import annotations

from models.jobs.files import sweep
from models.reporting.models import Reconciliation, ReportBatch

FOLDER = "reporting"


def sweep_strays() -> int:
    """Remove files of our folder that no record names. Returns how many."""
    models = (ReportBatch, Reconciliation)
    return sweep(
        FOLDER, (name for m in models for name in m._base_manager.exclude(file="").values_list("file", flat=True))
    )
