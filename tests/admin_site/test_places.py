"""What is set for a school is changed by who holds the school, whatever functions a college's clerk was given."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from models.outcomes.models import FillTemplate
from models.rates.models import ProgressItem, RateSetting
from models.reporting.models import ReportSetting
from tests.admin_site.conftest import seen
from tests.admin_site.test_accounts import give
from workflows.scoping import system

MADE = {
    FillTemplate: lambda made: {"name": "西部计划", "category": "10"},
    RateSetting: lambda made: {},
    ReportSetting: lambda made: {},
    ProgressItem: lambda made: {
        "cohort": made.cohort,
        "title": "三月进展",
        "opens_on": timezone.localdate(),
        "closes_on": timezone.localdate() + timedelta(days=5),
    },
}


@pytest.mark.parametrize("model", MADE, ids=lambda model: model.__name__)
def test_a_college_looks_and_does_not_change_what_is_the_schools(two_schools, client_of, model):
    college, school = two_schools.us.college, two_schools.us.school
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    with system("a test makes a setting of the school"):
        row = model.objects.create(school=two_schools.here.school, **MADE[model](two_schools.here))
    for verb in ("view", "add", "change", "delete"):
        give(college, f"{model._meta.app_label}.{verb}_{model._meta.model_name}")
    client, change = client_of(college), reverse(f"admin:{name}_change", args=[row.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {}).status_code == 403
    assert client.get(reverse(f"admin:{name}_add")).status_code == 403
    assert client.post(reverse(f"admin:{name}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    office = client_of(school)
    assert office.post(change, seen(office, change)).status_code == 200  # the form again: nothing was filled in
