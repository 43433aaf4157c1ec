"""签约限制：推免（保研）名单 and other lists of students who may not sign, by 学号 (E01)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models

from exports.importing import normalise
from exports.importing.columns import Cell, Column, SchoolNumber
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, Entry, Kind
from exports.importing.refusal import CellError
from models.agreements import bulk
from models.agreements.models import SigningExclusion

WORDS = {
    **{str(label): value for value, label in SigningExclusion.Kind.choices},
    **dict.fromkeys(("推免", "保研", "推免生", "保送研究生", "推荐免试"), str(SigningExclusion.Kind.RECOMMENDED)),
    **dict.fromkeys(("考研录取", "升学", "已录取"), str(SigningExclusion.Kind.FURTHER)),
    **dict.fromkeys(("定向", "委培"), str(SigningExclusion.Kind.DIRECTED)),
}
NAMES = {str(value): str(label) for value, label in SigningExclusion.Kind.choices}


class ExclusionCell(Cell):
    """Why a student may not sign, by its name or the words schools use."""

    def find(self, value: Any) -> str:
        word = normalise.text(value, max_length=20)[0]
        if word not in WORDS:
            raise CellError("unknown_kind", f"“{word}”不是签约限制的类别，请填写：{'、'.join(NAMES.values())}。")
        return WORDS[word]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return NAMES.get(value, "")

    def choices(self) -> Sequence[str]:
        return tuple(NAMES.values())


class ExclusionKind(Kind):
    """签约限制（推免名单）."""

    name = "exclusions"
    title = "签约限制（推免名单）"
    about = "把推免（保研）等不应签约的学生登记为签约限制，解除前不能签约。不填类别的按推荐免试研究生登记。已有有效限制的不重复登记；撤销导入即解除这些限制。"
    needs_cohort = True
    permissions = ("agreements.add_signingexclusion",)
    unique = ((("student",), "学号"),)
    rows_of = SigningExclusion
    sorted_by = ("student__number",)
    school_path = "student__school_id"

    student = Column(
        "学号", "student", SchoolNumber(), required=True, example="2023010101", attribute="student__number",
        aliases=("学生学号", "本科学号"),
    )  # fmt: skip
    person = Column(
        "姓名", "person", Cell(max_length=60), example="张三", attribute="student__name", aliases=("学生姓名",),
        help="填写后与学号核对，防止错行",
    )  # fmt: skip
    kind = Column(
        "类别", "kind", ExclusionCell(), example="推荐免试研究生", attribute="kind", aliases=("限制类别", "推免类型"),
    )  # fmt: skip
    why = Column(
        "说明", "why", Cell(max_length=200), example="拟录取院校：示例大学", attribute="reason",
        aliases=("限制原因", "录取院校", "推免院校", "接收院校", "拟录取院校", "录取学校"), help="学生会看到",
    )  # fmt: skip

    def label_of(self, entry: Entry) -> str:
        return " ".join(str(entry.values[name]) for name in ("student", "person") if entry.values.get(name))

    @classmethod
    def exportable(cls, rows: models.QuerySet) -> models.QuerySet:
        """Those in force: what was lifted is history."""
        return rows.filter(lifted_at=None)

    def written(self) -> dict[str, Any]:
        return {"exclusion": SigningExclusion}

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        ctx = self.context
        numbers = [entry.values["student"] for entry in entries if entry.values.get("student")]
        students = bulk.find_students(ctx.school, ctx.cohort, numbers, lock=lock)
        listed = bulk.find_exclusions([row["id"] for row in students.values()])
        for entry in entries:
            if not entry.errors:
                self._plan(entry, students.get(entry.values["student"]), listed)
            if entry.errors:
                entry.status, entry.changes = FAILED, {}

    def _plan(self, entry: Entry, student: dict[str, Any] | None, listed: dict[int, dict[str, Any]]) -> None:
        ctx, values = self.context, entry.values
        if student is None or not ctx.scope.covers(student["org_path"]):
            sentence = f"{ctx.cohort}没有学号为 {values['student']} 的学生，或不在您的管辖范围内。"
            entry.fail("学号", "unknown_student", sentence)
            return
        if values.get("person") and values["person"] != student["name"]:
            entry.fail(
                "姓名",
                "other_name",
                f"学号 {values['student']} 的学生不叫“{values['person']}”，请核对学号和姓名是否错行。",
            )
            return
        kind = values.get("kind") or str(SigningExclusion.Kind.RECOMMENDED)
        held = listed.get(student["id"])
        if held is None:
            entry.status, entry.plan = (
                CREATED,
                {"student_id": student["id"], "kind": kind, "reason": values.get("why") or f"{NAMES[kind]}名单"},
            )
        elif held["kind"] == kind:
            entry.status, entry.plan = UNCHANGED, {}
        else:
            sentence = f"该学生已登记为「{NAMES[held['kind']]}」，请先在「签约限制」中解除，再登记为「{NAMES[kind]}」。"
            entry.fail("类别", "listed_already", sentence)

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        made = [entry for entry in entries if entry.status == CREATED]
        ids = bulk.write_exclusions([entry.plan for entry in made], by=ctx.by, reason=ctx.reason)
        for entry, pk in zip(made, ids, strict=True):
            entry.undo = {"exclusion": [pk, None, None]}

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        bulk.lift_exclusions(made.get("exclusion", ()), by=ctx.by, reason=ctx.reason)
