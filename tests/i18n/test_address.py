"""People are addressed as 您, in every text of our own: templates, Python, scripts, mails, documents for users."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = ("admin_site", "config", "exports", "models", "self_service", "workflows", "locale")
SUFFIXES = {".py", ".html", ".txt", ".js", ".css", ".po", ".json", ".toml"}


def familiar(text: str) -> list[int]:
    """Numbers of the lines that say 你.

    >>> familiar("您好\\n你好")
    [2]
    """
    return [number for number, line in enumerate(text.splitlines(), 1) if "你" in line]


def test_nobody_is_addressed_with_the_familiar_word():
    read, found = 0, []
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                read += 1
                found += [f"{path.relative_to(ROOT)}:{number}" for number in familiar(path.read_text(encoding="utf-8"))]
    assert read > 200, "the scan looks at nothing"
    assert found == [], "write 您"


def test_the_scan_sees_it():
    assert familiar("您好\n你好") == [2]
