"""Signing in the demo: agreements on paper and online in every state, offers, terminations, applications and a pool of numbers.

Everything goes through the doors that people use, so that logs, effects and notices are there. Made once, found again later.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image, ImageDraw

from models.agreements import applying, eligibility, invitations, numbers, policy, signing, terminations
from models.agreements.finding import find_student
from models.agreements.models import (
    Agreement,
    PhoneCheck,
    SigningExclusion,
    SigningInvitation,
    SigningSetting,
    Termination,
)
from models.demo.place import Place
from models.employers.models import Employer, EmployerAdmission
from models.employers.services import may_act_at
from models.evidence.services import attach
from models.students.models import GraduateProfile, Student
from workflows.actions import perform, save_fields
from workflows.levels import Status, Verb

CONSENT = {"version": "2026-11", "at": "2026-11-01T08:00"}
OFFER = {
    "job_title": "软件开发工程师", "job_category": "13", "work_place": "示例市高新区", "monthly_pay": "9000", "probation_months": "3",
    "probation_pay": "7500", "contract_years": "3", "household_reception": "refused", "archive_reception": "agency",
    "archive_unit": "示例区人才服务中心", "archive_region": "500103", "archive_address": "示例区示例路9号", "archive_contact": "档案科",
    "archive_phone": "023-65100009", "other_terms": "提供员工宿舍，按国家规定缴纳社会保险和住房公积金。",
}  # fmt: skip
PAPER = {
    **OFFER, "uscc_missing_reason": "3", "employer_type": "39", "industry": "36", "region": "500103", "address": "示例区示例路10号",
    "postcode": "400000", "contact": "招聘经理", "contact_phone": "023-65100010", "contact_email": "hr@example.com",
}  # fmt: skip
FIRMS = ("示例云联科技有限公司", "示例精密制造有限公司", "示例设计院", "示例检测技术有限公司")
# How far each agreement on paper has come, and what became of it afterwards.
STATES = (
    "draft", "generated", "generated", "uploaded", "college", "college", "college", "school", "school", "returned", "discarded",
    "approved", "approved", "approved", "approved", "ending_college", "ending_proof", "ending_ready", "ended",
)  # fmt: skip


def build(places: Sequence[Place], year: int) -> None:
    """Signing at the first school, this year."""
    place = places[0]
    if place.head is None or Agreement.objects.filter(school=place.school).exists():
        return
    _settings(place, year)
    people = _signers(place, year)
    number = 0
    for number, state in enumerate(STATES):
        _on_paper(place, next(people), state, number)
    _online(place, people)
    _applications(place, people)
    _exclusions(place, people)


def _settings(place: Place, year: int) -> None:
    """The demo's terminations are open already; the default is 1 December."""
    SigningSetting.objects.get_or_create(
        school=place.school, cohort=place.cohorts[year], defaults={"termination_month": 11, "termination_day": 1}
    )
    policy.forget()
    numbers.generate(place.school, place.cohorts[year], 60, by=place.head)


def _signers(place: Place, year: int) -> Iterator[Student]:
    """Students who may sign, each once, with their phone proved."""
    profiles = GraduateProfile.objects.filter(
        cohort=place.cohorts[year],
        status=Status.APPROVED,
        student__roll_status="01",
        student__training_mode="1",
        student__user__isnull=False,
    ).select_related("student__user", "student__cohort", "student__major", "student__school", "student__unit")
    for profile in profiles.order_by("-student__number").iterator(chunk_size=200):
        student = profile.student
        if eligibility.obstacles(student):
            continue
        now = timezone.now()
        PhoneCheck.objects.create(
            student=student, org_path=student.org_path, phone=profile.phone, code="-", used_at=now, verified_at=now
        )
        student.user.preferences = {**student.user.preferences, "consent": CONSENT}
        student.user.save(update_fields=["preferences"])
        yield student


def _stamped(text: str) -> SimpleUploadedFile:
    """A picture of a stamped paper; the text makes each another."""
    picture = Image.new("RGB", (900, 1240), (250, 249, 245))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((40, 40, 860, 1200), outline=(60, 60, 60), width=3)
    draw.ellipse((560, 880, 800, 1120), outline=(200, 30, 30), width=8)
    for line in range(12):
        draw.line((80, 120 + 60 * line, 820, 120 + 60 * line), fill=(120, 120, 120), width=2)
    draw.text((80, 70), text.encode("ascii", "replace").decode(), fill=(30, 30, 30))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return SimpleUploadedFile(f"{text}.jpg", out.getvalue(), "image/jpeg")


def _on_paper(place: Place, student: Student, state: str, number: int) -> None:
    """One agreement on paper, as far as `state` says."""
    user, college = student.user, place.colleges[student.unit_id]
    row = signing.begin(student, by=user)
    signed_on = timezone.localdate() - timedelta(days=number + 1)
    save_fields(
        row, {**PAPER, "employer_name": FIRMS[number % len(FIRMS)], "signed_on": signed_on.isoformat()}, by=user
    )
    if state == "draft":
        return
    signing.generate(row, by=user)
    if state == "generated":
        return
    if state == "discarded":
        signing.discard(row, by=user)
        return
    attach(row, "stamped", _stamped(row.number), user)
    if state == "uploaded":
        return
    row = Agreement.objects.get(pk=row.pk)
    perform(row, Verb.SUBMIT, by=user)
    if state == "college":
        return
    if state == "returned":
        perform(row, Verb.RETURN, by=college, reasons=["上传的协议书不清晰，请重新拍摄"])
        return
    corrections = {"employer_type": "31"} if number % 2 else None
    perform(row, Verb.APPROVE, by=college, values=corrections, text="已按营业执照更正单位性质" if corrections else "")
    if state == "school":
        return
    perform(row, Verb.APPROVE, by=place.head)
    if state.startswith("end"):
        _end(place, row, student, state)


