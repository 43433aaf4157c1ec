"""How an employer finds a student it already knows: by exact name, graduation year and phone, counted and audited; nothing to enumerate."""

from __future__ import annotations

from typing import Any

from django.core import signing as signatures

from models.accounts.counters import hit
from models.agreements import eligibility
from models.audit.models import Action, Result
from models.audit.services import record as audit
from models.employers.models import Employer
from models.employers.services import may_act_at
from models.students.models import GraduateProfile, Student
from workflows.errors import Absent, Invalid, NotAllowed, Refused
from workflows.years import sentence, years

SEARCHES_AN_HOUR, SEARCHES_A_DAY, MISSES_AN_HOUR = 30, 150, 10
TICKET_SECONDS = 1800
SALT = "agreements.found-student"
ASKED = {"name": "姓名", "year": "毕业年份", "phone": "手机号码"}
NOT_FOUND = "没有找到该学生。请核对姓名、毕业年份和手机号码，三项须与学生在学校登记的完全一致。"


class TooOften(Refused):
    """More look-ups than signing needs."""

    code, status = "limit", 429


def find_student(
    employer: Employer, name: str, year: Any, phone: str, *, by: Any, request: Any = None
) -> dict[str, Any]:
    """A student by exact name, graduation year and phone: {"ticket", "name", "school", "college", "major", "degree", "sentence"}.

    Counted and audited, whether found or not; a slip by which nobody could be found (an empty box, a year nobody means) is Invalid and
    does not count as one of the few look-ups. Nothing says which of the three was wrong, whether a student is at a school where the
    employer is not admitted, or whether one has not agreed to be found. `ticket` names the student to this employer for half an hour;
    keys of students are told to nobody. `sentence` is why the student cannot be invited now, if so.
    """
    if employer.account_id != by.pk:
        raise NotAllowed("只有单位账号可以查找学生。")
    name, phone, year = str(name).strip(), str(phone).strip(), str(year).strip()
    if missing := [field for field, value in (("name", name), ("year", year), ("phone", phone)) if not value]:
        raise Invalid({missing[0]: f"请填写{'、'.join(ASKED[field] for field in missing)}后再查找。"})
    if not year.isdecimal() or int(year) not in years():
        raise Invalid({"year": sentence(year)})
    _count(employer)
    found = _matching(name, year, phone)
    if found is not None and (may_act_at(employer, found.school_id) is not None or not _consents(found)):
        found = None
    audit(
        Action.STUDENT_LOOKUP, request=request, actor=by, obj=found or Student, result=Result.OK if found else Result.FAILED,
        school_id=found.school_id if found else None, employer=employer.pk, asked_name=name[:1] + "*", year=year[:4], phone=phone[:11],
    )  # fmt: skip
    if found is None:
        if hit("find_student_miss", str(employer.pk), 3600) > MISSES_AN_HOUR:
            raise TooOften("连续多次没有查到，请一小时后再试，或与学生本人核对信息。")
        raise Absent(NOT_FOUND)
    blocked = bool(eligibility.obstacles(found)) or eligibility.in_force(found) is not None
    return {
        "ticket": signatures.dumps([employer.pk, found.pk], salt=SALT, compress=True),
        "name": found.name,
        "school": found.school.name,
        "college": found.major.college.name,
        "major": found.major.name,
        "degree": found.get_degree_display(),
        "sentence": "该学生目前不能接收签约邀请，请与学生联系。" if blocked else "",
    }


def _count(employer: Employer) -> None:
    misses = hit("find_student_stop", str(employer.pk), 3600)
    if misses > SEARCHES_AN_HOUR or hit("find_student_day", str(employer.pk), 86400) > SEARCHES_A_DAY:
        raise TooOften("查找过于频繁，请一小时后再试。")


def _matching(name: str, year: str, phone: str) -> Student | None:
    rows = GraduateProfile._base_manager.filter(
        phone=phone, student__name=name, cohort__year=int(year), on_roll=True, cohort__closed=False
    ).select_related("student__major__college", "student__school", "student__cohort", "student__user")
    found = list(rows[:2])
    return found[0].student if len(found) == 1 else None


def _consents(student: Student) -> bool:
    """Whether the student has an account that agreed to the notice on personal data (security row F8)."""
    user = student.user
    return user is not None and user.is_active and bool((user.preferences.get("consent") or {}).get("version"))


def student_of(ticket: str, employer: Employer) -> Student:
    """The student behind a ticket that `find_student` gave to this employer within the last half hour."""
    try:
        key, pk = signatures.loads(ticket, salt=SALT, max_age=TICKET_SECONDS)
    except signatures.BadSignature as error:
        raise Absent("查找结果已过期，请重新查找学生。") from error
    if key != employer.pk:
        raise Absent("查找结果已过期，请重新查找学生。")
    return Student._base_manager.select_related("user", "cohort", "school").get(pk=pk)
