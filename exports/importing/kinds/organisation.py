"""院系 and 专业设置: the school's tree. Majors stand before students: a roster refers to them by name."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import models

from exports.importing import normalise
from exports.importing.columns import Cell, Choice, Coded, Column, SchoolNumber
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable, same
from exports.importing.refusal import CellError
from models.codes.lookup import normalise as fold
from models.organisation.bulk import (
    change_rows,
    create_campuses,
    create_majors,
    create_units,
    delete_units,
    units_in_use,
)
from models.organisation.directory import MajorRow, Unit
from models.organisation.models import Major, OrgUnit

_CODE = re.compile(r"\d{4,6}[A-Z]{0,2}\d?")
_OFFICES = (OrgUnit.Kind.COLLEGE, OrgUnit.Kind.OTHER, OrgUnit.Kind.CENTER)
_BRACKETS = str.maketrans("()", "（）")


class MajorCode(SchoolNumber):
    """A national code such as 080901 or 070903T; a number cell that lost its leading zero gets it back."""

    def find(self, value: Any) -> str:
        code = super().find(value).upper()
        if isinstance(value, int) and len(code) == 5:
            code = f"0{code}"
        if code and not _CODE.fullmatch(code):
            raise CellError("code_format", f"“{code[:20]}”不是专业代码，应为 4 至 6 位数字，可带 T、K、TK 等后缀。")
        return code


class TreeKind(Kind):
    """What both kinds about the tree share: one write, history as the mark, what is in use stays."""

    def settle(self, entry: Entry) -> None:
        """The status that follows from errors and plan."""
        if entry.errors:
            entry.status, entry.changes = FAILED, {}
        elif entry.plan.get("new"):
            entry.status = CREATED
        else:
            entry.status = UPDATED if entry.changes else UNCHANGED

    @cached_property
    def switched_off(self) -> set[tuple[Any, ...]]:
        """Departments (parent, name) and majors (college, name, direction, degree) that are there, but not in use."""
        school = self.context.school
        units = OrgUnit.objects.filter(school=school, kind__in=_OFFICES, is_active=False)
        majors = Major.objects.filter(school=school, is_active=False)
        found: set[tuple[Any, ...]] = {(parent, fold(name)) for parent, name in units.values_list("parent_id", "name")}
        for college, name, direction, degree in majors.values_list("college_id", "name", "direction", "degree"):
            found.add((college, fold(name), fold(direction), degree))
        return found

    def refuse_switched_off(self, entry: Entry, header: str, *key: Any) -> None:
        """Refuse a row that would make again what has only been switched off."""
        if key in self.switched_off:
            entry.fail(header, "switched_off", "系统中已有，但已停用。请先启用，或删除该行。")

    def out_of_scope(self, entry: Entry, header: str) -> None:
        """Refuse a row above or beside the importer's own units."""
        entry.fail(header, "out_of_scope", "不在您的管辖范围内，请删除该行，或联系学校导入。")

    def compare(self, entry: Entry, pk: int, found: dict[str, Any], wanted: dict[str, Any], owner: str) -> None:
        """Plan the columns of an existing row that differ."""
        new = {name: value for name, value in wanted.items() if not same(found[name], value)}
        for name, value in new.items():
            target = f"{owner}.{name}"
            entry.changes[self.header(target)] = [self.shown(target, found[name]), self.shown(target, value)]
        entry.plan |= {"id": pk, "values": new, "old": {name: found[name] for name in new}}


