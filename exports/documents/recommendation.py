"""What goes into the printed 就业推荐表."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import default_storage

from exports.documents.forms import PrintedForm, declare
from models.recommendations.models import PHOTO
from models.students.identity import IdentityError, birth_and_sex
from workflows.limits import lines_of


def fill(record: Any) -> dict[str, Any]:
    """The values of the form; pictures as bytes, which the printer makes into addresses."""
    student, profile = record.student, record.student.graduateprofile
    return {
        "school": record.school.name,
        "year": record.cohort.year,
        "name": student.name,
        "sex": student.get_sex_display(),
        "nation": student.get_nation_display(),
        "born": born(student),
        "political_status": profile.get_political_status_display(),
        "marital": profile.get_marital_display(),
        "origin": shown(profile, "origin_region"),
        "degree": student.get_degree_display(),
        "college": student.major.college.name,
        "major": student.major.name,
        "unit": student.unit.name,
        "number": student.number,
        "period": period(student),
        **{name: getattr(record, name) for name in PLAIN},
        **{name: lines_of(getattr(record, name)) for name in LINES},
        "photo": photo(record),
    }


PLAIN = ("second_major", "foreign_language", "computer_skill", "address", "postcode", "email", "phone")
LINES = ("experience", "awards", "self_recommendation", "opinion")


def shown(owner: Any, name: str) -> str:
    """A coded field with all that stands above its code (重庆市渝中区)."""
    value = getattr(owner, name)
    return owner._meta.get_field(name).name_of(value) if value else ""


def born(student: Any) -> str:
    """Year and month of birth, from the roll or from the ID number."""
    date = student.birth_date
    if date is None:
        try:
            date = birth_and_sex(student.id_number)[0]
        except (IdentityError, ValueError):
            return ""
    return f"{date:%Y-%m}"


def period(student: Any) -> str:
    """From entering to leaving the school."""
    start = f"{student.enrol_year}-09" if student.enrol_year else ""
    end = f"{student.grad_month[:4]}-{student.grad_month[4:]}" if student.grad_month else str(student.grad_year)
    return f"{start} 至 {end}" if start else end


def photo(record: Any) -> bytes:
    """The picture, b"" where there is none."""
    kept = next((one for one in record.evidence() if one.kind == PHOTO.key), None)
    if kept is None or not default_storage.exists(kept.stored.name):
        return b""
    with default_storage.open(kept.stored.name, "rb") as file:
        return file.read()


def file_name(record: Any) -> str:
    """班级_学号_姓名: sorted by name, the files of a class stand together."""
    return f"{record.student.unit.name}_{record.student.number}_{record.student.name}_就业推荐表"


FORM = declare(
    PrintedForm(
        "recommendation",
        "recommendations.recommendationform",
        "就业推荐表",
        "documents/recommendation.html",
        fill,
        file_name,
    )
)
