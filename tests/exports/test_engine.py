"""Exports: scope, masks, purpose, record and audit, official sheets, formulas, large ones in the background."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from exports.exporting import engine
from exports.exporting.order import Order
from exports.importing.aliases import STUDENTS
from exports.importing.headers import find_header, known_labels
from exports.importing.reading import open_workbook
from exports.ministry.layouts import all_layouts
from exports.resources import resource_for
from exports.selection import Selection
from models.audit.models import Action, AuditEntry, Result
from models.jobs.models import Status as JobStatus
from models.notices.models import Notice
from models.releases.models import ExportRecord, State
from models.releases.upkeep import close_broken, expire_files
from models.students.models import GraduateProfile
from workflows.errors import Invalid, NotAllowed
from workflows.scoping import acting, system

COLUMNS = (
    "student.number",
    "student.name",
    "student.id_number",
    "phone",
    "origin_region",
    "status",
    "household_moved",
    "returns",
)
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "＋1", "－1", "＠A1", " =1", "=cmd|' /C calc'!A0"]


def book(record):
    return openpyxl.load_workbook(default_storage.path(record.file.name))


def table(record):
    return [list(row) for row in book(record).worksheets[0].iter_rows(values_only=True)]


def text_of(record):
    """Everything a reader of the file can find in it."""
    if record.format == "csv":
        with default_storage.open(record.file.name) as file:
            return file.read().decode("utf-8-sig")
    return "\n".join(str(cell.value) for sheet in book(record).worksheets for row in sheet.iter_rows() for cell in row)


def test_cells_are_names_dates_and_masks(world):
    record = engine.export(world.whole, world.school, COLUMNS)
    rows = table(record)
    assert rows[0] == ["学号", "姓名", "身份证号", "手机号码", "生源地", "状态", "户口是否转入学校", "退回次数"]
    first = world.students[0]
    assert rows[1][0] == first.number
    assert rows[1][2] == f"{first.id_number[:6]}{'*' * 10}{first.id_number[-2:]}"
    assert rows[1][4:] == ["重庆市渝中区", "未提交", "否", 0]
    assert (len(rows), record.rows, record.asked, record.state) == (5, 4, 4, State.DONE)


@pytest.mark.parametrize(("codes", "headers", "cells"), [
    ("name", ["民族"], ["汉族"]), ("code", ["民族代码"], ["01"]), ("both", ["民族代码", "民族"], ["01", "汉族"]),
])  # fmt: skip
def test_codes_as_name_code_or_both(world, codes, headers, cells):
    rows = table(engine.export(world.whole, world.school, ["student.nation"], codes=codes))
    assert (rows[0], rows[1]) == (headers, cells)


@pytest.mark.parametrize("format", ["xlsx", "csv"])
@pytest.mark.parametrize("who", ["counselor", "school", "data"])
def test_nothing_out_of_scope_and_no_full_number_leaves_by_default(world, who, format):
    user = getattr(world, who)
    record = engine.export(world.whole, user, [*COLUMNS, "home_phone"], format=format)
    text = text_of(record)
    assert record.rows == {"counselor": 2, "school": 4, "data": 4}[who]
    assert "CANARY1" not in text
    for profile, student in zip(world.profiles, world.students, strict=True):
        assert profile.phone not in text
        assert student.id_number not in text


def test_ticked_records_of_another_school_are_not_exported(world):
    with system("test"):
        foreign = GraduateProfile.objects.get(student=world.stranger)
    picked = world.whole.picking([foreign.pk, world.profiles[0].pk])
    assert engine.export(picked, world.school, COLUMNS).rows == 1
    with pytest.raises(Invalid, match="没有可导出"):
        engine.export(world.whole.picking([foreign.pk]), world.school, COLUMNS)


def test_full_numbers_need_function_purpose_and_a_workbook(world):
    with pytest.raises(NotAllowed, match="完整证件号"):
        engine.export(world.whole, world.counselor, COLUMNS, reveal=True, purpose="上报省级平台")
    with pytest.raises(Invalid, match="写明用途"):
        engine.export(world.whole, world.data, COLUMNS, reveal=True, purpose=" 无 ")
    with pytest.raises(Invalid, match="只能导出为 Excel"):
        engine.export(world.whole, world.data, COLUMNS, reveal=True, purpose="上报省级平台", format="csv")
    record = engine.export(world.whole, world.data, COLUMNS, reveal=True, purpose="上报省级平台")
    assert record.revealed
    assert table(record)[1][2] == world.students[0].id_number
    notes = dict(row for row in book(record)["导出说明"].iter_rows(values_only=True))
    assert (notes["用途"], notes["导出人"]) == ("上报省级平台", f"{world.data.name}（{world.data.username}）")


def test_reveal_without_a_masked_column_is_an_ordinary_export(world):
    assert not engine.export(world.whole, world.data, ["student.name"], reveal=True, purpose="核对姓名").revealed


def test_every_export_is_audited_before_it_is_made_and_every_refusal(world):
    engine.export(replace(world.whole, status="draft"), world.data, COLUMNS, reveal=True, purpose="上报省级平台")
    with pytest.raises(NotAllowed):
        engine.export(world.whole, world.counselor, COLUMNS, reveal=True, purpose="上报省级平台")
    done, refused = AuditEntry.unscoped.filter(action=Action.EXPORT).order_by("pk")
    assert (done.actor, done.result, done.purpose, done.school_id) == (
        world.data,
        Result.OK,
        "上报省级平台",
        world.made.school.pk,
    )
    assert {key: done.detail[key] for key in ("count", "revealed", "format")} == {
        "count": 4,
        "revealed": True,
        "format": "xlsx",
    }
    assert "身份证号" in done.detail["columns"]
    assert done.detail["range"] == ["状态：未提交"]
    assert (refused.actor, refused.result) == (world.counselor, Result.DENIED)


def test_without_the_function_nothing_is_exported(world):
    with pytest.raises(NotAllowed, match="功能分配"):
        engine.export(world.whole, world.students[0].user, COLUMNS)
    assert not ExportRecord._base_manager.exists()


def spoil(world):
    with system("test"):
        for place, profile in enumerate(world.profiles):
            GraduateProfile.objects.filter(pk=profile.pk).update(
                home_address=FORMULAS[place],
                former_archive_unit=FORMULAS[place + 4],
                former_police_station=FORMULAS[place + 8],
            )


SPOILT = ["home_address", "former_archive_unit", "former_police_station"]


def test_no_cell_is_a_formula_in_a_workbook_and_values_stay(world):
    spoil(world)
    record = engine.export(world.whole, world.school, ["student.name", *SPOILT])
    cells = [cell for sheet in book(record).worksheets for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    written = {
        value.replace("_x000D_", "\r") for row in table(record)[1:] for value in row[1:]
    }  # how a workbook writes a CR
    assert written == set(FORMULAS)


def test_no_cell_starts_a_formula_in_csv_and_the_importer_takes_the_mark_off_again(world):
    spoil(world)
    record = engine.export(world.whole, world.school, ["student.name", *SPOILT], format="csv")
    text = text_of(record)
    for row in list(csv.reader(io.StringIO(text, newline="")))[1:]:
        assert not [value for value in row if value.lstrip(" \u3000").startswith(tuple("=+-@\t\r＝＋－＠"))]
    again = open_workbook(default_storage.path(record.file.name), "again.csv")
    read = [cell for row in again.read(again.sheets[0].name)[1:] for cell in row.cells[1:]]
    assert {str(value).strip() for value in read} == {value.strip() for value in FORMULAS}


def test_the_upload_layout_has_two_header_rows_the_importer_understands(world):
    record = engine.export(world.whole, world.data, layout="upload50", reveal=True, purpose="上报省级平台")
    rows, layout = table(record), all_layouts()["upload50"]
    assert rows[:2] == layout.header_rows()
    first, student = dict(zip(rows[0], rows[2], strict=True)), world.students[0]
    assert {key: first[key] for key in ("xm", "sfzh", "xbdm", "xb", "yxdm", "yx", "rxsj", "bysj", "syszddm", "syszd")} == {
        "xm": student.name, "sfzh": student.id_number, "xbdm": "1", "xb": "男", "yxdm": "19901", "yx": "嘉陵大学", "rxsj": "202309",
        "bysj": "202706", "syszddm": "500103", "syszd": "重庆市渝中区",
    }  # fmt: skip
    assert all(first[key] is None for key in ("bdzbh", "bdqssj", "bdzqflb", "byqxdm", "dwmc"))
    opened = open_workbook(default_storage.path(record.file.name), record.file_name)
    sheet = opened.sheets[0].name
    known = known_labels([*STUDENTS, *(alias for aliases in STUDENTS.values() for alias in aliases)])
    header = find_header(opened.head(sheet), known)
    assert header is not None
    assert (header.labels, header.codes, header.first_data_row) == (rows[1], rows[0], 3)


def test_the_resource_gives_the_same_cells(world):
    names = [name for name in COLUMNS if name != "returns"] + [
        "student.birth_date",
        "student.enrol_year",
        "archive_moved",
        "submitted_at",
    ]
    rows = table(engine.export(world.whole, world.school, names, codes="both"))
    with acting(world.school):
        data = resource_for(GraduateProfile)(world.school, names, "both").dataset(
            GraduateProfile.objects.order_by("student__number")
        )
    assert [[value or None for value in row] for row in data] == rows[1:]
    assert data.headers == rows[0]


def test_the_resource_asks_for_the_function_and_takes_nothing_in(world):
    with pytest.raises(NotAllowed):
        resource_for(GraduateProfile)(world.students[0].user)
    with pytest.raises(NotAllowed):
        resource_for(GraduateProfile)(world.counselor, reveal=True)
    with pytest.raises(NotImplementedError):
        resource_for(GraduateProfile)(world.school).import_data(None)


def test_number_of_queries_does_not_grow_with_the_rows(world, django_assert_max_num_queries):
    engine.export(world.whole, world.school, COLUMNS)  # warm
    with django_assert_max_num_queries(30) as few:
        engine.export(world.whole.picking([world.profiles[0].pk]), world.school, COLUMNS)
    with django_assert_max_num_queries(30) as many:
        engine.export(world.whole.picking([profile.pk for profile in world.profiles]), world.school, COLUMNS)
    assert len(few) == len(many)


def test_a_large_export_is_made_in_the_background_for_its_owner(world, monkeypatch, run_jobs):
    monkeypatch.setattr(engine, "DIRECT_ROWS", 3)
    record = engine.order_export(world.whole, world.school, Order(COLUMNS))
    assert (record.state, record.job.owner, record.job.payload) == (State.RUNNING, world.school, {"record": record.pk})
    (job,) = run_jobs()
    assert (job.status, job.result) == (JobStatus.DONE, {"record": record.pk, "rows": 4})
    record = ExportRecord.own(world.school).get()
    assert (record.state, len(table(record))) == (State.DONE, 5)
    assert Notice._base_manager.filter(recipient=world.school, title__contains="导出完成").count() == 1


def test_who_has_lost_the_function_meanwhile_gets_no_file(world, monkeypatch, run_jobs):
    monkeypatch.setattr(engine, "DIRECT_ROWS", 1)
    engine.order_export(world.whole, world.counselor, Order(COLUMNS))
    with system("test"):
        world.counselor.staff_appointments.all().delete()
    (job,) = run_jobs()
    assert job.status == JobStatus.FAILED
    assert "没有导出" in job.error
    assert ExportRecord.own(world.counselor).get().state == State.FAILED


def test_what_was_typed_to_find_people_does_not_stay_in_the_record(world, monkeypatch, run_jobs):
    monkeypatch.setattr(engine, "DIRECT_ROWS", 0)
    target = world.students[0]
    record = engine.order_export(replace(world.whole, query=target.id_number), world.school, Order(("student.name",)))
    assert target.id_number not in str(ExportRecord.own(world.school).values())
    run_jobs()
    record.refresh_from_db()
    assert (record.rows, table(record)[1]) == (1, [target.name])


def test_files_go_after_a_week_the_record_stays(world, time_machine):
    record = engine.export(world.whole, world.school, COLUMNS)
    path = default_storage.path(record.file.name)
    time_machine.move_to(timezone.now() + timedelta(days=8))
    with system("test"):
        assert expire_files() == 1
    record.refresh_from_db()
    assert not record.is_available
    assert not default_storage.exists(path)
    assert ExportRecord.own(world.school).count() == 1


def test_a_failed_export_leaves_no_file_and_says_so(world, monkeypatch):
    monkeypatch.setattr(engine, "blocks", lambda *arguments: (_ for _ in ()).throw(OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        engine.export(world.whole, world.school, COLUMNS)
    record = ExportRecord.own(world.school).get()
    assert (record.state, record.file.name) == (State.FAILED, "")


def test_an_export_whose_process_died_is_closed(world, time_machine):
    with system("test"):
        ExportRecord.objects.create(owner=world.school, model_label="students.student", title="学生")
        assert close_broken() == 0
        time_machine.move_to(timezone.now() + timedelta(hours=2))
        assert close_broken() == 1


def test_students_can_be_exported_too(world):
    rows = table(
        engine.export(Selection("students.student"), world.counselor, ["number", "name", "id_number", "unit.name"])
    )
    assert rows[0] == ["学号", "姓名", "身份证号", "班级"]
    assert len(rows) == 3
