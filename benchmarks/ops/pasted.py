"""P7: 2,000 pasted numbers (10 of them unknown) to records in pasted order, the missing listed."""

from __future__ import annotations

import json
import random
from typing import Any

from django.db import connection

from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from exports.selection import Selection
from models.lists.models import PastedList
from models.students.models import GraduateProfile
from workflows.scoping import acting, system


class Pasted(Operation):
    """From the kept list to ids and missing numbers."""

    code = "P7"
    parts = {"": "{n} pasted numbers, order kept, missing listed"}

    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.count = min(2000, place.students // 2)
        self.stock_share = 200 / self.count if self.count > 200 else 1.0

    def prepare(self) -> None:
        with system("benchmark"):
            numbers = list(
                GraduateProfile.objects.filter(cohort__in=running(province=True))
                .values_list("student__number", flat=True)
                .order_by("pk")[:40_000]
            )
            rng = random.Random("pasted")
            chosen = rng.sample(sorted(set(numbers)), self.count - 10) + [f"20999{n:07d}" for n in range(10)]
            rng.shuffle(chosen)
            PastedList.objects.filter(owner=who("school")).delete()
            PastedList.objects.keep(who("school"), "students.graduateprofile", "\n".join(chosen))

    def finish(self) -> None:
        PastedList.objects.filter(owner=who("school")).delete()

    def setup(self, way: str) -> None:
        self.user = who("school")
        kept = PastedList.objects.get(owner=self.user)
        self.key, self.items, self.cohort = kept.key, kept.items, running()
        self.chosen = Selection("students.graduateprofile", self.cohort, pasted=self.key)

    def ours(self, part: str) -> tuple[list[int], list[str]]:
        with acting(self.user):
            _kept, found = self.chosen.found(self.user)
            return found.ids, found.missing

    def stock(self, part: str) -> tuple[list[int], list[str]]:
        ids, missing = [], []
        with system("benchmark"):
            for number in self.items[: int(len(self.items) * self.stock_share)]:
                try:
                    ids.append(GraduateProfile.objects.get(cohort=self.cohort[0], student__number=number).pk)
                except GraduateProfile.DoesNotExist:
                    missing.append(number)
        return ids, missing

    def floor(self, part: str) -> tuple[list[int], list[str]]:
        join = (
            "LEFT JOIN students_student s ON s.cohort_id = %s AND s.number = {} "
            "LEFT JOIN students_graduateprofile p ON p.student_id = s.id"
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                sql = f"SELECT a.n, p.id FROM unnest(%s::text[]) WITH ORDINALITY a(n, i) {join.format('a.n')} ORDER BY a.i"
                cursor.execute(sql, [self.items, self.cohort[0]])
            else:
                sql = f"SELECT a.value, p.id FROM json_each(%s) a {join.format('a.value')} ORDER BY a.key"
                cursor.execute(sql, [json.dumps(self.items), self.cohort[0]])
            rows = cursor.fetchall()
        return [pk for _number, pk in rows if pk], [number for number, pk in rows if not pk]

    def same(self, way: str, result: Any, ours: Any) -> bool:
        ids, missing = result
        return ids == ours[0][: len(ids)] and missing == ours[1][: len(missing)] and len(ids) + len(missing) > 0


OPERATIONS = (Pasted,)
