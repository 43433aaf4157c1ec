"""Forms of a student's page: roll facts, 学籍异动, 换届, 专业转移."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms

from admin_site.matters.edit_form import RecordForm
from models.codes.lookup import table
from models.organisation.models import Cohort, Major, OrgUnit
from models.students.facts import FACTS
from models.students.models import Student
from workflows.fields import native

REASON = {"max_length": 200, "widget": forms.TextInput}


def fact_specs() -> list[Any]:
    """Descriptions of the roll facts in the order of the model's groups."""
    return [native(Student, name) for _title, names in Student.field_groups for name in names if name in FACTS]


class FactsForm(RecordForm):
    """Roll facts; the class is chosen among those of the student's major."""

    def __init__(self, student: Student, data: Any = None, *, reveal: bool = False) -> None:
        super().__init__(student, fact_specs(), data, reveal=reveal)
        classes = OrgUnit.objects.filter(path__startswith=student.major.unit.path, kind=OrgUnit.Kind.CLASS)
        self.fields["unit"] = forms.ModelChoiceField(
            classes, required=False, label="班级", initial=student.unit_id, empty_label=None,
            help_text="只列出本专业的班级；换专业请办理专业转移。",
        )  # fmt: skip

    def values(self, *, store: bool = True) -> dict[str, Any]:
        """What was changed; an emptied number stays a number's absence."""
        changed = super().values(store=store)
        return {name: (None if value == "" and self._is_null(name) else value) for name, value in changed.items()}

    @staticmethod
    def _is_null(name: str) -> bool:
        return bool(Student._meta.get_field(name).null)

    def by_group(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [*super().by_group(), ("班级", [self["unit"]])]


class Plain(forms.Form):
    """A form into which a service's sentences can be put."""

    def refuse(self, errors: dict[str, str]) -> None:
        """Beside the fields they are about, the rest on top."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)


class RollForm(Plain):
    """学籍异动: the new status and why."""

    prefix = "roll"
    new_status = forms.ChoiceField(label="新的学籍状态")
    reason = forms.CharField(label="变更原因", **REASON)

    def __init__(self, student: Student, data: Any = None) -> None:
        super().__init__(data)
        choices = [pair for pair in table("roll_status").choices() if pair[0] != student.roll_status]
        self.fields["new_status"].choices = [("", "请选择"), *choices]


class MoveForm(Plain):
    """换届: the other year and why."""

    prefix = "move"
    cohort = forms.ModelChoiceField(None, label="转入毕业届", empty_label="请选择")
    reason = forms.CharField(label="换届原因", **REASON)

    def __init__(self, student: Student, data: Any = None) -> None:
        super().__init__(data)
        open_years = Cohort.objects.filter(school=student.school_id, closed=False)
        self.fields["cohort"].queryset = open_years.exclude(pk=student.cohort_id)


class TransferForm(Plain):
    """专业转移: where to and why; who speaks for the whole school may choose the class and do it at once."""

    prefix = "transfer"
    to_major = forms.ModelChoiceField(None, label="转入专业", empty_label="请选择", required=False)
    to_unit = forms.ChoiceField(label="转入班级", required=False, help_text="选了班级即直接转移，不再等待对方接收。")
    to_cohort = forms.ModelChoiceField(
        None, label="转入毕业届", empty_label="不变", required=False, help_text="随转专业降级或跳级时选择。"
    )
    reason = forms.CharField(label="转移原因", **REASON)

    def __init__(self, student: Student, data: Any = None, *, whole_school: bool = False) -> None:
        super().__init__(data)
        majors = Major.objects.filter(school=student.school_id, is_active=True).select_related("college")
        field = self.fields["to_major"]
        field.queryset = majors.exclude(pk=student.major_id).order_by("college__order", "college__name", "code")
        field.label_from_instance = lambda major: f"{major.college} · {major}"
        open_years = Cohort.objects.filter(school=student.school_id, closed=False)
        self.fields["to_cohort"].queryset = open_years.exclude(pk=student.cohort_id)
        if whole_school:
            self.fields["to_unit"].choices = [
                ("", "不选，等待对方接收并分班"),
                *class_choices(student.school_id, student.unit_id),
            ]
        else:
            del self.fields["to_unit"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("to_major") and not cleaned.get("to_unit"):
            self.add_error("to_major", "请选择转入专业。")
        return cleaned


def class_choices(school_id: int, without: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Classes of a school the person sees, grouped by major, for one list."""
    rows = OrgUnit.objects.filter(
        school=school_id, kind=OrgUnit.Kind.CLASS, is_active=True, parent__kind=OrgUnit.Kind.MAJOR
    )
    grouped: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for pk, name, major, college in rows.exclude(pk=without).order_by("parent__parent__name", "parent__name", "name").values_list(
        "pk", "name", "parent__name", "parent__parent__name"
    ):  # fmt: skip
        grouped[f"{college or ''} · {major}"].append((str(pk), name))
    return list(grouped.items())
