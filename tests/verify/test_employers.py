"""The checks of employers find what is planted for them; what people did by the doors is sound."""

from __future__ import annotations

import pytest

from models.accounts.models import User
from models.employers import admission, blacklisting, uscc
from models.employers.models import Blacklist, Employer, EmployerAdmission, EmployerVerification
from tests.factories import employers, people
from workflows import checks
from workflows.actions import perform, save_fields
from workflows.levels import Verb
from workflows.scoping import system


@pytest.fixture
def world(db):
    with system("a test sets up rows"):
        made = people.school()
        made.office, made.other = people.staff("school", made.center), people.school("19902", "缙云学院")
        made.known, made.new = employers.verified(made), employers.registered(made)
        record, user = made.known.verification, made.known.account
        perform(record, Verb.AMEND, by=user)
        save_fields(record, {"address": "示例新址"}, by=user)
        perform(record, Verb.SUBMIT, by=user)
        perform(record, Verb.APPROVE, by=made.office)
        perform(admission.apply(made.known, made.other.school, user), Verb.SUBMIT, by=user)
        row = blacklisting.place(made.known, made.school, "示例", by=made.office)
        blacklisting.lift(row, "示例", by=made.office)
    return made


def found(*codes):
    return {finding.check.code: finding.count for finding in checks.run(codes) if finding.count}


def test_what_people_did_by_the_doors_is_sound(world):
    assert found("employers", "review") == {}


@pytest.mark.parametrize(
    ("code", "model", "values"),
    [
        ("employers.code", Employer, {"uscc": "919900000000000191"}),
        ("employers.reviewed", Employer, {"checked_at": None}),
        ("employers.place", EmployerVerification, {"org_path": "999/"}),
        ("employers.place", EmployerAdmission, {"org_path": "999/"}),
        ("employers.blacklist", Blacklist, {"lift_reason": ""}),
    ],
)
def test_each_check_finds_its_fault(world, code, model, values):
    with system("a test plants a fault"):
        model._base_manager.update(**values) if "uscc" not in values else model._base_manager.filter(
            pk=world.known.pk
        ).update(**values)
    assert found("employers").get(code)


def test_an_account_that_is_not_the_code_is_found(world):
    with system("a test plants a fault"):
        User.objects.filter(pk=world.known.account_id).update(username=uscc.made_up(999))
    assert found("employers.account") == {"employers.account": 1}