def _end(place: Place, agreement: Agreement, student: Student, state: str) -> None:
    """Its termination, on the way or through."""
    user = student.user
    row = terminations.begin(Agreement.objects.get(pk=agreement.pk), by=user)
    save_fields(
        row, {"mode": "proof", "kind": "study", "reason": "已被录取为硕士研究生，与单位协商一致解除协议。"}, by=user
    )
    perform(row, Verb.SUBMIT, by=user)
    if state == "ending_college":
        return
    perform(row, Verb.APPROVE, by=place.colleges[student.unit_id])
    if state == "ending_proof":
        return
    attach(row, "proof", _stamped(f"proof{row.pk}"), user)
    if state == "ended":
        perform(Termination.objects.get(pk=row.pk), Verb.APPROVE, by=place.head)


def _online(place: Place, people: Iterator[Student]) -> None:
    """Offers in every state, from employers that are admitted."""
    admitted = EmployerAdmission.objects.filter(school=place.school, status=Status.APPROVED).values("employer")
    found = Employer.objects.select_related("account").filter(pk__in=admitted, account__isnull=False).order_by("pk")
    employers = [one for one in found if may_act_at(one, place.school) is None]
    if not employers:
        return
    deeds: tuple[Callable[[SigningInvitation, Any], Any] | None, ...] = (
        None, None, _accept, _concluded, _refuse, _recall, _expire, _step_back, _ending_consent,
    )  # fmt: skip
    for number, deed in enumerate(deeds):
        student, employer = next(people), employers[number % len(employers)]
        row = _invited(employer, student)
        if deed is not None:
            deed(row, place)


def _invited(employer: Employer, student: Student) -> SigningInvitation:
    phone = GraduateProfile.objects.values_list("phone", flat=True).get(student=student)
    found = find_student(employer, student.name, student.grad_year, phone, by=employer.account)
    return invitations.send(employer, found["ticket"], {**OFFER, "message": "期待您的加入。"}, by=employer.account)


def _accept(row: SigningInvitation, place: Place) -> Agreement:
    return invitations.accept(row, read_rules=True, sure=True, by=row.student.user)


def _concluded(row: SigningInvitation, place: Place) -> Agreement:
    agreement = _accept(row, place)
    past = timezone.now() - timedelta(minutes=1)
    SigningInvitation.objects.filter(pk=row.pk).update(consider_until=past)
    Agreement.objects.filter(pk=agreement.pk).update(consider_until=past)
    invitations.settle_due(row.student)
    return Agreement.objects.select_related("student", "employer").get(pk=agreement.pk)


def _refuse(row: SigningInvitation, place: Place) -> None:
    invitations.refuse(row, "已有其他去向，感谢贵单位。", by=row.student.user)


def _recall(row: SigningInvitation, place: Place) -> None:
    invitations.recall(row, by=row.employer.account)


def _expire(row: SigningInvitation, place: Place) -> None:
    SigningInvitation.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    invitations.settle_due(row.student)


def _step_back(row: SigningInvitation, place: Place) -> None:
    _accept(row, place)
    invitations.step_back(row, by=row.student.user)


def _ending_consent(row: SigningInvitation, place: Place) -> None:
    """Signed online and approved; the student asks for its end and the employer has yet to answer."""
    agreement, student = _concluded(row, place), row.student
    signing.generate(agreement, by=student.user)
    attach(agreement, "stamped", _stamped(agreement.number), student.user)
    agreement = Agreement.objects.get(pk=agreement.pk)
    perform(agreement, Verb.SUBMIT, by=student.user)
    perform(agreement, Verb.APPROVE, by=place.colleges[student.unit_id])
    perform(agreement, Verb.APPROVE, by=place.head)
    ending = terminations.begin(Agreement.objects.get(pk=agreement.pk), by=student.user)
    save_fields(ending, {"mode": "consent", "kind": "student", "reason": "家庭原因需回原籍工作。"}, by=student.user)
    perform(ending, Verb.SUBMIT, by=student.user)
    perform(ending, Verb.APPROVE, by=place.colleges[student.unit_id])


def _applications(place: Place, people: Iterator[Student]) -> None:
    """Two first applications that wait, one that was given its number."""
    for number in range(3):
        student = next(people)
        row = applying.begin(student, by=student.user)
        perform(row, Verb.SUBMIT, by=student.user)
        if number == 2:
            perform(row, Verb.APPROVE, by=place.head)


def _exclusions(place: Place, people: Iterator[Student]) -> None:
    SigningExclusion.objects.create(
        student=next(people), kind="recommended", reason="2026 年 10 月公布的推荐免试名单", by=place.head
    )
