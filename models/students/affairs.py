"""学籍异动, 换届, 专业转移: the one door to a student's place and standing.

Whatever moves a student moves every record about the student with it (matters, requests that wait), writes history on each,
an audit row, and tells the student. Every function checks function and scope itself and raises a `workflows.errors.Refused`
with a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import models, transaction

from models.audit.models import Action
from models.audit.services import record
from models.codes.lookup import table
from models.notices.models import Notice
from models.notices.services import tell
from models.organisation.models import Cohort, School
from models.students.bulk import write_students
from models.students.models import RollChange, Student
from models.students.places import matters_of
from workflows import bulkrows, holding
from workflows.batch import BatchResult
from workflows.errors import Closed, Conflict, Invalid, NotAllowed

CHUNK = 2000
ROLL, COHORT = "学籍异动", "换届"
NOT_FOUND = "没有找到该学生，或不在您的管辖范围内。"


def require(by: Any, code: str, deed: str) -> None:
    """NotAllowed, with whom to ask, unless `by` has the function `code`."""
    if not by.has_perm(code):
        raise NotAllowed(f"您没有{deed}的功能，请联系学校管理员在「功能分配」中开通。")


def locked(student: Student, by: Any) -> Student:
    """The student as stored, locked till the end of the transaction; Absent outside the scope of `by`."""
    rows = by.scope_of(Student._base_manager.filter(pk=student.pk))
    return holding.taken(rows.select_related("cohort", "major", "unit", "school"), NOT_FOUND, whole=True)


def check_version(student: Student, expected: int | None) -> None:
    """Conflict when the student was changed after the person's page was made."""
    if expected is not None and student.version != expected:
        raise Conflict("该学生的信息刚刚被他人修改，请刷新后再操作。")


def write(school: School, students: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str) -> None:
    """Move students of one school, {student id: {attname: value}}; every record about them follows, each with history."""
    if not students:
        return
    ids = sorted(students)
    bulkrows.lock(Student, ids, whole=True)
    write_students(school, students=students, by=by, reason=reason)
    for matter, relation in matters_of(Student):
        rows = bulkrows.those(matter._base_manager, relation, ids)
        held = list(rows.order_by("pk").values_list("pk", flat=True))
        bulkrows.update(matter, {pk: {} for pk in held}, versioned=True)
        bulkrows.write_history(matter, held, by=by, reason=reason)


def tell_students(students: Sequence[int], title: str, body: str, *, by: Any) -> None:
    """A notice to each of these students who has an account, when the transaction is through."""
    rows = bulkrows.those(Student._base_manager, "id", list(students)).exclude(user=None)
    users = list(rows.values_list("user_id", flat=True))
    kind = Notice.Kind.ANNOUNCE
    transaction.on_commit(
        lambda: tell(Notice(recipient_id=user, kind=kind, title=title, body=body, sender=by) for user in users)
    )


# -- 学籍异动 --------------------------------------------------------------------------------------------------------------


def change_roll(
    student: Student, new_status: str, reason: str, *, by: Any, request: Any = None, expected: int | None = None
) -> RollChange:
    """Give the student another roll status, with the reason; off the roll the student leaves the work lists at once."""
    require(by, "students.change_roll", "办理学籍异动")
    codes = table("roll_status")
    errors = {}
    if new_status not in codes:
        errors["new_status"] = "请选择新的学籍状态。"
    if not reason.strip():
        errors["reason"] = "请填写变更原因。"
    elif len(reason.strip()) > 200:
        errors["reason"] = "变更原因最多 200 个字。"
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        row = locked(student, by)
        check_version(row, expected)
        if row.cohort.closed:
            raise Closed(f"{row.cohort}已归档，不能再办理。")
        if row.roll_status == new_status:
            raise Invalid({"new_status": f"该学生的学籍状态已经是「{codes.name(new_status)}」。"})
        entry = RollChange(student=row, old_status=row.roll_status, new_status=new_status, reason=reason.strip(), by=by)
        bulkrows.lock(Student, [row.pk], whole=True)
        write_students(
            row.school, students={row.pk: {"roll_status": new_status}}, by=by, reason=f"{ROLL}：{entry.reason}"[:100]
        )
        entry.save()
        body = f"由「{codes.name(row.roll_status)}」变更为「{codes.name(new_status)}」。如有疑问请联系学校。"
        tell_students([row.pk], "学籍状态已变更", body, by=by)
        record(
            Action.ROLL_CHANGE, request=request, actor=by, obj=row, purpose=reason.strip(),
            old=codes.name(row.roll_status), new=codes.name(new_status),
        )  # fmt: skip
    student.refresh_from_db()
    return entry


