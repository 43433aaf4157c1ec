"""P3: 2,000 and 100,000 records × 45 columns to .xlsx, names for codes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import connection

from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from benchmarks.stock import resources
from exports.columns import vocabulary
from exports.exporting.plan import of_columns
from exports.selection import Selection
from models.jobs.files import remove_private
from models.releases.models import ExportRecord
from models.students.models import GraduateProfile
from workflows.scoping import acting, system

COLUMNS = 45


class Export(Operation):
    """From the selection to the stored file, on record and in the audit trail."""

    code = "P3"
    parts = {"": "export {n} × 45 columns, names for codes"}

    def __init__(self, place: Any, count: int = 2000) -> None:
        super().__init__(place)
        self.count = min(count, place.students)
        self.large = count > 2000
        self.code = "P3 100k" if self.large else "P3"
        self.warm = not self.large
        self.sample = min(self.count, 4000 if self.large else 500)
        self.stock_share = self.sample / self.count

    @classmethod
    def variants(cls, place: Any) -> list[Operation]:
        """2,000 rows, and 100,000 at the larger sizes."""
        return [cls(place), cls(place, 100_000)] if place.students >= 100_000 else [cls(place)]

    def setup(self, way: str) -> None:
        from exports.exporting import engine
        from exports.sheets import writer  # noqa: F401  — loaded before the clock starts, as in a process that has exported before

        self.engine = engine
        self.by = who("province")
        self.path = Path(tempfile.gettempdir()) / f"qihang-bench-{way}-{self.place.engine}-{self.place.size}.xlsx"
        with system("benchmark"):
            self.columns = list(vocabulary(GraduateProfile).values())[:COLUMNS]
            self.cohorts = running(province=True)
            if self.large:  # the main school, and at a million nine of the others: 10,000 each
                self.cohorts = (self.cohorts[:1] + self.cohorts[2:])[:10]
                self.rows = GraduateProfile.objects.filter(cohort__in=self.cohorts).order_by("pk")
            else:
                rows = GraduateProfile.objects.filter(cohort=running()[0]).order_by("pk")
                self.ids = tuple(rows.values_list("pk", flat=True)[: self.count])
                self.rows = rows.filter(pk__lte=self.ids[-1])

    def reset(self, way: str, part: str) -> None:
        for record in ExportRecord._base_manager.filter(owner=self.by):
            remove_private(record.file.name if hasattr(record.file, "name") else record.file)
            record.delete()
        self.path.unlink(missing_ok=True)

    def ours(self, part: str) -> int:
        chosen = Selection("students.graduateprofile", self.cohorts, roll="all")
        if not self.large:
            chosen = chosen.picking(self.ids)
        with acting(self.by):
            return self.engine.export(chosen, self.by, columns=[column.name for column in self.columns]).rows

    def stock(self, part: str) -> int:
        with system("benchmark"):
            return resources.export_file(self.rows[: self.sample], self.columns, self.path)

    def floor(self, part: str) -> int:
        """The stored values as the database gives them, written as they are."""
        import rustpy_xlsxwriter

        with system("benchmark"):
            sql, parameters = self.rows.values_list(*of_columns(self.columns).sources).query.sql_with_params()
        count = 0

        def rows(cursor: Any) -> Iterator[dict[str, str]]:
            nonlocal count
            names = [column.label for column in self.columns]
            while block := cursor.fetchmany(2000):
                count += len(block)
                for row in block:
                    yield dict(zip(names, ["" if value is None else str(value) for value in row], strict=True))

        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            rustpy_xlsxwriter.write_worksheet(rows(cursor), str(self.path), sheet_name="Sheet1")
        return count

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result == (self.sample if way == "stock" else ours)


OPERATIONS = (Export,)
