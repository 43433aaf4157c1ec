"""就业方案: the frozen list of a cohort's graduates with their destinations."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from exports.ministry.layouts import all_layouts
from exports.reporting import batches
from exports.reporting.rights import require
from exports.reporting.rows import digest_of, digest_of_all, layout_for, setting_of
from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import Cohort
from models.reporting.models import EmploymentPlan, Kind, PlanRow
from workflows.errors import Invalid

BATCH = 2000


def make(cohort: Cohort, title: str, *, by: Any, layout: str = "", request: Any = None) -> EmploymentPlan:
    """Freeze the plan of a cohort: everybody who may be reported, as the layout writes them.

    The same plan asked for again a moment later (a doubled click) is the one that was made. Raises NotAllowed and Invalid.
    """
    require(by, "add_employmentplan", cohort.school_id, "编制就业方案")
    title = title.strip()
    if not title or len(title) > 60 or "\x00" in title:
        raise Invalid({"title": "请填写方案名称，不超过 60 个字。"})
    setting = setting_of(cohort)
    chosen = layout_for(Kind.EMPLOYMENT, layout or setting.employment_layout, cohort.year)
    found = batches.gather(cohort, Kind.EMPLOYMENT, chosen.key)
    rows, left = found.rows, found.left
    if not rows:
        raise Invalid({"title": "这一届还没有可以列入方案的毕业去向。"})
    with transaction.atomic():
        digest = digest_of_all([row.digest for row in rows])
        wanted = {"cohort": cohort, "title": title, "layout": chosen.key, "made_by": by, "digest": digest}
        if (same := batches.just_made(EmploymentPlan, cohort).filter(**wanted).first()) is not None:
            return same
        plan = EmploymentPlan.objects.create(
            school=cohort.school, count=len(rows), left_out=[one.as_dict() for one in left], **wanted
        )  # fmt: skip
        PlanRow.objects.bulk_create(
            (PlanRow(plan=plan, student_id=row.student_id, values=row.values, digest=row.digest) for row in rows),
            batch_size=BATCH,
        )
        record(Action.REPORT, request=request, obj=plan, title=title, rows=len(rows), left_out=len(left))
    return plan


def faults(plan: EmploymentPlan) -> list[str]:
    """What no longer holds of a frozen plan, in words; nothing for a sound one."""
    found, digests = [], []
    for values, digest in (
        PlanRow.objects.filter(plan=plan).order_by("pk").values_list("values", "digest").iterator(BATCH)
    ):
        digests.append(digest_of(values))
        if digests[-1] != digest and not found:
            found.append("有一行内容与编制时不符，可能被改动")
    if digest_of_all(digests) != plan.digest:
        found.append("整份方案的内容指纹与编制时不符")
    if len(digests) != plan.count:
        found.append(f"编制时 {plan.count} 人，现在 {len(digests)} 行")
    return found


def header_rows(plan: EmploymentPlan) -> list[list[str]]:
    """The header of the layout it was made in."""
    return all_layouts()[plan.layout].header_rows()
