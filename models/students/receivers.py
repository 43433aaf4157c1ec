"""What the students app does when other apps write."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from models.codes.signals import tables_changed
from models.students.models import Student
from models.students.places import refresh_roll


@receiver(tables_changed, dispatch_uid="students.refresh_roll")
def roll_statuses_changed(tables: set[str], **kwargs: Any) -> None:
    """A roll status may now keep a student in the work lists, or no longer: `on_roll` of every record follows at once."""
    if "roll_status" in tables:
        refresh_roll(Student)
