"""The employer library's doors: looking up, remembering, and what an employer may do at a school."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.utils import timezone

from models.employers import uscc
from models.employers.library import PARTICULARS, PUBLIC_FIELDS, Employer
from models.employers.matters import EmployerAdmission
from models.employers.records import Blacklist
from models.students.names import starting, tidy
from workflows import holding
from workflows.errors import Invalid, NotAllowed, Refused
from workflows.levels import Status

SHORTEST, MOST = 2, 10


@dataclass(frozen=True)
class Known:
    """One row of a look-up: what fills a form. No person's name and no telephone: those are asked of the employer."""

    id: int
    name: str
    uscc: str
    employer_type: str
    industry: str
    region: str
    address: str
    postcode: str


def look_up(text: str, limit: int = MOST) -> list[Known]:
    """Checked employers whose name contains `text` or whose code starts with it: first the names that begin so. From two characters on.

    The library is the same for everybody who may look (students, staff, employers), so this asks without a scope.
    """
    text = tidy(text)[:60].replace("\x00", "")
    if len(text) < SHORTEST:
        return []
    checked = Employer._base_manager.filter(checked_at__isnull=False)
    code = uscc.tidy(text)
    begins = Q(**starting("name", text))
    if len(code) >= 6 and code.isascii() and code.isalnum():
        begins |= Q(**starting("uscc", code))
    found = list(checked.filter(begins).order_by("name").values("pk", *PUBLIC_FIELDS)[:limit])
    if len(found) < limit:
        inside = checked.filter(name__contains=text).exclude(pk__in=[row["pk"] for row in found])
        found += inside.order_by("name").values("pk", *PUBLIC_FIELDS)[: limit - len(found)]
    return [Known(id=row.pop("pk"), **row) for row in found]


def find(code: str = "", name: str = "") -> Employer | None:
    """The library's row for a code; without a code the one of that name that has none either."""
    if code:
        return Employer._base_manager.filter(uscc=uscc.tidy(code)).first()
    return Employer._base_manager.filter(uscc="", name=tidy(name)).first() if name else None


def remember(values: Mapping[str, Any], source: str, by: Any) -> Employer:
    """Keep what an approved agreement, an approved destination, an import or a reviewed account says of an employer.

    A new row is made; of a known one only what is empty is filled in, so that checked data are never overwritten silently. A
    reviewed account (`source` "account") is the employer speaking for itself and does overwrite: a name it had goes among the former
    names. Runs in the caller's transaction. Invalid when neither code nor name can identify the employer.
    """
    given = {name: values[name] for name in PARTICULARS if values.get(name) not in (None, "")}
    code = uscc.tidy(str(values.get("uscc") or ""))
    given["name"] = tidy(str(given.get("name", "")))
    if not given["name"]:
        raise Invalid({"name": "请填写单位名称。"})
    if code and (sentence := uscc.problem(code)):
        raise Invalid({"uscc": sentence})
    row = _locked(code, given["name"])
    if row is None:
        made = Employer(uscc=code, source=source, checked_at=timezone.now(), checked_by=by, **given)
        made._history_user, made._change_reason = by, str(Employer.Source(source).label)
        try:
            with transaction.atomic():
                made.save()
            return made
        except IntegrityError:  # somebody else has just remembered the same employer
            row = _locked(code, given["name"])
            if row is None:
                raise
    _merge(row, given, source, by)
    return row


def _locked(code: str, name: str) -> Employer | None:
    rows = holding.locking(Employer._base_manager.all())
    return rows.filter(uscc=code).first() if code else rows.filter(uscc="", name=name).first()


def _merge(row: Employer, given: dict[str, Any], source: str, by: Any) -> None:
    """Fill what is empty; overwrite for the employer's own reviewed account, and rows that nobody has checked."""
    overwrite = source == Employer.Source.ACCOUNT or not row.is_checked
    changed = {}
    for name, value in given.items():
        old = getattr(row, name)
        if old != value and (overwrite or old == ""):
            changed[name] = value
    if "name" in changed and row.is_checked and row.name not in row.former_names:
        row.former_names = [*row.former_names, row.name]
    if not changed and row.is_checked and source != Employer.Source.ACCOUNT:
        return
    for name, value in changed.items():
        setattr(row, name, value)
    if overwrite:
        row.source, row.checked_at, row.checked_by = source, timezone.now(), by
    row._history_user, row._change_reason = by, str(Employer.Source(source).label)
    row.save()


# -- what an employer may do at a school ----------------------------------------------------------------------------------


def may_act_at(employer: Employer, school: Any) -> Refused | None:
    """Why `employer` may not recruit at `school` (id or School) now; None when it may: reviewed, admitted there, not excluded there.

    The sentence is for the employer; the reason of an exclusion is the school's and is not told here.
    """
    school_id = getattr(school, "pk", school)
    if employer.account_id is None or not employer.is_checked:
        return NotAllowed("单位账号尚未通过审核，审核通过后才能办理。")
    if is_blacklisted(employer, school_id):
        return NotAllowed("该校暂停了贵单位的招聘业务，如有疑问请联系学校就业部门。")
    admitted = EmployerAdmission._base_manager.filter(employer=employer, school_id=school_id, status=Status.APPROVED)
    if not admitted.exists():
        return NotAllowed("贵单位尚未入驻该校，请先申请入驻，学校审核通过后再办理。")
    return None


def is_blacklisted(employer: Employer | int, school_id: int) -> bool:
    """Whether the school excludes the employer today."""
    rows = Blacklist._base_manager.filter(employer=employer, school_id=school_id, lifted_at__isnull=True)
    return rows.exists()


def admitted_schools(employer: Employer) -> models.QuerySet:
    """Ids of the schools where the employer may act now."""
    closed = Blacklist._base_manager.filter(employer=employer, lifted_at__isnull=True).values("school_id")
    open_ = EmployerAdmission._base_manager.filter(employer=employer, status=Status.APPROVED)
    return open_.exclude(school_id__in=closed).values_list("school_id", flat=True)
