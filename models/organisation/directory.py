"""A school's colleges, majors and classes by the names people write, read once for a whole file. Sees the whole school.

Names are compared without spaces, width and case; a unit's code or a major's national code is understood as well.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from models.codes.lookup import normalise
from models.organisation.bulk import Place, major_label
from models.organisation.models import Campus, Major, OrgUnit, School


@dataclass(slots=True)
class Unit:
    """A node of the tree."""

    id: int | None
    name: str
    kind: str
    path: str
    code: str = ""
    parent: int | None = None
    order: int = 0
    label: str = ""

    @property
    def place(self) -> Place:
        """As the bulk writers want it."""
        return Place(self.id, self.path)


@dataclass(slots=True)
class MajorRow:
    """A major with its node and college."""

    id: int | None
    name: str
    code: str
    direction: str
    degree: str
    study_length: str
    category: str
    campus: int | None
    campus_name: str
    college: Unit
    unit: int | None
    path: str

    @property
    def label(self) -> str:
        """As people see it."""
        return major_label({"name": self.name, "direction": self.direction})


@dataclass
class Directory:
    """Look-ups of one school; `add_*` keeps them true while an import makes new ones."""

    school: School
    units: dict[int, Unit] = field(default_factory=dict)
    colleges: dict[str, Unit] = field(default_factory=dict)
    majors: dict[int, MajorRow] = field(default_factory=dict)
    by_name: dict[str, list[MajorRow]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[tuple[Any, str], Unit] = field(default_factory=dict)
    by_unit_name: dict[str, list[Unit]] = field(default_factory=lambda: defaultdict(list))
    campuses: dict[str, tuple[int | None, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, school: School) -> Directory:
        """Read a school's tree: three queries."""
        found = cls(school)
        columns = ("pk", "name", "kind", "path", "code", "parent_id", "order")
        for row in OrgUnit._base_manager.filter(school=school, is_active=True).order_by("path").values_list(*columns):
            found.add_unit(Unit(*row))
        for pk, name in Campus._base_manager.filter(school=school).values_list("pk", "name"):
            found.campuses[normalise(name)] = (pk, name)
        majors = Major._base_manager.filter(school=school, is_active=True).values_list(
            "pk", "name", "code", "direction", "degree", "study_length", "category", "campus_id", "campus__name", "college_id", "unit_id",
            "unit__path",
        )  # fmt: skip
        for *values, campus_name, college, unit, path in majors:
            if college in found.units:
                found.add_major(MajorRow(*values, campus_name or "", found.units[college], unit, path))
        return found

    def add_unit(self, unit: Unit) -> None:
        """Know a unit from now on."""
        if unit.id is not None:
            self.units[unit.id] = unit
        self.by_unit_name[normalise(unit.name)].append(unit)
        if unit.kind == OrgUnit.Kind.COLLEGE:
            for key in filter(None, (normalise(unit.name), normalise(unit.code))):
                self.colleges.setdefault(key, unit)
        elif unit.kind == OrgUnit.Kind.CLASS:
            self.classes[unit.parent, normalise(unit.name)] = unit

    def add_major(self, major: MajorRow) -> None:
        """Know a major from now on."""
        if major.id is not None:
            self.majors[major.id] = major
        names = {
            normalise(major.name),
            normalise(major.label),
            normalise(f"{major.name}{major.direction}"),
            normalise(major.code),
        }
        for key in filter(None, names):
            self.by_name[key].append(major)

    def college(self, text: str) -> Unit | None:
        """The college people call so."""
        return self.colleges.get(normalise(text))

    def find_majors(self, text: str, college: Unit | None = None) -> list[MajorRow]:
        """Majors of this name (with its direction or without) or code, of one college or of all."""
        found = self.by_name.get(normalise(text), [])
        return [major for major in found if college is None or major.college is college]

    def class_of(self, major: MajorRow, name: str) -> Unit | None:
        """The class of this name under a major."""
        return self.classes.get((major.unit, normalise(name)))

    def named(self, text: str) -> list[Unit]:
        """Units of this name, whatever their kind; "学院/专业/班级" names those above as well."""
        *above, last = [part for part in text.replace("／", "/").replace("\\", "/").split("/") if part.strip()] or [
            text
        ]
        found = self.by_unit_name.get(normalise(last), [])
        for part in above:
            marks = [f"/{unit.id}/" for unit in self.by_unit_name.get(normalise(part), ())]
            found = [unit for unit in found if any(mark in f"/{unit.path}" for mark in marks)]
        return found

    def written_unit(self, unit_id: int | None) -> str:
        """The shortest writing of a unit that `named` finds again: its name, with those above it as far as needed."""
        unit = self.units.get(unit_id) if unit_id else None
        if unit is None:
            return ""
        text = unit.name
        for key in reversed(unit.path.strip("/").split("/")[1:-1]):
            if len(self.named(text)) == 1:
                break
            above = self.units.get(int(key))
            text = f"{above.name}/{text}" if above else text
        return text

    @property
    def center(self) -> Unit | None:
        """就业中心."""
        return next((unit for unit in self.units.values() if unit.kind == OrgUnit.Kind.CENTER), None)

    def class_label(self, unit_id: int) -> str:
        """Name of a class; "" for a student who stands directly under a major."""
        unit = self.units.get(unit_id)
        return unit.name if unit and unit.kind == OrgUnit.Kind.CLASS else ""
