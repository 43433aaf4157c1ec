"""The sample workbooks: every row of the tidy one comes in, of the untidy one exactly those that can be meant."""

from __future__ import annotations

import json

import pytest

from exports.importing import runs
from models.organisation.models import Major, OrgUnit
from models.students.models import Student
from models.transfer.models import ImportRow
from tests.importing.books import SHARED

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not (SHARED / "roster_messy.xlsx").exists(), reason="sample workbooks are not at hand"),
]


@pytest.fixture
def majors(bring, everything):
    run = bring((SHARED / "majors_2027.xlsx").read_bytes(), "majors", name="majors_2027.xlsx")
    assert (run.created, run.failed) == (15, 0)
    assert Major.objects.filter(campus__name="主校区").count() == 15
    assert OrgUnit.objects.filter(kind="college", name__endswith="学院").count() == 8


@pytest.mark.parametrize("name", ["roster_clean", "roster_messy"])
def test_exactly_the_wrong_rows_are_refused_each_in_the_right_column(name, majors, bring, everything):
    run = bring((SHARED / f"{name}.xlsx").read_bytes(), name=f"{name}.xlsx")
    key = json.loads((SHARED / f"{name}.expected.json").read_text())
    assert (run.rows, run.created, run.failed) == (key["rows"], key["ok"], key["failed"])
    found = {
        str(line["row"]): [(error["column"], error["code"]) for error in line["errors"]]
        for line in runs.report(run)
        if line["errors"]
    }
    assert found == {row: [(wrong["column"], wrong["kind"])] for row, wrong in key["wrong"].items()}
    for row, wrong in key["wrong"].items():
        if "same_as_row" in wrong:
            assert f"第 {wrong['same_as_row']} 行" in ImportRow.objects.get(run=run, number=row).errors[0]["message"]
    assert Student.objects.count() == key["ok"]
    again = bring((SHARED / f"{name}.xlsx").read_bytes(), name=f"{name}.xlsx")
    assert (again.created, again.updated, again.unchanged, again.failed) == (0, 0, key["ok"], key["failed"])
