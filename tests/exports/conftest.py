"""A school with a few students, and the people who export."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from exports.selection import Selection
from models.accounts.models import StaffAppointment
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.levels import COUNSELOR, SCHOOL
from workflows.scoping import system

PROFILE = "students.graduateprofile"


@pytest.fixture
def world(db, settings, tmp_path):
    """.made .other (schools) .students .stranger .counselor .school .data; files go to a folder of their own."""
    settings.MEDIA_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}},
    }
    with system("a test sets up rows"):
        made, other = people.school(), people.school("19902", "缙云学院")
        students = [people.student(made, unit=made.classes[place % 2]) for place in range(4)]
        stranger = people.student(other, name="外校人", number="CANARY1")
        return SimpleNamespace(
            made=made, other=other, students=students, stranger=stranger,
            counselor=people.staff(COUNSELOR, made.classes[0]),
            school=people.staff(SCHOOL, made.center),
            data=people.staff(StaffAppointment.Level.DATA, made.center),
            whole=Selection(PROFILE),
            profiles=[GraduateProfile.objects.get(student=student) for student in students],
        )  # fmt: skip
