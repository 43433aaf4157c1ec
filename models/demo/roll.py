"""The demo's students and their records in every state of review, with returns, changes and requests behind them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from models.accounts.models import User
from models.demo.people import Inventor, Person
from models.demo.place import Place
from models.organisation.models import Major, OrgUnit
from models.students.bulk import NewStudent, write_students
from models.students.models import GraduateProfile
from workflows import bulkrows, rules
from workflows.levels import COLLEGE, COUNSELOR, LEVELS, PROVINCE, SCHOOL, Status, Verb
from workflows.seeding import Event, Story, replay

CHUNK = 2000
LEVELS_PASSED = (COUNSELOR, COLLEGE, SCHOOL, PROVINCE)
# Shares of the running cohort, late in November: most have submitted, a third is through.
SHARES = {
    Status.DRAFT: 14, Status.PENDING_COUNSELOR: 14, Status.PENDING_COLLEGE: 17, Status.PENDING_SCHOOL: 11, Status.PENDING_PROVINCE: 2,
    Status.APPROVED: 36, Status.RETURNED: 6,
}  # fmt: skip
PENDING_AT = {
    COUNSELOR: Status.PENDING_COUNSELOR,
    COLLEGE: Status.PENDING_COLLEGE,
    SCHOOL: Status.PENDING_SCHOOL,
    PROVINCE: Status.PENDING_PROVINCE,
}


class Roll:
    """Writes the students `first` … `first + count - 1` of one school and cohort."""

    def __init__(self, place: Place, year: int, inventor: Inventor, *, finished: bool = False) -> None:
        self.place, self.year, self.inventor, self.finished = place, year, inventor, finished
        self.cohort = place.cohorts[year]
        self.today = timezone.now()

    def write(self, first: int, count: int) -> None:
        """Write them in chunks, each a transaction of its own."""
        for start in range(first, first + count, CHUNK):
            with transaction.atomic():
                self._chunk(range(start, min(start + CHUNK, first + count)))

    def _chunk(self, numbers: range) -> None:
        places = [self.place.classes[n * 7 % len(self.place.classes)] for n in numbers]
        people = [self.inventor.person(n) for n in numbers]
        new = [
            self._student(n, person, unit, major)
            for n, person, (unit, major) in zip(numbers, people, places, strict=True)
        ]
        made = write_students(self.place.school, new, reason="导入")
        stories = {
            ids.profile: self._story(n, ids, unit, person)
            for n, ids, (unit, _major), person in zip(numbers, made, places, people, strict=True)
        }
        replay(GraduateProfile, stories, LEVELS_PASSED)

    def _student(self, n: int, person: Person, unit: OrgUnit, major: Major) -> NewStudent:
        rng = random.Random(f"roll-{self.year}-{n}")
        # Who waits at the province has something its rules stop at: here, a graduation month outside the graduation year.
        odd = self._status(n) == Status.PENDING_PROVINCE
        return NewStudent(
            student={
                "cohort_id": self.cohort.pk, "major_id": major.pk, "unit_id": unit.pk, "number": f"{self.year - 4}{50000 + n:07d}",
                "name": person.name, "sex": person.sex, "id_type": "1", "id_number": person.id_number, "birth_date": person.birth_date,
                "exam_number": f"{self.year % 100 - 4:02d}99{n:010d}", "nation": person.nation, "degree": "31", "study_length": "4",
                "training_mode": person.training_mode, "sponsor": person.sponsor, "enrol_year": self.year - 4, "grad_year": self.year,
                "grad_month": f"{self.year - 1}12" if odd else f"{self.year}06",
                "roll_status": rng.choices(["01", "02", "03"], [985, 10, 5])[0],
            },
            profile={
                "political_status": person.political_status, "origin_region": person.origin_region, "urban_rural": person.urban_rural,
                "hardship": person.hardship, "teacher_training": "1" if "师范" in self._college(unit) else "2", "phone": person.phone,
                "email": f"{self.year - 4}{50000 + n}@example.edu.cn", "home_address": person.address, "home_postcode": "400000",
                "household_moved": False, "archive_moved": True, "marital": "10", "health": "1",
            },
        )  # fmt: skip

    def _college(self, unit: OrgUnit) -> str:
        return unit.parent.parent.name

    # -- what happened ----------------------------------------------------------------------------------------------------

    def _status(self, n: int) -> Status:
        """What has become of student `n`'s record by now."""
        return (
            Status.APPROVED
            if self.finished
            else random.Random(f"{self.year}-{n}").choices(list(SHARES), list(SHARES.values()))[0]
        )

    def _story(self, n: int, ids: Any, unit: OrgUnit, person: Person) -> Story:
        rng, status = random.Random(f"story-{self.year}-{n}"), self._status(n)
        days = 380 if self.finished else 20
        clock = _clock(rng, self.today - timedelta(days=days + 1), days)
        me = (ids.user, person.name)
        events: list[Event] = []
        if status != Status.DRAFT:
            events += self._rounds(rng, unit, me, clock, status)
        story = Story(unit.path, events, {"rules_stamp": "", **self._changes(rng, person, status)})
        return story

    def _rounds(
        self, rng: random.Random, unit: OrgUnit, me: tuple[int, str], clock: Iterator[datetime], status: Status
    ) -> list[Event]:
        events: list[Event] = []
        returned = (
            (rng.randrange(1, 3) if rng.random() < 0.3 else 1)
            if status == Status.RETURNED
            else int(rng.random() < 0.08)
        )
        for number in range(returned):
            events += self._passed(unit, me, clock, upto=rng.choice((COUNSELOR, COLLEGE)))
            level = COUNSELOR if events[-1].to == Status.PENDING_COUNSELOR else COLLEGE
            reasons = rng.choice(self.inventor.data["return_reasons"])
            events.append(
                self._by_staff(Verb.RETURN, Status.RETURNED, level, unit, next(clock), reasons=tuple(reasons))
            )
            if status == Status.RETURNED and number == returned - 1:
                return events
        if status == Status.APPROVED:
            events += self._passed(unit, me, clock, upto=SCHOOL)
            events.append(self._by_staff(Verb.APPROVE, Status.PENDING_PROVINCE, SCHOOL, unit, next(clock)))
            events.append(Event(Verb.APPROVE, Status.APPROVED, next(clock), None, PROVINCE, opinion="规则检查全部通过"))
            return events
        upto = next(level for level, pending in PENDING_AT.items() if pending == status)
        return events + self._passed(unit, me, clock, upto=upto)

    def _passed(self, unit: OrgUnit, me: tuple[int, str], clock: Iterator[datetime], upto: str) -> list[Event]:
        """Submitted and approved by every level below `upto`."""
        events = [Event(Verb.SUBMIT, Status.PENDING_COUNSELOR, next(clock), me)]
        for level in LEVELS[: LEVELS.index(upto)]:
            events.append(
                self._by_staff(Verb.APPROVE, PENDING_AT[LEVELS[LEVELS.index(level) + 1]], level, unit, next(clock))
            )
        return events

    def _by_staff(
        self, verb: Verb, to: Status, level: str, unit: OrgUnit, at: datetime, reasons: tuple[str, ...] = ()
    ) -> Event:
        who: dict[str, tuple[User, str]] = {
            COUNSELOR: (self.place.counselors[unit.pk], unit.parent.path), COLLEGE: (self.place.colleges[unit.pk], unit.parent.parent.path),
            SCHOOL: (self.place.head, self.place.school.path),
        }  # fmt: skip
        user, path = who[level]
        return Event(verb, to, at, (user.pk, user.name), level, path, reasons)

    def _changes(self, rng: random.Random, person: Person, status: Status) -> dict[str, Any]:
        """Some students changed their phone, place of origin or address before submitting; the reviewer sees old and new."""
        if status == Status.DRAFT or self.finished or rng.random() > 0.25:
            return {}
        phone = f"199{rng.randrange(10**8):08d}"
        changes: dict[str, list[Any]] = {"phone": [person.phone, phone]}
        values: dict[str, Any] = {"phone": phone}
        if rng.random() < 0.3:
            region = rng.choice([r for r in self.inventor.data["regions"] if r != person.origin_region])
            changes["origin_region"], values["origin_region"] = [person.origin_region, region], region
        return values if status == Status.APPROVED else {**values, "changes": changes}


def _clock(rng: random.Random, start: datetime, days: int) -> Iterator[datetime]:
    """Rising moments between `start` and `days` later, in working hours as far as the time suffices."""
    end = start + timedelta(days=days)
    at = start + timedelta(hours=rng.randrange(0, 10))
    while True:
        at += timedelta(days=rng.uniform(0.1, days / 12))
        local = timezone.localtime(at)
        if not 8 <= local.hour < 18:
            day = local if local.hour < 8 else local + timedelta(days=1)
            at = day.replace(hour=rng.randrange(8, 12), minute=rng.randrange(60))
        if at > end:
            at = end = end + timedelta(seconds=1)
        yield at


def refresh_rules(places: list[Place], limit: int) -> None:
    """Work the rules out for up to `limit` records, so that the demo shows findings before anybody has acted."""
    rows = list(
        GraduateProfile.objects.filter(school__in=[p.school for p in places], rules_stamp="")
        .select_related("student__major")
        .order_by("pk")[:limit]
    )
    for row in rows:
        rules.refresh(row)
    found = {row.pk: {"findings": row.findings, "worst": row.worst, "rules_stamp": row.rules_stamp} for row in rows}
    bulkrows.update(GraduateProfile, found)


__all__ = ["Roll", "refresh_rules"]
