"""Upkeep of signing: what time decides."""

from __future__ import annotations

from typing import Any

from models.agreements import materials
from models.agreements.invitations import settle_due
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.jobs.schedule import register_tick


def settle() -> str:
    """Offers not answered in time are declined; accepted ones are signed when the consideration time is over."""
    done = settle_due()
    return f"过期 {done['expired']}，生效 {done['concluded']}"


register_tick("agreements.settle", 60, settle)


@job_handler(materials.KIND, title="导出解约材料", max_attempts=2)
def export_materials(job: RunningJob) -> dict[str, Any]:
    """解约材料 as a zip."""
    return materials.export(job)
