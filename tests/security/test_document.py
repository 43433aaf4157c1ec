"""docs/security.md names tests; each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ROWS = {
    "A": range(1, 13),
    "B": (1, 2, 3, 4, 5, 6, 8, 10),
    "C": (1, 2, 4, 5, 6, 7, 8, 9),
    "D": (1, 2, 4, 5, 6),
    "E": (1, 2, 3, 5, 6, 7),
    "F": (1, 4, 5),
    "G": (1, 5),
}
DOCUMENT = ROOT / "docs" / "security.md"


def test_every_test_the_document_names_exists():
    text = DOCUMENT.read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", text)
    assert len(named) > 60
    gone = [
        f"{path}::{name}" for path, name in named if f"def {name}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert gone == []


def test_every_row_this_part_of_the_work_promises_is_there():
    text = DOCUMENT.read_text(encoding="utf-8")
    rows = [f"{part}{number}" for part, numbers in ROWS.items() for number in numbers]
    assert [row for row in rows if not re.search(rf"^\| (?:\w+, )?{row}[ ,|]", text, re.MULTILINE)] == []
