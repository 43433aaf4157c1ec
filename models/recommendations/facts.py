"""What the public verification page says about a 就业推荐表: enough to hold against the paper, too little to learn anything from."""

from __future__ import annotations

from typing import Any

from models.documents.services import facts_of
from models.recommendations.models import PHOTO
from workflows.fields import mask

KIND = "recommendation"


@facts_of(KIND)
def facts(record: Any) -> list[tuple[str, str]]:
    """(label, masked value); what begins with an underscore is compared and never shown."""
    student = record.student
    picture = next((one.sha256 for one in record.evidence() if one.kind == PHOTO.key), "")
    return [
        ("学校", record.school.name),
        ("毕业届", f"{record.cohort.year}届"),
        ("姓名", mask(student.name, "name")),
        ("学号", masked_number(student.number)),
        ("学院", student.major.college.name),
        ("专业", student.major.name),
        ("学历", student.get_degree_display()),
        ("_照片", picture),
        ("_班级", student.unit.name),
    ]


def masked_number(number: str) -> str:
    """The first four and the last two characters."""
    return number if len(number) <= 6 else f"{number[:4]}{'*' * (len(number) - 6)}{number[-2:]}"
