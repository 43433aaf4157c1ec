"""统计快照: figures frozen together with the facts they were counted from, so that they can be recomputed to the same value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import Cohort, OrgUnit
from models.rates.dimensions import CURRENT
from models.rates.figures import Line, Question, joined
from models.rates.formulas import FORMULAS
from models.rates.models import RateSnapshot, SnapshotRow
from workflows.errors import Invalid, NotAllowed

FACTS = {
    "number": F("number"),
    "degree": F("degree"),
    "sex": F("sex"),
    "major": F("major_id"),
    "hardship": F("graduateprofile__hardship"),
    "origin": F("graduateprofile__origin_region"),
    "category": F(f"{CURRENT}__category"),
    "employer_type": F(f"{CURRENT}__employer_type"),
    "industry": F(f"{CURRENT}__industry"),
    "region": F(f"{CURRENT}__region"),
}
BATCH = 2000


def _facts(question: Question) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """(student key, org path, facts) of every graduate of the question, in the order of the keys; groups as the formula says now."""
    version = question.version
    rows = joined(question).order_by("pk").annotate(**{f"fact_{name}": value for name, value in FACTS.items()})
    names = [f"fact_{name}" for name in FACTS]
    for pk, path, *values in rows.values_list("pk", "org_path", *names).iterator(BATCH):
        facts = {name: value or "" for name, value in zip(FACTS, values, strict=True)}
        yield pk, path, facts | {"group": version.group_of(facts["category"])}


def digest(rows: Iterable[tuple[int, str, dict[str, Any]]]) -> str:
    """SHA-256 over the rows in the order of the student keys."""
    found = hashlib.sha256()
    for row in rows:
        found.update(json.dumps(row, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return found.hexdigest()


def _line(facts: Iterable[dict[str, Any]], version: Any) -> Line:
    line = Line()
    for one in facts:
        line.add(one["category"], 1, version, one["group"])
    return line


def _totals(line: Line) -> dict[str, Any]:
    return {"parts": dict(sorted(line.parts.items())), "codes": dict(sorted(line.codes.items()))}


def take(question: Question, title: str, *, by: Any, request: Any = None) -> RateSnapshot:
    """Freeze the answer to `question` for one cohort. Raises NotAllowed and Invalid (field → sentence)."""
    if by is not None and not by.has_perm("rates.add_ratesnapshot"):
        raise NotAllowed("您没有生成统计快照的权限，请联系本校管理员。")
    title = title.strip()
    if not title or len(title) > 60 or "\x00" in title:
        raise Invalid({"title": "请填写快照名称，不超过 60 个字。"})
    if len(question.cohort_ids) != 1:
        raise Invalid({"title": "快照按一所学校的一届生成，请先选定学校。"})
    cohort = Cohort.objects.select_related("school").get(pk=question.cohort_ids[0])
    path = question.unit or f"{cohort.school_id}/"
    with transaction.atomic():
        rows = list(_facts(question))
        line = _line((facts for _pk, _path, facts in rows), question.version)
        snapshot = RateSnapshot.objects.create(
            school=cohort.school, cohort=cohort, org_path=path, unit_name=_name(cohort, question.unit), title=title,
            formula=question.formula, basis=question.basis, population=question.population,
            cutoff=question.cutoff or timezone.localdate(), denominator=line.denominator, numerator=line.numerator,
            totals=_totals(line), digest=digest(rows), taken_by=by,
        )  # fmt: skip
        SnapshotRow.objects.bulk_create(
            (SnapshotRow(snapshot=snapshot, student_id=pk, org_path=where, facts=facts) for pk, where, facts in rows),
            batch_size=BATCH,
        )
        record(Action.SNAPSHOT, request=request, obj=snapshot, title=title, rows=len(rows))
    return snapshot


def _name(cohort: Cohort, unit: str) -> str:
    if unit.count("/") > 1:
        return OrgUnit.objects.filter(path=unit).values_list("name", flat=True).first() or str(cohort.school)
    return str(cohort.school)


def stored_rows(snapshot: RateSnapshot) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The frozen rows, in the order of the digest."""
    rows = SnapshotRow.objects.filter(snapshot=snapshot).order_by("student_id")
    return rows.values_list("student_id", "org_path", "facts").iterator(BATCH)


def recompute(snapshot: RateSnapshot) -> Line:
    """The figures, counted again from the frozen rows."""
    return _line((facts for _pk, _path, facts in stored_rows(snapshot)), FORMULAS[snapshot.formula])


def faults(snapshot: RateSnapshot) -> Iterator[str]:
    """What no longer holds of a snapshot, in words; nothing for a sound one."""
    if digest(stored_rows(snapshot)) != snapshot.digest:
        yield "明细与生成时的内容指纹不符，可能被改动"
    line = recompute(snapshot)
    if (line.denominator, line.numerator, _totals(line)) != (
        snapshot.denominator,
        snapshot.numerator,
        snapshot.totals,
    ):
        yield f"按明细重新计算为 {line.numerator}/{line.denominator}，与保存的 {snapshot.numerator}/{snapshot.denominator} 不一致"
