"""A small world for lists: two schools, a few hundred records in every status, one record per reviewer level to act."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client

from models.accounts.models import StaffAppointment, User
from models.organisation.models import School
from models.students.bulk import NewStudent, write_students
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.levels import Status
from workflows.scoping import system

GIVEN = ("伟明", "雨涵", "小芳", "子墨", "建国")
SURNAMES = ("王", "李", "欧阳", "张", "赵")
LIST = "/admin/students/graduateprofile/"
STUDENTS = "/admin/students/student/"


def fill(made: SimpleNamespace, count: int, first: int = 0) -> list[int]:
    """`count` students over the classes of a school, their records in every status in turn; ids of the students."""
    new = []
    for n in range(first, first + count):
        unit = made.classes[n % len(made.classes)]
        number = f"2023{made.school.pk:02d}{n:06d}"
        student = {
            "cohort_id": made.cohort.pk, "major_id": unit.parent.major.pk, "unit_id": unit.pk, "number": number,
            "name": SURNAMES[n % 5] + GIVEN[n // 5 % 5], "sex": str(n % 2 + 1), "id_type": "1",
            "id_number": people.id_number(n + 20000 * made.school.pk), "exam_number": f"2399{made.school.pk:02d}{n:08d}", "nation": "01",
            "degree": "31", "study_length": "4", "training_mode": "1", "enrol_year": 2023, "grad_year": made.cohort.year,
            "grad_month": f"{made.cohort.year}06", "roll_status": "02" if n % 20 == 7 else "01",
        }  # fmt: skip
        profile = {**people.GOOD_PROFILE, "phone": f"199{made.school.pk % 100:02d}{n:06d}"}
        new.append(NewStudent(student=student, profile=profile))
    made_ids = write_students(made.school, new)
    for position, status in enumerate(Status.values):
        ids = [ids.profile for n, ids in enumerate(made_ids) if n // len(made.classes) % len(Status.values) == position]
        GraduateProfile._base_manager.filter(pk__in=ids).update(status=status, returns=position % 4)
    return [ids.student for ids in made_ids]


@pytest.fixture
def world(db):
    """`.here` and `.there` (schools), `.students`, reviewers `.staff`, and `.client(user)`."""
    with system("a test makes its world"):
        here, there = people.school(), people.school("19902", "缙云学院")
        students = fill(here, 160)
        fill(there, 40)
        staff = people.reviewers(here)
        foreign = people.reviewers(there)
    return SimpleNamespace(here=here, there=there, students=students, staff=staff, foreign=foreign, client=client)


def client(user: User) -> Client:
    """A browser in which `user` is logged in."""
    found = Client()
    found.force_login(user, backend="models.accounts.backends.FunctionBackend")
    return found


def fresh(user: User) -> User:
    """The same person read again, as the next request would."""
    return User.objects.get(pk=user.pk)


__all__ = ["LIST", "STUDENTS", "School", "StaffAppointment", "client", "fill", "fresh"]
