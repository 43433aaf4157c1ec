"""Who reports answers for the whole school: below the pages too, for every door of 上报."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from exports.reporting import answers, batches, plans, reconcile
from models.reporting.models import EmploymentPlan, Kind, Reconciliation, ReportBatch
from tests.factories import people
from workflows.errors import NotAllowed
from workflows.levels import SCHOOL
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


def deeds(made, batch, comparison, by):
    """Everything that plans, reports or compares, as this person."""
    sheet = SimpleUploadedFile("theirs.xlsx", io.BytesIO(b"PK").getvalue())
    return {
        "order": lambda: batches.order(made.cohort, Kind.BASIC, changes_only=False, channel="file", by=by),
        "mark_sent": lambda: batches.mark_sent(batch, by=by),
        "repeat": lambda: batches.repeat(batch, by=by),
        "answer": lambda: answers.answer(batch, sheet, by=by),
        "plan": lambda: plans.make(made.cohort, "方案", by=by),
        "compare": lambda: reconcile.begin(made.cohort, Kind.BASIC, sheet, by=by),
        "apply": lambda: reconcile.apply(comparison, by=by),
    }


@pytest.mark.parametrize("deed", ["order", "mark_sent", "repeat", "answer", "plan", "compare", "apply"])
def test_an_officer_of_another_school_is_refused_and_nothing_is_made(made, deed):
    with system("the office's own batch, and a stranger with every function"):
        batch = batches.build(
            batches.order(made.cohort, Kind.BASIC, changes_only=False, channel="file", by=made.person)
        )
        comparison = Reconciliation.objects.create(
            school=made.school, cohort=made.cohort, kind=Kind.BASIC, layout=batch.layout
        )
        stranger = people.staff(SCHOOL, people.school(code="19902", name="缙云学院").center)
        before = [model.objects.count() for model in (ReportBatch, EmploymentPlan, Reconciliation)]
    with acting(stranger), pytest.raises(NotAllowed, match="负责该校全校工作"):
        deeds(made, batch, comparison, stranger)[deed]()
    with system("a test looks"):
        assert [model.objects.count() for model in (ReportBatch, EmploymentPlan, Reconciliation)] == before
        assert ReportBatch.objects.get(pk=batch.pk).state == batch.state
