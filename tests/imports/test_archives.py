"""档案转递 by sheet: what the office sent, students' own fields under the locks of the review; out and in again; taken back."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from exports.exporting import engine
from exports.exporting.order import Order
from exports.importing import undo
from exports.selection import Selection
from models.dispatch.models import Dispatch
from tests.factories import people
from tests.importing.books import workbook
from tests.imports.conftest import counts, wrong
from workflows.levels import Status
from workflows.scoping import acting, system

pytestmark = pytest.mark.django_db


def line(number: str, **cells: Any) -> dict[str, Any]:
    """A good row."""
    return {
        "学号": number, "档案转递单位名称": "示例区人才服务中心", "收件人": "王老师", "寄出日期": "2026-07-05", "快递单号": "1099000000012",
        "寄递方式": "EMS", **cells,
    }  # fmt: skip


def sheet(*rows: dict[str, Any]) -> bytes:
    headers = list(dict.fromkeys(key for row in rows for key in row))
    return workbook({"档案": [headers, *([row.get(header) for header in headers] for row in rows)]})


@pytest.fixture
def students(made):
    with system("test set-up"):
        return [people.student(made, number=f"2023000{n:04d}", name=f"张{n}") for n in range(4)]


def set_status(row: Dispatch, status: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE dispatch_dispatch SET status = %s WHERE id = %s", [status, row.pk])


def test_sent_archives_are_written_and_a_student_without_a_record_gets_a_draft(made, students, bring, everything):
    run = bring(
        sheet(
            line(students[0].number, 姓名=students[0].name), line("nobody"), line(students[1].number, 姓名="别人"),
            line(students[2].number, 寄出日期=f"{timezone.localdate() + timedelta(days=2):%Y-%m-%d}"),
        ),
        "archives", by=made.clerk,
    )  # fmt: skip
    assert counts(run) == (1, 0, 0, 3)
    assert wrong(run) == {
        3: [("学号", "unknown_student")], 4: [("姓名", "contradicts_record")], 5: [("寄出日期", "future")],
    }  # fmt: skip
    row = Dispatch.objects.get()
    assert (row.student, row.status, row.posted_on, row.parcel_number) == (
        students[0], Status.DRAFT, date(2026, 7, 5), "1099000000012",
    )  # fmt: skip
    assert row.history.count() == 1


def test_posting_goes_in_whatever_the_state_but_the_address_follows_the_review(made, students, bring, everything):
    with system("test set-up"):
        row = Dispatch.objects.create(student=students[0], archive_unit="原单位")
    set_status(row, "approved")
    run = bring(sheet(line(students[0].number)), "archives", by=made.clerk)
    assert wrong(run) == {2: [("档案转递单位名称", "under_review"), ("收件人", "under_review")]}
    posted = {"学号": students[0].number, "寄出日期": "2026-07-05", "快递单号": "1099000000012"}
    assert counts(bring(sheet(posted), "archives", by=made.clerk)) == (0, 1, 0, 0)
    row.refresh_from_db()
    assert (row.status, row.archive_unit, row.parcel_number) == (Status.APPROVED, "原单位", "1099000000012")
    run = bring(sheet(line(students[0].number)), "archives", by=made.clerk, options={"reviewed": True})
    assert counts(run) == (0, 1, 0, 0)
    row.refresh_from_db()
    assert (row.archive_unit, row.changes_count) == ("示例区人才服务中心", 1)
    assert counts(bring(sheet(line(students[0].number)), "archives", by=made.clerk)) == (0, 0, 1, 0)


def test_an_import_is_taken_back(made, students, bring, everything):
    with system("test set-up"):
        row = Dispatch.objects.create(student=students[0], archive_unit="原单位")
    run = bring(sheet(line(students[0].number), line(students[1].number)), "archives", by=made.clerk)
    assert counts(run) == (1, 1, 0, 0)
    undo.undo(run, made.clerk)
    row.refresh_from_db()
    assert (row.archive_unit, row.posted_on, row.parcel_number) == ("原单位", None, "")
    fresh = Dispatch.objects.get(student=students[1])
    assert (fresh.status, fresh.posted_on, fresh.archive_unit) == (Status.DRAFT, None, "")


def test_what_is_exported_comes_in_again_unchanged(made, students, bring, everything):
    bring(sheet(*(line(student.number) for student in students)), "archives", by=made.clerk)
    with acting(made.clerk):
        chosen = Selection("dispatch.dispatch", (made.cohort.pk,))
    order = Order(layout="import.archives", format="xlsx", reveal=True, purpose="核对后重新导入")
    record = engine.order_export(chosen, made.clerk, order)
    with default_storage.open(record.file.name) as file:
        run = bring(file.read(), "archives", by=made.clerk, check=True)
    assert (wrong(run), counts(run)) == ({}, (0, 0, 4, 0))
