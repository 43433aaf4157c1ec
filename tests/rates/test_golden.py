"""A golden cohort counted by hand, for each version of the formula; and the promise that a figure and its list are the same people.

Twenty students of one school: college 1 has twelve, college 2 eight. By hand:

college 1 (12): 10, 11, 12, 271, 46, 503, 751, 76, 801, 85, 701, nothing registered
college 2 (8):  10, 12, 12, 76, 801, 71, 721, one 结业 with 11
not in the population: one on leave (休学) with 10

2024: 单位就业 10 11 12 271 46 503 | 10 12 12 = 9, 自主创业 1, 自由职业 2, 升学 801 85 801 = 3: 15 of 19 graduates (20 with 结业, then 16)
2021: 协议和合同 10 11 271 46 503 | 10 = 6, 创业 1, 灵活 12 76 | 12 12 76 = 5, 升学 3: 15 of 19
2020: 协议和合同 6, 其他形式 12 751 76 | 12 12 76 = 6, 升学 3: 15 of 19
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from itertools import product
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from models.outcomes.models import Outcome
from models.rates import snapshots
from models.rates.dimensions import BLANK, DIMENSIONS
from models.rates.figures import (
    ALL,
    COUNTED,
    NOT_COUNTED,
    BadQuestion,
    Question,
    asked,
    breakdown,
    default_question,
    in_cell,
    total,
)
from models.rates.formulas import FORMULAS, UNREGISTERED, percent, version_for
from models.rates.models import Basis, Population, RateSetting, RateSnapshot, SnapshotRow
from models.students.models import GraduateProfile
from tests.factories import people
from workflows.checks import run
from workflows.scoping import system

pytestmark = pytest.mark.django_db

FIRST = ["10", "11", "12", "271", "46", "503", "751", "76", "801", "85", "701", ""]
SECOND = ["10", "12", "12", "76", "801", "71", "721"]


@pytest.fixture
def golden():
    """The cohort above, as the system."""
    with system("test"):
        made = people.school(colleges=2, classes=1)
        for college, codes in enumerate((FIRST, SECOND)):
            for place, code in enumerate(codes):
                _graduate(made, made.classes[college], code, sex="1" if place % 2 else "2")
        _graduate(made, made.classes[1], "11", degree="33")
        _graduate(made, made.classes[0], "10", roll_status=_on_leave())
        yield made


def _on_leave() -> str:
    from models.students.places import off_roll_codes

    return off_roll_codes()[0]


def _graduate(made: SimpleNamespace, unit, code: str, **facts):
    student = people.student(made, unit=unit, account=False, **facts)
    if code:
        Outcome.objects.bulk_create([
            Outcome(
                student=student, school_id=student.school_id, cohort_id=student.cohort_id, org_path=student.org_path,
                on_roll=student.on_roll, category=code, status="approved", is_current=True, decided_at=timezone.now(),
                employer_type="31" if code in ("10", "11") else "", region="500103" if code == "10" else "",
            )
        ])  # fmt: skip
    return student


def question(made: SimpleNamespace, version: str = "2024", **changes) -> Question:
    return replace(Question((made.cohort.pk,), version), **changes)


BY_HAND = {
    "2024": ({"单位就业": 9, "自主创业": 1, "自由职业": 2, "升学": 3, "待就业": 1, "暂不就业": 2, UNREGISTERED: 1}, 15),
    "2021": (
        {"协议和合同就业": 6, "自主创业": 1, "灵活就业": 5, "升学": 3, "待就业": 1, "暂不就业": 2, UNREGISTERED: 1},
        15,
    ),
    "2020": ({"协议和合同就业": 6, "其他形式就业": 6, "升学": 3, "待就业": 1, "暂不就业": 2, UNREGISTERED: 1}, 15),
}


@pytest.mark.parametrize("version", sorted(FORMULAS))
def test_each_version_gives_what_was_counted_by_hand(golden, version):
    line = total(question(golden, version))
    parts, counted = BY_HAND[version]
    assert {name: number for name, number in line.parts.items() if number} == parts
    assert (line.denominator, line.numerator, str(line.rate)) == (19, counted, "78.95")


def test_who_leaves_without_the_qualification_counts_where_the_school_says_so(golden):
    line = total(question(golden, population=Population.EVERYBODY))
    assert (line.denominator, line.numerator, str(line.rate)) == (20, 16, "80.00")


def test_colleges_and_majors_add_up_to_the_school(golden):
    for key in ("college", "major", "class", "degree", "sex", "hardship", "origin", "school"):
        lines = breakdown(question(golden), DIMENSIONS[key])
        assert (sum(x.denominator for x in lines), sum(x.numerator for x in lines)) == (19, 15), key
    first, second = breakdown(question(golden), DIMENSIONS["college"])
    assert [(x.name, x.denominator, x.numerator) for x in (first, second)] == [("第1学院", 12, 10), ("第2学院", 7, 5)]


def test_facts_of_the_destination_are_shares_of_those_who_have_one(golden):
    lines = {line.bucket: line for line in breakdown(question(golden), DIMENSIONS["employer_type"])}
    assert (lines["31"].name, lines["31"].denominator) == ("国有企业", 3)
    assert lines[BLANK].denominator == 15
    assert {x.name: x.denominator for x in breakdown(question(golden), DIMENSIONS["region"])}["重庆市"] == 2


def test_every_figure_is_the_length_of_its_list(golden):
    for key, version in product(DIMENSIONS, ("2021", "2024")):
        _lists_are_as_long_as_figures(question(golden, version), key, version)


def _lists_are_as_long_as_figures(asked_: Question, key: str, version: str) -> None:
    for line in breakdown(asked_, DIMENSIONS[key]):
        assert in_cell(asked_, key, line.bucket, ALL).count() == line.denominator
        assert in_cell(asked_, key, line.bucket, COUNTED).count() == line.numerator
        assert in_cell(asked_, key, line.bucket, NOT_COUNTED).count() == line.denominator - line.numerator
        for part in FORMULAS[version].groups:
            assert in_cell(asked_, key, line.bucket, part).count() == line.parts[part], (line.name, part)
        for code, number in line.codes.items():
            if code:
                assert in_cell(asked_, key, line.bucket, f"code:{code}").count() == number


def test_a_draft_does_not_count_and_a_submitted_one_only_where_asked(golden):
    rows = Outcome.objects.filter(category="801")
    first, second = rows.order_by("pk")
    _set_status(first, "pending_college")
    _set_status(second, "draft")
    assert total(question(golden)).parts["升学"] == 1
    assert total(question(golden, basis=Basis.REGISTERED)).parts["升学"] == 2


def _set_status(outcome: Outcome, status: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE outcomes_outcome SET status = %s WHERE id = %s", [status, outcome.pk])


def test_a_destination_that_is_no_longer_current_does_not_count(golden):
    Outcome.objects.filter(category="85").update(is_current=False)
    line = total(question(golden))
    assert (line.numerator, line.parts[UNREGISTERED]) == (14, 2)


def test_the_cut_off_day_counts_itself_and_nothing_after(golden):
    today = timezone.localdate()
    moment = timezone.now() - timedelta(days=10)
    Outcome.objects.filter(category="10").update(decided_at=moment)
    then = timezone.localtime(moment).date()
    assert total(question(golden, cutoff=then)).numerator == 2
    assert total(question(golden, cutoff=then - timedelta(days=1))).numerator == 0
    assert total(question(golden, cutoff=today)).numerator == 15


def test_the_version_follows_the_year_unless_the_school_says_otherwise(golden):
    assert [version_for(year) for year in (2019, 2020, 2021, 2023, 2024, 2027)] == [
        "2020", "2020", "2021", "2021", "2024", "2024",
    ]  # fmt: skip
    assert default_question(golden.school.pk, golden.cohort).formula == "2024"
    RateSetting.objects.create(school=golden.school, formula="2021", basis=Basis.REGISTERED)
    assert default_question(golden.school.pk, golden.cohort).formula == "2021"
    RateSetting.objects.create(school=golden.school, cohort=golden.cohort, formula="2020")
    found = default_question(golden.school.pk, golden.cohort)
    assert (found.formula, found.basis) == ("2020", Basis.APPROVED)


def test_a_share_is_rounded_half_up():
    assert [str(percent(*pair)) for pair in ((1, 3), (2, 3), (1, 8), (0, 0), (1, 16), (5, 5))] == [
        "33.33", "66.67", "12.50", "0.00", "6.25", "100.00",
    ]  # fmt: skip
    assert str(percent(30005, 100000)) == "30.01"


def test_what_is_asked_wrongly_is_said_in_a_sentence(golden):
    for params in ({"formula": "1999"}, {"basis": "x"}, {"population": "x"}, {"cutoff": "2026-13-40"}, {"cutoff": "x"}):
        with pytest.raises(BadQuestion, match=r"。$"):
            asked(question(golden), params)
    for cell in (("nobody", "1", ALL), ("college", "x", ALL), ("college", "9" * 30, ALL), ("college", "1", "错")):
        with pytest.raises(BadQuestion):
            in_cell(question(golden), *cell)


def test_one_statement_whatever_the_size(golden, django_assert_num_queries):
    total(question(golden))  # code tables are read once
    with django_assert_num_queries(1):
        total(question(golden))
    with django_assert_num_queries(2):
        breakdown(question(golden), DIMENSIONS["major"])


# -- the command -----------------------------------------------------------------------------------------------------------


def rates(**options):
    out = StringIO()
    call_command("rates", stdout=out, **options)
    return out.getvalue()


def test_the_command_prints_numerators_denominator_and_every_part(golden):
    found = json.loads(rates(school="19901", cohort=2027, json=True))
    assert (found["formula"], found["denominator"], found["numerator"], found["rate"]) == ("2024", 19, 15, 78.95)
    assert {part["name"]: part["count"] for part in found["parts"] if part["count"]} == BY_HAND["2024"][0]
    assert [(c["name"], c["denominator"], c["numerator"]) for c in found["colleges"]] == [
        ("第1学院", 12, 10), ("第2学院", 7, 5),
    ]  # fmt: skip
    assert sum(m["numerator"] for c in found["colleges"] for m in c["majors"]) == 15
    older = json.loads(rates(school="19901", cohort=2027, formula="2021", json=True))
    assert {part["name"]: part["count"] for part in older["parts"] if part["count"]} == BY_HAND["2021"][0]
    assert "78.95%" in rates(school="19901", cohort=2027)


def test_the_command_says_what_is_wrong(golden):
    with pytest.raises(CommandError, match="没有代码为 00000 的学校"):
        rates(school="00000", cohort=2027)
    with pytest.raises(CommandError, match="没有 1999届"):
        rates(school="19901", cohort=1999)
    with pytest.raises(CommandError, match="截止日期"):
        rates(school="19901", cohort=2027, cutoff="昨天")


# -- frozen figures --------------------------------------------------------------------------------------------------------


def test_a_snapshot_stays_and_recomputes_to_the_same_value(golden):
    taken = snapshots.take(question(golden), "初次落实率", by=None)
    Outcome.objects.filter(category="10").update(category="701")
    GraduateProfile.objects.update(hardship="1")
    assert total(question(golden)).numerator == 13
    taken.refresh_from_db()
    line = snapshots.recompute(taken)
    assert (line.denominator, line.numerator, taken.numerator) == (19, 15, 15)
    assert list(snapshots.faults(taken)) == []


def test_verify_tells_a_snapshot_that_was_altered(golden):
    taken = snapshots.take(question(golden), "初次落实率", by=None)
    assert [one.faults for one in run(["rates."])] == [[]]
    row = SnapshotRow.objects.filter(snapshot=taken).first()
    SnapshotRow.objects.filter(pk=row.pk).update(facts=row.facts | {"group": "升学"})
    (found,) = run(["rates."])
    assert found.count == 2
    RateSnapshot.objects.filter(pk=taken.pk).delete()
