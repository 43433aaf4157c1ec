"""P4: the college approves 5,000 records at once, with log and history; and the same where every stored finding is out of date."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from benchmarks import extra
from benchmarks.measure import Operation
from benchmarks.ops.people import who
from benchmarks.stock.review import approve_each
from models.organisation.models import OrgUnit
from models.students.models import GraduateProfile
from workflows import bulkrows, rules
from workflows.batch import perform_many
from workflows.levels import Status, Verb
from workflows.scoping import acting, system


class Approve(Operation):
    """Pending at the college → pending at the school."""

    code = "P4"
    parts = {
        "": "batch approve {n}, with log and history",
        "one": "the same, stock in one transaction",
        "stale": "the same, every stored rule finding out of date",
    }
    warm = False

    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.count = min(5000, place.students)
        self.stock_share = 500 / self.count if self.count > 500 else 1.0

    def prepare(self) -> None:
        with system("benchmark"):
            college = OrgUnit.objects.get(pk=who("college").appointments[0].unit_id)
            ids = extra.enrol(self.count, unit=college)
            rows = list(GraduateProfile.objects.filter(pk__in=ids).select_related("student__major"))
            for row in rows:
                rules.refresh(row)
            with transaction.atomic():
                found = {
                    row.pk: {"findings": row.findings, "worst": row.worst, "rules_stamp": row.rules_stamp}
                    for row in rows
                }
                bulkrows.update(GraduateProfile, found)

    def finish(self) -> None:
        with system("benchmark"):
            extra.clear()

    def setup(self, way: str) -> None:
        with system("benchmark"):
            self.by = who("college")
            self.cohort = extra.cohort()
            self.ids = list(
                GraduateProfile.objects.filter(cohort=self.cohort).order_by("pk").values_list("pk", flat=True)
            )
            self.stamp = GraduateProfile.rules_stamp_now()

    def reset(self, way: str, part: str) -> None:
        """All of them wait at the college again, without log; their history is what their making wrote."""
        condition, parameter = bulkrows.among(self.ids)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM workflows_reviewlog WHERE object_id {condition}", [parameter])
            cursor.execute(
                f"DELETE FROM students_historicalgraduateprofile WHERE id {condition} AND history_type = '~'",
                [parameter],
            )
            cursor.execute(
                "UPDATE students_graduateprofile SET status = %s, levels = %s, version = 2, rules_stamp = %s WHERE cohort_id = %s",
                [
                    Status.PENDING_COLLEGE.value,
                    "counselor,college,school,province",
                    "" if part == "stale" else self.stamp,
                    self.cohort.pk,
                ],
            )

    def ours(self, part: str) -> int:
        with acting(self.by):
            rows = GraduateProfile.objects.filter(cohort=self.cohort, status=Status.PENDING_COLLEGE)
            return len(perform_many(rows, Verb.APPROVE, by=self.by).done)

    def stock(self, part: str) -> int:
        share = self.ids[: int(len(self.ids) * self.stock_share)]
        with system("benchmark"):
            rows = GraduateProfile.objects.filter(pk__in=share)
            if part != "one":
                return approve_each(rows, self.by)
            with transaction.atomic():
                return approve_each(rows, self.by)

    def floor(self, part: str) -> int:
        condition, parameter = bulkrows.among(self.ids)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE students_graduateprofile SET status = %s WHERE id {condition}",
                [Status.PENDING_SCHOOL.value, parameter],
            )
            return cursor.rowcount

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result == ours if way == "floor" else result == int(ours * self.stock_share)


OPERATIONS = (Approve,)
