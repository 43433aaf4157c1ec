"""P9: how many records stand where: colleges × majors × statuses of one school's cohort; schools × statuses of the province."""

from __future__ import annotations

from django.db import connection
from django.db.models import Count

from admin_site.matters import overview
from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from exports.selection import Selection
from models.organisation.models import Cohort
from models.students.models import GraduateProfile
from workflows.scoping import acting, system

Cells = dict[tuple[str, str], int]
DEPTH = {"one": 3, "all": 1}  # "school/college/major/", "school/"


def cells(nodes: dict[str, overview.Node], depth: int) -> Cells:
    """{(path, status): n} of the lines at one depth of the tree."""
    return {
        (path, status): n
        for path, node in nodes.items()
        if path.count("/") == depth
        for status, n in node.numbers.items()
    }


class Overview(Operation):
    """The numbers of the overview page, folded up the tree as the page does it."""

    code = "P9"
    parts = {"one": "overview, one cohort: college × major × status", "all": "overview, province: school × status"}

    def setup(self, way: str) -> None:
        self.users = {"one": who("school"), "all": who("province")}
        self.cohorts = {"one": running(), "all": running(province=True)}
        self.schools = dict(Cohort._base_manager.values_list("pk", "school_id"))

    def ours(self, part: str) -> Cells:
        user = self.users[part]
        with acting(user):
            whole = Selection("students.graduateprofile", self.cohorts[part])
            rows = whole.queryset(user)
            nodes = overview.fold(rows.counts_by_path()) if part == "one" else overview._schools(rows, whole, "")
            return cells(nodes, DEPTH[part])

    def stock(self, part: str) -> Cells:
        names = (
            ("student__school__name",) if part == "all" else ("student__major__college__name", "student__major__name")
        )
        path = "student__school_id" if part == "all" else "student__major__unit__path"
        with system("benchmark"):
            rows = GraduateProfile.objects.filter(student__cohort__year=2027, on_roll=True)
            if part == "one":
                rows = rows.filter(student__school__code="19901")
            found = rows.values_list(*names, path, "status").annotate(n=Count("pk")).order_by(*names)
            return {(str(where) + ("/" if part == "all" else ""), status): n for *_names, where, status, n in found}

    def floor(self, part: str) -> Cells:
        column = "cohort_id" if part == "all" else "org_path"
        marks = ",".join(map(str, self.cohorts[part]))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {column}, status, count(*) FROM students_graduateprofile WHERE cohort_id IN ({marks}) AND on_roll GROUP BY 1, 2"
            )
            found: Cells = {}
            for where, status, n in cursor.fetchall():
                key = f"{self.schools[where]}/" if part == "all" else "/".join(where.split("/")[:3]) + "/"
                found[key, status] = found.get((key, status), 0) + n
            return found


OPERATIONS = (Overview,)
