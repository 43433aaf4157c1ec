"""Matters of no graduation year, about somebody else than a student, and the verb that opens an approved record again."""

from __future__ import annotations

import pytest

from models.employers.models import EmployerVerification
from models.organisation.models import Cohort
from tests.factories import employers, people
from workflows.actions import perform, save_fields
from workflows.chain import TABLE, TARGETS, matters
from workflows.errors import Closed, NotAllowed, WrongState
from workflows.levels import Status, Verb
from workflows.matter import LastingMatter
from workflows.models import Window
from workflows.requests import ask

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]


@pytest.fixture
def world():
    made = people.school()
    made.office = people.staff("school", made.center)
    made.employer = employers.verified(made)
    made.record = EmployerVerification.objects.get(employer=made.employer)
    made.user = made.employer.account
    return made


def test_a_matter_says_whether_it_belongs_to_a_year():
    for model in matters():
        assert model.by_cohort is not issubclass(model, LastingMatter)
        assert model._meta.get_field("cohort").null is not model.by_cohort


def test_it_stands_at_its_school_and_no_archived_year_closes_it(world):
    Cohort.objects.update(closed=True)
    assert (world.record.cohort_id, world.record.org_path, world.record.archived) == (None, world.school.path, False)
    perform(world.record, Verb.AMEND, by=world.user)
    perform(world.record, Verb.SUBMIT, by=world.user)
    assert world.record.status == Status.PENDING_SCHOOL


def test_only_the_subject_amends_and_only_what_was_approved(world):
    with pytest.raises(NotAllowed):
        perform(world.record, Verb.AMEND, by=world.office)
    perform(world.record, Verb.AMEND, by=world.user)
    assert world.record.status == Status.DRAFT
    with pytest.raises(WrongState):
        perform(world.record, Verb.AMEND, by=world.user)


def test_what_can_be_amended_is_not_asked_for(world):
    with pytest.raises(WrongState):
        ask(world.record, {"address": "示例"}, "搬迁", by=world.user)


def test_the_reviewer_sees_what_changed_since_the_approval_not_since_the_beginning(world):
    perform(world.record, Verb.AMEND, by=world.user)
    save_fields(world.record, {"address": "示例新址"}, by=world.user)
    perform(world.record, Verb.SUBMIT, by=world.user)
    assert set(world.record.changes) == {"address"}
    perform(world.record, Verb.APPROVE, by=world.office)
    perform(world.record, Verb.AMEND, by=world.user)
    perform(world.record, Verb.SUBMIT, by=world.user)
    assert EmployerVerification.objects.get(pk=world.record.pk).changes == {}


def test_a_window_closes_it_like_any_other(world):
    Window.objects.create(
        matter="employers.employerverification", school=world.school, closes_at="2026-01-01T00:00+08:00"
    )
    with pytest.raises(Closed, match="截止"):
        perform(world.record, Verb.AMEND, by=world.user)


def test_the_table_knows_the_verb():
    assert TABLE[Verb.AMEND] == (Status.APPROVED,)
    assert TARGETS[Verb.AMEND] == (Status.DRAFT,)
