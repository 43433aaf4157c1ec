"""Files of documents that were given out: kept as long as their row, removed when no row names them."""

from __future__ import annotations

from models.documents.models import IssuedDocument
from models.documents.services import FOLDER
from models.jobs.files import sweep


def sweep_strays() -> int:
    """Delete files of this folder that no row names; returns how many."""
    rows = IssuedDocument._base_manager.exclude(stored="")
    return sweep(FOLDER, rows.values_list("stored", flat=True).iterator(chunk_size=5000))
