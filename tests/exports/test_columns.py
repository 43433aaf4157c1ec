"""The vocabulary of columns."""

from __future__ import annotations

import pytest
from django.apps import apps

from exports import columns
from exports.ministry.layouts import all_layouts
from models.students.models import GraduateProfile, Student
from workflows import policy
from workflows.errors import Invalid
from workflows.models import ExtraField
from workflows.scoping import system

pytestmark = pytest.mark.django_db
MODELS = [GraduateProfile, Student]


@pytest.mark.parametrize("model", MODELS)
def test_declared_and_filled_in_columns_are_all_there_under_distinct_headings(model):
    known = columns.vocabulary(model)
    assert set(model.columns) | set(model.subject_fields) <= set(known)
    labels = [column.label for column in known.values()]
    assert len(labels) == len(set(labels))
    assert all(column.group for column in known.values())


def test_units_are_called_after_the_relation():
    known = columns.vocabulary(GraduateProfile)
    names = {
        "student.major.college.name": "学院",
        "student.major.name": "专业",
        "student.unit.name": "班级",
        "student.name": "姓名",
    }
    assert {name: known[name].label for name in names} == names


def test_what_the_student_masks_is_masked_in_every_matter():
    assert columns.vocabulary(GraduateProfile)["student.id_number"].mask == "id"
    known = columns._native(GraduateProfile, "student.id_number")
    assert known is not None
    assert columns._mask_of_owner(GraduateProfile, "student.id_number") == "id"


def test_an_unknown_name_is_refused_with_a_sentence():
    with pytest.raises(Invalid, match="刷新页面"):
        columns.choose(Student, ["user.password"])
    with pytest.raises(Invalid, match="至少选择一列"):
        columns.choose(Student, [])


@pytest.mark.parametrize("layout", all_layouts().values(), ids=lambda layout: layout.key)
def test_layouts_draw_on_the_vocabulary(layout):
    assert columns.choose(apps.get_model(layout.model_label), layout.sources())
    widths = {len(row) for row in layout.header_rows()}
    assert widths == {len(layout.cells)}


def test_sizes_of_the_official_sheets():
    sizes = {key: len(layout.cells) for key, layout in all_layouts().items()}
    assert sizes == {
        "upload50": 50, "national74": 74, "origin": 34, "employment50": 50, "employment74": 74, "employment50_2022": 50,
        "employment74_2022": 74, "plan2024": 38,
    }  # fmt: skip


def test_a_schools_own_field_is_a_column_and_unmasked_numbers_in_it_are_hidden():
    with system("test"):
        ExtraField.objects.create(matter="students.graduateprofile", key="parent", label="家长电话", kind="text")
    policy.forget_all()
    column = columns.vocabulary(GraduateProfile)["extra.parent"]
    assert (column.label, column.source) == ("家长电话", "extra")
    values = columns.extra_values(column, [{"parent": "19912345678"}, {}, None])
    assert list(columns.presenter(column)(values)) == ["199****5678", "", ""]
    assert list(columns.presenter(column, reveal=True)(values)) == ["19912345678", "", ""]
