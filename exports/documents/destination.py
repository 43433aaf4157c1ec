"""What goes into the printed 毕业去向登记信息表: the destination as it was registered, with where 档案 and 户口 go (教学厅〔2023〕5号).

ID number and telephones are masked or left out: the sheet is shown to employers and offices, and printed by the hundred.
"""

from __future__ import annotations

from typing import Any

from exports.documents.forms import PrintedForm, declare, when_approved
from models.dispatch.models import ARCHIVE_FIELDS, HOUSEHOLD_FIELDS
from models.documents.services import facts_of
from models.outcomes.models import Outcome
from models.recommendations.facts import masked_number
from workflows import fields
from workflows.fields import mask
from workflows.levels import Status

KIND = "destination"
PRIVATE = frozenset(Outcome.masked_fields) | {"contact", "contact_phone", "contact_email", "contact_fax", "remark"}
LEFT_OUT = frozenset({"archive_contact", "archive_phone"})
Pairs = list[tuple[str, str]]


def refusal(record: Any) -> str:
    """Only what may be reported is given out: approved, the current one, not frozen, confirmed by the student where staff changed it."""
    if reason := when_approved(record):
        return reason
    if not record.is_current:
        return "这条毕业去向已被新的去向替代，请打印当前去向。"
    if record.frozen:
        return "学生声明去向不属实，核实处理完以前不能打印。"
    if record.awaits_confirmation:
        return "老师填写或修改的内容还没有经学生本人确认，确认后才能打印。"
    return ""


def fill(record: Any) -> dict[str, Any]:
    """The values of the form; `blocks` are its parts, each with what was filled in, two to a line."""
    student = record.student
    return {
        "school": record.school.name,
        "year": record.cohort.year,
        "name": student.name,
        "sex": student.get_sex_display(),
        "number": student.number,
        "id_number": mask(student.id_number, "id"),
        "degree": student.get_degree_display(),
        "college": student.major.college.name,
        "major": student.major.name,
        "unit": student.unit.name,
        "category": record.get_category_display(),
        "place": record.place_name,
        "blocks": [(title, _lines(pairs)) for title, pairs in _blocks(record) if pairs],
    }


def _blocks(record: Any) -> list[tuple[str, Pairs]]:
    own = {
        spec.name: spec.mode
        for spec in record.adapt_fields([fields.native(Outcome, n) for n in Outcome.subject_fields])
    }
    found = []
    for title, names in Outcome.field_groups:
        shown = [n for n in names if n in own and own[n] != fields.HIDDEN and n not in PRIVATE and n != "category"]
        found.append((str(title), _filled(record, shown)))
    dispatch = _dispatch(record)
    names = [n for n in (*ARCHIVE_FIELDS, *HOUSEHOLD_FIELDS) if n not in LEFT_OUT]
    found.append(("档案与户口", _filled(dispatch, [*names, "transfer_number", "verify_number"]) if dispatch else []))
    return found


def _dispatch(record: Any) -> Any:
    """Where the papers go, once the school has approved it."""
    found = getattr(record.student, "dispatch", None)
    return found if found is not None and found.status == Status.APPROVED else None


def _filled(record: Any, names: list[str]) -> Pairs:
    pairs = []
    for name in names:
        spec = fields.native(type(record), name)
        if value := spec.display(record):
            pairs.append((str(spec.label), str(value)))
    return pairs


def _lines(pairs: Pairs) -> list[Pairs]:
    return [pairs[at : at + 2] for at in range(0, len(pairs), 2)]


def file_name(record: Any) -> str:
    """班级_学号_姓名: sorted by name, the files of a class stand together."""
    return f"{record.student.unit.name}_{record.student.number}_{record.student.name}_毕业去向登记信息表"


@facts_of(KIND)
def facts(record: Any) -> Pairs:
    """(label, masked value) of the public page; what begins with an underscore is compared and never shown."""
    student = record.student
    papers = _dispatch(record)
    return [
        ("学校", record.school.name),
        ("毕业届", f"{record.cohort.year}届"),
        ("姓名", mask(student.name, "name")),
        ("学号", masked_number(student.number)),
        ("学院", student.major.college.name),
        ("专业", student.major.name),
        ("学历", student.get_degree_display()),
        ("毕业去向", record.get_category_display()),
        ("去向单位", record.place_name),
        ("_班级", student.unit.name),
        ("_可用", refusal(record)),
        ("_档案与户口", "；".join(f"{label}{value}" for label, value in _filled(papers, [*ARCHIVE_FIELDS, *HOUSEHOLD_FIELDS])) if papers else ""),
    ]  # fmt: skip


FORM = declare(
    PrintedForm(
        KIND,
        "outcomes.outcome",
        "毕业去向登记信息表",
        "documents/destination.html",
        fill,
        file_name,
        refusal=refusal,
        reads=("student__dispatch", "student__major__college", "student__unit"),
    )
)
