"""Each check finds the fault planted for it, and a sound database has none (the control)."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from models.audit.models import AuditEntry
from models.jobs.models import Job
from models.jobs.nightly import begin
from models.jobs.runner import execute
from models.organisation.models import OrgUnit
from models.releases.models import ExportRecord
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRow, ImportRun
from tests.factories import people
from workflows import checks
from workflows.actions import perform
from workflows.batch import perform_many
from workflows.levels import Status, Verb
from workflows.models import ReviewLog
from workflows.requests import ask, decide
from workflows.scoping import system


@pytest.fixture
def world(db, settings, tmp_path):
    """A school where every kind of step has happened: .made .staff .drafts .returned .approved .waiting."""
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}},
    }
    with system("a test sets up rows"):
        made = people.school()
        made.staff = staff = people.reviewers(made)
        students = [people.student(made) for _ in range(5)]
        records = [GraduateProfile.objects.get(student=student) for student in students]
        for record in records[1:]:
            perform(record, Verb.SUBMIT, by=record.student.user)
        perform(records[1], Verb.RETURN, by=staff.counselor, text="请补充")
        perform_many(GraduateProfile.objects.filter(pk=records[2].pk), Verb.APPROVE, by=staff.counselor)
        for record in records[3:]:
            for person in (staff.school, staff.college, staff.school):  # the school acts for the counsellor first
                perform(record, Verb.APPROVE, by=person)
        ask(records[3], {"hardship": "1"}, "情况有变", by=records[3].student.user)
        made.request = records[3]
        made.draft, made.returned, made.waiting, made.asked, made.approved = records
        for record in records:
            record.refresh_from_db()
        return made


def found(*codes):
    return {
        finding.check.code: [f"{fault.where} {fault.sentence}" for fault in finding.faults]
        for finding in checks.run(codes)
        if finding.count
    }


def raw(sql, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def log(record, last=True):
    rows = ReviewLog._base_manager.filter(object_id=record.pk).order_by("seq")
    return rows.last() if last else rows.first()


def rewrite(row, **values):
    """Change a log row behind the engine's back."""
    sets = ", ".join(f"{name} = %s" for name in values)
    raw(f"UPDATE workflows_reviewlog SET {sets} WHERE id = %s", *values.values(), row.pk)


def test_a_sound_database_has_no_fault(world):
    assert (world.draft.status, world.returned.status, world.approved.status) == (
        Status.DRAFT,
        Status.RETURNED,
        Status.APPROVED,
    )
    assert found() == {}


def test_changes_after_approval_and_moves_of_the_tree_are_sound(world):
    with system("test"):
        from workflows.requests import waiting_for

        decide(waiting_for(world.asked), accept=True, by=world.staff.school)
        world.classes[0].parent = world.majors[1].unit
        world.classes[0].save()
    raw("UPDATE students_student SET major_id = %s", world.majors[1].pk)
    assert found() == {}


@pytest.mark.parametrize("who", ["draft", "approved"])
def test_status_that_the_log_does_not_tell(world, who):
    record = getattr(world, who)
    raw("UPDATE students_graduateprofile SET status = 'pending_school' WHERE id = %s", record.pk)
    assert "review.status" in found()
    assert f"生源信息 {record.pk} 状态是「学校待审」" in found("review.status")["review.status"][0]


def test_version_behind_the_log(world):
    raw("UPDATE students_graduateprofile SET version = 1 WHERE id = %s", world.approved.pk)
    assert list(found()) == ["review.version"]


def test_log_of_a_record_that_is_gone(world):
    raw("UPDATE workflows_reviewlog SET object_id = 999999 WHERE object_id = %s", world.returned.pk)
    assert "记录已不存在" in found("review.version")["review.version"][0]


def test_step_that_does_not_follow(world):
    rewrite(log(world.approved), from_status="pending_college", level="college")
    assert "上一步的结果是" in found()["review.chain"][0]


def test_step_that_is_not_in_the_table(world):
    rewrite(log(world.returned), verb="withdraw", to_status="returned")
    assert "「撤回」不能从「辅导员待审」到「退回修改」" in found()["review.legal"][0]


