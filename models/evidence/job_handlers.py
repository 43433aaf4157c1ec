"""What this app wants done regularly."""

from collections.abc import Iterator

from django.db import models

from models.evidence.services import FOLDER
from models.evidence.upkeep import forget_removed
from models.evidence.uploads import FIELD_FOLDER
from models.jobs.schedule import register_tick
from models.jobs.strays import keeps
from workflows.chain import matters

register_tick("evidence.removed", 24 * 3600, forget_removed)
keeps(FOLDER, "evidence.Evidence.stored")


def of_fields() -> Iterator[str]:
    """Where the file of a school's own field is named: in the record, its versions, and what was corrected or asked for.

    Staff can look at every earlier version, so its file stays.
    """
    for matter in matters():
        for model in (matter, matter.history.model):
            for field in model._meta.concrete_fields:
                if isinstance(field, models.JSONField):
                    yield f"{model._meta.label}.{field.name}"
    yield from ("workflows.ReviewLog.corrections", "workflows.ChangeRequest.values")


keeps(FIELD_FOLDER, of_fields)
