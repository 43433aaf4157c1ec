"""What a student's records copy from the student, kept true: scope columns, whether they are on the roll, stale findings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from models.codes.lookup import table
from models.documents import services as documents
from models.documents.models import IssuedDocument
from models.evidence import services as evidence
from models.evidence.kinds import WithEvidence
from models.evidence.models import Evidence
from workflows import bulkrows
from workflows.chain import matters
from workflows.models import ChangeRequest


def is_on_roll(roll_status: str) -> bool:
    """Whether this roll status keeps a student in work lists (休学, 退学 … do not); an unknown status does."""
    return bool(table("roll_status").flags(roll_status).get("on_roll", True))


def off_roll_codes() -> list[str]:
    """The roll statuses that take a student out of work lists."""
    return table("roll_status").codes_with("on_roll", False)


def matters_of(model: type[models.Model]) -> Iterator[tuple[type[models.Model], str]]:
    """(matter, name of its relation) of every matter about a `model`."""
    for matter in matters():
        if matter.scope_source and matter._meta.get_field(matter.scope_source).related_model is model:
            yield matter, matter.scope_source


def follow(student: Any) -> None:
    """Carry the student's place and roll status into each of their records, and have the rules looked at again."""
    for matter, relation in matters_of(type(student)):
        matter._base_manager.filter(**{relation: student}).update(
            org_path=student.org_path, cohort=student.cohort_id, on_roll=student.on_roll, rules_stamp=""
        )
    requests_follow(type(student), [student.pk])
    _papers_of(student)


def companions() -> Iterator[tuple[type[models.Model], str]]:
    """(model, relation) of what is about a student, is no matter and keeps a copy of the student's path: it declares `goes_with`."""
    for model in apps.get_models():
        if relation := getattr(model, "goes_with", ""):
            yield model, relation


def papers_follow(model: type[models.Model], keys: list[int]) -> None:
    """Put the proofs and the printed forms of these students' records, and what goes with the students, where they now are."""
    for kin, relation in companions() if keys else ():
        rows = bulkrows.those(kin._base_manager, relation, keys).values_list("pk", f"{relation}__org_path")
        bulkrows.update(kin, {pk: {"org_path": path} for pk, path in rows}, touch=False)
    for matter, relation in matters_of(model) if keys else ():
        ids = list(bulkrows.those(matter._base_manager, relation, keys).values_list("pk", flat=True))
        if ids and issubclass(matter, WithEvidence):
            evidence.follow(matter, ids)
            documents.follow(matter, ids)


def _papers_of(student: Any) -> None:
    """The same for one student, in two statements."""
    kinds = [(m, relation) for m, relation in matters_of(type(student)) if issubclass(m, WithEvidence)]
    theirs = models.Q(pk__in=[])
    for matter, relation in kinds:
        ids = matter._base_manager.filter(**{relation: student}).values("pk")
        theirs |= models.Q(record_type=matter._meta.label_lower, record_id__in=ids)
    for kin, relation in companions():
        kin._base_manager.filter(**{relation: student}).update(org_path=student.org_path)
    for holder in (Evidence, IssuedDocument):
        holder._base_manager.filter(theirs).update(org_path=student.org_path, cohort=student.cohort_id)


def requests_follow(model: type[models.Model], keys: list[int]) -> None:
    """Put the waiting 申请修改 of these students where their records are, so that who now has the record can decide."""
    for matter, relation in matters_of(model):
        waiting = ChangeRequest._base_manager.filter(matter=matter._meta.label_lower, state=ChangeRequest.State.WAITING)
        places = bulkrows.those(matter._base_manager, relation, keys).values_list("pk", "org_path", "school_id")
        found = {pk: {"org_path": path, "school_id": school} for pk, path, school in places}
        held = bulkrows.those(waiting, "object_id", list(found)).values_list("pk", "object_id")
        bulkrows.update(ChangeRequest, {pk: found[record] for pk, record in held})


def refresh_roll(model: type[models.Model]) -> int:
    """Make `on_roll` of every record agree with the students' roll status, after the code table's flags have changed."""
    changed, off = 0, model._base_manager.filter(roll_status__in=off_roll_codes()).values("pk")
    for matter, relation in matters_of(model):
        changed += matter._base_manager.filter(on_roll=True, **{f"{relation}__in": off}).update(on_roll=False)
        changed += matter._base_manager.filter(on_roll=False).exclude(**{f"{relation}__in": off}).update(on_roll=True)
    return changed
