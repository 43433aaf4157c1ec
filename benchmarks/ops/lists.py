"""P5, P6, P8: the list of 生源信息 in the back office: pages, search, row scope. Whole requests through every middleware."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import connection
from django.db.models import Q
from django.test import Client

from benchmarks.measure import Operation
from benchmarks.ops.people import running, who
from exports.selection import Selection
from models.students.models import GraduateProfile
from workflows.scoping import acting, system

SIZE = 100
SHOWN = [
    "student.name", "student.number", "student.major.college.name", "student.major.name", "student.unit.name", "status", "submitted_at",
    "political_status", "urban_rural", "hardship", "returns",
]  # fmt: skip
OURS, STOCK = "/admin/students/graduateprofile/", "/stock-admin/students/graduateprofile/"


class Page(Operation):
    """A page of the list with the same eleven columns, as one person sees it; the result is the number of rows on it."""

    person = "province"

    def setup(self, way: str) -> None:
        from admin_site.matters.settings import keep

        with system("benchmark"):
            self.clients = {name: Client() for name in self.people()}
            for name, client in self.clients.items():
                user = who(name)
                keep(user, GraduateProfile, columns=SHOWN)
                client.force_login(user, backend="models.accounts.backends.FunctionBackend")
            self.cohorts = running(province=True)
            self.total = GraduateProfile.objects.filter(cohort__in=self.cohorts, on_roll=True).count()

    def people(self) -> tuple[str, ...]:
        """Whose eyes are needed."""
        return (self.person,)

    def get(self, url: str, person: str = "") -> int:
        """Rows on the page at `url`."""
        response = self.clients[person or self.person].get(url)
        if response.status_code != 200:
            raise RuntimeError(f"{url}: {response.status_code} {response.content[:300]!r}")
        return (
            response.content.count(b'name="ids"') if url.startswith(OURS) else response.content.count(b"field-number")
        )


class ListPage(Page):
    """P5: first, middle and third from last page of everything the province has in view."""

    code = "P5"
    parts = {
        "first": "list of the province, first page of 100",
        "middle": "the same, middle page",
        "deep": "the same, third from last page",
    }

    def ours(self, part: str) -> int:
        page = {"first": "1", "middle": str(max(1, self.total // SIZE // 2)), "deep": "-3"}[part]
        return self.get(f"{OURS}?per_page={SIZE}&p={page}")

    def stock(self, part: str) -> int:
        last = GraduateProfile._base_manager.count() // SIZE
        page = {"first": 1, "middle": max(1, last // 2), "deep": max(1, last - 2)}[part]
        return self.get(f"{STOCK}?p={page}")

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result == ours or self.place.size == "tiny"


class Search(Page):
    """P6: the whole page that a search gives."""

    code = "P6"
    parts = {
        "number": "search by number, whole page",
        "name": "search by full name, whole page",
        "inside": "search by two characters inside a name, whole page",
    }

    def setup(self, way: str) -> None:
        super().setup(way)
        with system("benchmark"):
            self.words = words()

    def ours(self, part: str) -> int:
        return self.get(f"{OURS}?per_page={SIZE}&q={self.words[part]}")

    def stock(self, part: str) -> int:
        return self.get(f"{STOCK}?q={self.words[part]}")

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return min(ours, 1) == min(result, 1)  # stock also shows the earlier cohort's, and finds in more columns


class SearchQuery(Search):
    """P6, the query alone: keys of the first 100 found, against `icontains` over the four columns."""

    code = "P6 query"
    parts = {
        "number": "search by number, the query alone",
        "name": "search by full name, the query alone",
        "inside": "search inside names, the query alone",
    }

    def setup(self, way: str) -> None:
        with system("benchmark"):
            self.words, user, self.statements = words(), who("province"), {}
            for part, word in self.words.items():
                with acting(user):
                    rows = Selection("students.graduateprofile", running(province=True), query=word).queryset(user)
                if way == "stock":
                    found = [
                        Q(**{f"{path}__icontains": word})
                        for path in ("student__number", "student__name", "student__id_number", "phone")
                    ]
                    rows = GraduateProfile.objects.filter(
                        found[0] | found[1] | found[2] | found[3], cohort__in=running(province=True)
                    )
                self.statements[part] = rows.order_by().values_list("pk")[:SIZE].query.sql_with_params()

    def ours(self, part: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute(*self.statements[part])
            return len(cursor.fetchall())

    def stock(self, part: str) -> int:
        return self.ours(part)


class ScopedPage(Page):
    """P8: the first page as counsellor and as college; the floor is the same page of a person without limits."""

    code = "P8"
    parts = {
        "counselor": "first page as counsellor; floor: unscoped",
        "college": "first page as college; floor: unscoped",
    }

    def people(self) -> tuple[str, ...]:
        return ("counselor", "college", "province")

    def ours(self, part: str) -> int:
        return self.get(f"{OURS}?per_page={SIZE}", part)

    def stock(self, part: str) -> int:
        return self.get(STOCK, part)

    def floor(self, part: str) -> int:
        return self.get(f"{OURS}?per_page={SIZE}", "province")

    def same(self, way: str, result: Any, ours: Any) -> bool:
        return result >= min(ours, 1)


def words() -> dict[str, str]:
    """A student's number and name, and two characters that end the fewest names, as people search for somebody in particular."""
    rows = GraduateProfile.objects.filter(cohort=running()[0], on_roll=True).order_by("pk")
    names = [name for name in rows.values_list("student__name", flat=True) if len(name) == 3]
    endings = Counter(name[1:] for name in names)
    rare = min(names, key=lambda name: (endings[name[1:]], name))
    number = rows.values_list("student__number", flat=True)[min(500, len(names) - 1)]
    return {"number": number, "name": names[7], "inside": rare[1:]}


OPERATIONS = (ListPage, Search, SearchQuery, ScopedPage)
