"""The one door that writes many students at once: imports, demo data, undo. Set-wise, with history, derived columns kept true.

What `Student.save` and `workflows.actions.save_fields` keep for one row is kept here for thousands: `org_path` from the unit,
the account and its name, the profile's scope columns and baseline, versions, changes of records under review, stale rule
findings (`rules_stamp`). Runs in the caller's transaction; keep it to 1–2 thousand rows, so that other writers wait less than a second.
Values must be clean: nothing is validated here but by the database.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from models.accounts.login import student_username
from models.accounts.models import User
from models.organisation.models import OrgUnit, School
from models.students.models import Student
from models.students.places import is_on_roll, matters_of, papers_follow, requests_follow
from models.students.profile import GraduateProfile
from workflows import bulkrows
from workflows.fields import jsonable
from workflows.levels import PENDING, Status

ON_ROLL = Student._meta.get_field("roll_status").default


@dataclass(slots=True)
class NewStudent:
    """A student to be made. Keys are attnames.

    student   number, name, cohort_id, major_id, unit_id …; school, org_path and user are filled in
    profile   reporting fields of 生源信息; its scope columns are filled in, its status is draft
    account   overrides for the account, e.g. {"password": hash, "password_state": "own"}
    """

    student: dict[str, Any]
    profile: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ids:
    """Keys of what was made for one student."""

    student: int
    profile: int
    user: int


def write_students(
    school: School | None,
    new: Sequence[NewStudent] = (),
    students: Mapping[int, Mapping[str, Any]] | None = None,
    profiles: Mapping[int, Mapping[str, Any]] | None = None,
    *,
    by: Any = None,
    reason: str = "",
) -> list[Ids]:
    """Make `new` students and change others; returns the keys of the new ones, in order.

    school    where new students are made; None when there are none
    students  {student id: {attname: value}}   what really changes; unit_id moves the student and the profile
    profiles  {profile id: {attname: value}}   likewise; "extra" is the whole dictionary
    by        the person for the history, None for the system; reason is what the history says
    """
    made = _create(school, new, by, reason) if new else []
    if students:
        _change_students(students, by, reason)
    if profiles:
        _change_profiles(profiles, by, reason)
    return made


def _create(school: School, new: Sequence[NewStudent], by: Any, reason: str) -> list[Ids]:
    paths = _paths({row.student["unit_id"] for row in new})
    initial = school.first_login == School.FirstLogin.ID_TAIL
    keys = [bulkrows.new_ids(model, len(new)) for model in (Student, GraduateProfile, User)]
    made = [Ids(*three) for three in zip(*keys, strict=True)]
    accounts, students, profiles = [], [], []
    for row, ids in zip(new, made, strict=True):
        values = row.student
        path = paths[values["unit_id"]]
        known = initial and len(values.get("id_number", "")) >= 6
        accounts.append({
            "id": ids.user, "username": student_username(school.code, values["number"]), "name": values["name"],
            "password": f"!{secrets.token_urlsafe(30)}",
            "password_state": User.PasswordState.INITIAL if known else User.PasswordState.NONE, **row.account,
        })  # fmt: skip
        students.append({**values, "id": ids.student, "user_id": ids.user, "org_path": path})
        profiles.append(
            {
                **row.profile,
                "id": ids.profile,
                "student_id": ids.student,
                "cohort_id": values["cohort_id"],
                "org_path": path,
                "on_roll": is_on_roll(values.get("roll_status", ON_ROLL)),
            }
        )
    bulkrows.insert(User, accounts, kind=User.Kind.STUDENT)
    bulkrows.insert(Student, students, school_id=school.pk, version=1)
    bulkrows.insert(GraduateProfile, profiles, school_id=school.pk, version=1, baseline_version=1)
    bulkrows.write_history(Student, keys[0], by=by, reason=reason, kind="+")
    bulkrows.write_history(GraduateProfile, keys[1], by=by, reason=reason, kind="+")
    return made


def _paths(unit_ids: set[int]) -> dict[int, str]:
    return dict(bulkrows.those(OrgUnit._base_manager, "id", sorted(unit_ids)).values_list("pk", "path"))


def _change_students(changes: Mapping[int, Mapping[str, Any]], by: Any, reason: str) -> None:
    ids = list(changes)
    rows = {pk: dict(values) for pk, values in changes.items()}
    paths = _paths({values["unit_id"] for values in rows.values() if "unit_id" in values})
    for values in rows.values():
        if "unit_id" in values:
            values["org_path"] = paths[values["unit_id"]]
    bulkrows.update(Student, rows, versioned=True)
    bulkrows.write_history(Student, ids, by=by, reason=reason)
    carried = {
        pk: {name: values[name] for name in ("org_path", "cohort_id") if name in values}
        | ({"on_roll": is_on_roll(values["roll_status"])} if "roll_status" in values else {})
        for pk, values in rows.items()
    }
    for matter, relation in matters_of(Student):
        held = bulkrows.those(matter._base_manager, relation, ids).values_list("pk", f"{relation}_id")
        # Rule findings rest on the roll too: they are worked out afresh when next needed.
        bulkrows.update(matter, {pk: {**carried[student], "rules_stamp": ""} for pk, student in held})
    moved = [pk for pk in ids if "org_path" in rows[pk]]
    requests_follow(Student, moved)
    papers_follow(Student, moved)
    renamed = {pk: values["name"] for pk, values in rows.items() if "name" in values}
    if renamed:
        accounts = (
            bulkrows.those(Student._base_manager, "id", list(renamed)).exclude(user=None).values_list("pk", "user_id")
        )
        bulkrows.update(User, {user: {"name": renamed[pk]} for pk, user in accounts})


def add_profiles(student_ids: Sequence[int], *, by: Any = None, reason: str = "") -> dict[int, int]:
    """Give students who have none an empty 生源信息; {student id: profile id}."""
    rows = list(
        bulkrows.those(Student._base_manager, "id", student_ids).values(
            "pk", "school_id", "cohort_id", "org_path", "roll_status"
        )
    )
    ids = bulkrows.new_ids(GraduateProfile, len(rows))
    values = [
        {
            "id": pk,
            "student_id": row["pk"],
            "school_id": row["school_id"],
            "cohort_id": row["cohort_id"],
            "org_path": row["org_path"],
            "on_roll": is_on_roll(row["roll_status"]),
        }
        for pk, row in zip(ids, rows, strict=True)
    ]
    bulkrows.insert(GraduateProfile, values, version=1, baseline_version=1)
    bulkrows.write_history(GraduateProfile, ids, by=by, reason=reason, kind="+")
    return {row["pk"]: pk for pk, row in zip(ids, rows, strict=True)}


def find_students(school: School, numbers: Sequence[str], *, lock: bool = False) -> dict[str, dict[str, Any]]:
    """Every column of the students of `school` with these numbers, with "profile": that of their profile; whoever asks.

    For telling new from known, never to be shown: the caller compares `org_path` with the person's scope. `lock` holds the rows
    till the end of the transaction.
    """
    rows = bulkrows.those(Student._base_manager.filter(school=school), "number", numbers)
    if lock:
        ids = list(rows.values_list("pk", flat=True))
        bulkrows.lock(Student, ids, whole=True)
        bulkrows.lock(GraduateProfile, list(_profiles_of(ids).values_list("pk", flat=True)))
    found = {row["id"]: row for row in rows.values()}
    for profile in _profiles_of(list(found)).values():
        found[profile["student_id"]]["profile"] = profile
    return {row["number"]: row for row in found.values()}


def numbers_by_identity(school: School, cohort_id: int, id_numbers: Sequence[str]) -> dict[str, str]:
    """{ID number: student number} of those of the cohort who have one of these ID numbers; whoever asks."""
    rows = Student._base_manager.filter(school=school, cohort=cohort_id)
    return dict(bulkrows.those(rows, "id_number", id_numbers).values_list("id_number", "number"))


def _profiles_of(student_ids: Sequence[int]) -> models.QuerySet:
    return bulkrows.those(GraduateProfile._base_manager, "student", student_ids)


def _change_profiles(changes: Mapping[int, Mapping[str, Any]], by: Any, reason: str) -> None:
    ids = list(changes)
    current = {row.pk: row for row in bulkrows.those(GraduateProfile._base_manager, "id", ids)}
    rows = {pk: {**values, **_consequences(current[pk], values), "rules_stamp": ""} for pk, values in changes.items()}
    bulkrows.update(GraduateProfile, rows, versioned=True)
    bulkrows.write_history(GraduateProfile, ids, by=by, reason=reason)


def _consequences(row: GraduateProfile, values: Mapping[str, Any]) -> dict[str, Any]:
    """As save_fields: before submission the school's values are the new baseline; during review the reviewer sees the change."""
    if row.status == Status.DRAFT:
        return {"baseline_version": row.version + 1}
    if row.status in PENDING.values():
        return {"changes": _merged(row, values)}
    return {}


