"""P10: 毕业去向落实率 with all its parts by college and major: of one school's cohort; of the whole province."""

from __future__ import annotations

from django.db import connection, models
from django.db.models import Count

from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from models.outcomes.models import Outcome
from models.rates.dimensions import DIMENSIONS
from models.rates.figures import Question, breakdown
from models.students.models import Student
from models.students.places import off_roll_codes
from workflows.scoping import acting, system

CATEGORIES = ("10", "10", "11", "12", "46", "503", "751", "76", "801", "801", "85", "701", "71")
EVERY = 5  # one student in so many has registered nothing
Cells = dict[tuple[str, str], int]


def fill() -> None:
    """A destination for four in five students, by one statement; columns that play no part are as empty as the model lets them."""
    columns, values = [], []
    for field in Outcome._meta.concrete_fields:
        if field.primary_key:
            continue
        columns.append(connection.ops.quote_name(field.column))
        values.append(_value(field))
    category = " ".join(f"WHEN {i} THEN '{code}'" for i, code in enumerate(CATEGORIES))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO outcomes_outcome ({', '.join(columns)}) SELECT {', '.join(values)} "
            f"FROM (SELECT st.*, CASE st.id %% {len(CATEGORIES)} {category} END AS chosen FROM students_student st) s "
            f"WHERE s.id %% {EVERY} <> 0 AND NOT EXISTS (SELECT 1 FROM outcomes_outcome o WHERE o.student_id = s.id)",
            [],
        )
        cursor.execute("ANALYZE")


def _value(field: models.Field) -> str:
    named = {
        "student": "s.id",
        "school": "s.school_id",
        "cohort": "s.cohort_id",
        "org_path": "s.org_path",
        "category": "s.chosen",
    }
    flags = {"is_current": "TRUE", "on_roll": "TRUE", "status": "'approved'", "source": "'import'"}
    if field.name in named or field.name in flags:
        return named.get(field.name) or flags[field.name]
    if field.null:
        return "NULL"
    if isinstance(field, models.JSONField):
        return "'[]'" if field.default is list else "'{}'"
    if isinstance(field, models.BooleanField):
        return "FALSE"
    if isinstance(field, models.DateTimeField | models.DateField):
        return "CURRENT_TIMESTAMP"
    return "0" if isinstance(field, models.IntegerField | models.DecimalField) else "''"


class Figures(Operation):
    """The figures of the page and of `manage.py rates`: every part by major, folded into colleges and the whole."""

    code = "P10"
    parts = {"one": "rates with all parts, one cohort", "all": "rates with all parts, province"}

    def prepare(self) -> None:
        with system("benchmark"):
            fill()

    def setup(self, way: str) -> None:
        self.users = {"one": who("school"), "all": who("province")}
        self.cohorts = {"one": running(), "all": running(province=True)}

    def ours(self, part: str) -> Cells:
        with acting(self.users[part]):
            lines = breakdown(Question(tuple(self.cohorts[part]), "2024", population="everybody"), DIMENSIONS["major"])
            return {(line.bucket, code): n for line in lines for code, n in line.codes.items()}

    def stock(self, part: str) -> Cells:
        """The usual page: majors by name, and for each a count per destination, through the relations."""
        with system("benchmark"):
            rows = Student.objects.filter(cohort__year=2027).exclude(roll_status__in=off_roll_codes())
            if part == "one":
                rows = rows.filter(school__code="19901")
            names = ("major__college__name", "major__name", "major_id")
            found: Cells = {}
            for *_names, major, number in rows.values_list(*names).annotate(n=Count("pk")).order_by(*names):
                found[str(major), ""] = number
            filed = rows.filter(outcomes__is_current=True, outcomes__status="approved")
            counted = filed.values_list(*names, "outcomes__category").annotate(n=Count("pk")).order_by(*names)
            for *_names, major, code, number in counted:
                found[str(major), code] = number
                found[str(major), ""] -= number
            return {key: n for key, n in found.items() if n}

    def floor(self, part: str) -> Cells:
        cohorts, off = ",".join(map(str, self.cohorts[part])), ",".join(f"'{code}'" for code in off_roll_codes())
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.major_id, coalesce(o.category, ''), count(*) FROM students_student s LEFT JOIN outcomes_outcome o "
                f"ON o.student_id = s.id AND o.is_current AND o.status = 'approved' WHERE s.cohort_id IN ({cohorts}) "
                f"AND s.roll_status NOT IN ({off}) GROUP BY 1, 2"
            )
            return {(str(major), code): n for major, code, n in cursor.fetchall()}


OPERATIONS = (Figures,)
