"""The field matrix and the kinds of proof: every category, what it asks for and what does not belong to it; a school's changes."""

from __future__ import annotations

import pytest

from models.outcomes import matrix
from models.outcomes.models import OutcomeEvidence, OutcomeField
from models.outcomes.outcome import Outcome
from tests.factories import outcomes as make
from workflows import fields, rules
from workflows.actions import perform, save_fields
from workflows.errors import Invalid, RulesFailed
from workflows.fields import HIDDEN, REQUIRED
from workflows.levels import Status, Verb
from workflows.models import FieldPolicy

pytestmark = pytest.mark.django_db

LEAVES = [
    "10",
    "11",
    "12",
    "271",
    "46",
    "501",
    "502",
    "503",
    "511",
    "512",
    "513",
    "514",
    "515",
    "519",
    "751",
    "752",
    "753",
    "76",
    "801",
    "802",
    "803",
    "85",
    "701",
    "702",
    "703",
    "704",
    "705",
    "71",
    "721",
    "722",
]


def ids(found) -> set[str]:
    return {one.rule for one in found}


def test_the_eight_branches_hold_every_leaf_of_the_cohort(place):
    shown = matrix.branches(2027)
    assert [branch.key for branch, _members in shown] == [branch.key for branch in matrix.BRANCHES]
    assert sorted(make.leaves()) == sorted(LEAVES)


def test_an_old_cohort_chooses_from_the_two_digit_codes(place):
    assert {"27", "50", "51", "70", "72", "75", "80"} <= set(make.leaves(2020))
    assert not {"501", "801", "70"} & set(make.leaves(2027)) - {"501", "801"}


@pytest.mark.parametrize("category", LEAVES)
def test_a_complete_record_of_every_category_has_no_blocking_finding_and_can_be_submitted(place, category):
    row = make.outcome(place, category)
    assert rules.blocking(rules.run(row)) == []
    perform(row, Verb.SUBMIT, by=row.student.user)
    assert row.status == Status.PENDING_COLLEGE


@pytest.mark.parametrize("category", LEAVES)
def test_what_is_required_is_refused_when_empty_and_what_does_not_belong_when_filled(place, category):
    row = make.outcome(place, category)
    asked = matrix.asked_of(category, None, None, 2027)
    full = {**make.VALUES, "signed_on": row.student.birth_date or row.created_at.date()}
    for name, one in asked.items():
        before = getattr(row, name)
        if one.need == REQUIRED and name != "uscc":
            setattr(row, name, None if row._meta.get_field(name).null else "")
            assert name in fields.missing(row)
            assert (name, "R07") in {(f.field, f.rule) for f in rules.run(row)}
        elif one.need == HIDDEN and name in full:
            setattr(row, name, full[name])
            assert (name, "R07") in {(f.field, f.rule) for f in rules.run(row)}
        setattr(row, name, before)


def test_another_choice_empties_what_no_longer_belongs(place):
    row = make.outcome(place, "11")
    changed = save_fields(row, {"category": "801", "school_name": "示例大学"}, by=row.student.user)
    assert (row.category, row.school_name, row.employer_name, row.signed_on) == ("801", "示例大学", "", None)
    assert changed["employer_name"] == ["示例软件有限公司", ""]
    assert {s.name for s in fields.of_record(row) if s.mode == REQUIRED} == {
        "category",
        "school_name",
        "study_major",
        "study_degree",
    }


def test_a_field_of_another_category_is_not_accepted(place):
    row = make.outcome(place, "701")
    with pytest.raises(Invalid) as refused:
        save_fields(row, {"employer_name": "示例"}, by=row.student.user)
    assert refused.value.errors == {"employer_name": "该字段不能修改。"}


def test_a_school_makes_a_field_required_for_a_family_and_a_cohort_makes_it_optional_for_a_leaf(place):
    OutcomeField.objects.create(
        school=place.school, category="80", field="starts_on", need="required", help_text="按通知书"
    )
    row = make.outcome(place, "801", starts_on=None)
    assert fields.missing(row) == {"starts_on": "请填写报到或开始日期。"}
    assert next(s for s in fields.of_record(row) if s.name == "starts_on").help_text == "按通知书"
    assert matrix.asked_of("801", None, None, 2027)["starts_on"].need == "editable"
    OutcomeField.objects.create(
        school=place.school, cohort=place.cohort, category="801", field="starts_on", need="editable"
    )
    assert fields.missing(row) == {}


def test_a_row_for_other_years_does_not_count(place):
    OutcomeField.objects.create(school=place.school, category="80", field="starts_on", need="required", valid_to=2026)
    assert matrix.asked_of("801", place.school.pk, place.cohort.pk, 2027)["starts_on"].need == "editable"


def test_the_school_s_field_settings_are_stricter_but_open_nothing(place):
    FieldPolicy.objects.create(matter="outcomes.outcome", school=place.school, field="postcode", mode="required")
    FieldPolicy.objects.create(matter="outcomes.outcome", school=place.school, field="country", mode="required")
    row = make.outcome(place, "11", postcode="")
    assert fields.missing(row) == {"postcode": "请填写单位邮编。"}
    assert {s.name: s.mode for s in fields.of_record(row)}["country"] == HIDDEN


def test_without_a_category_nothing_else_is_asked(place):
    row = make.outcome(place, "", proof=False)
    shown = {s.name for s in fields.of_record(row) if s.mode != HIDDEN and "." not in s.name}
    assert shown == {"category"}
    assert fields.missing(row) == {"category": "请选择毕业去向。"}


def test_a_code_is_required_unless_there_is_a_reason_for_its_absence(place):
    row = make.outcome(place, "11", uscc="")
    assert fields.missing(row) == {"uscc": "请填写统一社会信用代码。"}
    row.uscc_missing_reason = "3"
    assert fields.missing(row) == {}
    assert "R08" not in ids(rules.run(row))


# -- proof -----------------------------------------------------------------------------------------------------------------


def test_missing_proof_is_refused_like_an_empty_field_and_alternatives_are_one(place):
    row = make.outcome(place, "12", proof=False)
    assert list(row.incomplete()) == ["evidence.employment_proof"]
    with pytest.raises(Invalid):
        perform(row, Verb.SUBMIT, by=row.student.user)
    make.file(row, "income_proof")
    row.__dict__.pop("_evidence", None)
    assert row.incomplete() == {}


def test_the_school_adds_and_drops_kinds(place):
    OutcomeEvidence.objects.create(
        school=place.school, category="11", key="social", label="社保缴纳证明", required=True
    )
    OutcomeEvidence.objects.create(
        school=place.school, category="11", key="contract", label="劳动合同", is_active=False
    )
    row = make.outcome(place, "11", proof=False)
    assert [kind.key for kind in row.evidence_kinds()] == ["social"]
    assert "R17" in ids(rules.run(row))
    make.file(row, "social")
    row.rule_facts = None
    assert "R17" not in ids(rules.run(row))


def test_a_changed_requirement_makes_stored_findings_stale(place):
    row = make.outcome(place, "11")
    rules.refresh(row)
    before = row.rules_stamp
    OutcomeEvidence.objects.create(
        school=place.school, category="11", key="social", label="社保缴纳证明", required=True
    )
    assert rules.stamp_of(Outcome) != before


def test_a_blocking_finding_stops_the_submission(place):
    row = make.outcome(place, "12", monthly_pay="900.00")
    with pytest.raises(RulesFailed) as refused:
        perform(row, Verb.SUBMIT, by=row.student.user)
    assert {finding["rule"] for finding in refused.value.details} == {"R18"}
