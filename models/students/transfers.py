"""专业转移: the leaving college asks, the receiving college takes the student or does not; the school may do both at once.

When the student is taken, the student and every record about the student move (models.students.affairs), and both sides read
who asked, who decided and why.
"""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from models.audit.models import Action
from models.audit.services import record
from models.notices.models import Notice
from models.notices.services import tell
from models.organisation.models import Cohort, Major, OrgUnit
from models.students.affairs import locked, require, tell_students, write
from models.students.models import MajorTransfer, Student
from workflows import holding
from workflows.errors import Closed, Conflict, Invalid, NotAllowed, WrongState
from workflows.levels import COLLEGE, SCHOOL

State = MajorTransfer.State
NOT_FOUND = "没有找到该申请，或不在您的管辖范围内。"
ASK, DECIDE = "students.add_majortransfer", "students.change_majortransfer"


def may_decide(transfer: MajorTransfer, by: Any) -> bool:
    """Whether `by` speaks for the receiving side: appointed over the target major at college or school level."""
    return by.has_perm(DECIDE) and _speaks_for(by, transfer.to_path)


def may_cancel(transfer: MajorTransfer, by: Any) -> bool:
    """Whether `by` speaks for the leaving side."""
    return by.has_perm(ASK) and _speaks_for(by, transfer.from_path)


def _speaks_for(by: Any, path: str) -> bool:
    return any(path.startswith(held) for level in (COLLEGE, SCHOOL) for held in by.level_paths(level))


def ask(
    student: Student,
    to_major: Major,
    reason: str,
    *,
    by: Any,
    to_unit: OrgUnit | None = None,
    to_cohort: Cohort | None = None,
    request: Any = None,
) -> MajorTransfer:
    """Ask for the student to be taken by another major, with the reason; one request waits at a time. Raises a Refused."""
    require(by, ASK, "申请专业转移")
    with transaction.atomic():
        row = locked(student, by)
        if not _speaks_for(by, row.org_path):
            raise NotAllowed("只有该学生所在院系或学校的老师可以申请转出。")
        if row.cohort.closed:
            raise Closed(f"{row.cohort}已归档，不能再办理。")
        _check_target(row, to_major, to_unit, to_cohort)
        transfer = MajorTransfer(
            student=row, from_major=row.major, from_path=row.org_path, to_major=to_major, to_unit=to_unit,
            to_path=(to_unit or to_major.unit).path, to_cohort=to_cohort, reason=_text(reason, "reason", "请填写转移原因。"), asked_by=by,
        )  # fmt: skip
        transfer._history_user = by
        try:
            with transaction.atomic():
                transfer.save()
        except IntegrityError as error:
            raise Conflict("该学生已有一份专业转移申请正在等待接收，请等待结果或先撤销。") from error
        _audit(transfer, request, by, "申请转出")
    return transfer


def _check_target(row: Student, major: Major, unit: OrgUnit | None, cohort: Cohort | None) -> None:
    errors = {}
    if major.school_id != row.school_id:
        errors["to_major"] = "转入专业属于另一所学校，请重新选择。"
    elif not major.is_active:
        errors["to_major"] = "转入专业已停用，请重新选择。"
    elif major.pk == row.major_id and unit is None:
        errors["to_major"] = "该学生已在这一专业，请选择其他专业。"
    if unit is not None:
        errors |= _check_unit(major, unit)
    if unit is not None and unit.pk == row.unit_id:
        errors["to_unit"] = "该学生已在这一班级。"
    if cohort is not None and cohort.school_id != row.school_id:
        errors["to_cohort"] = "所选毕业届属于另一所学校。"
    elif cohort is not None and cohort.closed:
        errors["to_cohort"] = f"{cohort}已归档，不能转入。"
    if errors:
        raise Invalid(errors)


def _check_unit(major: Major, unit: OrgUnit) -> dict[str, str]:
    if unit.kind != OrgUnit.Kind.CLASS or not unit.path.startswith(major.unit.path):
        return {"to_unit": "所选班级不属于转入专业，请重新选择。"}
    return {}


