"""P1 and P2: a roster of 38 columns from the file to the records, dry run and writing; and the same file with a tenth changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.db import connection, transaction
from simple_history.utils import bulk_create_with_history

from benchmarks import extra
from benchmarks.measure import Operation
from benchmarks.ops.people import who
from benchmarks.stock import resources
from models.accounts.models import User
from models.codes.lookup import table
from models.jobs.files import store_private
from models.organisation.models import Major, OrgUnit
from models.students.models import GraduateProfile, Student
from models.transfer.models import ImportRun
from workflows.scoping import acting, system

STUDENT = {
    "学号": "number", "姓名": "name", "性别": "sex", "证件类型": "id_type", "身份证号": "id_number", "出生日期": "birth_date", "考生号": "exam_number",
    "民族": "nation", "学历": "degree", "学制": "study_length", "培养方式": "training_mode", "定向或委培单位": "sponsor", "入学年份": "enrol_year",
    "毕业年份": "grad_year", "毕业时间": "grad_month", "学籍状态": "roll_status",
}  # fmt: skip


class Import(Operation):
    """What the wizard's two jobs do (check, execute), as the data officer."""

    code = "P1"
    parts = {"": "import {n} students × 38 columns, check and write"}
    warm = False
    changed = 0

    def __init__(self, place: Any, count: int = 5000) -> None:
        super().__init__(place)
        self.count = min(count, place.students)
        self.sample = min(self.count, 250)
        self.stock_share = self.sample / self.count
        self.code = "P1" if count <= 5000 else "P1 50k"
        self.folder = (
            Path(tempfile.gettempdir()) / f"qihang-bench-{place.engine}-{place.size}-{self.count}-{self.changed}"
        )

    @classmethod
    def variants(cls, place: Any) -> list[Operation]:
        """5,000 rows, and 50,000 at the larger sizes."""
        return [cls(place), cls(place, 50_000)] if place.students >= 100_000 else [cls(place)]

    def prepare(self) -> None:
        with system("benchmark"):
            extra.clear()
            self.folder.mkdir(exist_ok=True)
            rows = extra.sheet(self.count, changed=self.changed)
            extra.write_sheet(self.folder / "whole.xlsx", rows)
            part = (
                rows[: self.sample // 10] + rows[-(self.sample - self.sample // 10) :]
                if self.changed
                else rows[: self.sample]
            )
            extra.write_sheet(self.folder / "part.xlsx", part)
            extra.cohort()

    def finish(self) -> None:
        with system("benchmark"):
            extra.clear()
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()

    def setup(self, way: str) -> None:
        from openpyxl import load_workbook  # noqa: F401  — imported before the clock starts, as in a worker that has done this before
        from python_calamine import CalamineWorkbook  # noqa: F401

        from exports.importing import runs

        self.runs = runs
        with system("benchmark"):
            self.by, self.cohort = who("data"), extra.cohort()

    def reset(self, way: str, part: str) -> None:
        with system("benchmark"):
            extra.remove_students()

    def ours(self, part: str) -> dict[str, int]:
        with acting(self.by):
            with (self.folder / "whole.xlsx").open("rb") as file:
                stored = store_private("whole.xlsx", File(file), "imports")
            run = ImportRun.objects.create(
                kind="students", school=self.cohort.school, cohort=self.cohort, owner=self.by, org_path=self.cohort.school.path, file=stored,
                file_name="whole.xlsx",
            )  # fmt: skip
            self.runs.check(run)
            counts = self.runs.execute(run)
        return {name: counts[name] for name in ("created", "updated", "unchanged", "failed")}

    def stock(self, part: str) -> dict[str, int]:
        with system("benchmark"):
            totals = resources.import_file(self.folder / "part.xlsx", self.cohort)
            return {
                "created": totals["new"],
                "updated": totals["update"],
                "unchanged": totals["skip"],
                "failed": totals["error"] + totals["invalid"],
            }

    def floor(self, part: str) -> dict[str, int]:
        """Read with calamine, resolve by dictionaries, bulk_create the same rows with their history."""
        with system("benchmark"):
            rows = read(self.folder / "whole.xlsx")
            majors, units = _ids()
            users, students, profiles = [], [], []
            for row in rows:
                user = User(
                    username=f"{extra.CODE}-{row['学号']}", name=row["姓名"], kind=User.Kind.STUDENT, password="!"
                )
                unit = units[row["班级"]]
                student = Student(
                    **{name: _value(header, row[header]) for header, name in STUDENT.items()}, user=user, school_id=self.cohort.school_id,
                    cohort_id=self.cohort.pk, major_id=majors[row["学院"], row["专业"]], unit_id=unit.pk, org_path=unit.path,
                )  # fmt: skip
                profile = GraduateProfile(
                    **{name: _value(header, row[header]) for header, name in resources.PROFILE.items()}, student=student,
                    household_moved=row["户口是否转入学校"] == "是", archive_moved=row["档案是否转入学校"] == "是", school_id=self.cohort.school_id,
                    cohort_id=self.cohort.pk, org_path=unit.path,
                )  # fmt: skip
                users.append(user)
                students.append(student)
                profiles.append(profile)
            with transaction.atomic():
                User.objects.bulk_create(users, batch_size=1000)
                for student in students:
                    student.user_id = student.user.pk
                bulk_create_with_history(students, Student, batch_size=1000, custom_historical_attrs=None)
                for profile in profiles:
                    profile.student_id = profile.student.pk
                bulk_create_with_history(profiles, GraduateProfile, batch_size=1000)
            return {"created": len(rows), "updated": 0, "unchanged": 0, "failed": 0}

    def same(self, way: str, result: Any, ours: Any) -> bool:
        if way == "floor":
            return result == ours
        return result["failed"] == 0 and sum(result.values()) == self.sample


class Reimport(Import):
    """The file again, a tenth of its rows with another phone and address."""

    code = "P2"
    parts = {"": "import the same {n} again, a tenth changed"}

    def __init__(self, place: Any) -> None:
        self.changed = min(5000, place.students) // 10
        super().__init__(place)
        self.code = "P2"

    @classmethod
    def variants(cls, place: Any) -> list[Operation]:
        return [cls(place)]

    def prepare(self) -> None:
        super().prepare()
        with system("benchmark"):
            first = extra.write_sheet(self.folder / "first.xlsx", extra.sheet(self.count))
            run = ImportRun.objects.create(
                kind="students", school=extra.school(), cohort=extra.cohort(), org_path=extra.school().path, file=str(first), file_name="first.xlsx",
                options={},
            )  # fmt: skip
            with first.open("rb") as file:
                run.file = store_private("first.xlsx", File(file), "imports")
            run.save()
            from exports.importing import runs

            counts = runs.execute(run)
            if counts["created"] != self.count:
                raise RuntimeError(f"the first import made {counts}")

    def setup(self, way: str) -> None:
        super().setup(way)
        with system("benchmark"):
            rows = extra.sheet(self.changed)
        self.old = [(row["手机号码"], row["家庭地址"], row["学号"]) for row in rows]

    def reset(self, way: str, part: str) -> None:
        """The old phones and addresses, and no history of the change."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE students_graduateprofile SET phone = %s, home_address = %s, version = 1, baseline_version = 1 WHERE student_id = "
                f"(SELECT id FROM students_student WHERE cohort_id = {self.cohort.pk} AND number = %s)",
                self.old,
            )
            cursor.execute(
                "DELETE FROM students_historicalgraduateprofile WHERE history_type = '~' AND id IN "
                "(SELECT id FROM students_graduateprofile WHERE cohort_id = %s)",
                [self.cohort.pk],
            )

    def floor(self, part: str) -> dict[str, int]:
        """Read, and one upsert of the changed rows."""
        with system("benchmark"), transaction.atomic(), connection.cursor() as cursor:
            rows = read(self.folder / "whole.xlsx")
            found = dict(Student.objects.filter(cohort=self.cohort).values_list("number", "graduateprofile__pk"))
            changed = [(row["手机号码"], row["家庭地址"], found[row["学号"]]) for row in rows[: self.changed]]
            cursor.executemany(
                "UPDATE students_graduateprofile SET phone = %s, home_address = %s WHERE id = %s", changed
            )
            return {"created": 0, "updated": len(changed), "unchanged": len(rows) - len(changed), "failed": 0}


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a workbook, by header."""
    from python_calamine import CalamineWorkbook

    head, *rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
    return [dict(zip(head, row, strict=True)) for row in rows]


def _value(header: str, value: str) -> Any:
    if header in extra.CODED:
        return (table(extra.CODED[header]).resolve(value) or "") if value else ""
    return value


def _ids() -> tuple[dict[tuple[str, str], int], dict[str, OrgUnit]]:
    school = extra.school()
    majors = {(m.college.name, m.name): m.pk for m in Major.objects.filter(school=school).select_related("college")}
    return majors, {unit.name: unit for unit in OrgUnit.objects.filter(school=school, kind=OrgUnit.Kind.CLASS)}


OPERATIONS = (Import, Reimport)
