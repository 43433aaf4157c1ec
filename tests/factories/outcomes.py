"""Destinations of every category, complete and without findings. Call inside `system(...)`."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.utils import timezone

from models.employers import uscc
from models.evidence.models import Evidence
from models.outcomes import matrix
from models.outcomes.models import Outcome
from tests.factories import people
from workflows.fields import HIDDEN

VALUES: dict[str, Any] = {
    "employer_name": "示例软件有限公司", "uscc": uscc.made_up(77), "employer_type": "39", "industry": "34", "region": "500103",
    "address": "示例路1号", "postcode": "400000", "project_unit": "示例项目办", "job_category": "13", "job_title": "研发工程师",
    "work_content": "开发示例软件", "monthly_pay": Decimal("6000.00"), "starts_on": date(2027, 7, 1), "agreement_number": "SY2027000001",
    "contact": "杨经理", "contact_mobile": "19933334444", "contact_phone": "023-99000001", "contact_email": "hr@example.com",
    "contact_fax": "023-99000002", "school_name": "示例大学", "school_code": "99999", "study_major": "示例学", "study_degree": "2",
    "country": "GBR", "school_name_cn": "示例海外大学", "school_name_foreign": "Example University", "major_cn": "数据科学",
    "major_foreign": "Data Science", "remark": "示例",
}  # fmt: skip
PARTICULAR: dict[str, dict[str, Any]] = {
    "46": {"employer_type": "40", "industry": "80", "job_category": "80"},
    "501": {"employer_type": "22", "industry": "42", "job_category": "24"},
    "511": {"employer_type": "22", "industry": "42", "job_category": "24"},
    "515": {"employer_type": "22", "industry": "42", "job_category": "24"},
    "512": {"employer_type": "10", "industry": "45", "job_category": "10"},
}


def leaves(year: int = 2027) -> list[str]:
    """Every category a graduate of that year can choose."""
    return [code for _branch, members in matrix.branches(year) for code, _name in members]


def values(category: str, year: int = 2027, school: int | None = None, cohort: int | None = None) -> dict[str, Any]:
    """What is filled in for a category: everything it asks for or allows."""
    asked = matrix.asked_of(category, school, cohort, year)
    found = {"signed_on": timezone.localdate() - timedelta(days=3), **VALUES, **PARTICULAR.get(category, {})}
    return {name: found[name] for name, one in asked.items() if one.need != HIDDEN and name in found}


def outcome(
    made: SimpleNamespace, category: str = "11", *, proof: bool = True, student: Any = None, **over: Any
) -> Outcome:
    """A draft of a fresh (or the given) student; `over` replaces single values."""
    student = student or people.student(made)
    row = Outcome(student=student, category=category, version=1, baseline_version=1, **{**values(category), **over})
    row.save()
    if proof:
        for one in first_of_each(row):
            file(row, one.kind.key)
    return Outcome._base_manager.select_related("student__user", "student__major", "cohort").get(pk=row.pk)


def first_of_each(row: Outcome) -> list[matrix.Proof]:
    """The required proofs; of alternatives the first."""
    found, groups = [], set()
    for one in row.proof():
        if one.must and one.one_of not in groups - {""}:
            groups.add(one.one_of)
            found.append(one)
    return found


def file(row: Outcome, kind: str, name: str = "示例.pdf", content: str = "") -> Evidence:
    """A file of this kind without bytes behind it; equal `content` means the same file."""
    return Evidence._base_manager.create(
        record_type="outcomes.outcome", record_id=row.pk, kind=kind, name=name, size=1000, content_type="application/pdf",
        sha256=(content or f"{row.pk}{kind}").ljust(64, "0"), school_id=row.school_id, cohort_id=row.cohort_id, org_path=row.org_path,
    )  # fmt: skip
