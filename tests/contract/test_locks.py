"""Locks are asked for in one place, which keeps their order."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

FLOORS = ("admin_site", "config", "exports", "models", "self_service", "workflows")
MAY = {"workflows/holding.py", "workflows/bulkrows.py"}
ASKS = re.compile(r"\.select_for_update\(|FOR (NO KEY )?UPDATE")


def test_nobody_asks_the_database_for_a_lock_but_holding():
    root = Path(settings.BASE_DIR)
    found = {
        path.relative_to(root).as_posix()
        for floor in FLOORS
        for path in (root / floor).rglob("*.py")
        if ASKS.search(path.read_text(encoding="utf-8"))
    }
    assert found == MAY