# -- 换届 ------------------------------------------------------------------------------------------------------------------


def preview_move(students: models.QuerySet, cohort: Cohort, by: Any) -> BatchResult:
    """What `move_cohort` would do now: nothing is written."""
    require(by, "students.move_cohort", "换届")
    result = BatchResult()
    for ids in _chunks(students):
        result.add(_plan(ids, cohort, by)[1])
    return result


def move_cohort(
    students: models.QuerySet, cohort: Cohort, *, by: Any, reason: str, request: Any = None, progress: Any = None
) -> BatchResult:
    """Move students to another graduation year of their school: the graduation date shifts with it, every record follows.

    Refused, by name: another school, already there, the ID number is taken in that year. Raises Closed for an archived target,
    NotAllowed without the function. Leaving an archived year is allowed: that is what a student who did not finish needs.
    """
    require(by, "students.move_cohort", "换届")
    if not reason.strip():
        raise Invalid({"reason": "请填写换届原因。"})
    result, chunks = BatchResult(), _chunks(students)
    total = sum(map(len, chunks))
    for ids in chunks:
        with transaction.atomic():
            bulkrows.lock(Student, ids, whole=True)
            changes, part = _plan(ids, cohort, by)
            write(cohort.school, changes, by=by, reason=f"{COHORT}：{reason.strip()}"[:100])
            if changes:
                _record_move(list(changes), cohort, by, reason.strip(), request)
        result.add(part)
        if progress:
            progress(result.counted, total)
    return result


def _record_move(ids: list[int], cohort: Cohort, by: Any, reason: str, request: Any) -> None:
    about = Student if len(ids) > 1 else Student._base_manager.get(pk=ids[0])
    record(
        Action.MOVE_COHORT, request=request, actor=by, obj=about, school_id=cohort.school_id, purpose=reason,
        cohort=str(cohort), count=len(ids), students=ids,
    )  # fmt: skip
    tell_students(ids, f"毕业届已调整为{cohort}", f"原因：{reason}。您的信息已随之转入{cohort}，请登录核对。", by=by)


def _chunks(students: models.QuerySet) -> list[list[int]]:
    ids = list(students.order_by("pk").values_list("pk", flat=True))
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


def _plan(ids: list[int], cohort: Cohort, by: Any) -> tuple[dict[int, dict[str, Any]], BatchResult]:
    """What to write for whom, and the answer for each."""
    if cohort.closed:
        raise Closed(f"{cohort}已归档，不能转入。")
    result = BatchResult()
    rows = list(
        by.scope_of(bulkrows.those(Student._base_manager, "id", ids))
        .order_by("pk")
        .values("pk", "school_id", "cohort_id", "id_number", "grad_year", "grad_month", "enrol_year")
    )
    taken = _taken(cohort, [row["id_number"] for row in rows if row["id_number"]])
    changes: dict[int, dict[str, Any]] = {}
    for row in rows:
        if sentence := _obstacle(row, cohort, taken):
            result.refused[row["pk"]] = sentence
        elif row["cohort_id"] == cohort.pk:
            result.unchanged.append(row["pk"])
        else:
            if row["id_number"]:
                taken[row["id_number"]] = "同一批中的另一名学生"
            changes[row["pk"]] = _moved(row, cohort)
            result.done.append(row["pk"])
    result.account_for(ids)
    return changes, result


def _taken(cohort: Cohort, id_numbers: list[str]) -> dict[str, str]:
    """{ID number: who has it} in the target year."""
    rows = bulkrows.those(Student._base_manager.filter(cohort=cohort), "id_number", id_numbers)
    return {number: f"学号 {student}" for number, student in rows.values_list("id_number", "number")}


def _obstacle(row: Mapping[str, Any], cohort: Cohort, taken: Mapping[str, str]) -> str:
    if row["school_id"] != cohort.school_id:
        return "所选毕业届属于另一所学校。"
    if row["cohort_id"] != cohort.pk and row["id_number"] in taken:
        return f"{cohort}已有证件号相同的学生（{taken[row['id_number']]}），请先核对是否为同一人。"
    if row["enrol_year"] and row["enrol_year"] > cohort.year:
        return f"入学年份 {row['enrol_year']} 晚于 {cohort.year} 年，请先核对入学年份。"
    return ""


def _moved(row: Mapping[str, Any], cohort: Cohort) -> dict[str, Any]:
    month = row["grad_month"]
    return {
        "cohort_id": cohort.pk,
        "grad_year": cohort.year,
        "grad_month": f"{cohort.year}{month[4:]}" if month else month,
    }
