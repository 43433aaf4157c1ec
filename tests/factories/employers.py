"""Employers for tests: accounts, library rows, reviews and admissions; codes are of region 99. Call inside `system(...)`."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from models.accounts.models import User
from models.employers import uscc
from models.employers.models import Employer, EmployerAdmission, EmployerVerification
from models.organisation.models import OrgUnit
from tests.factories import evidence
from tests.factories.people import demo_password, staff
from workflows.actions import perform
from workflows.levels import Verb

_numbers = count(1)

FACTS = {
    "employer_type": "31",
    "industry": "36",
    "region": "500103",
    "address": "示例市示例区示例路8号",
    "postcode": "400000",
    "contact": "示例联系人",
    "mobile": "19900000009",
    "email": "hr@example.com",
}


def library(**fields: Any) -> Employer:
    """A checked row of the library, without an account."""
    n = next(_numbers)
    facts = {"name": f"示例科技{n}有限公司", "uscc": uscc.made_up(5_000_000 + n), **FACTS, **fields}
    return Employer.objects.create(checked_at=timezone.now(), **facts)


def registered(made: SimpleNamespace, **fields: Any) -> Employer:
    """An employer as registration leaves it, with a verification that only waits to be submitted at the school of `made`."""
    n = next(_numbers)
    code, name = uscc.made_up(6_000_000 + n), fields.pop("name", f"示例制造{n}有限公司")
    user = User.objects.create_user(
        code, demo_password(), name=name[:60], kind=User.Kind.EMPLOYER, email=f"e{n}@example.com"
    )
    employer = Employer.objects.create(uscc=code, name=name, source=Employer.Source.ACCOUNT, account=user)
    record = EmployerVerification(
        employer=employer, school=made.school, version=1, baseline_version=1, name=name, **{**FACTS, **fields}
    )
    record.save()
    evidence.complete(record)
    return employer


def verified(made: SimpleNamespace, **fields: Any) -> Employer:
    """An employer that its school has reviewed, and so let in."""
    employer = registered(made, **fields)
    center, _made = OrgUnit.objects.get_or_create(
        school=made.school, kind=OrgUnit.Kind.CENTER, parent=None, defaults={"name": "就业指导中心"}
    )
    perform(employer.verification, Verb.SUBMIT, by=employer.account)
    perform(employer.verification, Verb.APPROVE, by=staff("school", center))
    return Employer.objects.select_related("account", "verification").get(pk=employer.pk)


def admission(employer: Employer, made: SimpleNamespace, **fields: Any) -> EmployerAdmission:
    """A draft application at a school."""
    row = EmployerAdmission(
        employer=employer,
        school=made.school,
        version=1,
        baseline_version=1,
        contact="示例联系人",
        mobile="19900000009",
        **fields,
    )
    row.save()
    return row
