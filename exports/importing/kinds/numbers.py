"""协议书编号：numbers for the school's pool, free, for a college, or for a student by 学号 (E30)."""

from __future__ import annotations

from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell, Column, SchoolNumber
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind
from exports.importing.refusal import CellError
from models.agreements import bulk
from models.agreements.models import AgreementNumber
from models.agreements.numbers import tidy
from workflows.errors import Invalid

STATES = dict(AgreementNumber.State.choices)


class NumberCell(Cell):
    """A number as the pool keeps numbers."""

    def find(self, value: Any) -> str:
        try:
            return tidy(normalise.number_text(value, max_length=40)[0])
        except Invalid as refusal:
            raise CellError("agreement_number", refusal.sentence) from refusal


class AgreementNumberKind(Kind):
    """协议书编号."""

    name = "agreement_numbers"
    title = "协议书编号"
    about = "把协议书编号导入学校的编号库。填写学号的，编号发放给该学生；填写院系的，编号分配到该院系；都不填的留在学校。已使用或已作废的编号不能再导入。"
    needs_cohort = True
    permissions = ("agreements.import_agreementnumber",)
    unique = ((("number",), "协议书编号"), (("student",), "学号"))
    rows_of = AgreementNumber
    sorted_by = ("number",)

    number = Column("协议书编号", "number", NumberCell(), required=True, example="199012027000001", attribute="number",
                    aliases=("编号", "协议编号", "就业协议书编号", "协议书号"))  # fmt: skip
    student = Column(
        "学号",
        "student",
        SchoolNumber(),
        attribute="student__number",
        aliases=("学生学号",),
        help="填写后编号发放给该学生",
    )
    college = Column(
        "院系",
        "college",
        Cell(max_length=100),
        attribute="college__name",
        aliases=("学院", "分配院系"),
        help="填写后编号分配到该院系",
    )

    def label_of(self, entry: Entry) -> str:
        return str(entry.values.get("number", ""))

    def written(self) -> dict[str, Any]:
        return {"number": AgreementNumber}

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        ctx = self.context
        students = bulk.find_students(
            ctx.school, ctx.cohort, [e.values["student"] for e in entries if e.values.get("student")], lock=lock
        )
        known = bulk.find_numbers(
            ctx.school, [e.values["number"] for e in entries if e.values.get("number")], lock=lock
        )
        for entry in entries:
            if not entry.errors:
                self._plan(entry, known.get(entry.values["number"]), students)
            if entry.errors:
                entry.status, entry.changes = FAILED, {}

    def _plan(self, entry: Entry, found: dict[str, Any] | None, students: dict[str, dict[str, Any]]) -> None:
        ctx, values = self.context, entry.values
        wanted: dict[str, Any] = {"cohort_id": ctx.cohort.pk, "org_path": ctx.school.path, "state": "free"}
        college = ctx.directory.college(values["college"]) if values.get("college") else None
        if values.get("college"):
            if college is None:
                entry.fail("院系", "unknown_unit", f"没有找到院系“{values['college']}”，请填写学院的全称。")
                return
            wanted |= {"college_id": college.id, "org_path": college.path}
        student = students.get(values.get("student", "")) if values.get("student") else None
        if values.get("student"):
            if student is None or not ctx.scope.covers(student["org_path"]):
                entry.fail(
                    "学号",
                    "unknown_student",
                    f"{ctx.cohort}没有学号为 {values['student']} 的学生，或不在您的管辖范围内。",
                )
                return
            if student["holds"] and student["holds"] != values["number"]:
                entry.fail("学号", "has_number", f"该学生已有未使用的编号 {student['holds']}。")
                return
            wanted |= bulk.issued_values(student, ctx.by)
        if found is None:
            entry.status, entry.plan = CREATED, {"id": None, "values": {"number": values["number"], **wanted}}
        else:
            self._compare(entry, found, wanted, student)

    def _compare(
        self, entry: Entry, found: dict[str, Any], wanted: dict[str, Any], student: dict[str, Any] | None
    ) -> None:
        if (student and found["student_id"] == student["id"]) or (
            not student
            and found["state"] == "free"
            and found["college_id"] == wanted.get("college_id", found["college_id"])
        ):
            entry.status, entry.plan = UNCHANGED, {"id": found["id"], "values": {}, "old": {}}
            return
        if found["state"] != "free":
            entry.fail("协议书编号", "not_free", f"编号{STATES[found['state']]}，不能再导入。")
            return
        new = {
            name: value
            for name, value in wanted.items()
            if name not in ("issued_at", "issued_by_id", "cohort_id") and value != found.get(name)
        }
        if student:
            new |= {"issued_at": wanted["issued_at"], "issued_by_id": wanted["issued_by_id"]}
            entry.changes["学号"] = ["", entry.values["student"]]
        if "college_id" in new:
            entry.changes["院系"] = [
                self.context.directory.written_unit(found["college_id"]) if found["college_id"] else "",
                entry.values.get("college", ""),
            ]
        entry.status = UPDATED
        entry.plan = {"id": found["id"], "values": new, "old": {name: found.get(name) for name in new}}

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        made = [entry for entry in entries if entry.plan["id"] is None]
        changed = [entry for entry in entries if entry.plan["id"] is not None and entry.plan["values"]]
        changes = {entry.plan["id"]: entry.plan["values"] for entry in changed}
        ids = bulk.write_numbers(ctx.school, [e.plan["values"] for e in made], changes, by=ctx.by, reason=ctx.reason)
        for entry, pk in zip(made, ids, strict=True):
            entry.undo = {"number": [pk, None, None]}
        for entry in changed:
            entry.undo = {"number": [entry.plan["id"], None, entry.plan["old"]]}

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        return bulk.in_use(made.get("number", ()))

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        bulk.take_back(made.get("number", ()), changed.get("number", {}), by=ctx.by, reason=ctx.reason)
