"""The pool of agreement numbers: made, imported, allotted, issued, used once, spoilt. The one door; no number is ever free again.

Two people taking a number at once get two numbers: the next free row is locked, a row somebody else holds is skipped. Numbers the
system makes itself are counted on under a lock of the school's row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Q
from django.db.models.functions import Length
from django.utils import timezone

from models.agreements.numbering import NUMBER, AgreementNumber
from models.agreements.policy import setting_for
from models.agreements.settings import SigningSetting
from models.audit.models import Action
from models.audit.services import record as audit
from models.organisation.models import Cohort, OrgUnit, School
from workflows import holding
from workflows.errors import Conflict, Invalid, NotAllowed, Refused, WrongState

TAIL = 6
MOST = 20_000
State = AgreementNumber.State
MANAGE = "agreements.add_agreementnumber"


class PoolEmpty(Refused):
    """There is no number to hand out."""

    code = "no_number"


def prefix_of(school: School, cohort: Cohort | None) -> str:
    """What the school's generated numbers begin with."""
    setting = setting_for(school.pk, cohort.pk if cohort else None)
    return setting.number_prefix or f"{school.code}{cohort.year if cohort else ''}"


def require(by: Any, school: School) -> None:
    """NotAllowed unless `by` manages this school's numbers."""
    if not by.has_perm(MANAGE) or not by.scope.covers(school.path):
        raise NotAllowed("您没有管理协议书编号的功能，请联系学校管理员在「功能分配」中开通。")


def generate(school: School, cohort: Cohort, count: int, *, by: Any, request: Any = None) -> list[str]:
    """Put `count` new consecutive numbers into the pool."""
    require(by, school)
    if not 1 <= count <= MOST:
        raise Invalid({"count": f"一次生成 1～{MOST} 个编号。"})
    with transaction.atomic():
        made = _make(school, cohort, count)
        audit(
            Action.AGREEMENT_NUMBER, request=request, actor=by, obj=AgreementNumber, school_id=school.pk,
            deed="生成", count=count, first=made[0].number, last=made[-1].number,
        )  # fmt: skip
    return [row.number for row in made]


def _make(school: School, cohort: Cohort | None, count: int) -> list[AgreementNumber]:
    holding.locking(School._base_manager.all()).get(pk=school.pk)
    prefix = prefix_of(school, cohort)
    alike = AgreementNumber._base_manager.annotate(size=Length("number")).filter(
        school=school, number__startswith=prefix, size=len(prefix) + TAIL
    )
    last = alike.aggregate(last=Max("number"))["last"]
    tail = last[len(prefix) :] if last else ""
    begin = int(tail) + 1 if tail.isdigit() else 1
    if begin + count > 10**TAIL:
        raise PoolEmpty("编号前缀下的编号已用完，请在签约设置中更换编号前缀。")
    rows = [
        AgreementNumber(
            school=school, cohort=cohort, org_path=school.path, number=f"{prefix}{begin + n:0{TAIL}d}"
        )
        for n in range(count)
    ]  # fmt: skip
    return AgreementNumber._base_manager.bulk_create(rows, batch_size=1000)


def allot(numbers: Sequence[str], college: OrgUnit, *, by: Any, request: Any = None) -> int:
    """Give free numbers to a college, which then issues them (E26). All or nothing."""
    require(by, college.school)
    with transaction.atomic():
        rows = list(
            holding.locking(AgreementNumber._base_manager.filter(school_id=college.school_id, number__in=numbers))
        )
        held = {row.number: row for row in rows}
        for number in numbers:
            if number not in held:
                raise Invalid({"numbers": f"编号库中没有编号 {number}。"})
            if held[number].state != State.FREE:
                raise Conflict(f"编号 {number} {held[number].get_state_display()}，不能分配。")
        for row in rows:
            row.college, row.org_path = college, college.path
            _save(row, by, "分配到院系")
        audit(
            Action.AGREEMENT_NUMBER, request=request, actor=by, obj=AgreementNumber, school_id=college.school_id,
            deed="分配", college=college.name, count=len(rows),
        )  # fmt: skip
    return len(rows)


def between(school: School, first: str, count: int) -> list[str]:
    """`count` consecutive numbers from `first` on, by counting its last digits: "A0098", 3 → A0098, A0099, A0100."""
    digits = len(first) - len(first.rstrip("0123456789"))
    if not digits:
        raise Invalid({"first": "起始编号须以数字结尾。"})
    head, start = first[:-digits], int(first[-digits:])
    if len(str(start + count - 1)) > digits:
        raise Invalid({"first": "从这个起始编号开始，位数不够编完所有人。"})
    return [f"{head}{start + n:0{digits}d}" for n in range(count)]


