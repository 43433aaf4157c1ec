"""Holding a sheet of up to 20,000 rows against our records, cell by cell (数据比对). The floor reads the file and our rows and compares texts."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import python_calamine
from django.core.files.base import ContentFile

from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from exports.ministry.layouts import all_layouts
from exports.reporting import reconcile
from exports.reporting.rows import candidates, layout_for, written
from models.organisation.models import Cohort
from models.reporting.models import Difference, Kind, Reconciliation
from models.students.models import Student
from workflows.scoping import acting, system

MOST = 20_000
EVERY = 50  # one row in so many has another value
COLUMN = "定向或委培单位"


class Reconcile(Operation):
    """What the job does: read, match, compare all columns, write down what differs. Returns (same, different)."""

    code = "P13"
    parts = {"": "compare a sheet of {n} rows with our records"}
    warm = False

    def __init__(self, place: Any) -> None:
        super().__init__(place)
        self.count = min(MOST, place.students)
        self.parts = {"": f"compare a sheet of {self.count:,} rows × 50 columns with our records"}

    def setup(self, way: str) -> None:
        self.user = who("school")
        with system("benchmark"):
            self.cohort = Cohort.objects.select_related("school").get(pk=running()[0])
            self.layout = layout_for(Kind.BASIC, "upload50", self.cohort.year)
            self.keys = list(candidates(Kind.BASIC, self.cohort).values_list("pk", flat=True)[:MOST])
            self.rows = [row.values for row in written(Kind.BASIC, self.layout, self.keys)]
        labels = self.layout.header_rows()[-1]
        place = labels.index(COLUMN)
        book = openpyxl.Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(labels)
        for number, values in enumerate(self.rows):
            values = list(values)
            if number % EVERY == 0:
                values[place] = f"另一单位{number}"
            sheet.append(values)
        out = io.BytesIO()
        book.save(out)
        self.data = out.getvalue()

    def reset(self, way: str, part: str) -> None:
        with system("benchmark"):
            Difference.objects.all().delete()
            Reconciliation.objects.all().delete()
            if way == "ours":
                file = ContentFile(self.data, name="theirs.xlsx")
                self.found = reconcile.begin(self.cohort, Kind.BASIC, file, by=None)

    def teardown(self, way: str) -> None:
        with system("benchmark"):
            Difference.objects.all().delete()
            Reconciliation.objects.all().delete()

    def ours(self, part: str) -> tuple[int, int]:
        with acting(self.user):
            found = reconcile.compare(self.found)
        return found.same, found.different

    def stock(self, part: str) -> tuple[int, int]:
        """The usual script: openpyxl, one look-up per row, then attribute by attribute; three columns only."""
        sheet = openpyxl.load_workbook(io.BytesIO(self.data), read_only=True).active
        rows = sheet.iter_rows(values_only=True)
        labels = list(next(rows))
        number, same, different = labels.index("学号"), 0, 0
        with system("benchmark"):
            for row in rows:
                student = Student.objects.select_related("graduateprofile").get(cohort=self.cohort, number=row[number])
                agrees = all(
                    str(row[labels.index(label)] or "") == str(value or "")
                    for label, value in (
                        ("姓名", student.name), ("身份证号", student.id_number), (COLUMN, student.sponsor),
                    )
                )  # fmt: skip
                same, different = same + agrees, different + (not agrees)
        return same, different

    def floor(self, part: str) -> tuple[int, int]:
        """Both sides as texts in dictionaries by 学号; no code table, no key but one, nothing written."""
        labels = [cell.label for cell in all_layouts()[self.layout.key].cells]
        key = labels.index("学号")
        sheet = python_calamine.load_workbook(io.BytesIO(self.data)).get_sheet_by_index(0).to_python()
        theirs = {row[key]: [str(cell) for cell in row] for row in sheet[1:]}
        same = different = 0
        with system("benchmark"):
            for row in written(Kind.BASIC, self.layout, self.keys):
                agrees = theirs.get(row.values[key]) == row.values
                same, different = same + agrees, different + (not agrees)
        return same, different


OPERATIONS = (Reconcile,)
