"""The authority's sheet against ours: every cell that differs is found, either side can be accepted, and nothing else changes."""

from __future__ import annotations

import random
from io import BytesIO

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.forms.models import model_to_dict

from exports.importing.refusal import UploadRefused
from exports.reporting import batches, reconcile
from exports.reporting.reconcile import NOT_SENT, ONLY_OURS, ONLY_THEIRS
from models.audit.models import Action, AuditEntry
from models.outcomes.models import Outcome
from models.reporting.models import Channel, Difference, Kind, Reconciliation, ReportBatch, ReportItem
from models.students.models import GraduateProfile, Student
from tests.factories import people
from workflows.errors import NotAllowed, WrongState
from workflows.levels import COUNSELOR, Status
from workflows.scoping import acting

pytestmark = pytest.mark.django_db


def their_sheet(made, change=lambda sheet, columns: None, *, kind=Kind.EMPLOYMENT, sent=True) -> SimpleUploadedFile:
    """Our own full batch as they would give it back, changed by `change(sheet, {label: column})`."""
    batch = batches.build(batches.order(made.cohort, kind, changes_only=False, channel=Channel.FILE, by=made.person))
    if sent:
        batches.mark_sent(batch, by=made.person)
    book = openpyxl.load_workbook(default_storage.open(batch.file.name))
    sheet = book["基本信息" if kind == Kind.BASIC else "就业信息"]
    change(sheet, {sheet.cell(2, column).value: column for column in range(1, sheet.max_column + 1)})
    out = BytesIO()
    book.save(out)
    return SimpleUploadedFile("省厅数据.xlsx", out.getvalue())


def compared(made, change=lambda sheet, columns: None, **options) -> Reconciliation:
    kind = options.get("kind", Kind.EMPLOYMENT)
    found = reconcile.begin(made.cohort, kind, their_sheet(made, change, **options), by=made.person)
    return reconcile.compare(found)


def row_of(sheet, columns, student) -> int:
    return next(r for r in range(3, sheet.max_row + 1) if sheet.cell(r, columns["学号"]).value == student.number)


def test_our_own_sheet_agrees_with_us(made):
    for kind in Kind.values:
        found = compared(made, kind=kind)
        assert (found.state, found.same, found.different, found.only_ours, found.only_theirs) == ("open", 12, 0, 0, 0)


def test_every_changed_cell_is_found_with_the_three_sides(made):
    student = made.students[2]

    def change(sheet, columns):
        row = row_of(sheet, columns, student)
        sheet.cell(row, columns["毕业去向代码"]).value = "71"
        sheet.cell(row, columns["毕业去向"]).value = "不就业拟升学"
        sheet.cell(row, columns["姓名"]).value = "另一名"

    found = compared(made, change)
    assert (found.same, found.different) == (11, 1)
    rows = {row.column: row for row in found.differences.all()}
    assert set(rows) == {"毕业去向", "姓名"}
    assert (rows["毕业去向"].ours, rows["毕业去向"].reported, rows["毕业去向"].theirs) == ("721", "721", "71")
    assert rows["姓名"].student == student


def test_what_only_looks_different_is_the_same(made):
    def change(sheet, columns):
        for row in range(3, sheet.max_row + 1):
            name = sheet.cell(row, columns["姓名"])
            name.value = f"　{name.value} "
            sheet.cell(row, columns["民族代码"]).value = "1"
            sheet.cell(row, columns["性别"]).value = None

    found = compared(made, change)
    assert (found.same, found.different) == (12, 0)


def test_graduates_whom_only_one_side_has(made):
    def change(sheet, columns):
        sheet.delete_rows(row_of(sheet, columns, made.students[0]))
        row = row_of(sheet, columns, made.students[1])
        sheet.cell(row, columns["学号"]).value = "99999"
        sheet.cell(row, columns["考生号"]).value = "x"
        sheet.cell(row, columns["身份证号"]).value = "y"

    found = compared(made, change)
    assert (found.same, found.only_ours, found.only_theirs) == (10, 2, 1)
    assert {row.ours or row.theirs for row in found.differences.all()} == {ONLY_OURS, ONLY_THEIRS}


def test_they_do_not_lack_whom_we_could_not_report_yet(made):
    """Three rows are missing from their sheet: one was reported, one only may be, one waits for review."""
    reported, ready, waiting = made.students[:3]

    def change(sheet, columns):
        for student in (reported, ready, waiting):
            sheet.delete_rows(row_of(sheet, columns, student))

    sheet = their_sheet(made, change)
    ReportItem.objects.filter(student__in=[ready, waiting]).delete()
    Outcome.objects.filter(student=waiting).update(status=Status.PENDING_COLLEGE)
    found = reconcile.compare(reconcile.begin(made.cohort, Kind.EMPLOYMENT, sheet, by=made.person))
    assert (found.same, found.only_ours, found.not_due) == (9, 2, 1)
    assert {row.student: row.ours for row in found.differences.all()} == {reported: ONLY_OURS, ready: NOT_SENT}


def test_a_graduate_is_known_by_the_other_numbers_too(made):
    def change(sheet, columns):
        sheet.delete_cols(columns["学号"])

    found = compared(made, change)
    assert (found.same, found.only_ours, found.only_theirs) == (12, 0, 0)


