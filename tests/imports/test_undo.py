"""A whole import is taken back, unless somebody touched its records since."""

from __future__ import annotations

import pytest

from exports.importing import undo
from models.accounts.models import StaffAppointment, User
from models.audit.models import AuditEntry
from models.codes.models import Code
from models.jobs.errors import JobError
from models.organisation.models import Campus, Major, OrgUnit
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow, ImportRun
from tests.factories.people import staff
from tests.importing.books import workbook
from tests.imports.conftest import person, roster
from workflows.actions import save_fields

pytestmark = pytest.mark.django_db


def state() -> list:
    """Everything an import of students writes, but for versions and times."""
    hidden = {"version", "baseline_version", "updated_at", "rules_stamp", "findings", "worst"}
    return [
        sorted(str({k: v for k, v in row.items() if k not in hidden}) for row in model.objects.values())
        for model in (Student, GraduateProfile, OrgUnit, User)
    ]


def test_new_students_go_and_changed_ones_get_their_old_values_back(made, bring, everything):
    bring(roster([person(1), person(2)]))
    before = state()
    run = bring(
        roster(
            [
                person(1, 手机号码="19911111111", 姓名="欧阳雨寒", 班级="新班"),
                person(2),
                person(3, 班级="新班"),
                person(4, 学号=""),
            ]
        ),
        by=made.clerk,
    )
    assert (run.created, run.updated, run.unchanged, run.failed) == (1, 1, 1, 1)
    assert state() != before
    assert undo.undo(run, made.clerk) == 2
    assert state() == before
    run.refresh_from_db()
    assert (run.status, run.undone_by) == ("undone", made.clerk)
    gone = Student.history.filter(number="20230000003").order_by("history_id")
    assert [(row.history_type, row.history_change_reason) for row in gone] == [
        ("+", "导入 名单.xlsx"),
        ("-", "撤销导入 名单.xlsx"),
    ]
    assert [row.history_type for row in Student.history.filter(number="20230000001").order_by("history_id")] == [
        "+",
        "~",
        "~",
    ]
    assert AuditEntry.objects.filter(action="undo_import", object_id=str(run.pk)).count() == 1


def test_after_the_undo_the_same_file_can_come_in_again(made, bring, everything):
    run = bring(roster([person(1)]))
    undo.undo(run, made.clerk)
    assert bring(roster([person(1)])).created == 1


@pytest.mark.parametrize("touch", ["field", "login", "roll"])
def test_records_touched_since_stop_the_undo_with_their_rows_named(touch, made, bring, everything):
    run = bring(roster([person(1), person(2)]))
    found = Student.objects.select_related("user", "graduateprofile").get(number="20230000002")
    if touch == "field":
        save_fields(found.graduateprofile, {"phone": "19922222222"}, by=found.user)
    elif touch == "login":
        User.objects.filter(pk=found.user_id).update(last_login="2026-11-22T10:00:00+08:00")
    else:
        found.nation = "02"
        found.save()
    before = state()
    with pytest.raises(JobError) as refusal:
        undo.undo(run, made.clerk)
    assert "有 1 条记录" in refusal.value.sentence
    assert "第 3 行 20230000002" in refusal.value.sentence
    assert state() == before
    run.refresh_from_db()
    assert run.status == "done"


def test_a_killed_undo_goes_on_where_it_stopped(made, bring, everything, monkeypatch):
    run = bring(roster([person(n) for n in range(1, 8)]))
    monkeypatch.setattr(undo, "CHUNK", 3)

    def die(number: int) -> None:
        if number == 3:  # the second chunk
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo.undo(run, made.clerk, checkpoint=die)
    assert Student.objects.count() == 4
    assert undo.undo(ImportRun.objects.get(pk=run.pk), made.clerk) == 7  # what is told is the whole, not the rest
    assert Student.objects.count() == 0
    assert not ImportRow.objects.filter(run=run, written=True, status="created").exists()


MAJORS = [
    ["校区", "学院", "专业名称", "专业代码", "专业方向", "学历", "学制", "专业类别"],
    ["南校区", "新学院", "新专业", "080999", "", "本科生毕业", 4, "理工类"],
]


def test_majors_colleges_and_campuses_go_together(made, bring, everything):
    before = state()
    run = bring(workbook({"S": MAJORS}), "majors")
    assert Major.objects.get(name="新专业").unit.parent.name == "新学院"
    undo.undo(run, made.clerk)
    assert state() == before
    assert not Campus.objects.exists()


def test_a_major_with_students_stays(made, bring, everything):
    run = bring(workbook({"S": MAJORS}), "majors")
    bring(roster([person(1, 学院="新学院", 专业="新专业", 班级="新班")]))
    with pytest.raises(JobError) as refusal:
        undo.undo(run, made.clerk)
    assert "新专业" in refusal.value.sentence


def test_staff_and_codes_are_taken_back_too(made, bring, everything):
    staff("college", made.colleges[0])
    before = (StaffAppointment.objects.count(), User.objects.count())
    run = bring(
        workbook(
            {
                "S": [
                    ["工号", "姓名", "职级", "任职部门"],
                    ["t1", "王老师", "院系", "第1学院"],
                    ["t1", "王老师", "辅导员", "专业11-2301"],
                ]
            }
        ),
        "staff",
    )
    assert run.created == 2
    undo.undo(run, made.clerk)
    assert (StaffAppointment.objects.count(), User.objects.count()) == before
    run = bring(
        workbook({"S": [["代码表", "代码", "名称"], ["困难生类别", "98", "新类别"], ["困难生类别", "0", "普通生"]]}),
        "codes",
    )
    assert (run.created, run.updated) == (1, 1)
    undo.undo(run, made.clerk)
    assert Code.objects.get(table="hardship", code="0").name == "非困难生"
    assert not Code.objects.get(table="hardship", code="98").is_active
