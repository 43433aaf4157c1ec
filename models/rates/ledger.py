"""就业跟踪台账 as a table of its own (就业动态统计表): how many are not placed, how many of them were contacted lately, what was offered."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count, Max, Q, Sum

from models.rates.dimensions import DIMENSIONS
from models.rates.figures import COUNTED, Question, in_cell, population
from models.rates.models import FollowUp

DAYS = 30  # 困难毕业生 are to be contacted within thirty days (standards R34)


@dataclass
class Row:
    """One major: graduates, not placed, of these contacted within DAYS, never contacted; contacts and jobs offered in all."""

    bucket: str
    name: str = ""
    graduates: int = 0
    open: int = 0
    recent: int = 0
    never: int = 0
    contacts: int = 0
    jobs: int = 0

    @property
    def percent(self) -> int:
        """Share of those not placed who were contacted within DAYS, rounded down."""
        return 100 * self.recent // self.open if self.open else 100


def contacted_since(day: date) -> Q:
    """Students with an entry in the ledger on or after `day`."""
    return Q(pk__in=FollowUp.objects.filter(contacted_on__gte=day).values("student"))


def ever_contacted() -> Q:
    """Students with any entry."""
    return Q(pk__in=FollowUp.objects.values("student"))


def dynamic_table(question: Question, today: date) -> list[Row]:
    """One row per major within the scope in force, in the order of the organisation; four statements whatever the number."""
    dimension = DIMENSIONS["major"]
    rows: dict[str, Row] = defaultdict(lambda: Row(""))
    for bucket, number in population(question).values_list("major_id").annotate(n=Count("pk")):
        rows[str(bucket)].graduates = rows[str(bucket)].open = number
    placed = in_cell(question, part=COUNTED).values_list("major_id").annotate(n=Count("pk"))
    for bucket, number in placed:
        rows[str(bucket)].open -= number
    since = today - timedelta(days=DAYS)
    counted = in_cell(question, part=COUNTED).values("pk")
    followed = (
        FollowUp.objects.filter(student__in=population(question).values("pk"))
        .values("student", "student__major_id")
        .annotate(n=Count("pk"), offered=Sum("jobs_offered"), last=Max("contacted_on"), placed=Count("pk", filter=Q(student__in=counted)))
        .order_by()
    )  # fmt: skip
    reached: dict[str, int] = defaultdict(int)
    for one in followed:
        row = rows[str(one["student__major_id"])]
        row.contacts += one["n"]
        row.jobs += one["offered"] or 0
        if not one["placed"]:
            reached[str(one["student__major_id"])] += 1
            row.recent += one["last"] >= since
    described = dimension.described(rows)
    for bucket, row in rows.items():
        row.bucket, row.name = bucket, described[bucket][1] if bucket in described else "（不在管辖范围）"
        row.never = row.open - reached[bucket]
    return sorted(rows.values(), key=lambda row: described.get(row.bucket, ((2,), "", ""))[0])