def _merged(row: GraduateProfile, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """`changes` after `values` are written: [value at the baseline, value now] of every field that differs."""
    found = dict(row.changes)
    pairs = {name: (getattr(row, name), value) for name, value in values.items() if name != "extra"}
    if "extra" in values:
        keys = row.extra.keys() | values["extra"].keys()
        pairs |= {f"extra.{key}": (row.extra.get(key), values["extra"].get(key)) for key in keys}
    for name, (old, new) in pairs.items():
        old, new = jsonable(old), jsonable(new)
        if old == new:
            continue
        base = found[name][0] if name in found else old
        if base == new or (base in (None, "") and new in (None, "")):
            found.pop(name, None)
        else:
            found[name] = [base, new]
    return found


def in_use(student_ids: Sequence[int]) -> set[int]:
    """Of these students, those to whom anything but their own profile refers, or whose account has been used."""
    users = dict(
        bulkrows.those(Student._base_manager, "id", student_ids).exclude(user=None).values_list("user_id", "pk")
    )
    found = set()
    for model, column, keys in (
        *_referring(Student, student_ids, {GraduateProfile}),
        *_referring(User, list(users), {Student}),
    ):
        hits = bulkrows.those(model._base_manager, column, keys).values_list(column, flat=True).distinct()
        found |= {users.get(hit, hit) if keys is not student_ids else hit for hit in hits}
    active = bulkrows.those(User.objects, "id", list(users)).exclude(last_login=None).values_list("pk", flat=True)
    return found | {users[pk] for pk in active}


def _referring(
    model: type[models.Model], keys: Sequence[int], without: set[type]
) -> list[tuple[type[models.Model], str, Sequence[int]]]:
    found = []
    for relation in model._meta.related_objects:
        other, column = relation.related_model, relation.field
        if other in without or hasattr(other, "instance_type") or not column.concrete or column.many_to_many:
            continue
        found.append((other, column.name, keys))
    return found


def delete_students(student_ids: Sequence[int], *, by: Any, reason: str) -> None:
    """Take back students made by mistake: profile, student and account, with a last history row. Ask `in_use` first."""
    profiles = list(_profiles_of(student_ids).values_list("pk", flat=True))
    users = list(
        bulkrows.those(Student._base_manager, "id", student_ids).exclude(user=None).values_list("user_id", flat=True)
    )
    bulkrows.write_history(GraduateProfile, profiles, by=by, reason=reason, kind="-")
    bulkrows.write_history(Student, student_ids, by=by, reason=reason, kind="-")
    bulkrows.delete(GraduateProfile, profiles)
    bulkrows.delete(Student, student_ids)
    bulkrows.delete(User, users)
