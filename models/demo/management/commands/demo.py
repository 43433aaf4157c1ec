"""`manage.py demo`: a fictional province, idempotent; `--students N` makes any size for benchmarks."""

from __future__ import annotations

import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from models.codes.models import Code
from models.demo import affairs, dispatch, employers, outcomes, place, rates, recommendations, reporting, roll, signing
from models.demo.people import Inventor, province
from models.jobs.upkeep import refresh_statistics
from models.organisation.models import School
from models.students.models import Student
from workflows.scoping import system

RUNNING, FINISHED = 2027, 2026
DEFAULT, LEAST, MOST = 3000, 200, 1_000_000
PER_SCHOOL = 10_000


class Command(BaseCommand):
    """Make what is missing of the demo data; run again, it adds nothing that is there."""

    help = (
        "Demo data: a fictional province with 嘉陵大学 and 缙云学院, demo accounts, students in every state of review."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--students",
            type=int,
            default=DEFAULT,
            help="students of the running cohort over all schools (default 3000, up to a million)",
        )

    def handle(self, *args: Any, students: int, **options: Any) -> None:
        if not LEAST <= students <= MOST:
            raise CommandError(
                f"示例数据的学生人数应在 {LEAST} 到 {MOST} 之间：再少就没有足够的学生走到签约和去向登记。"
            )
        started = time.perf_counter()
        with system("the demo command makes the data of a whole province"):
            if not Code.objects.exists():
                call_command("load_codes", verbosity=0)
            made = self._build(students)
        refresh_statistics()
        self.stdout.write(f"演示数据就绪：本次新增学生 {made} 人，用时 {time.perf_counter() - started:.1f} 秒。")

    def _build(self, students: int) -> int:
        data = province()
        place.province_office()
        names = Inventor(data, "staff")
        main, small = (
            place.build(spec, (RUNNING, FINISHED), [names.person(100 * k + i).name for i in range(40)])
            for k, spec in enumerate(data["schools"])
        )
        before = Student.objects.count()
        for one in (main, small):
            place.settings_of(one, RUNNING)
        share = min(students, max(DEFAULT, PER_SCHOOL))
        self._fill(main, RUNNING, share, data)
        self._fill(main, FINISHED, min(600, students), data, finished=True)
        self._fill(small, RUNNING, min(240, students), data)
        self._more_schools(students - share, data)
        affairs.demo_student(main, RUNNING)
        affairs.requests(main, RUNNING)
        affairs.transfers(main, RUNNING)
        for one in (main, small):
            affairs.roll_changes(one)
        if students <= PER_SCHOOL:
            employers.build([main, small], RUNNING)
            roll.refresh_rules([main, small], students * 2)
            recommendations.build([main], FINISHED, finished=True)
            recommendations.build([main, small], RUNNING)
            outcomes.build([main, small], FINISHED, finished=True)
            outcomes.build([main, small], RUNNING)
            signing.build([main, small], RUNNING)
            dispatch.build([main, small], RUNNING, FINISHED)
            reporting.build([main], FINISHED)
            rates.build([main, small], RUNNING, FINISHED)
        return Student.objects.count() - before

    def _fill(self, one: place.Place, year: int, count: int, data: dict[str, Any], *, finished: bool = False) -> None:
        have = Student.objects.filter(cohort=one.cohorts[year]).count()
        if have < count:
            roll.Roll(one, year, Inventor(data, f"{one.school.code}-{year}"), finished=finished).write(
                have, count - have
            )

    def _more_schools(self, missing: int, data: dict[str, Any]) -> None:
        """Sizes beyond one school's: further schools of 10,000 students each, like the first one."""
        number = 0
        while missing > 0:
            number += 1
            spec = {
                **data["schools"][0],
                "code": f"{20000 + number}",
                "name": f"示例大学{number}",
                "short_name": f"示例{number}",
                "main": False,
            }
            names = Inventor(data, f"staff-{number}")
            one = place.build(spec, (RUNNING,), [names.person(i).name for i in range(40)])
            self._fill(one, RUNNING, min(PER_SCHOOL, missing), data)
            self.stdout.write(f"{School.objects.count()} 所学校，{Student.objects.count()} 名学生")
            missing -= PER_SCHOOL
