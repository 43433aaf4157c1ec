"""Each rule of the pack: a record it says nothing about, and one it does."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models.employers import uscc
from models.employers.models import Employer
from models.employers.services import remember
from models.outcomes.models import Outcome
from models.outcomes.rules import OUTCOME_RULES, minimum_wage
from tests.factories import outcomes as make
from tests.factories import people
from workflows import rules
from workflows.models import RuleSetting

pytestmark = pytest.mark.django_db
TOMORROW = timezone.localdate() + timedelta(days=1)

# rule: (category, values that break it, field of the finding)
BROKEN = {
    "R06": ("50", {}, "category"),
    "R07": ("11", {"employer_name": ""}, "employer_name"),
    "R08": ("11", {"uscc": "91350100M000100Y44"}, "uscc"),
    "R11": ("46", {"employer_type": "31"}, "employer_type"),
    "R12": ("11", {"uscc": "91350100M000100Y43", "region": "500103"}, "region"),
    "R13": ("11", {"job_category": "90"}, "job_category"),
    "R18": ("12", {"monthly_pay": Decimal("1000.00")}, "monthly_pay"),
    "R19": ("11", {"job_title": "实习生"}, "job_title"),
    "R25": ("801", {"school_name": "某某公司"}, "school_name"),
    "R27": ("11", {"signed_on": TOMORROW}, "signed_on"),
}


def found(row, rule: str, stage: str = rules.REVIEW) -> list[str]:
    """Fields that this rule names on the record."""
    row.rule_facts = None
    return [f.field for f in rules.run(row, stage) if f.rule == rule]


@pytest.mark.parametrize("rule", sorted(BROKEN))
def test_a_rule_passes_a_sound_record_and_names_the_field_of_a_broken_one(place, rule):
    category, values, field = BROKEN[rule]
    sound = make.outcome(place, "503" if rule == "R06" else category)
    assert found(sound, rule) == []
    broken = make.outcome(place, category, proof=False, **values)
    assert field in found(broken, rule)


def test_every_finding_says_what_is_wrong_how_to_mend_it_and_why(place):
    row = make.outcome(place, "12", proof=False, monthly_pay=Decimal("1.00"), uscc="", job_category="90")
    for one in rules.run(row):
        assert one.sentence.endswith("。")
        assert one.fix.endswith("。")
        assert one.source
        assert one.rule.startswith("R")
    assert [rule.id for rule in OUTCOME_RULES] == sorted(rule.id for rule in OUTCOME_RULES)


def test_r08_takes_nine_characters_only_from_old_cohorts(place):
    row = make.outcome(place, "11", uscc="M000100Y4")
    assert found(row, "R08") == ["uscc"]
    row.student.grad_year = 2014
    assert found(row, "R08") == []


def test_r08_other_reason_needs_a_word(place):
    row = make.outcome(place, "11", uscc="", uscc_missing_reason="9", remark="")
    assert found(row, "R08") == ["remark"]


def test_r09_r10_compare_with_the_library(place):
    code = make.VALUES["uscc"]
    remember(
        {"name": "示例软件有限公司", "uscc": code, "employer_type": "31", "industry": "34"},
        Employer.Source.IMPORT,
        place.staff.school,
    )
    row = make.outcome(place, "11")
    assert (found(row, "R09"), found(row, "R10")) == ([], ["employer_type"])
    row.employer_name = "另一家有限公司"
    assert found(row, "R09") == ["employer_name"]
    row.employer_name = "示例软件有限公司 "
    assert found(row, "R09") == []
    row.uscc, row.employer_name = uscc.made_up(78), "示例软件有限公司"
    assert found(row, "R09") == ["uscc"]


def test_r14_the_number_is_not_the_student_s_the_family_s_or_a_teacher_s(place):
    teacher = place.staff.counselor
    teacher.phone = "19955556666"
    teacher.save()
    row = make.outcome(place, "11")
    assert found(row, "R14") == []
    row.contact_mobile = "19955556666"
    assert found(row, "R14") == ["contact_mobile"]
    row.contact_mobile = row.student.graduateprofile.phone
    assert found(row, "R14") == ["contact_mobile"]


def test_r15_one_number_of_two_employers(place):
    first = make.outcome(place, "11")
    same = make.outcome(place, "11")
    assert found(same, "R15") == []  # the same employer may repeat
    other = make.outcome(place, "11", employer_name="另一家有限公司", uscc=uscc.made_up(79))
    assert set(found(other, "R15")) == {"contact_mobile", "contact_phone", "contact_email"}
    assert set(found(first, "R15")) == {"contact_mobile", "contact_phone", "contact_email"}


def test_r16_one_file_of_two_students(place):
    one, two = make.outcome(place, "11", proof=False), make.outcome(place, "11", proof=False)
    make.file(one, "contract", content="aa")
    make.file(two, "contract", content="bb")
    assert found(two, "R16") == []
    make.file(two, "contract", content="aa")
    assert (found(one, "R16"), found(two, "R16")) == ([""], [""])


def test_r17_r26_are_asked_by_reviewers_and_before_reporting(place):
    row = make.outcome(place, "503", proof=False)
    assert found(row, "R17") == ["evidence.admission"]
    assert found(row, "R26") == [""]
    assert found(row, "R17", rules.SUBMISSION) == []
    assert found(row, "R26", rules.SUBMISSION) == []
    assert found(row, "R17", rules.REPORT) == ["evidence.admission"]
    row.source = Outcome.Source.IMPORT  # the school imported the list
    assert found(row, "R26") == []


def test_r18_knows_the_place_and_the_day(place):
    assert minimum_wage("500103", date(2024, 6, 1)).monthly == 2000
    assert minimum_wage("500103", date(2025, 6, 1)).monthly == 2200
    assert minimum_wage("", date(2025, 6, 1)) is None
    row = make.outcome(place, "12", monthly_pay=Decimal("2100.00"), signed_on=date(2024, 6, 1))
    assert found(row, "R18") == []
    row.signed_on = date(2025, 6, 1)
    assert found(row, "R18") == ["monthly_pay"]


def test_r18_asks_both_levels_of_a_freelancer(place):
    row = make.outcome(place, "76")
    assert found(row, "R18") == []
    row.imposed_levels = ("school",)
    assert found(row, "R18") == ["category"]


def test_r19_reads_the_names_of_files(place):
    row = make.outcome(place, "11", proof=False)
    make.file(row, "contract", name="顶岗实习协议.pdf")
    assert found(row, "R19") == ["evidence.contract"]


def test_r23_r24_an_agreement_in_force_allows_nothing_else(place):
    row, study = make.outcome(place, "11"), make.outcome(place, "801")
    for one in (row, study):
        one.rule_facts = {
            "employer": None,
            "namesake": "",
            "phones": {},
            "shared": {},
            "files": [],
            "twins": [],
            "agreement": (5, "A5"),
        }
    assert [f.rule for f in rules.run(row) if f.rule in ("R23", "R24")] == ["R23"]
    assert [f.rule for f in rules.run(study) if f.rule in ("R23", "R24")] == ["R24"]
    row.category, row.agreement_number = "10", "A5"
    assert "R23" not in {f.rule for f in rules.run(row)}
    row.agreement_number = "A6"
    assert "R23" in {f.rule for f in rules.run(row)}
    assert found(row, "R23") == []  # looked up afresh: this student has no agreement


def test_r28_r29(place):
    row = make.outcome(place, "11")
    row.awaits_confirmation = True
    assert found(row, "R28") == []
    assert found(row, "R28", rules.REPORT) == [""]
    row.frozen, row.dispute_text = True, "我没有去"
    assert found(row, "R29") == [""]


def test_a_school_sets_severity_and_limit_but_not_of_what_is_fixed(place):
    row = make.outcome(place, "12", monthly_pay=Decimal("2150.00"), job_category="90")
    assert [(f.rule, f.severity) for f in rules.run(row)] == [("R18", "error"), ("R13", "warning")]
    before = rules.stamp_of(Outcome)
    RuleSetting.objects.create(matter="outcomes.outcome", school=place.school, rule="R13", severity="error")
    RuleSetting.objects.create(matter="outcomes.outcome", school=place.school, rule="R18", limit=100)
    assert [(f.rule, f.severity) for f in rules.run(row)] == [("R13", "error")]
    assert rules.stamp_of(Outcome) != before
    RuleSetting.objects.create(
        matter="outcomes.outcome", school=place.school, cohort=place.cohort, rule="R13", severity="off"
    )
    assert rules.run(row) == []
    row.frozen = True
    RuleSetting.objects.create(matter="outcomes.outcome", school=place.school, rule="R29", severity="off")
    assert found(row, "R29") == [""]


def test_facts_of_one_and_of_twenty_cost_the_same(place):
    def queries(count: int) -> int:
        rows = [make.outcome(place, "11", student=people.student(place)) for _ in range(count)]
        with CaptureQueriesContext(connection) as seen:
            rules.refresh_many(rows)
        return len(seen)

    queries(1)  # the schools' settings are read once
    few = queries(2)
    assert queries(12) == few
