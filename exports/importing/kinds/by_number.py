"""Sheets about students who are here, found by 学号: whose row may be written, and the kinds that fill in one record per student."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

from exports.importing import normalise
from exports.importing.columns import Cell, Coded, Column, SchoolNumber
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable
from models.students.bulk import find_students
from workflows.fields import native
from workflows.levels import Status

OPEN = (Status.DRAFT, Status.RETURNED)


class Columns:
    """Columns of one record: `owner` is how targets name it, `path` leads an export from its rows to the record."""

    def __init__(self, owner: str, path: str = "") -> None:
        self.owner, self.path = owner, path

    def of(self, header: str, name: str, widget: Cell, *aliases: str, **more: Any) -> Column:
        """A column with a widget of its own."""
        return Column(header, f"{self.owner}.{name}", widget, aliases=aliases, attribute=f"{self.path}{name}", **more)

    def text(self, header: str, name: str, *aliases: str, length: int = 100, read: Any = None, **more: Any) -> Column:
        """Words of at most `length` characters, or whatever `read` makes of a cell."""
        return self.of(header, name, Cell(read) if read else Cell(max_length=length), *aliases, **more)

    def code(self, header: str, name: str, table: str, *aliases: str, **more: Any) -> Column:
        """A code of a table, by code, name or alias."""
        return self.of(header, name, Coded(table), *aliases, **more)


class ByNumber:
    """Mixin of kinds whose rows name a student by 学号; 姓名 and 身份证号, if given, must agree."""

    UNKNOWN: ClassVar[str] = "系统中没有这个学号的学生，请核对。"
    context: Any

    def label_of(self, entry: Entry) -> str:
        return f"{entry.values.get('student.number', '')} {entry.values.get('check.name', '')}".strip()

    def students_of(self, entries: list[Entry], *, lock: bool) -> Iterator[tuple[Entry, dict[str, Any]]]:
        """Every row with its student; a row whose student is unknown, foreign or of another cohort fails and is left out."""
        ctx = self.context
        numbers = [number for entry in entries if (number := entry.values.get("student.number"))]
        known = find_students(ctx.school, numbers, lock=lock)
        for entry in entries:
            found = known.get(entry.values.get("student.number"))
            if found is None:
                if "学号" not in entry.errors:
                    entry.fail("学号", "unknown_student", self.UNKNOWN)
            elif not ctx.scope.covers(found["org_path"]):
                entry.fail("学号", "out_of_scope", "该学生不在您的管辖范围内，请删除该行，或联系学校导入。")
            elif found["cohort_id"] != ctx.cohort.pk:
                entry.fail("学号", "other_cohort", f"该学号不在 {ctx.cohort} 中，请切换到学生所在的毕业届再导入。")
            else:
                entry.label = f"{found['number']} {found['name']}"
                self._agree(entry, found)
                yield entry, found

    @staticmethod
    def _agree(entry: Entry, found: dict[str, Any]) -> None:
        for name, header in (("name", "姓名"), ("id_number", "身份证号")):
            given = entry.values.get(f"check.{name}")
            if given and given.upper() != found[name].upper():
                entry.fail(header, "contradicts_record", f"与系统中该学号的{header}不一致，请核对学号是否对应。")


class RecordKind(ByNumber, Kind):
    """A kind that fills in one record per student of a matter (`rows_of`), made where there is none.

    `owner`   how targets and undo name the record
    `bulk`    the matter's set-wise door: held, empty, make, change, take_back
    A subclass says in `compare` what a row changes.
    """

    owner: ClassVar[str] = ""
    bulk: ClassVar[ModuleType]
    needs_cohort = True
    unique = ((("student.number",), "学号"),)
    sorted_by = ("student__number",)

    number = Column(
        "学号", "student.number", SchoolNumber(), required=True, example="20230010001", attribute="student__number"
    )
    person = Column("姓名", "check.name", Cell(normalise.name), example="张三", help="可不填；填了就必须与系统中的一致，防止串行",
                    attribute="student__name")  # fmt: skip

    def written(self) -> dict[str, Any]:
        return {self.owner: self.rows_of}

    # -- comparing ----------------------------------------------------------------------------------------------------

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        found = [(entry, row) for entry, row in self.students_of(entries, lock=lock) if not entry.errors]
        held = self.bulk.held([student["id"] for _entry, student in found], lock=lock)
        changed = []
        for entry, student in found:
            if (row := self.compare(entry, student, held.get(student["id"]))) is not None:
                changed.append((entry, row))
        self.ask(changed)
        for entry in entries:
            self._settle(entry)

    def compare(self, entry: Entry, student: dict[str, Any], row: Any) -> Any:
        """The record as it would be, with what differs in the plan (`plan_for`); None when nothing does or it may not be touched."""
        raise NotImplementedError

    def ask(self, changed: list[tuple[Entry, Any]]) -> None:
        """What the records as they would be must pass, all of them at once."""

    def wanted(self, entry: Entry) -> dict[str, Any]:
        """{field: value} of the cells about the record; a cell to erase as an empty field."""
        prefix = f"{self.owner}."
        given = {target[len(prefix) :]: value for target, value in entry.values.items() if target.startswith(prefix)}
        return {name: self.bulk.empty(name) if value is None else value for name, value in given.items()}

    def header_of(self, name: str) -> str:
        """Header of the column of a field."""
        return self.header(f"{self.owner}.{name}")

    def plan_for(self, entry: Entry, row: Any, new: dict[str, Any], before: dict[str, Any], *, fresh: bool) -> None:
        """Note what is written, and say it in the words of the sheet."""
        entry.changes = {
            self.header_of(name): [self._shown(name, before[name]), self._shown(name, value)]
            for name, value in new.items()
        }
        entry.plan = {"row": row, "new": fresh, "values": new, "old": {name: before[name] for name in new}}

    def _shown(self, name: str, value: Any) -> str:
        return native(self.rows_of, name).present(value)

    @staticmethod
    def _settle(entry: Entry) -> None:
        if entry.errors:
            entry.status, entry.changes, entry.plan = FAILED, {}, {}
        elif entry.plan.get("new"):
            entry.status = CREATED
        else:
            entry.status = UPDATED if entry.plan else UNCHANGED

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        fresh = [entry for entry in entries if entry.plan.get("new")]
        changed = [entry for entry in entries if entry.plan and not entry.plan["new"]]
        made = self.bulk.make([e.plan["row"] for e in fresh], by=ctx.by, reason=ctx.reason) if fresh else []
        for entry, pk in zip(fresh, made, strict=True):
            entry.undo = {self.owner: [pk, None, None]}
        if changed:
            rows = {entry.plan["row"]: (entry.plan["values"], entry.plan["old"]) for entry in changed}
            self.bulk.change(rows, by=ctx.by, reason=ctx.reason)
        for entry in changed:
            entry.undo = {self.owner: [entry.plan["row"].pk, None, jsonable(entry.plan["old"])]}

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        """As the matter's `bulk` says: what was made stays empty or is voided, what was changed says again what it said."""
        ctx = self.context
        self.bulk.take_back(made.get(self.owner, []), changed.get(self.owner, {}), by=ctx.by, reason=ctx.reason)
