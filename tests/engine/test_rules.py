"""Rules with stages and limits, and what follows from other matters: on the engine alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from models.students.models import GraduateProfile
from tests.factories import people
from workflows import policy, rules
from workflows.actions import consequence, enter, perform
from workflows.checks_verify import decisions_were_permitted
from workflows.levels import Status, Verb
from workflows.models import ReviewLog, RuleSetting
from workflows.rules import REPORT, REVIEW, SUBMISSION, Rule, Severity

pytestmark = pytest.mark.django_db


def below(record, limit):
    if record.returns < limit:
        yield "returns", f"少于 {limit:g}", "改"


@pytest.fixture
def record(everything, monkeypatch):
    made = people.school()
    made.staff = people.reviewers(made)
    pack = (
        Rule("X1", Severity.ERROR, "只在上报前", "", lambda r: [("", "不能上报", "")], stages=frozenset({REPORT})),
        Rule("X2", Severity.WARNING, "有界限", "", below, limit=1),
        Rule("X3", Severity.ERROR, "不能关闭", "", lambda r: [], fixed=True),
    )
    monkeypatch.setattr(GraduateProfile, "rules", pack)
    found = GraduateProfile.objects.get(student=people.student(made))
    return SimpleNamespace(row=found, made=made)


def ids(row, stage=REVIEW):
    return [(f.rule, f.severity) for f in rules.run(row, stage)]


def test_a_rule_counts_at_its_stages(record):
    assert ids(record.row, SUBMISSION) == ids(record.row) == [("X2", "warning")]
    assert ids(record.row, REPORT) == [("X1", "error"), ("X2", "warning")]
    perform(record.row, Verb.SUBMIT, by=record.row.student.user)
    assert record.row.worst == rules.WARNED


def test_the_most_specific_setting_wins_and_changes_the_stamp(record):
    label = "students.graduateprofile"
    stamp = rules.stamp_of(GraduateProfile)
    RuleSetting.objects.create(matter=label, rule="X2", severity="off")
    assert ids(record.row) == []
    assert rules.stamp_of(GraduateProfile) != stamp
    RuleSetting.objects.create(matter=label, school=record.made.school, rule="X2", severity="error")
    assert ids(record.row) == [("X2", "error")]
    RuleSetting.objects.create(matter=label, school=record.made.school, cohort=record.made.cohort, rule="X2", limit=0)
    assert ids(record.row) == []
    policy.forget_all()


def test_what_follows_from_another_matter_names_its_cause_and_nobody(record):
    perform(record.row, Verb.SUBMIT, by=record.row.student.user)
    with pytest.raises(ValueError, match="cause"):
        consequence(record.row, Verb.VOID, text=" ")
    consequence(record.row, Verb.VOID, text="协议书已解除")
    log = ReviewLog.objects.filter(object_id=record.row.pk).last()
    assert (record.row.status, log.actor, log.level, log.opinion) == (Status.VOIDED, None, "", "协议书已解除")
    assert list(decisions_were_permitted()) == []


def test_a_record_enters_review_at_the_levels_it_is_given(record):
    enter(record.row, levels=("college", "school"), by=record.made.staff.school, text="由协议书生成")
    assert (record.row.status, record.row.levels) == (Status.PENDING_COLLEGE, "college,school")
    perform(record.row, Verb.APPROVE, by=record.made.staff.college)
    perform(record.row, Verb.APPROVE, by=record.made.staff.school)
    assert record.row.status == Status.APPROVED
