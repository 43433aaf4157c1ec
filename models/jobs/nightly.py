"""The nightly look at the stored data (`workflows.checks`), as a job of the system, with its result in the audit trail."""

from __future__ import annotations

import logging
from typing import Any

from models.audit.models import Action, Result
from models.audit.services import record
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from models.jobs.services import start
from workflows import checks

logger = logging.getLogger(__name__)
KIND = "jobs.verify"
NAMED = 5


def begin() -> None:
    """Start it, unless last night's is still at work."""
    start(KIND, owner=None, key=KIND)


@job_handler(KIND, title="数据核验", as_system=True)
def verify(job: RunningJob) -> dict[str, Any]:
    """Run every check; {"faults": number, "checks": {code: number}} with what was found only."""
    found: dict[str, int] = {}
    total = len(checks.registered())
    for done, finding in enumerate(checks.run(limit=NAMED), start=1):
        job.progress(done, total, finding.check.title)
        if finding.count:
            found[finding.check.code] = finding.count
            for fault in finding.faults:
                logger.error("verify %s: %s: %s", finding.check.code, fault.where, fault.sentence)
    faults = sum(found.values())
    record(Action.VERIFY, result=Result.FAILED if faults else Result.OK, faults=faults, checks=found)
    return {"faults": faults, "checks": found}
