"""入驻：an employer asks a school to let it in; the school that reviewed the employer lets it in with the review."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

from models.employers.library import Employer
from models.employers.matters import EmployerAdmission, EmployerVerification
from models.employers.services import is_blacklisted
from models.organisation.models import School
from workflows.actions import perform
from workflows.errors import NotAllowed, Refused, WrongState
from workflows.levels import Status, Verb

HOME = "单位审核通过，同时入驻本校。"


def apply(employer: Employer, school: School, by: Any) -> EmployerAdmission:
    """Begin an application at `school`, or find the one that is there. Refused before the review and while the school excludes it."""
    found = EmployerAdmission._base_manager.filter(employer=employer, school=school).first()
    if found is not None:
        return found
    if not school.is_active:
        raise NotAllowed("该校目前不接受入驻申请。")
    if is_blacklisted(employer, school.pk):
        raise NotAllowed("该校暂停了贵单位的招聘业务，如有疑问请联系学校就业部门。")
    verification = EmployerVerification._base_manager.filter(employer=employer).first()
    if verification is None or verification.status != Status.APPROVED:
        raise WrongState("单位审核通过后才能申请入驻其他学校。")
    made = _new(verification, school)
    made._history_user, made._change_reason = by, "申请入驻"
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError:  # two tabs
        return EmployerAdmission._base_manager.get(employer=employer, school=school)
    return made


def _new(verification: EmployerVerification, school: School) -> EmployerAdmission:
    return EmployerAdmission(
        employer=verification.employer,
        school=school,
        version=1,
        baseline_version=1,
        contact=verification.contact,
        mobile=verification.mobile,
    )


def admit_at_home(verification: EmployerVerification, by: Any) -> None:
    """Let a newly reviewed employer in at the school that reviewed it: the employer applied by registering there, `by` has just decided.

    What `by` may not decide (another function, another level, a window that is shut) waits like any application.
    """
    rows = EmployerAdmission._base_manager.filter(employer=verification.employer, school=verification.school)
    if rows.exists():
        return
    made = _new(verification, verification.school)
    made._change_reason = HOME
    made.save()
    try:
        with transaction.atomic():
            perform(made, Verb.SUBMIT, by=verification.employer.account)
    except Refused:
        return
    try:
        with transaction.atomic():
            while by is not None and made.waiting_level:
                perform(made, Verb.APPROVE, by=by, text=HOME)
    except Refused:
        return
