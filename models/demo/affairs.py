"""What makes the demo lively: the demo student, requests to change, transfers between colleges, roll changes."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password

from models.accounts.models import User
from models.demo.place import PASSWORD, Place
from models.students.models import GraduateProfile, MajorTransfer, RollChange, Student
from workflows.errors import Refused
from workflows.levels import Status
from workflows.requests import ask


def demo_student(place: Place, year: int) -> None:
    """The account `student`: somebody of the demo counsellor's major whose record was returned once."""
    if User.objects.filter(username="student").exists():
        return
    found = (
        GraduateProfile.objects.filter(cohort=place.cohorts[year], status=Status.RETURNED, student__major__name="地球信息科学与技术", student__roll_status="01")
        .select_related("student__user").order_by("pk").first()
        or GraduateProfile.objects.filter(cohort=place.cohorts[year], status=Status.DRAFT).select_related("student__user").order_by("pk").first()
    )  # fmt: skip
    user = found.student.user
    user.username, user.password, user.password_state = "student", make_password(PASSWORD), User.PasswordState.OWN
    user.save()


def requests(place: Place, year: int, count: int = 12) -> None:
    """A dozen approved students ask for their political status to be changed."""
    waiting = GraduateProfile.objects.filter(
        cohort=place.cohorts[year], status=Status.APPROVED, political_status="02"
    ).select_related("student__user")
    for record in waiting.order_by("pk")[:count]:
        try:
            ask(record, {"political_status": "01"}, "已按期转为中共正式党员，请更新政治面貌。", by=record.student.user)
        except Refused:
            continue  # asked in an earlier run


def transfers(place: Place, year: int) -> None:
    """Three students are asked to be moved to another college's major."""
    if MajorTransfer.objects.filter(from_path__startswith=place.school.path).exists():
        return
    targets = [place.classes[-1], place.classes[0]]
    for student in (
        Student.objects.filter(cohort=place.cohorts[year]).select_related("major__college").order_by("number")[:60:20]
    ):
        unit, major = next(t for t in targets if t[1].college_id != student.major.college_id)
        MajorTransfer(
            student=student, from_major=student.major, from_path=student.org_path, to_major=major, to_unit=unit, to_path=unit.path,
            reason="校内转专业，学籍已变更", asked_by=place.colleges[student.unit_id],
        ).save()  # fmt: skip


def roll_changes(place: Place) -> None:
    """Every student off the roll has a reason on file."""
    off = Student.objects.filter(school=place.school).exclude(roll_status="01").exclude(roll_changes__isnull=False)
    reasons = {"02": "因病休学一年", "03": "本人申请退学"}
    RollChange.objects.bulk_create(
        RollChange(
            student=s,
            old_status="01",
            new_status=s.roll_status,
            reason=reasons.get(s.roll_status, "学籍变动"),
            by=place.head,
        )
        for s in off
    )
