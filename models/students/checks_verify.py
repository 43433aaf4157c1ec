"""A student's place is one place: class, major, cohort and school agree, and records know whether the student is on the roll."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import F, Q

from models.students.models import Student
from models.students.places import matters_of, off_roll_codes
from workflows.checks import Fault, check


@check("students.place", "学生的学校、届别、专业、班级和路径一致")
def place() -> Iterator[Fault]:
    """Security 3.6, row 9: no key crosses schools, and the path is that of the unit."""
    wrong = Student._base_manager.filter(
        ~Q(org_path=F("unit__path"))
        | ~Q(school_id=F("unit__school_id"))
        | ~Q(school_id=F("cohort__school_id"))
        | ~Q(school_id=F("major__school_id"))
    )
    for pk, number, path, true in wrong.values_list("pk", "number", "org_path", "unit__path").iterator(chunk_size=2000):
        yield Fault(f"学生 {pk}（{number}）", f"路径 {path} 与班级的 {true} 不同，或学校、届别、专业不属于同一所学校。")


@check("students.roll", "记录中的在籍标记与学籍状态一致")
def roll() -> Iterator[Fault]:
    """`on_roll` of every matter is what the roll status says."""
    codes = off_roll_codes()
    for matter, relation in matters_of(Student):
        off = Q(**{f"{relation}__roll_status__in": codes})
        wrong = matter._base_manager.filter(Q(on_roll=True) & off | Q(on_roll=False) & ~off)
        for pk in wrong.values_list("pk", flat=True).iterator(chunk_size=2000):
            yield Fault(f"{matter._meta.verbose_name} {pk}", "在籍标记与学生的学籍状态不一致。")


@check("students.accounts", "学生的账号是学生账号，且一人一号")
def accounts() -> Iterator[Fault]:
    """An account of staff behind a student would let somebody judge their own record."""
    for pk, number in (
        Student._base_manager.exclude(user=None).exclude(user__kind="student").values_list("pk", "number")
    ):
        yield Fault(f"学生 {pk}（{number}）", "所用的账号不是学生账号。")
