"""Schools, people and records for tests: synthetic, deterministic, numbered by a counter. Call inside `system(...)`."""

from __future__ import annotations

from functools import lru_cache
from itertools import count
from types import SimpleNamespace
from typing import Any

from django.core.management import call_command

from models.accounts.login import student_username
from models.accounts.models import StaffAppointment, User
from models.codes.models import Code
from models.organisation.models import Cohort, Major, OrgUnit, School
from models.students.identity import check_digit
from models.students.models import GraduateProfile, Student
from workflows.levels import COLLEGE, COUNSELOR, PROVINCE, SCHOOL

_numbers = count(1)

# What a student fills in; complete and without findings.
GOOD_PROFILE = {
    "political_status": "03",
    "origin_region": "500103",
    "urban_rural": "1",
    "hardship": "0",
    "teacher_training": "2",
    "email": "s@example.edu.cn",
    "home_address": "示例省示例市示例区示例路1号",
    "household_moved": False,
    "archive_moved": True,
}


def load_codes() -> None:
    """The code tables, once per database."""
    if not Code.objects.exists():
        call_command("load_codes", verbosity=0)


def id_number(serial: int, *, male: bool = True, born: str = "20040315") -> str:
    """A valid synthetic ID number of region 99."""
    body = f"99{serial // 500 % 10000:04d}{born}{(serial % 500) * 2 + male:03d}"
    return body + check_digit(body)


def school(
    code: str = "19901",
    name: str = "嘉陵大学",
    *,
    colleges: int = 2,
    majors: int = 1,
    classes: int = 2,
    year: int = 2027,
) -> SimpleNamespace:
    """A school with its centre, colleges, majors and classes: .school .cohort .center .colleges .majors .classes."""
    load_codes()
    made = School.objects.create(code=code, name=name)
    center = OrgUnit.objects.create(school=made, kind=OrgUnit.Kind.CENTER, name="就业指导中心")
    found = SimpleNamespace(
        school=made,
        cohort=Cohort.objects.create(school=made, year=year),
        center=center,
        colleges=[],
        majors=[],
        classes=[],
    )
    for c in range(colleges):
        college = OrgUnit.objects.create(school=made, kind=OrgUnit.Kind.COLLEGE, name=f"第{c + 1}学院")
        found.colleges.append(college)
        for m in range(majors):
            major = Major(
                school=made, college=college, name=f"专业{c + 1}{m + 1}", code="080901", degree="31", study_length="4"
            )
            major.save()
            found.majors.append(major)
            for k in range(classes):
                found.classes.append(
                    OrgUnit.objects.create(
                        school=made, parent=major.unit, kind=OrgUnit.Kind.CLASS, name=f"专业{c + 1}{m + 1}-230{k + 1}"
                    )
                )
    return found


def staff(level: str, unit: OrgUnit | None = None, **fields: Any) -> User:
    """A member of staff appointed at `level` over `unit`."""
    n = next(_numbers)
    user = User.objects.create_user(
        f"staff{n}", "Test-2027!", **{"name": f"老师{n}", "kind": User.Kind.STAFF, **fields}
    )
    StaffAppointment.objects.create(user=user, level=level, unit=unit)
    return user


def reviewers(made: SimpleNamespace) -> SimpleNamespace:
    """One reviewer per level over the first class, its college, the school and the province."""
    return SimpleNamespace(
        counselor=staff(COUNSELOR, made.classes[0]),
        college=staff(COLLEGE, made.colleges[0]),
        school=staff(SCHOOL, made.center),
        province=staff(PROVINCE, None),
    )


def student(
    made: SimpleNamespace,
    *,
    unit: OrgUnit | None = None,
    account: bool = True,
    profile: dict | None = None,
    **fields: Any,
) -> Student:
    """A student of the first (or given) class with a complete draft profile."""
    n = next(_numbers)
    unit = unit or made.classes[0]
    number = fields.pop("number", f"2023{n:07d}")
    facts = {
        "cohort": made.cohort,
        "major": unit.parent.major,
        "unit": unit,
        "number": number,
        "name": f"学生{n}",
        "sex": "1",
        "id_number": id_number(n),
        "exam_number": f"2399{n:010d}",
        "nation": "01",
        "degree": "31",
        "study_length": "4",
        "training_mode": "1",
        "enrol_year": 2023,
        "grad_year": made.cohort.year,
        "grad_month": f"{made.cohort.year}06",
        **fields,
    }
    person = Student(**facts)
    if account:
        person.user = User.objects.create_user(
            student_username(made.school.code, number), "Test-2027!", name=person.name, kind=User.Kind.STUDENT
        )
    person.save()
    record = GraduateProfile(
        student=person, version=1, baseline_version=1, phone=f"199{n:08d}", **{**GOOD_PROFILE, **(profile or {})}
    )
    record.save()
    return person


@lru_cache(maxsize=1)
def demo_password() -> str:
    """The password of every account made here."""
    return "Test-2027!"
