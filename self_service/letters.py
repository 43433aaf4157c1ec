"""What an invitation says, in groups of label and value: the same for the student's letter, the employer's list and the API."""

from __future__ import annotations

from models.agreements.employer_fields import ARCHIVE_FIELDS, POST_FIELDS
from models.agreements.models import SigningInvitation
from workflows.fields import FieldSpec, native


def spec_of(name: str) -> FieldSpec:
    """The description of one field of an offer."""
    return native(SigningInvitation, name)


def rows_of(row: SigningInvitation) -> list[tuple[str, list[tuple[str, str]]]]:
    """(title, [(label, text), …]) of what is filled in."""
    employer = row.employer
    unit = [
        ("单位名称", employer.name),
        ("统一社会信用代码", employer.uscc),
        ("单位性质", employer.get_employer_type_display()),
        ("单位行业", employer.get_industry_display()),
        ("单位地址", employer.address),
    ]
    groups = [("单位", unit)]
    for title, names in (("岗位与约定", POST_FIELDS), ("户口与档案", ARCHIVE_FIELDS)):
        groups.append((title, [(spec_of(name).label, spec_of(name).display(row)) for name in names]))
    return [(title, [(label, text) for label, text in members if text]) for title, members in groups]
