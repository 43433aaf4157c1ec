"""System check: the default functions of no level join what must never be in one hand (三权分立, checklist A12)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from django.core import checks

from models.accounts.functions import DEFAULTS, FORBIDDEN_TOGETHER


@checks.register(checks.Tags.security)
def separation_of_powers(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """accounts.E001 for every level whose patterns give all functions of a forbidden set."""
    return [
        checks.Error(f"级别 {level} 的默认功能同时包含 {' 与 '.join(together)}，违反三权分立。", id="accounts.E001")
        for level, patterns in DEFAULTS.items()
        for together in FORBIDDEN_TOGETHER
        if all(any(fnmatchcase(code, pattern) for pattern in patterns) for code in together)
    ]
