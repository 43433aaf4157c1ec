"""A record of any matter, complete and without findings, from its declaration alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.apps import apps

from models.accounts.models import User
from models.agreements import policy, terminations
from models.agreements.models import SigningSetting
from models.codes.lookup import table
from models.employers.models import EmployerVerification
from models.organisation.models import School
from tests.factories import employers, evidence, people, signing
from workflows import fields
from workflows.actions import perform, save_fields
from workflows.levels import Status, Verb
from workflows.matter import ReviewedMatter


def sample(spec: fields.FieldSpec) -> Any:
    """A value a person could enter in this field."""
    if spec.code_table:
        leaves = [code for code, _name in table(spec.code_table).choices() if not code.endswith("00")]
        return leaves[0]
    if spec.choices:
        return spec.choices[0][0]
    kinds = {"yesno": False, "number": 1, "date": "2026-11-22", "email": "s@example.edu.cn"}
    by_name = {"phone": "19900000000", "qq": "123456", "home_postcode": "400000", "home_phone": "023-65100000"}
    return by_name.get(spec.name, kinds.get(spec.kind, "示例"))


def _agreement(student: Any) -> ReviewedMatter:
    signing.ready(student)
    return signing.generated(student)


def _termination(student: Any) -> ReviewedMatter:
    signing.ready(student)
    start = {"termination_month": 9, "termination_day": 1}  # open whatever day the tests run
    SigningSetting.objects.update_or_create(school=student.school, cohort=None, defaults=start)
    policy.forget()
    agreement = signing.submitted(student)
    approve(agreement)
    made = terminations.begin(agreement, by=student.user)
    save_fields(made, {"mode": "proof", "kind": "student", "reason": "示例"}, by=student.user)
    signing.prove(made)
    return made


def approve(record: ReviewedMatter) -> None:
    """Through all levels that are left."""
    while record.waiting_level:
        perform(record, Verb.APPROVE, by=None)


def _require(model: type[ReviewedMatter], about: Any, made: SimpleNamespace) -> None:
    """Have approved what the matter requires of a student."""
    if model.scope_source != "student" or not model.review.requires:
        return
    needed = begun(apps.get_model(model.review.requires), about, made)
    if needed.status in (Status.DRAFT, Status.RETURNED):
        perform(needed, Verb.SUBMIT, by=subject_user(needed))
    approve(needed)


# Drafts that need more than their declaration says: by a student who has done what comes before.
PREPARED = {"agreements.agreement": _agreement, "agreements.termination": _termination}


def subject(model: type[ReviewedMatter], made: SimpleNamespace, **facts: Any) -> Any:
    """A fresh person or unit that the matter can be about, of `made` (people.school), with what has to be approved before."""
    if model.scope_source == "student":
        return people.student(made, **facts)
    if model.review.requires == EmployerVerification._meta.label:
        # Reviewed by another school, or it would be in at this one already.
        elsewhere, _made = School.objects.get_or_create(code="19899", defaults={"name": "先行大学"})
        return employers.verified(SimpleNamespace(school=elsewhere), **facts)
    return employers.registered(made, **facts)


def subject_user(record: ReviewedMatter) -> User:
    """The account of the person or unit a record is about."""
    return User.objects.get(pk=record.subject_user_id)


def begun(model: type[ReviewedMatter], about: Any, made: SimpleNamespace) -> ReviewedMatter:
    """The draft of `model` about this person or unit, complete as far as its subject's fields and files go."""
    found = model.objects.filter(**{model.scope_source: about}).first()
    if found is None:
        _require(model, about, made)
    if found is None and model._meta.label_lower in PREPARED:
        found = PREPARED[model._meta.label_lower](about)
        evidence.complete(found)
        return found
    if found is None or (found.status != Status.DRAFT and not model._meta.get_field(model.scope_source).one_to_one):
        found = model(**{model.scope_source: about}, version=1, baseline_version=1)
        if not model.by_cohort:
            found.school = made.school
        for name in _belonging(found):
            setattr(found, name, sample(fields.native(model, name)))
        found.save()
    evidence.complete(found)
    return found


# What a field the others depend on says in a sample: here, the category that asks for nothing further.
PIVOTS = {"outcomes.outcome": {"category": "701"}}


def _belonging(found: ReviewedMatter) -> list[str]:
    """The subject's fields that belong to the record once what the others depend on is chosen."""
    model = type(found)
    if not model.pivot_fields:
        return list(model.subject_fields)
    found.adopt_scope()
    for name, value in PIVOTS[model._meta.label_lower].items():
        setattr(found, name, value)
    shown = {spec.name for spec in fields.of_record(found) if spec.mode != fields.HIDDEN}
    return [name for name in model.subject_fields if name in shown and name not in model.pivot_fields]


def record(model: type[ReviewedMatter], made: SimpleNamespace, **facts: Any) -> ReviewedMatter:
    """A draft of `model` for a fresh subject of `made` (people.school), filled in by its subject's fields."""
    found = begun(model, subject(model, made, **facts), made)
    return model.objects.select_related(model.subject_path.rpartition("__")[0] or model.scope_source).get(pk=found.pk)