# -- handing out ---------------------------------------------------------------------------------------------------------


def _free(student: Any, setting: SigningSetting) -> AgreementNumber | None:
    """The next free number for this student: of the college first, then of the school."""
    rows = AgreementNumber._base_manager.filter(
        Q(cohort=None) | Q(cohort_id=student.cohort_id), school_id=student.school_id, state=State.FREE
    )
    college = holding.locking(rows.filter(college_id=student.major.college_id), skip=True).order_by("number").first()
    if college is not None or setting.number_issue == SigningSetting.Issue.COLLEGE:
        return college
    return holding.locking(rows.filter(college=None), skip=True).order_by("number").first()


def _next(student: Any) -> AgreementNumber:
    setting = setting_for(student.school_id, student.cohort_id)
    row = _free(student, setting)
    generated = setting.number_source == SigningSetting.NumberSource.GENERATED
    if row is None and generated and setting.number_issue != SigningSetting.Issue.COLLEGE:
        row = _make(student.school, student.cohort, 1)[0]
    if row is None:
        raise PoolEmpty("协议书编号已发完，请联系学校就业部门补充编号。")
    return row


def issue(student: Any, *, by: Any, number: str = "") -> AgreementNumber:
    """Hand a number to a student who applied: `number`, or the next free one. Runs in the caller's transaction."""
    if number:
        row = holding.locking(AgreementNumber._base_manager.filter(school_id=student.school_id, number=number)).first()
        if row is None:
            raise Invalid({"number": f"编号库中没有编号 {number}。"})
        if row.state != State.FREE:
            raise Conflict(f"编号 {number} {row.get_state_display()}，请换一个编号。")
        if row.college_id not in (None, student.major.college_id):
            raise Conflict(f"编号 {number} 已分配给其他院系。")
    else:
        row = _next(student)
    row.state, row.student, row.org_path = State.ISSUED, student, student.org_path
    row.issued_at, row.issued_by = timezone.now(), by
    _save(row, by, "发放")
    return row


def take(agreement: Any, *, by: Any) -> AgreementNumber:
    """The number of this agreement: the one issued to the student, else where the school hands them out by itself, the next one.

    Runs in the caller's transaction; sets `agreement.number` (not saved).
    """
    student = agreement.student
    setting = setting_for(student.school_id, student.cohort_id)
    row = holding.locking(AgreementNumber._base_manager.filter(student=student, state=State.ISSUED)).first()
    if row is None:
        if setting.number_issue != SigningSetting.Issue.AUTOMATIC:
            raise WrongState("您还没有领到协议书编号，请先提交协议书申请。", code="apply_number")
        spent = AgreementNumber._base_manager.filter(student=student).exists()
        if spent and setting.later_needs_application:
            raise WrongState("您已用过协议书编号，再次签约请先提交协议书申请。", code="apply_number")
        row = _next(student)
    now = timezone.now()
    row.state, row.student, row.agreement, row.org_path = State.USED, student, agreement, student.org_path
    row.used_at, row.issued_at = now, row.issued_at or now
    _save(row, by, "使用")
    agreement.number = row.number
    return row


def spoil(row: AgreementNumber, why: str, *, by: Any) -> None:
    """A number that can no longer be used: lost, miswritten, damaged, reset. Runs in the caller's transaction on a locked row."""
    if row.state == State.SPOILT:
        return
    row.state, row.spoilt_at, row.spoilt_why = State.SPOILT, timezone.now(), why[:200]
    _save(row, by, "作废")


def replace(agreement: Any, why: str, *, by: Any) -> None:
    """The paper of an agreement under way is lost or spoilt: its number with it; `take` gives the next one. Locks; caller's transaction."""
    for row in holding.locking(AgreementNumber._base_manager.filter(agreement=agreement, state=State.USED)):
        spoil(row, why, by=by)
    agreement.number = ""


def tidy(number: str) -> str:
    """A number as it is stored; Invalid when it cannot be one."""
    number = number.strip().upper()
    try:
        NUMBER(number)
    except ValidationError as error:
        raise Invalid({"number": f"「{number}」不是有效的编号：{error.messages[0]}"}) from error
    return number


def _save(row: AgreementNumber, by: Any, why: str) -> None:
    row._history_user, row._change_reason = by, why
    row.save()
