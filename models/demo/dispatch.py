"""The demo's papers: archives of the finished year posted, a few still waiting for the school; of the running year the first ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from models.demo.place import Place
from models.dispatch.bulk import OWN
from models.dispatch.models import Dispatch
from models.dispatch.routing import route
from models.outcomes.models import Outcome
from workflows import bulkrows
from workflows.levels import SCHOOL, Status, Verb
from workflows.seeding import Event, Story, replay

MOST = 400
CARRIERS = ("EMS 标准快递", "机要交通", "EMS 标准快递")


def build(places: Sequence[Place], running: int, finished: int) -> None:
    """Make what is missing."""
    for place in places:
        if finished in place.cohorts:
            _year(place, finished, done=True)
        _year(place, running, done=False)


def _year(place: Place, year: int, *, done: bool) -> None:
    cohort = place.cohorts[year]
    if Dispatch._base_manager.filter(cohort=cohort).exists():
        return
    rows = Outcome._base_manager.filter(cohort=cohort, is_current=True, status=Status.APPROVED, student__dispatch=None)
    outcomes = list(rows.select_related("student").order_by("student__number")[: MOST if done else 40])
    ids = bulkrows.new_ids(Dispatch, len(outcomes))
    chance = random.Random(f"{place.school.code}-{year}-papers")
    papers = {pk: _paper(outcome, chance) for pk, outcome in zip(ids, outcomes, strict=True)}
    bulkrows.insert(Dispatch, [
        {**papers[pk], "id": pk, "student_id": one.student_id, "school_id": one.school_id, "cohort_id": one.cohort_id,
         "org_path": one.org_path, "on_roll": one.on_roll, "version": 1, "baseline_version": 1}
        for pk, one in zip(ids, outcomes, strict=True)
    ])  # fmt: skip
    bulkrows.write_history(Dispatch, ids, by=None, reason="演示数据", kind="+")
    stories = {
        pk: _story(place, one, papers[pk], chance, place_in, done=done)
        for place_in, (pk, one) in enumerate(zip(ids, outcomes, strict=True))
    }
    replay(Dispatch, stories, (SCHOOL,))


def _paper(outcome: Outcome, chance: random.Random) -> dict[str, Any]:
    """Where the papers go, as the destination suggests, with an address that receives them."""
    found = route(outcome)
    values = {name: getattr(found, name, "") for name in OWN if isinstance(getattr(found, name, None), str)}
    return values | {
        "archive_unit": found.archive_unit or "示例区公共就业人才服务中心", "archive_address": found.archive_address or "示例区人民路1号",
        "archive_department": "档案室", "archive_contact": chance.choice("王李张刘陈") + "老师", "archive_phone": "023-99000001",
        "archive_postcode": "999000", "household_transfer": "0",
    }  # fmt: skip


def _story(
    place: Place, outcome: Outcome, paper: dict[str, Any], chance: random.Random, number: int, *, done: bool
) -> Story:
    """Checked by the student, mostly approved, and posted where the year is over."""
    student, now = outcome.student, timezone.now()
    at = now - timedelta(days=chance.randrange(40, 90) if done else chance.randrange(3, 12))
    events = [Event(Verb.SUBMIT, Status.PENDING_SCHOOL, at, (student.user_id, student.name))]
    values: dict[str, Any] = {"confirmed_at": at}
    if number % 10 < (9 if done else 4):
        held, decided = f"{place.school.pk}/", at + timedelta(days=1)
        events.append(
            Event(Verb.APPROVE, Status.APPROVED, decided, (place.head.pk, place.head.name), SCHOOL, held, (), "")
        )
        if done:
            values |= {
                "posted_on": (decided + timedelta(days=7)).date(), "parcel_number": f"10990{number:08d}", "parcel_carrier": CARRIERS[number % 3],
                "transfer_number": f"{place.school.code}{outcome.cohort_id:03d}{number:05d}",
            }  # fmt: skip
    return Story(outcome.org_path, events, values)
