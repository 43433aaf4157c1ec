"""The demo's figures: a frozen rate of the finished year, a progress report half filled in, and a ledger of help given."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from models.accounts.models import StaffAppointment, User
from models.demo.place import Place
from models.rates import snapshots
from models.rates.dimensions import DIMENSIONS
from models.rates.figures import NOT_COUNTED, breakdown, default_question, in_cell
from models.rates.models import FollowUp, ProgressEntry, ProgressItem, RateSnapshot

HELP = (
    "推荐 2 个对口岗位，约定下周反馈",
    "修改简历并模拟面试",
    "介绍参加就业见习",
    "联系校友企业内推",
    "指导报考公务员并提供资料",
)
SITUATIONS = ("seeking", "seeking", "offered", "exam", "waiting", "unreached")


def build(places: Sequence[Place], running: int, finished: int) -> None:
    """Make what is missing at the schools that have both years."""
    for place in places:
        if finished in place.cohorts:
            _snapshot(place, finished)
        _progress(place, running)
        _ledger(place, running)


def _snapshot(place: Place, year: int) -> None:
    cohort = place.cohorts[year]
    if not RateSnapshot.objects.filter(cohort=cohort).exists():
        snapshots.take(default_question(cohort.school_id, cohort), f"{year}届初次落实率", by=None)


def _progress(place: Place, year: int) -> None:
    cohort, today = place.cohorts[year], timezone.localdate()
    if ProgressItem.objects.filter(cohort=cohort).exists():
        return
    item = ProgressItem.objects.create(
        school=cohort.school, cohort=cohort, title=f"{year}届就业进展（第一次）", opens_on=today - timedelta(days=7),
        closes_on=today + timedelta(days=14), note="请各学院按专业填报；已落实人数以系统登记为准，差异请在说明中写明。", created_by=place.head,
    )  # fmt: skip
    lines = breakdown(default_question(cohort.school_id, cohort), DIMENSIONS["major"])
    for line in lines[: len(lines) // 2]:
        ProgressEntry.objects.create(
            item=item, major_id=int(line.bucket), graduates=line.denominator, placed=line.numerator,
            in_talks=(line.denominator - line.numerator) // 5, helped=(line.denominator - line.numerator) // 8,
            situation="秋招进行中，重点帮扶困难毕业生。", reported_by=place.head,
        )  # fmt: skip


def _ledger(place: Place, year: int) -> None:
    cohort, today, chance = (
        place.cohorts[year],
        timezone.localdate(),
        random.Random(f"{place.school.code}-{year}-ledger"),
    )
    if FollowUp.objects.filter(student__cohort=cohort).exists():
        return
    question = default_question(cohort.school_id, cohort)
    students = list(in_cell(question, part=NOT_COUNTED).order_by("number")[:400])
    staff = _counselors(place)
    rows = [
        FollowUp(
            student=student, contacted_on=today - timedelta(days=chance.randrange(60)), way=chance.choice(FollowUp.Way.values[:3]),
            situation=chance.choice(SITUATIONS), help_given=chance.choice(HELP), jobs_offered=chance.randrange(4),
            wish=chance.choice(("生源地中小学教师", "软件开发", "考研", "公务员", "")), by=staff.get(student.org_path, place.head),
        )
        for student in chance.sample(students, min(len(students), 120))
    ]  # fmt: skip
    FollowUp.objects.bulk_create(rows)


def _counselors(place: Place) -> dict[str, User]:
    rows = StaffAppointment.objects.filter(unit__school=place.school, level="counselor").select_related("user", "unit")
    return {row.unit.path: row.user for row in rows}
