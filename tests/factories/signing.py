"""Students who may sign, employers who may invite, agreements on their way. Call inside `system(...)`."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from models.agreements import invitations, signing, terminations
from models.agreements.finding import find_student
from models.agreements.models import Agreement, PhoneCheck, SigningInvitation, SigningSetting, Termination
from models.employers.models import Employer
from models.students.models import GraduateProfile, Student
from tests.factories import employers, evidence, people
from workflows.actions import perform, save_fields
from workflows.levels import Status, Verb

OFFER = {
    "job_title": "测试工程师",
    "job_category": "13",
    "household_reception": "refused",
    "archive_reception": "agency",
    "archive_unit": "示例区人才服务中心",
    "archive_address": "示例市示例区示例路9号",
    "archive_contact": "示例老师",
    "archive_phone": "023-00000000",
}
PAPER = {
    **OFFER,
    "employer_name": "示例精密制造有限公司",
    "uscc_missing_reason": "3",
    "employer_type": "39",
    "industry": "31",
    "region": "500103",
    "address": "示例市示例区示例路10号",
    "contact": "示例经理",
    "contact_phone": "023-00000001",
    "signed_on": "2026-11-20",
}


def photo(name: str = "示例.jpg", size: tuple[int, int] = (700, 900)) -> SimpleUploadedFile:
    """A picture as a telephone takes it."""
    out = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def setting(made: SimpleNamespace, **fields: Any) -> SigningSetting:
    """The school's setting."""
    row, _created = SigningSetting.objects.update_or_create(school=made.school, cohort=None, defaults=fields)
    return row


def ready(student: Student) -> None:
    """Let a student sign who is already there: profile approved, consent given, phone proved."""
    profile = GraduateProfile.objects.get(student=student)
    GraduateProfile.objects.filter(pk=profile.pk).update(status=Status.APPROVED)
    student.user.preferences = {**student.user.preferences, "consent": {"version": "2026-11", "at": "2026-11-01T08:00"}}
    student.user.save()
    now = timezone.now()
    PhoneCheck.objects.create(
        student=student, org_path=student.org_path, phone=profile.phone, code="-", verified_at=now, used_at=now
    )


def signer(made: SimpleNamespace, *, phone: bool = True, **fields: Any) -> Student:
    """A student who may sign: profile approved, consent given, phone proved."""
    student = people.student(made, **fields)
    profile = GraduateProfile.objects.get(student=student)
    GraduateProfile.objects.filter(pk=profile.pk).update(status=Status.APPROVED)
    if student.user is not None:
        student.user.preferences = {"consent": {"version": "2026-11", "at": "2026-11-01T08:00"}}
        student.user.save()
    if phone:
        now = timezone.now()
        PhoneCheck.objects.create(
            student=student, org_path=student.org_path, phone=profile.phone, code="-", verified_at=now, used_at=now
        )
    return student


def employer(made: SimpleNamespace, **fields: Any) -> Employer:
    """An employer that may invite at the school."""
    return employers.verified(made, **fields)


def invited(who: Employer, student: Student, **values: Any) -> SigningInvitation:
    """An open invitation."""
    profile = GraduateProfile.objects.get(student=student)
    found = find_student(who, student.name, student.grad_year, profile.phone, by=who.account)
    return invitations.send(who, found["ticket"], {**OFFER, **values}, by=who.account)


def drafted(student: Student, **values: Any) -> Agreement:
    """An offline agreement, filled in."""
    made = signing.begin(student, by=student.user)
    save_fields(made, {**PAPER, **values}, by=student.user)
    return made


def generated(student: Student, **values: Any) -> Agreement:
    """An offline agreement with its number."""
    made = drafted(student, **values)
    signing.generate(made, by=student.user)
    return made


def submitted(student: Student, **values: Any) -> Agreement:
    """An offline agreement at the college."""
    made = generated(student, **values)
    evidence.complete(made)
    perform(made, Verb.SUBMIT, by=student.user)
    return made


def approved(student: Student, staff: SimpleNamespace, **values: Any) -> Agreement:
    """An offline agreement that college and school have approved."""
    made = submitted(student, **values)
    perform(made, Verb.APPROVE, by=staff.college)
    perform(made, Verb.APPROVE, by=staff.school)
    return made


def ending(agreement: Agreement, by: Any, **values: Any) -> Termination:
    """A termination at the college."""
    made = terminations.begin(agreement, by=by)
    save_fields(made, {"mode": "proof", "kind": "student", "reason": "家庭原因", **values}, by=by)
    perform(made, Verb.SUBMIT, by=by)
    return made


def prove(termination: Termination) -> None:
    """The stamped proof is there."""
    evidence.Evidence._base_manager.create(
        record_type="agreements.termination", record_id=termination.pk, kind="proof", name="证明.jpg", stored="", size=1,
        content_type="image/jpeg", sha256=f"{termination.pk:064d}", school_id=termination.school_id,
        cohort_id=termination.cohort_id, org_path=termination.org_path,
    )  # fmt: skip
    termination.__dict__.pop("_evidence", None)