def test_approval_that_leads_down(world):
    rewrite(log(world.waiting), to_status="pending_counselor")
    assert "review.legal" in found()


@pytest.mark.parametrize(("values", "sentence"), [
    ({"actor_id": None}, "没有办理人"),
    ({"level": ""}, "没有注明办理层级"),
    ({"level": "college"}, "层级不符"),
    ({"held_path": ""}, "不包含该记录"),
    ({"held_path": "999/"}, "不包含该记录"),
    ({"level": "school", "held_path": "", "acting_for": "counselor"}, "不包含该记录"),
    ({"level": "school", "acting_for": "college"}, "层级不符"),
])  # fmt: skip
def test_decision_without_the_right_to_it(world, values, sentence):
    rewrite(log(world.waiting), **values)
    assert sentence in found()["review.actor"][0]


def test_what_the_school_voids_and_reopens_is_sound_wherever_it_waits(world):
    with system("test"):
        for record in (world.draft, world.returned, world.waiting, world.asked):
            perform(record, Verb.VOID, by=world.staff.school, text="重复")
            perform(record, Verb.REOPEN, by=world.staff.school, text="误作废")
    assert found() == {}
    rewrite(log(world.waiting), level="college", held_path=world.waiting.org_path)
    assert "层级不符" in found()["review.actor"][0]


def test_own_submission_judged(world):
    rewrite(log(world.waiting), actor_id=log(world.waiting, last=False).actor_id)
    assert "办理人就是提交人" in found()["review.own"][0]


def test_approved_past_a_level(world):
    steps = ReviewLog._base_manager.filter(object_id=world.approved.pk, verb="approve").order_by("seq")
    college = steps.get(from_status="pending_college")
    raw("DELETE FROM workflows_reviewlog WHERE id = %s", college.pk)
    faults = found()
    assert "没有经过：院系" in faults["review.passed"][0]


def test_scope_copy_that_is_stale(world):
    raw("UPDATE students_graduateprofile SET org_path = '999/' WHERE id = %s", world.draft.pk)
    assert list(found()) == ["review.scope"]


@pytest.mark.parametrize("column", ["org_path", "school_id"])
def test_student_whose_place_is_not_the_units(world, column):
    with system("test"):
        other = people.school("19902", "缙云学院")
    value = "999/" if column == "org_path" else other.school.pk
    raw(f"UPDATE students_student SET {column} = %s WHERE id = %s", value, world.draft.student_id)
    assert f"学生 {world.draft.student_id}" in found()["students.place"][0]


def test_roll_mark_that_is_stale(world):
    raw("UPDATE students_student SET roll_status = '03' WHERE id = %s", world.draft.student_id)
    assert "在籍标记" in found()["students.roll"][0]


def test_account_of_staff_behind_a_student(world):
    Student._base_manager.filter(pk=world.draft.student_id).update(user=world.staff.school)
    assert "students.accounts" in found()


def test_tree_whose_path_is_broken(world):
    OrgUnit._base_manager.filter(pk=world.classes[1].pk).update(path="1/2/")
    assert "organisation.paths" in found()


def test_school_without_its_centre(world):
    OrgUnit._base_manager.filter(pk=world.center.pk).update(kind=OrgUnit.Kind.OTHER)
    assert "有 0 个就业中心" in found()["organisation.centres"][0]


def test_major_below_another_college(world):
    raw("UPDATE organisation_major SET college_id = %s WHERE id = %s", world.colleges[1].pk, world.majors[0].pk)
    assert "organisation.majors" in found()


def running_job(**values):
    return Job.objects.create(
        kind="test", title="导入", status="running", worker="gone", **{"lease_until": timezone.now(), **values}
    )


def test_job_of_a_dead_worker(world):
    running_job()
    assert found("jobs") == {}  # the reaper's business for now
    running_job(lease_until=timezone.now() - timedelta(minutes=5))
    assert "仍为进行中" in found()["jobs.lease"][0]


