"""The demo's reports of the finished year: a batch that was answered, one ready to go, a frozen plan, an open comparison.

Batches and the comparison run through their background jobs, as an office's would.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import timedelta

import openpyxl
from django.core.files.storage import default_storage
from django.utils import timezone

from models.demo.place import Place
from models.jobs.files import store_private
from models.jobs.services import start
from models.organisation.models import Cohort
from models.reporting.models import (
    FOLDER,
    Channel,
    EmploymentPlan,
    Kind,
    PlanRow,
    Reconciliation,
    ReportBatch,
    ReportItem,
)

LAYOUTS = {Kind.BASIC: "upload50", Kind.EMPLOYMENT: "employment50"}
ANSWERS = (
    (41, "单位统一社会信用代码与单位名称不符"),
    (67, "单位所在地代码与单位地址不一致"),
    (101, "考生号在学籍库中未找到"),
)  # every so manieth row came back with this
CHANGED = {"单位名称": "（原）{}", "联系电话": "13900000000", "政治面貌": "共青团员"}


def build(places: Sequence[Place], finished: int) -> None:
    """Make what is missing at the schools that have the year."""
    for place in places:
        if finished not in place.cohorts or ReportBatch.objects.filter(cohort=place.cohorts[finished]).exists():
            continue
        cohort = place.cohorts[finished]
        answered = _batch(place, cohort, Kind.EMPLOYMENT, changes_only=False)
        if not answered.count:
            continue
        _answer(answered)
        _plan(place, answered)
        _batch(place, cohort, Kind.EMPLOYMENT, changes_only=True)
        _compare(place, answered)


def _batch(place: Place, cohort: Cohort, kind: str, *, changes_only: bool) -> ReportBatch:
    batch = ReportBatch.objects.create(
        school=cohort.school, cohort=cohort, kind=kind, layout=LAYOUTS[kind], changes_only=changes_only, channel=Channel.FILE,
        made_by=place.head,
    )  # fmt: skip
    job = start(
        "reporting.batch", owner=place.head, payload={"batch": batch.pk}, school=cohort.school, immediately=True
    )
    batch.refresh_from_db()
    batch.job = job
    batch.save(update_fields=["job"])
    return batch


def _answer(batch: ReportBatch) -> None:
    """Sent a fortnight ago; most rows taken, a few sent back with what the other side says."""
    sent = timezone.now() - timedelta(days=14)
    items = list(ReportItem.objects.filter(batch=batch).order_by("pk"))
    for place, item in enumerate(items, start=1):
        message = next((text for step, text in ANSWERS if place % step == 0), "")
        item.state = ReportItem.State.REJECTED if message else ReportItem.State.ACCEPTED
        item.message, item.answered_at = message, sent + timedelta(days=1)
    ReportItem.objects.bulk_update(items, ["state", "message", "answered_at"], batch_size=500)
    batch.rejected = sum(item.state == ReportItem.State.REJECTED for item in items)
    batch.accepted, batch.state, batch.sent_at = len(items) - batch.rejected, ReportBatch.State.DONE, sent
    batch.made_at = sent
    batch.save()


def _plan(place: Place, batch: ReportBatch) -> None:
    """The plan of the same day: the rows that were sent, frozen."""
    plan = EmploymentPlan.objects.create(
        school=batch.school, cohort=batch.cohort, title=f"{batch.cohort}毕业生就业方案", layout=batch.layout, count=batch.count,
        left_out=batch.left_out, digest=batch.digest, made_at=batch.made_at, made_by=place.head,
    )  # fmt: skip
    rows = ReportItem.objects.filter(batch=batch).order_by("pk").values_list("student_id", "values", "digest")
    PlanRow.objects.bulk_create(
        (PlanRow(plan=plan, student_id=student, values=values, digest=digest) for student, values, digest in rows),
        batch_size=2000,
    )


def _compare(place: Place, batch: ReportBatch) -> None:
    """What the other side gave out: our file with some cells of its own, two graduates missing and one of nobody's."""
    with default_storage.open(batch.file.name) as file:
        book = openpyxl.load_workbook(file)
    sheet = book.active
    labels = [cell.value for cell in sheet[2]]
    for row in range(9, sheet.max_row, 23):
        for label, text in CHANGED.items():
            if label in labels:
                cell = sheet.cell(row, labels.index(label) + 1)
                if cell.value:
                    cell.value = text.format(cell.value)
    stranger = [cell.value for cell in sheet[3]]
    for label in ("学号", "考生号", "身份证号"):
        if label in labels and stranger[labels.index(label)]:
            stranger[labels.index(label)] = "9" * len(stranger[labels.index(label)])
    sheet.delete_rows(5, 2)
    sheet.append(stranger)
    out = io.BytesIO()
    book.save(out)
    name = f"{batch.cohort}省级系统导出.xlsx"
    found = Reconciliation.objects.create(
        school=batch.school, cohort=batch.cohort, kind=batch.kind, layout=batch.layout, file_name=name, made_by=place.head,
        file=store_private(name, out.getvalue(), FOLDER),
    )  # fmt: skip
    found.job = start(
        "reporting.compare",
        owner=place.head,
        payload={"reconciliation": found.pk},
        school=batch.school,
        immediately=True,
    )
    Reconciliation.objects.filter(pk=found.pk).update(job=found.job)