class DepartmentKind(TreeKind):
    """院系：colleges and other departments directly under the school or under each other."""

    name = "departments"
    title = "院系"
    about = "学院和其他教学部门。已有的院系按名称（同一上级下）认定，只更新编号和排序。"
    permissions = ("organisation.add_orgunit", "organisation.change_orgunit")
    unique = ((("unit.name", "parent"), "院系名称"),)
    rows_of = OrgUnit
    sorted_by = ("path",)  # parents before their children

    title_ = Column(
        "院系名称", "unit.name", Cell(max_length=100), required=True, example="海洋学院", attribute="name",
        aliases=("学院", "院系", "学院名称", "部门名称", "部门", "单位名称", "所在学院", "院系所名称", "yxmc", "名称"),
    )  # fmt: skip
    kind = Column(
        "部门类型", "unit.kind",
        Choice([("college", "学院"), ("other", "其他教学部门"), ("center", "就业中心")], {"院系": "college", "二级学院": "college", "系": "college"}, "部门类型"),
        example="学院", help="不填表示学院；每所学校只能有一个就业中心", attribute="kind", aliases=("类型", "部门类别"),
    )  # fmt: skip
    code = Column(
        "部门编号",
        "unit.code",
        SchoolNumber(),
        example="01",
        attribute="code",
        aliases=("院系编号", "院系代码", "学院代码", "编号", "代码"),
    )
    parent = Column(
        "上级部门",
        "parent",
        help="不填表示直属学校；重名时写成“学院/系”",
        attribute="parent_id",
        aliases=("上级", "上级单位"),
    )
    order = Column(
        "排序",
        "unit.order",
        Cell(normalise.decimal, low=0, high=99999),
        example="10",
        attribute="order",
        aliases=("顺序",),
    )

    def label_of(self, entry: Entry) -> str:
        return entry.values.get("unit.name", "")

    @classmethod
    def exportable(cls, rows: models.QuerySet) -> models.QuerySet:
        """Majors have a template of their own, classes come with the students; what is switched off stays here."""
        return rows.filter(kind__in=_OFFICES, is_active=True)

    def writer(self, column: Column) -> Callable[[Any], str]:
        """A parent by its name, with those above it where the name alone does not tell."""
        return self.context.directory.written_unit if column.target == "parent" else super().writer(column)

    def written(self) -> dict[str, Any]:
        return {"unit": OrgUnit}

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        ctx = self.context
        for entry in entries:
            values = entry.values
            name = values.get("unit.name")
            if name:
                above = self._above(entry)
                found = self._known(name, values.get("unit.kind"), above)
                if found is None:
                    self._plan_new(entry, above)
                elif not ctx.scope.covers(found.path):
                    self.out_of_scope(entry, "院系名称")
                else:
                    wanted = {
                        key: values[f"unit.{key}"] for key in ("code", "order") if values.get(f"unit.{key}") is not None
                    }
                    wanted |= {"order": int(wanted["order"])} if "order" in wanted else {}
                    self.compare(entry, found.id, {"code": found.code, "order": found.order}, wanted, "unit")
                    entry.plan["unit"] = found
            self.settle(entry)

    def _above(self, entry: Entry) -> Unit | None:
        text = entry.values.get("parent")
        if not text or fold(text) in {fold(self.context.school.name), "学校", "本校"}:
            return None
        found = [unit for unit in self.context.directory.named(text) if unit.kind in _OFFICES]
        if len(found) != 1:
            what = "有多个同名部门" if found else "没有这个部门；上级部门须已存在，或写在本表靠前的行"
            entry.fail("上级部门", "unknown_unit", f"“{text[:30]}”{what}，请核对。")
            return None
        return found[0]

    def _known(self, name: str, kind: str | None, above: Unit | None) -> Unit | None:
        for unit in self.context.directory.by_unit_name.get(fold(name), ()):
            if (
                unit.kind in _OFFICES
                and (kind is None or unit.kind == kind)
                and unit.parent == (above.id if above else None)
            ):
                return unit
        return None

    def _plan_new(self, entry: Entry, above: Unit | None) -> None:
        ctx, values = self.context, entry.values
        kind = values.get("unit.kind") or OrgUnit.Kind.COLLEGE
        if kind == OrgUnit.Kind.CENTER and ctx.directory.center is not None:
            entry.fail(
                "部门类型", "second_center", f"本校已有就业中心“{ctx.directory.center.name}”，每所学校只能有一个。"
            )
        if not ctx.scope.covers(above.path if above else ctx.school.path):
            self.out_of_scope(entry, "院系名称")
        self.refuse_switched_off(entry, "院系名称", above.id if above else None, fold(values["unit.name"]))
        if entry.errors:
            return
        unit = Unit(
            None,
            values["unit.name"],
            kind,
            above.path if above else ctx.school.path,
            values.get("unit.code", ""),
            order=int(values.get("unit.order") or 0),
        )
        unit.parent = above.id if above else None
        entry.plan |= {"new": True, "unit": unit, "above": above}
        ctx.directory.add_unit(unit)

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        waiting = [entry for entry in entries if entry.plan.get("new")]
        while waiting:  # parents before children: one round per level of the tree
            ready = [entry for entry in waiting if entry.plan["above"] is None or entry.plan["above"].id is not None]
            rows = [
                {
                    "kind": unit.kind, "name": unit.name, "code": unit.code, "order": unit.order,
                    "parent": entry.plan["above"].place if entry.plan["above"] else None,
                }
                for entry in ready
                for unit in (entry.plan["unit"],)
            ]  # fmt: skip
            for entry, place in zip(ready, create_units(ctx.school, rows, by=ctx.by, reason=ctx.reason), strict=True):
                entry.plan["unit"].id, entry.plan["unit"].path = place.unit, place.path
                entry.undo = {"unit": [place.unit, None, None]}
            waiting = [entry for entry in waiting if entry not in ready]
        changed = [entry for entry in entries if not entry.plan.get("new")]
        change_rows(
            OrgUnit, {entry.plan["id"]: entry.plan["values"] for entry in changed}, by=ctx.by, reason=ctx.reason
        )
        for entry in changed:
            entry.undo = {"unit": [entry.plan["id"], None, jsonable(entry.plan["old"])]}

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        return units_in_use(made.get("unit", ()))

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        delete_units(made.get("unit", ()), by=ctx.by, reason=ctx.reason)
        change_rows(OrgUnit, changed.get("unit", {}), by=ctx.by, reason=ctx.reason)


