"""Paper of signing: 就业协议书 with its number and QR code, 解除协议证明, 协议书申请表."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils import timezone

from exports.documents.press import render
from exports.documents.stamp import address, qr
from models.agreements.eligibility import profile_of
from models.agreements.models import Agreement, NumberApplication
from models.agreements.printed import KIND
from models.documents.models import IssuedDocument, new_token
from models.documents.services import issue, newest
from workflows import fields
from workflows.errors import WrongState

TEMPLATE = "documents/agreement.html"


def _shown(record: Any, *names: str) -> dict[str, str]:
    """Values as people read them, codes by name, keyed by the last part of the field's name."""
    return {name.rpartition(".")[2]: fields.native(type(record), name).display(record) for name in names}


def _sum(value: int | None) -> str:
    return f"{value} 元" if value is not None else "无"


def agreement_form(row: Agreement, token: str = "") -> dict[str, Any]:
    """What the form of an agreement shows; without a token it is a preview."""
    student, profile = row.student, profile_of(row.student)
    probation = [f"{row.probation_months} 个月"] if row.probation_months else []
    probation += [_sum(row.probation_pay)] if row.probation_pay is not None else []
    sending = (row.archive_region and fields.native(Agreement, "archive_region").display(row), row.archive_address,
               row.archive_postcode, row.archive_department, row.archive_contact, row.archive_phone)  # fmt: skip
    form = _shown(
        row, *(name for name in Agreement.subject_fields if name not in ("other_terms", "contract_years")),
    ) | _shown(row, "student.sex", "student.degree")  # fmt: skip
    form |= {
        "year": student.grad_year, "name": student.name, "student_number": student.number, "id_number": student.id_number,
        "phone": profile.phone if profile else "", "college": student.major.college.name, "major": student.major.name,
        "uscc": row.uscc or f"无（{fields.native(Agreement, 'uscc_missing_reason').display(row)}）", "number": row.number if token else "",
        "contract_years": f"{row.contract_years.normalize():f} 年" if row.contract_years else "",
        "probation": "，".join(probation), "monthly_pay": _sum(row.monthly_pay) if row.monthly_pay is not None else "",
        "penalty": _sum(row.penalty), "other_terms": row.other_terms.splitlines(), "archive_sending": "　".join(filter(None, sending)),
        "student_seal": _seal(row.student_sealed_at, student.name), "employer_seal": _seal(row.employer_sealed_at, row.employer_name),
    }  # fmt: skip
    if token:
        form |= {
            "token": token, "qr": qr(address(token)), "site": settings.PUBLIC_URL,
            "issued": f"{timezone.localtime():%Y-%m-%d %H:%M}",
        }  # fmt: skip
    return form


def _seal(moment: Any, who: str) -> str:
    return f"{who}（电子签章 {timezone.localtime(moment):%Y-%m-%d %H:%M}）" if moment else ""


def preview(row: Agreement) -> bytes:
    """The form as it stands, for the employer to check; it has no number."""
    return render(TEMPLATE, {"title": "就业协议书预览", "school_name": row.school.name, "forms": [agreement_form(row)]})


def held(row: Agreement) -> IssuedDocument | None:
    """The numbered PDF that was given out and still says what the agreement says."""
    return newest(row, KIND) if row.number and row.generated_hash == row.digest() else None


def issued(row: Agreement, by: Any) -> IssuedDocument:
    """The numbered PDF of what the agreement says now: the one given out before where that still holds, else a new one."""
    if not row.number or row.generated_hash != row.digest():
        raise WrongState("请先生成协议书，再下载。")
    if (given := newest(row, KIND)) is not None:
        return given
    token = new_token()
    pdf = render(
        TEMPLATE,
        {"title": f"就业协议书 {row.number}", "school_name": row.school.name, "forms": [agreement_form(row, token)]},
    )
    return issue(row, KIND, pdf, number=row.number, title="就业协议书", token=token, by=by)


def termination_proof(row: Agreement) -> bytes:
    """标准解除证明, filled in as far as it is known; the employer stamps it."""
    form = {
        "school": row.school.name, "year": row.student.grad_year, "major": row.student.major.name, "name": row.student.name,
        "student_number": row.student.number, "number": row.number or "　　　　", "employer_name": row.employer_name,
        "signed_on": f"{row.signed_on.year} 年 {row.signed_on.month} 月 {row.signed_on.day} 日" if row.signed_on else "　　　　",
    }  # fmt: skip
    context = {"title": "解除就业协议证明", "school_name": row.school.name, "forms": [form]}
    return render("documents/termination_proof.html", context)


def application_forms(rows: list[NumberApplication]) -> bytes:
    """申请表, one page each."""
    forms = [
        {
            "school": row.school.name, "name": row.student.name, "student_number": row.student.number,
            "college": row.student.major.college.name, "major": row.student.major.name, "kind": row.get_kind_display(),
            "number": str(row.number or ""), "tag": row.tag, "reason": row.reason.splitlines(), "status": row.get_status_display(),
        }
        for row in rows
    ]  # fmt: skip
    school = rows[0].school.name if rows else ""
    return render("documents/number_application.html", {"title": "协议书申请表", "school_name": school, "forms": forms})
