"""学籍信息: the door by which staff change roll facts, of one student or one fact of many. Place and standing go through `affairs`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from models.accounts.login import student_username
from models.accounts.models import User
from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import OrgUnit
from models.students.affairs import check_version, locked, require
from models.students.bulk import write_students
from models.students.models import Student
from workflows import bulkrows
from workflows.batch import BatchResult, archived, chunks_of
from workflows.errors import Closed, Conflict, Invalid
from workflows.fields import jsonable

CHANGE = "students.change_student"
# What a person may set one by one; major and college move by 专业转移, the year by 换届, the roll status by 学籍异动.
FACTS = (
    "number", "name", "sex", "id_type", "id_number", "birth_date", "exam_number", "nation", "unit", "degree", "study_length",
    "training_mode", "sponsor", "enrol_year", "grad_year", "grad_month",
)  # fmt: skip
# What may sensibly be the same for many.
SHARED = ("nation", "degree", "study_length", "training_mode", "sponsor", "enrol_year", "grad_year", "grad_month")
REASON, BATCH_REASON = "修改学籍信息", "批量修改"
ARCHIVED = "所在毕业届已归档，不能再办理。"


def save_facts(
    student: Student, values: Mapping[str, Any], *, by: Any, expected: int | None = None, request: Any = None
) -> dict[str, list[Any]]:
    """Change roll facts {name: value} of one student; returns {name: [old, new]} of what really changed.

    The student's records have their rules run again, a corrected number moves the account name with it. Raises a Refused
    (Invalid maps fields to sentences); then nothing changed.
    """
    require(by, CHANGE, "修改学生信息")
    if unknown := [name for name in values if name not in FACTS]:
        raise Invalid(dict.fromkeys(unknown, "该字段不能在这里修改。"))
    with transaction.atomic():
        row = locked(student, by)
        check_version(row, expected)
        if row.cohort.closed:
            raise Closed(f"{row.cohort}已归档，不能再修改。")
        before = {name: getattr(row, name) for name in values}
        for name, value in values.items():
            setattr(row, name, value)
        changed = {name: [before[name], getattr(row, name)] for name in values if before[name] != getattr(row, name)}
        if not changed:
            return {}
        _check(row, changed)
        fields = {name: Student._meta.get_field(name).attname for name in changed}
        try:
            with transaction.atomic():
                write_students(
                    row.school, students={row.pk: {fields[name]: getattr(row, fields[name]) for name in changed}}, by=by, reason=REASON
                )  # fmt: skip
                if "number" in changed and row.user_id:
                    username = student_username(row.school.code, row.number)
                    User.objects.filter(pk=row.user_id).update(username=username)
        except IntegrityError as error:
            raise Conflict("学号或证件号刚刚被另一名学生占用，请核对后再保存。") from error
        told = [str(Student._meta.get_field(name).verbose_name) for name in changed]
        record(Action.SETTING_CHANGE, request=request, actor=by, obj=row, deed=REASON, fields=told)
    student.refresh_from_db()
    return {name: [jsonable(value) for value in pair] for name, pair in changed.items()}


def _check(row: Student, changed: Mapping[str, Any]) -> None:
    """Every check of the model, said of the field it is about; over all students, not only those the person sees."""
    errors: dict[str, str] = {}
    try:
        row.clean_fields(exclude=[field.name for field in row._meta.fields if field.name not in changed])
    except ValidationError as error:
        errors = {name: found[0] for name, found in error.message_dict.items()}
    others = Student._base_manager.exclude(pk=row.pk)
    if "number" in changed and others.filter(school=row.school_id, number=row.number).exists():
        errors.setdefault("number", "本校已有该学号的学生。")
    if (
        "id_number" in changed
        and row.id_number
        and others.filter(cohort=row.cohort_id, id_number=row.id_number).exists()
    ):
        errors.setdefault("id_number", "本届已有该证件号的学生。")
    if row.enrol_year and row.grad_year and row.enrol_year > row.grad_year:
        errors.setdefault("grad_year" if "grad_year" in changed else "enrol_year", "毕业年份不能早于入学年份。")
    if "unit" in changed and (row.unit.kind != OrgUnit.Kind.CLASS or not row.unit.path.startswith(row.major.unit.path)):
        errors.setdefault("unit", "所选班级不属于该学生的专业；换专业请办理「专业转移」。")
    if errors:
        raise Invalid(errors)


def preview_many(students: models.QuerySet, name: str, value: Any, by: Any) -> BatchResult:
    """What `edit_many` would do now: nothing is written."""
    result = BatchResult()
    for ids in chunks_of(students):
        result.add(_plan(ids, name, value, by)[1])
    return result


def edit_many(
    students: models.QuerySet, name: str, value: Any, *, by: Any, progress: Callable[[int, int], None] | None = None
) -> BatchResult:
    """Set one fact of SHARED to `value`, as entered, for many students; history for each. Raises NotAllowed or Invalid."""
    result, chunks = BatchResult(), chunks_of(students)
    for ids in chunks:
        with transaction.atomic():
            bulkrows.lock(Student, ids)
            changes, part = _plan(ids, name, value, by)
            if changes:
                write_students(None, students=changes, by=by, reason=BATCH_REASON)
        result.add(part)
        if progress:
            progress(result.counted, sum(map(len, chunks)))
    return result


def _plan(ids: list[int], name: str, value: Any, by: Any) -> tuple[dict[int, dict[str, Any]], BatchResult]:
    require(by, CHANGE, "修改学生信息")
    cleaned, closed = clean_shared(name, value), archived(Student)
    result, changes = BatchResult(), {}
    rows = by.scope_of(bulkrows.those(Student._base_manager, "id", ids)).order_by("pk")
    for row in rows.values("pk", "cohort_id", "enrol_year", "grad_year", name):
        enrolled, graduates = (cleaned if name == key else row[key] for key in ("enrol_year", "grad_year"))
        if row["cohort_id"] in closed:
            result.refused[row["pk"]] = ARCHIVED
        elif enrolled and graduates and enrolled > graduates:
            result.refused[row["pk"]] = "毕业年份不能早于入学年份。"
        elif row[name] == cleaned:
            result.unchanged.append(row["pk"])
        else:
            changes[row["pk"]] = {name: cleaned}
            result.done.append(row["pk"])
    result.account_for(ids)
    return changes, result


def clean_shared(name: str, value: Any) -> Any:
    """The value to store; Invalid for a fact that is not to be set for many, or a value that cannot be."""
    if name not in SHARED:
        raise Invalid({"field": "请选择要修改的字段。"})
    field = Student._meta.get_field(name)
    try:
        return field.clean(None if value == "" and field.null else value, None)
    except ValidationError as error:
        raise Invalid({"value": error.messages[0]}) from error
