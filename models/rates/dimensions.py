"""By what figures can be broken down: facts of the graduate (with a denominator each) and facts of the destination (a share of all)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Left
from django.db.models.lookups import Exact

from models.codes.lookup import table
from models.organisation.models import Major, OrgUnit, School

BLANK = "-"  # the bucket of those for whom nothing is recorded
CURRENT = "current"  # alias of the joined current destination; see figures.joined


@dataclass(frozen=True)
class Dimension:
    """`expression` gives the bucket of a graduate, over `figures.joined`: a key of `names_from`, or a code of `code_table`."""

    key: str
    label: str
    expression: Any
    of_outcome: bool = False
    names_from: type[models.Model] | None = None
    code_table: str = ""
    province: bool = False

    def value(self) -> Any:
        """The expression with one value ("" or 0) where nothing is recorded."""
        return Coalesce(self.expression, Value(0 if self.names_from else ""))

    def condition(self, bucket: str) -> Q:
        """The graduates of a bucket. ValueError for what is no bucket of this dimension."""
        if self.names_from:
            if bucket != BLANK and not (bucket.isascii() and bucket.isdigit() and len(bucket) < 19):
                raise ValueError(bucket)
            return Q(Exact(self.value(), 0 if bucket == BLANK else int(bucket)))
        return Q(Exact(self.value(), "" if bucket == BLANK else bucket))

    def described(self, buckets: Iterable[str]) -> dict[str, tuple[Any, str, str]]:
        """bucket → (place in the order, name, code); one query where the names stand in a table of their own."""
        found: dict[str, tuple[Any, str, str]] = {BLANK: ((1,), "未填写", "")}
        if self.names_from is Major:
            rows = Major.objects.filter(pk__in=[b for b in buckets if b != BLANK]).select_related("college")
            for row in rows:
                found[str(row.pk)] = ((0, row.college.order, row.college.name, row.code, str(row)), str(row), row.code)
        elif self.names_from is School:
            for pk, code, name in School.objects.filter(pk__in=[b for b in buckets if b != BLANK]).values_list(
                "pk", "code", "name"
            ):
                found[str(pk)] = ((0, code), name, code)
        elif self.names_from:
            units = OrgUnit.objects.filter(pk__in=[b for b in buckets if b != BLANK])
            for pk, path, order, name, code in units.values_list("pk", "path", "order", "name", "code"):
                found[str(pk)] = ((0, path.count("/"), order, name), name, code)
        else:
            known = table(self.code_table)
            for bucket in buckets:
                entry = known.get(f"{bucket}0000" if self.province else bucket)
                found.setdefault(
                    bucket, ((0, entry.order if entry else 10**6, bucket), entry.name if entry else bucket, bucket)
                )
        return found


def _code(key: str, label: str, path: str, code_table: str, *, of_outcome: bool = False) -> Dimension:
    return Dimension(key, label, F(path), code_table=code_table, of_outcome=of_outcome)


def _province(key: str, label: str, path: str, *, of_outcome: bool = False) -> Dimension:
    return Dimension(key, label, Left(path, 2), code_table="region", province=True, of_outcome=of_outcome)


DIMENSIONS = {
    one.key: one
    for one in (
        Dimension("school", "学校", F("school_id"), names_from=School),
        Dimension("college", "学院", F("major__college_id"), names_from=OrgUnit),
        Dimension("major", "专业", F("major_id"), names_from=Major),
        Dimension("class", "班级", F("unit_id"), names_from=OrgUnit),
        _code("degree", "学历", "degree", "degree_level"),
        _code("sex", "性别", "sex", "gender"),
        _code("hardship", "困难生类别", "graduateprofile__hardship", "hardship"),
        _province("origin", "生源地（省）", "graduateprofile__origin_region"),
        _code("category", "毕业去向", f"{CURRENT}__category", "outcome_category", of_outcome=True),
        _code("employer_type", "单位性质", f"{CURRENT}__employer_type", "employer_type", of_outcome=True),
        _code("industry", "单位行业", f"{CURRENT}__industry", "industry", of_outcome=True),
        _province("region", "单位所在地（省）", f"{CURRENT}__region", of_outcome=True),
    )
}
