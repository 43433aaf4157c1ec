"""Plain tables and students in the layout of their import template: scoped, logged, and importable again unchanged."""

from __future__ import annotations

import openpyxl
import pytest
from django.core.files.storage import default_storage

from exports.exporting import engine
from exports.exporting.order import Order
from exports.exporting.tables import TableRows
from exports.importing import runs
from exports.importing.kinds import KINDS
from models.accounts.models import StaffAppointment, User
from models.audit.models import Action, AuditEntry
from models.codes.models import Code
from models.jobs.files import store_private
from models.organisation.models import Campus, Major, OrgUnit
from models.releases.models import State
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow, ImportRun
from tests.factories import people
from workflows.errors import Invalid, NotAllowed
from workflows.levels import COLLEGE, COUNSELOR, PROVINCE
from workflows.models import ExtraField
from workflows.scoping import acting, system

PURPOSE = "下一年度重新导入"


def cells(record):
    sheet = openpyxl.load_workbook(default_storage.path(record.file.name)).worksheets[0]
    return [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]


def take(kind, user, rows=None, *, reveal=False, format="xlsx"):
    """Export a whole table as its list page does."""
    with acting(user):
        chosen = TableRows.of(kind, rows if rows is not None else KINDS[kind].rows_of.objects.all())
    order = Order(layout=f"import.{kind}", format=format, reveal=reveal, purpose=PURPOSE if reveal else "")
    return engine.order_export(chosen, user, order)


def again(kind, record, world, by=None):
    """What a dry run of an import says about every row of an exported file."""
    with system("test"), default_storage.open(record.file.name) as file:
        run = ImportRun.objects.create(
            kind=kind, school=world.made.school, cohort=world.made.cohort if KINDS[kind].needs_cohort else None, owner=by,
            org_path=world.made.school.path, file=store_private(record.file_name, file.read(), "imports"), file_name=record.file_name,
        )  # fmt: skip
    with acting(by) if by else system("test"):
        runs.check(run)
        wrong = list(ImportRow.objects.filter(run=run).exclude(status="unchanged").values("label", "changes", "errors"))
    return run, wrong


@pytest.fixture
def untidy(world):
    """What makes a way back hard: names that repeat, directions, campuses, years, aliases, dates."""
    with system("test"):
        made = world.made
        campus = Campus.objects.create(school=made.school, name="主校区")
        OrgUnit.objects.create(school=made.school, kind="other", name="实验中心", code="09", order=30)
        for college in made.colleges:
            below = OrgUnit.objects.create(school=made.school, kind="other", name="专业基础部", parent=college)
            OrgUnit.objects.create(school=made.school, kind="other", name="教研室", parent=below)
        for direction, place, degree in (("", campus, "31"), ("海洋", None, "31"), ("", None, "25")):
            Major(college=made.colleges[0], name="海洋科学（师范）", code="070701", direction=direction, degree=degree,
                  study_length="4", category="", campus=place).save()  # fmt: skip
        twin = Major(college=made.colleges[1], name="专业11", code="080901", degree="31", study_length="4")
        twin.save()
        klass = OrgUnit.objects.create(school=made.school, parent=twin.unit, kind="class", name="专业11-2301")
        world.twin = people.staff(COUNSELOR, klass, phone="19900000001", email="t@example.edu.cn")
        StaffAppointment.objects.create(
            user=world.twin, level=COLLEGE, unit=made.colleges[0], starts_on="2026-09-01", ends_on="2027-07-31"
        )
        direct = people.student(made, unit=klass, name="直属生")
        direct.unit = twin.unit
        direct.save()
        ExtraField.objects.create(
            matter="students.graduateprofile", school_id=made.school.pk, key="dorm", label="宿舍", kind="text"
        )
        Student.objects.filter(school=made.school).update(
            birth_date="2004-03-15"
        )  # the ID number would tell it to the import
        GraduateProfile.objects.filter(pk=world.profiles[0].pk).update(extra={"dorm": "3-201"}, phone="19900000002")
    return world


@pytest.mark.parametrize("kind", ["majors", "departments", "staff", "codes"])
@pytest.mark.parametrize("format", ["xlsx", "csv"])
def test_what_goes_out_comes_in_again_unchanged(untidy, run_jobs, kind, format):
    """Feature B04: last year's settings are where a year begins."""
    reveal = kind == "staff" and format == "xlsx"
    record = take(kind, untidy.school, reveal=reveal, format=format)
    run_jobs()  # the code tables are more than a few thousand rows
    record.refresh_from_db()
    run, wrong = again(kind, record, untidy)
    assert wrong == []
    assert (run.unchanged, run.rows) == (record.rows, record.rows)
    assert (
        record.rows
        == {
            "majors": Major._base_manager.filter(school=untidy.made.school, is_active=True).count(),
            "departments": 8,
            "staff": StaffAppointment._base_manager.filter(unit__school=untidy.made.school).count(),
            "codes": Code.objects.count(),
        }[kind]
    )


@pytest.mark.parametrize(("kind", "reveal"), [("students", True), ("profiles", True), ("profiles", False)])
def test_students_come_in_again_unchanged(untidy, kind, reveal):
    order = Order(layout=f"import.{kind}", reveal=reveal, purpose=PURPOSE if reveal else "")
    record = engine.order_export(untidy.whole, untidy.data, order)
    run, wrong = again(kind, record, untidy)
    assert wrong == []
    assert (run.unchanged, record.rows) == (5, 5)
    table = cells(record)
    assert dict(zip(table[0], table[1], strict=True))["宿舍"] == "3-201"
    numbers = {row[table[0].index("手机号码")] for row in table[1:]}
    assert ("19900000002" in numbers) is reveal


