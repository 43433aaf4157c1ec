"""Frozen plans are what they were."""

from __future__ import annotations

from collections.abc import Iterator

from exports.reporting.plans import faults
from models.reporting.models import EmploymentPlan
from workflows.checks import Fault, check


@check("reporting.plan", "就业方案与编制时的内容指纹一致")
def plans() -> Iterator[Fault]:
    """Every plan, row by row."""
    for plan in EmploymentPlan.objects.iterator():
        for sentence in faults(plan):
            yield Fault(f"就业方案 {plan.pk}", f"{sentence}。")
