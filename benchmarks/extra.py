"""Students beside the demo's own, in a cohort that only benchmarks have: what they write is taken away without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connection, transaction

from models.codes.lookup import table
from models.demo.people import Inventor, province
from models.organisation.models import Cohort, Major, OrgUnit, School
from models.students.bulk import NewStudent, write_students
from models.students.models import GraduateProfile, Student
from models.transfer.models import ColumnMapping, ImportRow, ImportRun
from workflows import bulkrows

YEAR = 2028
CODE = "19901"
CHUNK = 5000
WRITTEN = (
    "students_graduateprofile",
    "students_student",
    "students_historicalgraduateprofile",
    "students_historicalstudent",
    "workflows_reviewlog",
    "accounts_user",
)
HEADERS = (
    "学号", "姓名", "性别", "身份证号", "考生号", "民族", "政治面貌", "学院", "专业", "班级", "学历", "学制", "培养方式", "定向或委培单位",
    "生源地代码", "城乡生源", "入学年份", "毕业年份", "毕业时间", "师范生类别", "困难生类别", "手机号码", "电子邮箱", "QQ", "家庭地址",
    "家庭邮编", "家庭电话", "证件类型", "出生日期", "学籍状态", "婚姻状况", "健康状况", "户口是否转入学校", "档案是否转入学校",
    "入学前档案所在单位", "入学前户口所在地派出所", "专业方向", "校区",
)  # fmt: skip
CODED = {
    "性别": "gender", "民族": "nation", "政治面貌": "political_status", "学历": "degree_level", "学制": "study_length", "培养方式": "training_mode",
    "城乡生源": "urban_rural", "师范生类别": "teacher_training", "困难生类别": "hardship", "证件类型": "id_type", "学籍状态": "roll_status",
    "婚姻状况": "marital", "健康状况": "health", "生源地代码": "region",
}  # fmt: skip


def school() -> School:
    """The demo's main school."""
    return School.objects.get(code=CODE)


def cohort() -> Cohort:
    """The benchmark's own cohort of it."""
    return Cohort.objects.get_or_create(school=school(), year=YEAR)[0]


def sheet(count: int, *, changed: int = 0) -> list[dict[str, str]]:
    """`count` rows of a roster as a school keeps it, names for codes; the first `changed` have another phone and address."""
    data = province()
    inventor = Inventor(data, "benchmark")
    units = _classes()
    names = {header: table(key).name for header, key in CODED.items()}
    rows = []
    for n in range(count):
        person, (college, major, unit, _id, _major) = inventor.person(n), units[n % len(units)]
        known = (
            f"{YEAR - 4}{n:08d}", person.name, names["性别"](person.sex), person.id_number, f"2499{n:010d}", names["民族"](person.nation),
            names["政治面貌"](person.political_status), college, major, unit, names["学历"]("31"), "4", names["培养方式"](person.training_mode),
            person.sponsor, person.origin_region, names["城乡生源"](person.urban_rural), str(YEAR - 4), str(YEAR), f"{YEAR}06",
            names["师范生类别"]("2"), names["困难生类别"](person.hardship), f"199{n:08d}" if n < changed else person.phone,
            f"b{n}@example.edu.cn", f"{10000 + n}", f"{person.address}{'改' if n < changed else ''}", "400000", "023-65100000", names["证件类型"]("1"),
            f"{person.birth_date:%Y-%m-%d}", names["学籍状态"]("01"), names["婚姻状况"]("10"), names["健康状况"]("1"), "否", "是",
            "示例市第一中学", "示例市示例区派出所", "", "主校区",
        )  # fmt: skip
        rows.append(dict(zip(HEADERS, known, strict=True)))
    return rows


def write_sheet(path: Path, rows: list[dict[str, str]]) -> Path:
    """The rows as a workbook."""
    import rustpy_xlsxwriter

    rustpy_xlsxwriter.write_worksheet(rows, str(path), sheet_name="Sheet1")
    return path


def _classes() -> list[tuple[str, str, str, int, int]]:
    """(college, major, class, its id, major's id) of the main school."""
    majors = {row.unit_id: row for row in Major.objects.filter(school=school()).select_related("college")}
    rows = OrgUnit.objects.filter(school=school(), kind=OrgUnit.Kind.CLASS).order_by("pk")
    return [
        (majors[row.parent_id].college.name, majors[row.parent_id].name, row.name, row.pk, majors[row.parent_id].pk)
        for row in rows
    ]