@pytest.mark.parametrize("text", ["19912345678", "990101200401010019"])
def test_number_of_a_person_in_a_payload_or_the_trail(world, text):
    Job.objects.create(kind="test", title="导入", payload={"q": text}, status="done")
    entry = AuditEntry(action="export", detail={"q": text})
    entry.save()
    with system("test"):
        ExportRecord.objects.create(
            owner=world.staff.school, model_label="students.student", title="学生", described=[text]
        )
    assert {"jobs.private", "audit.private", "exports.private"} <= set(found())


def test_file_that_is_gone_and_file_that_was_changed(world, tmp_path):
    (tmp_path / "changed.xlsx").write_bytes(b"123")
    with system("test"):
        common = {
            "owner": world.staff.school,
            "model_label": "students.student",
            "title": "学生",
            "state": "done",
            "file_size": 2,
        }
        ExportRecord.objects.create(**common, file="gone.xlsx")
        ExportRecord.objects.create(**common, file="changed.xlsx")
    faults = found()
    assert "gone.xlsx" in faults["files.exist"][0]
    assert len(faults["exports.files"]) == 1


def import_run(world, **values):
    return ImportRun.objects.create(
        kind="students",
        school=world.school,
        org_path=f"{world.school.pk}/",
        file_name="名单.xlsx",
        **{"status": "done", **values},
    )


def test_import_that_is_not_all_counted(world):
    with system("test"):
        run = import_run(world, rows=2, created=2)
        ImportRow.objects.create(run=run, number=2, status="created", written=True)
        ImportRow.objects.create(run=run, number=3, status="failed")
        stuck = import_run(
            world, status="running", job_id=Job.objects.create(kind="import", title="导入", status="failed").pk
        )
    faults = found()
    assert "有误 0/1" in faults["imports.counted"][0]
    assert "第 3 行" in faults["imports.reasons"][0]
    assert f"导入 {stuck.pk}" in faults["imports.running"][0]


# -- the command, and the night ------------------------------------------------------------------------------------------------


def verify(*arguments, **options):
    out = StringIO()
    try:
        call_command("verify", *arguments, stdout=out, **options)
    except SystemExit as error:
        return error.code, out.getvalue()
    return 0, out.getvalue()


def test_the_command_is_silent_about_sound_data(world):
    code, text = verify()
    assert code == 0
    assert text.count("\n") == 1
    assert "核验通过" in text


def test_the_command_names_every_fault_on_a_line_and_ends_with_1(world):
    raw(
        "UPDATE students_graduateprofile SET status = 'approved' WHERE id IN (%s, %s)", world.draft.pk, world.waiting.pk
    )
    code, text = verify("review.status")
    assert code == 1
    assert len([line for line in text.splitlines() if line.startswith("review.status：")]) == 2
    code, text = verify("review.status", limit=1)
    assert "另有 1 处" in text
    code, text = verify("review.status", json=True)
    report = json.loads(text)
    assert (code, report["ok"], report["faults"], report["checks"][0]["count"]) == (1, False, 2, 2)


def test_every_check_has_a_code_and_a_title_in_the_list():
    _code, text = verify(list=True)
    codes = [line.split()[0] for line in text.splitlines()]
    assert codes == sorted(codes)
    assert {"review.status", "imports.counted", "files.exist", "jobs.lease"} <= set(codes)


def test_a_code_is_registered_once():
    checks.registered()  # whatever ran before in this process, the checks are known now
    with pytest.raises(ValueError, match="registered twice"):
        checks.check("review.status", "anderes")(list)


def test_the_night_writes_its_result_into_the_trail(world):
    raw("UPDATE students_graduateprofile SET status = 'approved' WHERE id = %s", world.draft.pk)
    begin()
    job = Job.objects.get(kind="jobs.verify")
    execute(job.pk)
    job.refresh_from_db()
    entry = AuditEntry.unscoped.get(action="verify")
    assert job.result["checks"]["review.status"] == 1
    assert (entry.result, entry.detail["faults"]) == ("failed", job.result["faults"])


def test_checks_only_read(world):
    with connection.execute_wrapper(_refuse_writes):
        assert found() == {}


def _refuse_writes(execute, sql, params, many, context):
    assert sql.lstrip().upper().startswith(("SELECT", "WITH")), sql
    return execute(sql, params, many, context)