def test_the_file_has_the_headings_of_the_template_in_its_order(untidy):
    header = cells(take("majors", untidy.school))[0]
    assert header == [column.header for column in KINDS["majors"]().columns]
    students = engine.order_export(untidy.whole, untidy.data, Order(layout="import.students"))
    assert cells(students)[0][:5] == ["学号", "姓名", "性别", "身份证号", "考生号"]
    assert {row[3] for row in cells(students)[1:]} == {""}, "what would be masked is blank: it could not come in again"


def test_majors_of_last_year_are_imported_into_a_school_that_has_none(untidy):
    """The way round B04 is there for: the same file makes the same majors."""
    record = take("majors", untidy.school)
    with system("test"):
        fresh = people.school("19907", "新学校", colleges=0, majors=0, classes=0)
        with default_storage.open(record.file.name) as file:
            run = ImportRun.objects.create(kind="majors", school=fresh.school, org_path=fresh.school.path, file_name="m.xlsx",
                                           file=store_private("m.xlsx", file.read(), "imports"))  # fmt: skip
        runs.execute(run)
        assert (run.created, run.failed) == (record.rows, 0)


def test_only_rows_of_the_own_scope_leave(untidy):
    with system("test"):
        ids = tuple(Major.objects.values_list("pk", flat=True))
    order = Order(layout="import.majors")
    record = engine.order_export(TableRows("majors", ids), untidy.school, order)
    foreign = {major.name for major in untidy.other.majors}
    assert record.rows == Major._base_manager.filter(school=untidy.made.school).count()
    assert record.rows < len(ids), foreign
    with system("test"):
        province = people.staff(PROVINCE)
    with pytest.raises(Invalid, match="一所学校"):
        engine.order_export(TableRows("majors", ids), province, order)


def test_who_may_not_see_the_list_or_export_tables_takes_nothing(untidy):
    with system("test"):
        ids = tuple(StaffAppointment.objects.values_list("pk", flat=True))
    order = Order(layout="import.staff")
    with pytest.raises(NotAllowed, match="功能分配"):
        engine.order_export(TableRows("staff", ids), untidy.counselor, order)
    with system("test"):
        college = people.staff(COLLEGE, untidy.made.colleges[0])
    with pytest.raises(NotAllowed, match="完整证件号"):
        engine.order_export(
            TableRows("staff", ids), college, Order(layout="import.staff", reveal=True, purpose=PURPOSE)
        )
    assert AuditEntry.unscoped.filter(action=Action.EXPORT, result="denied").count() == 2


def test_it_is_on_record_and_phones_of_staff_need_a_purpose(untidy):
    masked = take("staff", untidy.school)
    assert "19900000001" not in str(cells(masked))
    full = take("staff", untidy.school, reveal=True)
    assert "19900000001" in str(cells(full))
    assert (full.revealed, full.purpose, full.title, full.state) == (True, PURPOSE, "教职工", State.DONE)
    entry = AuditEntry.unscoped.filter(action=Action.EXPORT).latest("pk")
    assert entry.detail["count"] == full.rows
    assert "手机号码" in entry.detail["columns"]


def test_a_formula_in_a_name_stays_text(untidy):
    with system("test"):
        OrgUnit.objects.filter(pk=untidy.made.colleges[0].pk).update(name="=1+1学院", code="@x")
    record = take("departments", untidy.school)
    sheet = openpyxl.load_workbook(default_storage.path(record.file.name)).worksheets[0]
    assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert again("departments", record, untidy)[1] == []


def test_a_large_table_is_made_in_the_background(untidy, monkeypatch, run_jobs):
    monkeypatch.setattr(engine, "DIRECT_ROWS", 2)
    record = take("majors", untidy.school)
    assert record.state == State.RUNNING
    run_jobs()
    record.refresh_from_db()
    assert record.state == State.DONE
    assert again("majors", record, untidy)[1] == []


def test_a_table_leaves_in_its_template_alone(untidy):
    with system("test"):
        ids = tuple(Major.objects.filter(school=untidy.made.school).values_list("pk", flat=True))
    for order in (Order(columns=("name",)), Order(layout="import.students"), Order(layout="upload50")):
        with pytest.raises(Invalid):
            engine.order_export(TableRows("majors", ids), untidy.school, order)
    assert User.objects.filter(pk=untidy.school.pk).exists()


def test_a_read_only_code_table_may_come_back_but_not_change(untidy, monkeypatch):
    record = take("codes", untidy.school, Code.objects.filter(table="nation"))
    assert again("codes", record, untidy)[1] == []
    with system("test"):
        Code.objects.filter(table="nation", code="01").update(name="改过的")
    _run, wrong = again("codes", record, untidy)
    assert [error["code"] for row in wrong for error in row["errors"]] == ["not_editable"]


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_declared_column_can_be_read_back(kind):
    """A column of an import that is not exported would be lost on the way round; a new kind is reminded here."""
    found = KINDS[kind]
    assert found.rows_of is not None
    for column in found().columns:
        assert column.attribute, column.header
        found.rows_of._base_manager.values_list(column.attribute)


def test_a_major_or_college_that_was_switched_off_is_a_wrong_row_not_a_crash(untidy):
    """Last year's file names what is no longer offered."""
    files = {kind: take(kind, untidy.school) for kind in ("majors", "departments")}
    with system("test"):
        Major.objects.filter(pk=untidy.made.majors[0].pk).update(is_active=False)
        OrgUnit.objects.filter(pk=untidy.made.colleges[1].pk).update(is_active=False)
    for kind, record in files.items():
        run, wrong = again(kind, record, untidy)
        assert {error["code"] for row in wrong for error in row["errors"]} <= {"switched_off", "unknown_unit"}
        with system("test"):
            counts = runs.execute(run)
        assert counts["failed"] == len(wrong) > 0
        assert counts["created"] == 0