def enrol(count: int, *, unit: OrgUnit | None = None, status: str = "", user: Any = None) -> list[int]:
    """Write `count` students of the benchmark's cohort (below `unit`), their records in `status`; the records' ids."""
    inventor, home = Inventor(province(), "benchmark"), cohort()
    places = [(pk, major) for *_names, pk, major in _classes()]
    if unit is not None:
        inside = set(OrgUnit.objects.filter(path__startswith=unit.path).values_list("pk", flat=True))
        places = [place for place in places if place[0] in inside]
    made: list[int] = []
    for start in range(0, count, CHUNK):
        with transaction.atomic():
            new = [
                _student(n, inventor.person(n), home, *places[n % len(places)])
                for n in range(start, min(start + CHUNK, count))
            ]
            ids = write_students(home.school, new, by=user, reason="benchmark")
            made += [one.profile for one in ids]
    return made


def _student(n: int, person: Any, home: Cohort, unit: int, major: int) -> NewStudent:
    return NewStudent(
        student={
            "cohort_id": home.pk, "major_id": major, "unit_id": unit, "number": f"{YEAR - 4}{n:08d}", "name": person.name, "sex": person.sex,
            "id_type": "1", "id_number": person.id_number, "birth_date": person.birth_date, "exam_number": f"2499{n:010d}", "nation": person.nation,
            "degree": "31", "study_length": "4", "training_mode": "1", "enrol_year": YEAR - 4, "grad_year": YEAR, "grad_month": f"{YEAR}06",
        },
        profile={
            "political_status": person.political_status, "origin_region": person.origin_region, "urban_rural": person.urban_rural,
            "hardship": person.hardship, "teacher_training": "2", "phone": person.phone, "email": f"b{n}@example.edu.cn",
            "home_address": person.address, "household_moved": False, "archive_moved": True, "marital": "10", "health": "1",
        },
    )  # fmt: skip


def clear() -> None:
    """Remove the cohort and everything that was written for it: students, accounts, histories, logs, notices, import runs."""
    ids = list(Cohort._base_manager.filter(school__code=CODE, year=YEAR).values_list("pk", flat=True))
    with transaction.atomic(), connection.cursor() as cursor:
        for pk in ids:
            _remove_students(cursor, pk)
            _remove_runs(cursor, pk)
            cursor.execute("DELETE FROM organisation_cohort WHERE id = %s", [pk])
    ColumnMapping._base_manager.all().delete()
    if ids and connection.vendor == "postgresql":
        # The server does so by itself within minutes; here the next operation would already walk through what was left.
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (ANALYZE) {', '.join(WRITTEN)}")


def remove_students() -> None:
    """Remove the students of the cohort, the cohort stays: between two rounds of an import."""
    pk = cohort().pk
    with transaction.atomic(), connection.cursor() as cursor:
        _remove_students(cursor, pk)
        _remove_runs(cursor, pk)


def _remove_students(cursor: Any, cohort_id: int) -> None:
    students = list(Student._base_manager.filter(cohort=cohort_id).values_list("pk", "user_id"))
    profiles = list(GraduateProfile._base_manager.filter(cohort=cohort_id).values_list("pk", flat=True))
    keys, users = [pk for pk, _user in students], [user for _pk, user in students if user]
    for name, column, values in (
        ("workflows_reviewlog", "object_id", profiles), ("students_historicalgraduateprofile", "id", profiles),
        ("students_graduateprofile", "id", profiles), ("students_historicalstudent", "id", keys), ("students_student", "id", keys),
        ("notices_notice", "recipient_id", users), ("notices_mail", "recipient_id", users), ("accounts_user", "id", users),
    ):  # fmt: skip
        if values and name in _tables():
            condition, parameter = bulkrows.among(values)
            cursor.execute(f"DELETE FROM {name} WHERE {column} {condition}", [parameter])


def _remove_runs(cursor: Any, cohort_id: int) -> None:
    runs = list(ImportRun._base_manager.filter(cohort=cohort_id))
    for run in runs:
        run.file.delete(save=False)
        run.errors_file.delete(save=False)
    if runs:
        condition, parameter = bulkrows.among([run.pk for run in runs])
        cursor.execute(f"DELETE FROM {ImportRow._meta.db_table} WHERE run_id {condition}", [parameter])
        cursor.execute(f"DELETE FROM {ImportRun._meta.db_table} WHERE id {condition}", [parameter])


def _tables() -> set[str]:
    if not _known:
        _known.update(connection.introspection.table_names())
    return _known


_known: set[str] = set()
