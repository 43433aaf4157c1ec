"""The second half of the year in the seeded world: settings and records of signing, destinations, reports and statistics, per place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone

from models.agreements.models import (
    AgreementNumber,
    SigningExclusion,
    SigningInvitation,
    SigningSetting,
    TerminationException,
)
from models.evidence.models import Evidence
from models.jobs.files import store_private
from models.outcomes.models import FillTemplate, OutcomeEvidence, OutcomeField
from models.rates.models import FollowUp, ProgressItem, RateSetting, RateSnapshot
from models.releases.models import ExportRule
from models.reporting.models import EmploymentPlan, Reconciliation, ReportBatch, ReportItem, ReportSetting
from models.students.models import GraduateProfile
from workflows.models import RuleSetting

SETTINGS = (ExportRule, RuleSetting, OutcomeField, OutcomeEvidence, FillTemplate, RateSetting, ProgressItem, ReportSetting,
            SigningSetting, AgreementNumber, EmploymentPlan, ReportBatch, Reconciliation, RateSnapshot)  # fmt: skip
Keep = Callable[..., Any]


def fill(world: Any, place: str, keep: Keep, mark: Callable[[str, str], str]) -> None:
    """One row of every such model at this place. What is a school's own is made once for both places of the first school."""
    here = world.places[place]
    made, student = here.made, here.student
    if place == "甲二":
        for model in SETTINGS:
            keep(world, place, world.row(model))
    else:
        _of_school(world, place, keep, made, mark(place, "设"), here.staff["school"])
    words = mark(place, "人")
    keep(
        world,
        place,
        FollowUp.objects.create(
            student=student, situation="seeking", help_given=f"{words}帮扶", by=here.staff["counselor"]
        ),
    )
    keep(
        world, place,
        Evidence.objects.create(
            record_type=GraduateProfile._meta.label_lower, record_id=world.row(GraduateProfile, place).pk, kind="other", name=f"{words}.pdf",
            stored=store_private("材料.pdf", words.encode(), "evidence"), size=9, content_type="application/pdf", sha256="0" * 64,
            uploaded_by=student.user, school=made.school, cohort=made.cohort, org_path=student.org_path,
        ),
    )  # fmt: skip
    batch = world.row(ReportBatch, place)
    keep(
        world,
        place,
        ReportItem.objects.create(
            batch=batch, student=student, values=[words], digest="0" * 64, message=f"{words}反馈"
        ),
    )
    keep(
        world,
        place,
        SigningExclusion.objects.create(
            student=here.others[0], kind="other", reason=f"{words}限制", by=here.staff["school"]
        ),
    )
    keep(
        world, place,
        TerminationException.objects.create(
            student=student, org_path=student.org_path, reason=f"{words}例外", by=here.staff["school"]
        ),
    )  # fmt: skip
    keep(
        world, place,
        SigningInvitation.objects.create(
            school=made.school, cohort=made.cohort, org_path=student.org_path, employer=here.employer.employer, student=student,
            job_title=f"{words}岗位", job_category="13", household_reception="refused", archive_reception="agency", sent_by=here.employer,
            expires_at=timezone.now() + timedelta(days=5), message=f"{words}留言",
        ),
    )  # fmt: skip


def _of_school(world: Any, place: str, keep: Keep, made: Any, words: str, person: Any) -> None:
    where: dict[str, Any] = {"school": made.school, "cohort": made.cohort}
    today, path = timezone.localdate(), f"{made.school.pk}/"
    for row in (
        ExportRule(school=made.school),
        RuleSetting(matter=GraduateProfile._meta.label_lower, school=made.school, rule="R27", severity="warning"),
        OutcomeField(school=made.school, category="76", field="remark", need="editable", help_text=f"{words}说明"),
        OutcomeEvidence(school=made.school, category="76", key="own", label=f"{words}材料", required=False),
        FillTemplate(school=made.school, name=f"{words}模板", category="10"),
        RateSetting(school=made.school),
        ProgressItem(
            **where, title=f"{words}进展", opens_on=today - timedelta(days=1), closes_on=today + timedelta(days=5)
        ),
        ReportSetting(school=made.school),
        SigningSetting.objects.filter(school=made.school, cohort=None).first() or SigningSetting(school=made.school),
        AgreementNumber(**where, org_path=path, number=f"CANARY{made.school.code}"),
        EmploymentPlan(**where, title=f"{words}方案", layout="employment50", digest="0" * 64),
        ReportBatch(
            **where, kind="employment", layout="employment50", state="ready", file_name=f"{words}.xlsx",
            file=store_private("上报.xlsx", words.encode(), "exports"), made_by=person,
        ),
        Reconciliation(
            **where, kind="employment", layout="employment50", state="open", file_name=f"{words}比对.xlsx",
            file=store_private("比对.xlsx", words.encode(), "exports"), made_by=person,
        ),
        RateSnapshot(
            **where, org_path=path, unit_name=f"{words}全校", title=f"{words}快照", formula="2024", basis="approved", population="graduated",
            cutoff=today, denominator=0, numerator=0, totals={"codes": {}, "parts": {}}, digest="0" * 64, taken_by=person,
        ),
    ):  # fmt: skip
        if row.pk is None:
            row.save()
        keep(world, place, row)