class MajorKind(TreeKind):
    """专业设置：a major is known by college, name, direction, degree and campus; colleges and campuses that are missing are made."""

    name = "majors"
    title = "专业设置"
    about = "学校的专业。学生名单中的学院、专业须与这里一致；系统中没有的学院和校区会随导入新建。"
    permissions = ("organisation.add_major", "organisation.change_major")
    unique = ((("major.name", "college", "major.direction", "major.degree", "campus"), "专业名称"),)
    rows_of = Major
    sorted_by = ("college__path", "code", "name")

    campus = Column("校区", "campus", Cell(max_length=50), example="主校区", attribute="campus__name")
    college = Column(
        "学院", "college", Cell(max_length=100), required=True, example="海洋学院", attribute="college__name"
    )
    title_ = Column("专业名称", "major.name", Cell(max_length=100), required=True, example="海洋科学", attribute="name")
    code = Column("专业代码", "major.code", MajorCode(10), required=True, example="070701", attribute="code")
    direction = Column("专业方向", "major.direction", Cell(max_length=100), attribute="direction")
    degree = Column(
        "学历", "major.degree", Coded("degree_level"), required=True, example="本科生毕业", attribute="degree"
    )
    study_length = Column(
        "学制", "major.study_length", Coded("study_length"), required=True, example="4", attribute="study_length"
    )
    category = Column("专业类别", "major.category", Coded("major_category"), example="理工类", attribute="category")

    def __init__(self, context: Any = None, **kwargs: Any) -> None:
        super().__init__(context, **kwargs)
        self._colleges: dict[str, Unit] = {}
        self._campuses: set[str] = set()

    def forget(self) -> None:
        self._colleges.clear()
        self._campuses.clear()

    def label_of(self, entry: Entry) -> str:
        return f"{entry.values.get('college', '')} {entry.values.get('major.name', '')}".strip()

    @classmethod
    def exportable(cls, rows: models.QuerySet) -> models.QuerySet:
        """Majors that are in use."""
        return rows.filter(is_active=True, college__is_active=True)

    def written(self) -> dict[str, Any]:
        return {"major": Major, "unit": OrgUnit}

    def check(self, entry: Entry) -> None:
        """Brackets of a name are written as the ministry does."""
        if name := entry.values.get("major.name"):
            entry.values["major.name"] = name.translate(_BRACKETS)

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        ctx = self.context
        for entry in entries:
            college = entry.values.get("college")
            if not entry.errors and college:
                unit = ctx.directory.college(college) or self._colleges.get(fold(college))
                if not ctx.scope.covers(unit.path if unit else ctx.school.path):
                    self.out_of_scope(entry, "学院")
                elif unit is None and (None, fold(college)) in self.switched_off:
                    self.refuse_switched_off(entry, "学院", None, fold(college))
                else:
                    self._plan(entry, unit or self._new_college(college))
            self.settle(entry)

    def _new_college(self, name: str) -> Unit:
        unit = self._colleges[fold(name)] = Unit(None, name, OrgUnit.Kind.COLLEGE, self.context.school.path)
        self.context.note("将新建学院 {n} 个")
        return unit

    def _plan(self, entry: Entry, college: Unit) -> None:
        values = entry.values
        campus = values.get("campus")
        if campus and fold(campus) not in self.context.directory.campuses and fold(campus) not in self._campuses:
            self._campuses.add(fold(campus))
            self.context.note("将新建校区 {n} 个")
        entry.plan |= {"college": college, "campus": campus}
        found = self._known(entry, college)
        if found is None:
            entry.plan["new"] = True
            direction = fold(values.get("major.direction") or "")
            self.refuse_switched_off(
                entry, "专业名称", college.id, fold(values["major.name"]), direction, values["major.degree"]
            )
            return
        wanted = {
            name: values[f"major.{name}"]
            for name in ("code", "study_length", "category")
            if values.get(f"major.{name}")
        }
        self.compare(entry, found.id, {name: getattr(found, name) for name in wanted}, wanted, "major")

    def _known(self, entry: Entry, college: Unit) -> MajorRow | None:
        values, campus = entry.values, entry.values.get("campus")
        found = self.context.directory.find_majors(values["major.name"], college)
        for row in found if campus else sorted(found, key=lambda row: bool(row.campus_name)):
            if (
                fold(row.name) == fold(values["major.name"])
                and fold(row.direction) == fold(values.get("major.direction") or "")
                and row.degree == values["major.degree"]
                and (not campus or fold(row.campus_name) == fold(campus))
            ):
                return row
        return None

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        self._make_colleges(entries)
        self._make_campuses(entries)
        fresh = [entry for entry in entries if entry.plan.get("new")]
        rows = []
        for entry in fresh:
            own = {
                target[6:]: value
                for target, value in entry.values.items()
                if target.startswith("major.") and value is not None
            }
            campus = entry.plan["campus"]
            own["campus_id"] = ctx.directory.campuses[fold(campus)][0] if campus else None
            rows.append({**own, "college": entry.plan["college"].place})
        places = create_majors(ctx.school, rows, by=ctx.by, reason=ctx.reason)
        for entry, row, place in zip(fresh, rows, places, strict=True):
            entry.undo = {"major": [place.major, None, None], "unit": [place.unit, None, None]}
            ctx.directory.add_major(
                MajorRow(place.major, row["name"], row["code"], row.get("direction", ""), row["degree"], row["study_length"],
                         row.get("category", ""), row["campus_id"], entry.plan["campus"] or "", entry.plan["college"], place.unit, place.path)
            )  # fmt: skip
        changed = [entry for entry in entries if not entry.plan.get("new")]
        change_rows(Major, {entry.plan["id"]: entry.plan["values"] for entry in changed}, by=ctx.by, reason=ctx.reason)
        for entry in changed:
            entry.undo = {"major": [entry.plan["id"], None, jsonable(entry.plan["old"])]}

    def _make_colleges(self, entries: list[Entry]) -> None:
        ctx = self.context
        units = list(
            {id(unit): unit for entry in entries if (unit := entry.plan["college"]) and unit.id is None}.values()
        )
        rows = [{"kind": unit.kind, "name": unit.name} for unit in units]
        for unit, place in zip(units, create_units(ctx.school, rows, by=ctx.by, reason=ctx.reason), strict=True):
            unit.id, unit.path = place.unit, place.path
            ctx.directory.add_unit(unit)
            ctx.made.setdefault("units", []).append(place.unit)

    def _make_campuses(self, entries: list[Entry]) -> None:
        ctx = self.context
        names = {
            fold(name): name
            for entry in entries
            if (name := entry.plan.get("campus")) and fold(name) not in ctx.directory.campuses
        }
        for key, pk in zip(names, create_campuses(ctx.school, list(names.values())), strict=True):
            ctx.directory.campuses[key] = (pk, names[key])
            ctx.made.setdefault("campuses", []).append(pk)

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        nodes = dict(zip(made.get("unit", ()), made.get("major", ()), strict=True))
        return {nodes[unit] for unit in units_in_use(made.get("unit", ()))}

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        delete_units(made.get("unit", ()), by=ctx.by, reason=ctx.reason)
        change_rows(Major, changed.get("major", {}), by=ctx.by, reason=ctx.reason)