def test_accepting_theirs_makes_both_agree_and_changes_nothing_else(made):
    chooser = random.Random(7)
    touched = chooser.sample(made.students, 4)

    def change(sheet, columns):
        for student in touched:
            row = row_of(sheet, columns, student)
            code = next(c for c in ("701", "71", "721") if c != sheet.cell(row, columns["毕业去向代码"]).value)
            sheet.cell(row, columns["毕业去向代码"]).value = code
            sheet.cell(row, columns["毕业去向"]).value = None

    found = compared(made, change)
    before = snapshot(made)
    assert reconcile.choose_column(found, "毕业去向", "theirs", by=made.person) == 4
    with acting(made.person):
        assert reconcile.apply(found, by=made.person) is None
    assert set(found.differences.values_list("result", flat=True)) == {"已采用"}
    after = snapshot(made)
    changed = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert {key[1:] for key in changed} == {("outcome", "category")}
    assert {key[0] for key in changed} == {student.pk for student in touched}
    # Staff changed it: the graduate confirms before it is reported.
    assert Outcome.objects.filter(awaits_confirmation=True).count() == 4
    Outcome.objects.update(awaits_confirmation=False, staff_changed={})
    again = reconcile.begin(
        made.cohort,
        Kind.EMPLOYMENT,
        SimpleUploadedFile("a.xlsx", default_storage.open(found.file.name).read()),
        by=made.person,
    )
    assert reconcile.compare(again).different == 0


def snapshot(made) -> dict:
    """Every field of every record of the school, but those that say when and by whom."""
    found = {}
    moving = {"updated_at", "version", "findings", "worst", "rules_stamp", "changes", "baseline_version"}
    moving |= {"staff_changed", "awaits_confirmation", "student_confirmed_at"}
    for name, model, path in (
        ("student", Student, "pk"),
        ("profile", GraduateProfile, "student_id"),
        ("outcome", Outcome, "student_id"),
    ):
        for row in model._base_manager.all():
            for field, value in model_to_dict(row, [f.name for f in row._meta.concrete_fields]).items():
                if field not in moving:
                    found[(getattr(row, path), name, field)] = str(value)
    return found


def test_accepting_ours_makes_the_smallest_upload(made):
    def change(sheet, columns):
        sheet.cell(row_of(sheet, columns, made.students[3]), columns["姓名"]).value = "错名"
        sheet.delete_rows(row_of(sheet, columns, made.students[7]))

    found = compared(made, change)
    assert reconcile.choose_column(found, "姓名", "ours", by=made.person) == 1
    assert reconcile.choose_column(found, "", "ours", by=made.person) == 1
    before = snapshot(made)
    with acting(made.person):
        batch = reconcile.apply(found, by=made.person)
    assert snapshot(made) == before
    assert {item.student for item in batch.items.all()} == {made.students[3], made.students[7]}
    sheet = openpyxl.load_workbook(default_storage.open(batch.file.name)).active
    assert (batch.state, sheet.max_row) == (ReportBatch.State.READY, 4)


def test_facts_of_the_roll_and_contact_data_are_taken_over_through_their_doors(made):
    student = made.students[0]

    def change(sheet, columns):
        row = row_of(sheet, columns, student)
        sheet.cell(row, columns["姓名"]).value = "改名同学"
        sheet.cell(row, columns["政治面貌代码"]).value = "13"
        sheet.cell(row, columns["政治面貌"]).value = "群众"

    found = compared(made, change)
    assert reconcile.choose(found, list(found.differences.values_list("pk", flat=True)), "theirs", by=made.person) == 2
    with acting(made.person):
        reconcile.apply(found, by=made.person)
    assert AuditEntry.unscoped.filter(action=Action.RECONCILE, object_id=str(found.pk)).count() == 2
    student.refresh_from_db()
    profile = GraduateProfile.objects.get(student=student)
    assert (student.name, profile.political_status) == ("改名同学", "13")
    assert profile.history.first().history_change_reason == reconcile.REASON


def test_a_value_that_cannot_be_is_refused_with_its_reason_and_nothing_of_that_graduate_changes(made):
    student = made.students[0]

    def change(sheet, columns):
        row = row_of(sheet, columns, student)
        sheet.cell(row, columns["姓名"]).value = "改名同学"
        sheet.cell(row, columns["政治面貌代码"]).value = "不是代码"

    found = compared(made, change)
    reconcile.choose(found, list(found.differences.values_list("pk", flat=True)), "theirs", by=made.person)
    with acting(made.person):
        reconcile.apply(found, by=made.person)
    student.refresh_from_db()
    assert student.name != "改名同学"
    assert all(row.result.startswith("未采用：") for row in found.differences.all())


def test_school_and_class_are_never_taken_over(made):
    def change(sheet, columns):
        for row in range(3, sheet.max_row + 1):
            sheet.cell(row, columns["所在院系"]).value = "另一学院"

    found = compared(made, change)
    assert found.different == 12
    assert reconcile.choose_column(found, "所在院系", "theirs", by=made.person) == 0


def test_decisions_need_the_function_and_an_open_comparison(made):
    found = compared(made, lambda sheet, columns: sheet.delete_rows(3))
    with pytest.raises(NotAllowed):
        reconcile.choose_column(found, "", "ours", by=people.staff(COUNSELOR, made.classes[0]))
    reconcile.apply(found, by=made.person)
    with pytest.raises(WrongState):
        reconcile.choose_column(found, "", "ours", by=made.person)
    with pytest.raises(WrongState, match="重新上传"):
        reconcile.compare(found)
    found.refresh_from_db()
    assert found.state == Reconciliation.State.APPLIED


def test_a_sheet_of_something_else_is_refused_in_a_sentence(made):
    book = openpyxl.Workbook()
    book.active.append(["甲", "乙", "丙"])
    book.active.append(["1", "2", "3"])
    out = BytesIO()
    book.save(out)
    found = reconcile.begin(made.cohort, Kind.EMPLOYMENT, SimpleUploadedFile("x.xlsx", out.getvalue()), by=made.person)
    with pytest.raises(UploadRefused, match="没有找到学号"):
        reconcile.compare(found)
    found.refresh_from_db()
    assert (found.state, Difference.objects.count()) == ("failed", 0)
