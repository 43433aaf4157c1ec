"""The signing settings as they hold for a school and cohort: the most specific row, else the defaults."""

from __future__ import annotations

from models.agreements.settings import SigningSetting
from workflows.policy import Remembered

_settings = Remembered(lambda: list(SigningSetting._base_manager.all()), SigningSetting)


def setting_for(school_id: int | None, cohort_id: int | None) -> SigningSetting:
    """The row in force (cohort before school before everybody), or an unsaved one with the defaults."""
    rows = [row for row in _settings.get() if row.school_id in (None, school_id) and row.cohort_id in (None, cohort_id)]
    if not rows:
        return SigningSetting()
    return max(rows, key=lambda row: (row.school_id is not None) + (row.cohort_id is not None))


def forget() -> None:
    """Read the settings afresh next time (tests, bulk writes)."""
    _settings.forget()
