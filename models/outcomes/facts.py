"""What the rules of 毕业去向 look up elsewhere, for many records in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from models.accounts.models import User
from models.employers.models import Employer
from models.evidence.models import Evidence
from models.students.models import GraduateProfile, Student
from workflows import bulkrows

CONTACTS = ("contact_mobile", "contact_phone", "contact_email")
LABEL = "outcomes.outcome"


def gather(model: type, rows: list[Any]) -> None:
    """Put `rule_facts` on every row:

    employer     the library's row of its 统一社会信用代码, None when it has none
    namesake     the code of a library row of the same name under another code, "" when there is none
    phones       {number: whose it is} of the student, the family and staff
    shared       {field: [names of other employers with the same number]}
    files        its proof (Evidence rows); `twins` the names of files that another student has too
    agreement    (key, number) of the agreement that occupies the student's right to sign, None when there is none
    """
    for row in rows:
        row.rule_facts = {
            "employer": None,
            "namesake": "",
            "phones": {},
            "shared": {},
            "files": [],
            "twins": [],
            "agreement": None,
        }
    _library(rows)
    _phones(rows)
    _shared(model, rows)
    _files(rows)
    _agreements(rows)


def _library(rows: list[Any]) -> None:
    codes = {row.uscc for row in rows if row.uscc}
    names = {row.employer_name for row in rows if row.employer_name}
    if not codes and not names:
        return
    known = Employer._base_manager.only("uscc", "name", "former_names", "employer_type", "industry", "region")
    by_code = {one.uscc: one for one in bulkrows.those(known, "uscc", sorted(codes))}
    by_name = dict(
        bulkrows.those(Employer._base_manager, "name", sorted(names)).exclude(uscc="").values_list("name", "uscc")
    )
    for row in rows:
        row.rule_facts["employer"] = by_code.get(row.uscc) if row.uscc else None
        code = by_name.get(row.employer_name, "")
        row.rule_facts["namesake"] = code if code != row.uscc else ""


def _phones(rows: list[Any]) -> None:
    students = sorted({row.student_id for row in rows})
    family: dict[int, dict[str, str]] = defaultdict(dict)
    own = bulkrows.those(GraduateProfile._base_manager, "student_id", students)
    for student, phone, home in own.values_list("student_id", "phone", "home_phone"):
        family[student] |= {plain(home): "家庭"} if home else {}
        family[student] |= {plain(phone): "本人"} if phone else {}
    asked = sorted({plain(value) for row in rows for value in (row.contact_mobile, row.contact_phone) if value})
    staff = User.objects.filter(kind=User.Kind.STAFF, is_active=True).exclude(phone="")
    known = {plain(phone): f"老师{name}" for phone, name in bulkrows.those(staff, "phone", asked).values_list("phone", "name")} if asked else {}  # fmt: skip
    for row in rows:
        row.rule_facts["phones"] = {**known, **family[row.student_id]}


def plain(number: str) -> str:
    """A telephone number as it is compared: digits only."""
    return "".join(character for character in number if character.isdigit())


def _shared(model: type, rows: list[Any]) -> None:
    for field in CONTACTS:
        values = sorted({getattr(row, field) for row in rows if getattr(row, field)})
        if not values:
            continue
        users: dict[str, set[str]] = defaultdict(set)
        held = bulkrows.those(model._base_manager.filter(is_current=True), field, values)
        for value, name in held.values_list(field, "employer_name").distinct():
            users[value].add(name)
        for row in rows:
            value = getattr(row, field)
            if value and (others := sorted(name for name in users[value] if name and name != row.employer_name)):
                row.rule_facts["shared"][field] = others


def _files(rows: list[Any]) -> None:
    by_key = {row.pk: row for row in rows if row.pk}
    held = Evidence._base_manager.filter(record_type=LABEL, removed_at=None)
    found = list(bulkrows.those(held, "record_id", sorted(by_key)).order_by("pk")) if by_key else []
    for one in found:
        by_key[one.record_id].rule_facts["files"].append(one)
    prints = sorted({one.sha256 for one in found})
    if not prints:
        return
    owners: dict[str, set[int]] = defaultdict(set)
    for sha256, record in bulkrows.those(held, "sha256", prints).values_list("sha256", "record_id"):
        owners[sha256].add(record)
    # The same picture saved again: one fingerprint and nearly one size. Pages of one printed form share the fingerprint alone.
    alike: dict[str, list[tuple[int, int]]] = defaultdict(list)
    pictures = sorted({one.phash for one in found if one.phash})
    if pictures:
        for phash, size, record in bulkrows.those(held, "phash", pictures).values_list("phash", "size", "record_id"):
            alike[phash].append((size, record))
    records = {record for group in owners.values() for record in group} | {
        r for pairs in alike.values() for _size, r in pairs
    }
    whose = dict(bulkrows.those(type(rows[0])._base_manager, "id", sorted(records)).values_list("pk", "student_id"))
    for one in found:
        row = by_key[one.record_id]
        near = (
            {record for size, record in alike[one.phash] if abs(size - one.size) <= one.size / 50}
            if one.phash
            else set()
        )
        same = owners[one.sha256] | near
        if any(whose.get(record, row.student_id) != row.student_id for record in same):
            row.rule_facts["twins"].append(one.name)


def _agreements(rows: list[Any]) -> None:
    """Agreements stand above this app; they are asked for by the name of their relation to the student."""
    if "agreements" not in {relation.name for relation in Student._meta.related_objects}:
        return
    students = bulkrows.those(Student._base_manager, "id", sorted({row.student_id for row in rows}))
    found = students.filter(agreements__in_force=True).values_list("pk", "agreements__pk", "agreements__number")
    held = {student: (key, number) for student, key, number in found}
    for row in rows:
        row.rule_facts["agreement"] = held.get(row.student_id)
