"""A year that nobody can mean is refused at every door with the same sentence, and every year that is needed is taken."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import models
from django.utils import timezone

from exports.importing import dates
from exports.importing.columns import Month
from exports.importing.refusal import CellError
from models.organisation.models import Cohort
from models.students.models import Student
from tests.factories import people
from workflows.fields import in_reason
from workflows.scoping import system
from workflows.years import YearField

NOW = timezone.localdate().year
SENTENCE = f"不是可用的年份，请填 1950～{NOW + 10} 之间的 4 位年份"


@pytest.mark.parametrize("year", [0, 1949, NOW + 11, 9999])
def test_every_door_refuses_the_same_years(year):
    with pytest.raises(ValidationError, match=SENTENCE):
        Cohort(year=year).clean_fields(exclude=["school"])
    with pytest.raises(ValidationError, match=SENTENCE):
        in_reason(Student._meta.get_field("enrol_year"))[0](year)
    with pytest.raises(CellError, match=SENTENCE):
        dates.year(f"{year:04}")


@pytest.mark.parametrize("year", [1950, 2003, NOW, NOW + 10])
def test_years_that_are_needed_are_taken(year):
    Cohort(year=year).clean_fields(exclude=["school"])
    assert dates.year(f"{year}届")[0] == year
    assert Month().find(f"{year}06") == f"{year}06"


def test_the_year_of_a_month_too():
    field = Student._meta.get_field("grad_month")
    with pytest.raises(ValidationError, match=SENTENCE):
        field.clean("999906", None)
    with pytest.raises(ValidationError, match="毕业时间填 6 位年月"):
        field.clean("99996", None)
    with pytest.raises(CellError, match=SENTENCE):
        Month().find("2099-06")


@pytest.mark.django_db
def test_the_command_says_it(tmp_path):
    with system("a test seeds a school"):
        school = people.school().school
    book = tmp_path / "x.xlsx"
    book.write_bytes(b"x")
    with pytest.raises(CommandError, match=SENTENCE):
        call_command("import_data", "students", str(book), "--school", school.code, "--cohort", "9999")


def test_no_year_is_kept_in_a_plain_number():
    plain = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if not hasattr(model, "instance_type")
        for field in model._meta.concrete_fields
        if isinstance(field, models.IntegerField) and "year" in field.name and not isinstance(field, YearField)
    ]
    assert plain == []