def _text(text: str, name: str, missing: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid({name: missing})
    if len(text) > 200:
        raise Invalid({name: "最多填写 200 个字。"})
    return text


def accept(
    transfer: MajorTransfer, *, by: Any, to_unit: OrgUnit | None = None, opinion: str = "", request: Any = None
) -> MajorTransfer:
    """Take the student into a class of the major: the student and all records move. Raises a Refused; then nothing moved."""
    with transaction.atomic():
        # The receiving side does not have the student in its scope yet: the request itself is what entitles it. The student moves, and
        # is held whole from the first look on.
        rows = Student._base_manager.select_related("major", "cohort", "school")
        row = holding.taken(rows.filter(pk=transfer.student_id), NOT_FOUND, whole=True)
        held = _waiting(transfer, by, may_decide, "接收学生须由转入学院或学校的老师办理。")
        unit = to_unit or held.to_unit
        if unit is None:
            raise Invalid({"to_unit": "请选择转入的班级。"})
        if errors := _check_unit(held.to_major, unit):
            raise Invalid(errors)
        if row.org_path != held.from_path:
            raise Conflict("该学生在申请之后已转到别处，请撤销后重新申请。")
        held.to_unit, held.to_path, held.opinion = unit, unit.path, opinion.strip()[:200]
        _decide(held, State.ACCEPTED, by)
        write(row.school, {row.pk: _facts(row, held)}, by=by, reason=f"专业转移：{held.reason}"[:100])
        _audit(held, request, by, "接收")
        _tell_both(held, f"{row.name} 的专业转移已接收", f"{held.from_major} → {held.to_major}，{unit}。")
        body = f"由「{held.from_major}」转入「{held.to_major}」{unit}。您的信息已随之转移，请登录核对。"
        tell_students([row.pk], "专业转移已办理", body, by=by)
    return held


def _facts(row: Student, transfer: MajorTransfer) -> dict[str, Any]:
    """The roll facts that follow: what the student had from the old major is taken over from the new one."""
    old, new = row.major, transfer.to_major
    facts: dict[str, Any] = {"major_id": new.pk, "unit_id": transfer.to_unit_id}
    facts |= {
        name: getattr(new, name) for name in ("degree", "study_length") if getattr(row, name) == getattr(old, name)
    }
    if transfer.to_cohort_id and transfer.to_cohort_id != row.cohort_id:
        cohort, month = transfer.to_cohort, row.grad_month
        if Student._base_manager.filter(cohort=cohort, id_number=row.id_number).exclude(id_number="").exists():
            raise Conflict(f"{cohort}已有证件号相同的学生，请先核对是否为同一人。")
        facts |= {
            "cohort_id": cohort.pk,
            "grad_year": cohort.year,
            "grad_month": f"{cohort.year}{month[4:]}" if month else "",
        }
    return facts


def refuse(transfer: MajorTransfer, opinion: str, *, by: Any, request: Any = None) -> MajorTransfer:
    """Do not take the student, with the reason; the asking college reads it. Raises a Refused."""
    with transaction.atomic():
        held = _waiting(transfer, by, may_decide, "是否接收须由转入学院或学校的老师办理。")
        held.opinion = _text(opinion, "opinion", "请填写不接收的原因，转出学院会看到。")
        _decide(held, State.REFUSED, by)
        _audit(held, request, by, "不接收")
        _tell_both(held, f"{held.student.name} 的专业转移未被接收", f"原因：{held.opinion}")
    return held


def cancel(transfer: MajorTransfer, *, by: Any, request: Any = None) -> MajorTransfer:
    """Take the request back before it is decided. Raises a Refused."""
    with transaction.atomic():
        held = _waiting(transfer, by, may_cancel, "撤销须由转出学院或学校的老师办理。")
        _decide(held, State.CANCELLED, by)
        _audit(held, request, by, "撤销申请")
    return held


def move_now(
    student: Student,
    to_unit: OrgUnit,
    to_major: Major,
    reason: str,
    *,
    by: Any,
    to_cohort: Cohort | None = None,
    request: Any = None,
) -> MajorTransfer:
    """Ask and accept in one step: for the school, which speaks for both colleges. Raises a Refused; then nothing is left behind."""
    with transaction.atomic():
        transfer = ask(student, to_major, reason, by=by, to_unit=to_unit, to_cohort=to_cohort, request=request)
        return accept(transfer, by=by, request=request)


def _waiting(transfer: MajorTransfer, by: Any, may: Any, sentence: str) -> MajorTransfer:
    rows = by.scope_of(MajorTransfer._base_manager.filter(pk=transfer.pk))
    rows = rows.select_related("student", "from_major", "to_major__unit", "to_unit", "to_cohort", "asked_by")
    held = holding.taken(rows, NOT_FOUND)
    if not may(held, by):
        raise NotAllowed(sentence)
    if held.state != State.WAITING:
        raise WrongState(f"该申请的状态为「{held.get_state_display()}」，不能再办理。")
    return held


def _decide(held: MajorTransfer, state: str, by: Any) -> None:
    held.state, held.decided_by, held.decided_at = state, by, timezone.now()
    held._history_user = by
    held.save()


def _audit(transfer: MajorTransfer, request: Any, by: Any, deed: str) -> None:
    record(
        Action.MAJOR_TRANSFER, request=request, actor=by, obj=transfer.student, school_id=transfer.to_major.school_id, deed=deed,
        purpose=transfer.reason, majors=[str(transfer.from_major), str(transfer.to_major)],
    )  # fmt: skip


def _tell_both(transfer: MajorTransfer, title: str, body: str) -> None:
    """Who asked learns how it ended."""
    if transfer.asked_by_id == transfer.decided_by_id:
        return
    notice = Notice(
        recipient=transfer.asked_by, kind=Notice.Kind.REVIEW, title=title, body=body, sender=transfer.decided_by
    )
    transaction.on_commit(lambda: tell([notice]))
