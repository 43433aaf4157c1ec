"""学生：the roster. Makes account, roll record and 生源信息 of new students; updates what differs for those who are here."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell, Coded, Column, Month, SchoolNumber
from exports.importing.kinds.base import Context, Entry, same
from exports.importing.kinds.people import IdNumber, ReportingKind
from exports.importing.reading import Row
from exports.importing.refusal import CellError
from models.codes.lookup import table
from models.organisation.bulk import Place, create_units
from models.organisation.directory import MajorRow, Unit
from models.organisation.models import OrgUnit
from models.students.bulk import NewStudent, find_students, numbers_by_identity
from models.students.models import Student

RESIDENT = "1"
#: Document types whose number tells birth date and sex.
TELLING = frozenset({"1", "D"})
_ORDER = (
    *("学号", "姓名", "性别", "身份证号", "考生号", "民族", "政治面貌", "学院", "专业", "班级", "学历", "学制", "培养方式", "定向或委培单位"),
    *("生源地代码", "城乡生源", "入学年份", "毕业年份", "毕业时间", "师范生类别", "困难生类别", "手机号码", "电子邮箱", "QQ", "家庭地址"),
    *("家庭邮编", "家庭电话", "证件类型", "出生日期", "专业方向", "校区", "学籍状态", "婚姻状况", "健康状况", "户口是否转入学校"),
    *("档案是否转入学校", "入学前档案所在单位", "入学前户口所在地派出所"),
)  # fmt: skip
_NONE = frozenset({"无", "/", "-", "—", "——", "没有", "暂无"})
#: Never emptied by the option to erase.
_KEPT = frozenset({"sex", "nation", "degree", "id_type", "roll_status", "grad_year", "number", "name", "id_number"})


class Sponsor(Cell):
    """A unit's name; 无 and dashes mean that there is none."""

    def find(self, value: Any) -> str:
        text = super().find(value)
        return "" if text in _NONE else text


class StudentKind(ReportingKind):
    """学生."""

    name = "students"
    title = "学生"
    about = "新生名单或全校毕业生名单。新学号会建立账号、学籍和生源信息；已有的学号只更新有变化的内容。"
    permissions = ("students.import_student",)
    unique = ((("student.number",), "学号"), (("student.id_number",), "身份证号"))

    person = Column(
        "姓名",
        "student.name",
        Cell(normalise.name, max_length=60),
        required=True,
        example="张三",
        attribute="student__name",
    )
    sex = Column(
        "性别", "student.sex", Coded("gender"), example="男", help="不填时按身份证号认定", attribute="student__sex"
    )
    identity = Column(
        "身份证号",
        "student.id_number",
        IdNumber(),
        required=True,
        example="991542200302275497",
        attribute="student__id_number",
    )
    id_type = Column(
        "证件类型", "student.id_type", Coded("id_type"), help="不填表示居民身份证", attribute="student__id_type"
    )
    birth_date = Column(
        "出生日期",
        "student.birth_date",
        Cell(normalise.full_date),
        help="不填时按身份证号认定",
        attribute="student__birth_date",
    )
    exam_number = Column(
        "考生号", "student.exam_number", SchoolNumber(), example="23990000000001", attribute="student__exam_number"
    )
    nation = Column("民族", "student.nation", Coded("nation"), example="汉族", attribute="student__nation")
    college = Column("学院", "college", example="海洋学院", attribute="student__major__college__name")
    major = Column("专业", "major", required=True, example="海洋科学", help="须与“专业设置”中的名称一致，也可填专业代码",
                   attribute="student__major__name")  # fmt: skip
    direction = Column("专业方向", "direction", attribute="student__major__direction")
    campus = Column("校区", "campus", attribute="student__major__campus__name")
    klass = Column(
        "班级", "class", example="海科2301", help="系统中没有的班级会随导入新建", attribute="student__unit_id"
    )
    degree = Column(
        "学历",
        "student.degree",
        Coded("degree_level"),
        example="本科生毕业",
        help="不填时按专业设置",
        attribute="student__degree",
    )
    study_length = Column(
        "学制", "student.study_length", Coded("study_length"), example="4", attribute="student__study_length"
    )
    training_mode = Column(
        "培养方式",
        "student.training_mode",
        Coded("training_mode"),
        example="非定向",
        attribute="student__training_mode",
    )
    sponsor = Column(
        "定向或委培单位",
        "student.sponsor",
        Sponsor(max_length=100),
        help="培养方式为定向、委培时必填",
        attribute="student__sponsor",
    )
    enrol_year = Column(
        "入学年份", "student.enrol_year", Cell(normalise.year), example="2023", attribute="student__enrol_year"
    )
    grad_year = Column(
        "毕业年份",
        "student.grad_year",
        Cell(normalise.year),
        example="2027",
        help="不填时为所选毕业届",
        attribute="student__grad_year",
    )
    grad_month = Column("毕业时间", "student.grad_month", Month(), example="202706", attribute="student__grad_month")
    roll_status = Column(
        "学籍状态", "student.roll_status", Coded("roll_status"), help="不填表示在读", attribute="student__roll_status"
    )

    def __init__(self, context: Context | None = None, **kwargs: Any) -> None:
        super().__init__(context, **kwargs)
        place = {header: index for index, header in enumerate(_ORDER)}
        self.columns.sort(key=lambda column: place.get(column.header, len(place)))
        self._found: dict[tuple, MajorRow | tuple[tuple[str, str, str], ...]] = {}
        self._new: dict[tuple[Any, str], Unit] = {}

    def label_of(self, entry: Entry) -> str:
        return f"{entry.values.get('student.number', '')} {entry.values.get('student.name', '')}".strip()

    def writer(self, column: Column) -> Callable[[Any], str]:
        """Blank as the class of a student who stands directly under a major."""
        return self.context.directory.class_label if column.target == "class" else super().writer(column)

    # -- one row ------------------------------------------------------------------------------------------------------

    def read(self, row: Row, places: list[tuple[Column, int]]) -> Entry:
        """As the base; the type of document decides how its number is read."""
        self.by_target["student.id_number"].widget.kind = self._type(row, places)
        return super().read(row, places)

    def _type(self, row: Row, places: list[tuple[Column, int]]) -> str:
        for column, position in places:
            if column.target == "student.id_type" and position < len(row.cells) and row.cells[position] is not None:
                try:
                    return column.widget.clean(row.cells[position]) or RESIDENT
                except CellError:
                    return RESIDENT
        return RESIDENT

    def check(self, entry: Entry) -> None:
        """Sex and birth date against the ID number, years in order, a sponsor where there must be one."""
        values = entry.values
        self._check_identity(entry, values)
        self._check_years(entry, values)
        mode = values.get("student.training_mode")
        if (
            mode
            and "student.sponsor" in self.context.mapped
            and not values.get("student.sponsor")
            and table("training_mode").flags(mode).get("needs_unit")
        ):
            name = table("training_mode").name(mode)
            entry.fail("定向或委培单位", "required", f"培养方式为“{name}”，请填写定向或委培单位。")

    def _check_identity(self, entry: Entry, values: dict[str, Any]) -> None:
        number = values.get("student.id_number")
        if not number or values.get("student.id_type", RESIDENT) not in TELLING:
            return
        facts = normalise.birth_and_sex_from_id(number)
        if facts is None:
            return
        sex = values.get("student.sex")
        if sex is None:
            if "性别" not in entry.errors:
                values["student.sex"] = facts.sex_code
        elif sex != facts.sex_code:
            entry.fail(
                "性别",
                "sex_contradicts_id",
                f"填的是“{table('gender').name(sex)}”，身份证号第 17 位表示“{facts.sex}”，请核对。",
            )
        birth = values.get("student.birth_date")
        if birth is None:
            if "出生日期" not in entry.errors:
                values["student.birth_date"] = facts.birth
        elif birth != facts.birth:
            entry.fail("出生日期", "birth_contradicts_id", f"填的是 {birth}，身份证号中为 {facts.birth}，请核对。")

    def _check_years(self, entry: Entry, values: dict[str, Any]) -> None:
        enrol, year, month = (values.get(f"student.{name}") for name in ("enrol_year", "grad_year", "grad_month"))
        cohort = self.context.year
        if enrol and enrol >= (year or cohort):
            entry.fail("毕业年份", "year_order", f"毕业年份 {year or cohort} 不晚于入学年份 {enrol}，请核对两个年份。")
        elif year and year != cohort:
            entry.fail(
                "毕业年份",
                "other_cohort",
                f"毕业年份为 {year}，与所选的 {cohort} 届不一致。请更正，或切换毕业届后导入。",
            )
        if month and month[:4] != str(year or cohort):
            entry.fail("毕业时间", "year_order", f"毕业时间 {month} 不在毕业年份 {year or cohort} 内，请核对。")

    # -- many rows ----------------------------------------------------------------------------------------------------

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        ctx = self.context
        numbers = [number for entry in entries if (number := entry.values.get("student.number"))]
        identities = [number for entry in entries if (number := entry.values.get("student.id_number"))]
        known = find_students(ctx.school, numbers, lock=lock)
        holders = numbers_by_identity(ctx.school, ctx.cohort.pk, identities)
        for entry in entries:
            found = known.get(entry.values.get("student.number"))
            self._check_record(entry, found, holders)
            major = self._major(entry)
            unit = self._unit(entry, major) if major else None
            if not entry.errors and major:
                self._compare(entry, found, major, unit)
            self.settle(entry)

    def _check_record(self, entry: Entry, found: dict[str, Any] | None, holders: dict[str, str]) -> None:
        ctx = self.context
        number = entry.values.get("student.number")
        if found and not ctx.scope.covers(found["org_path"]):
            entry.fail("学号", "out_of_scope", "该学号不在您的管辖范围内，请删除该行，或联系学校导入。")
        elif found and found["cohort_id"] != ctx.cohort.pk:
            entry.fail(
                "学号",
                "other_cohort",
                f"该学号已在 {found['grad_year']} 届。如果学生转入 {ctx.cohort}，请在学生管理中办理“换届”。",
            )
        holder = holders.get(entry.values.get("student.id_number", ""))
        if holder and holder != number:
            entry.fail("身份证号", "id_taken", f"该证件号已属于本届学号 {holder} 的学生，请核对学号和证件号。")

    def _major(self, entry: Entry) -> MajorRow | None:
        values = entry.values
        if "major" not in values or "学院" in entry.errors:
            return None
        key = tuple(
            values.get(name)
            for name in ("college", "major", "direction", "campus", "student.degree", "student.study_length")
        )
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._find_major(*key)
        if isinstance(found, MajorRow):
            return found
        for problem in found:
            entry.fail(*problem)
        return None

    def _find_major(
        self,
        college: str | None,
        major: str,
        direction: str | None,
        campus: str | None,
        degree: str | None,
        length: str | None,
    ) -> MajorRow | tuple[tuple[str, str, str], ...]:
        directory = self.context.directory
        unit = directory.college(college) if college else None
        anywhere = directory.find_majors(major)
        problems = []
        if college and unit is None:
            hint = _near(college, {row.name for row in directory.colleges.values()})
            problems.append(
                (
                    "学院",
                    "unknown_college",
                    f"没有“{college[:30]}”这个学院。{hint}请与系统中的院系名称一致，或先导入院系。",
                )
            )
        if not anywhere:
            hint = _near(major, {row.name for row in directory.majors.values()})
            problems.append(
                ("专业", "unknown_major", f"专业设置中没有“{major[:30]}”。{hint}请与专业设置一致，或先导入专业。")
            )
        if problems:
            return tuple(problems)
        found = [row for row in anywhere if unit is None or row.college is unit]
        if not found:
            where = "、".join(dict.fromkeys(row.college.name for row in anywhere))
            return (
                (
                    "专业",
                    "unknown_major",
                    f"“{unit.name}”没有“{major[:30]}”专业（该专业属于{where}），请核对学院和专业。",
                ),
            )
        return self._narrow(found, direction, campus, degree, length)

    def _narrow(
        self, found: list[MajorRow], direction: str | None, campus: str | None, degree: str | None, length: str | None
    ) -> MajorRow | tuple[tuple[str, str, str], ...]:
        """Among majors of one name the one that direction, degree, campus and length point to."""
        if direction:
            fits = [row for row in found if same_name(row.direction, direction)]
            if not fits:
                return (("专业方向", "unknown_major", f"专业设置中该专业没有“{direction[:30]}”这个方向，请核对。"),)
            found = fits
        if degree:
            level = table("degree_level").flags(degree).get("level", degree)
            fits = [row for row in found if table("degree_level").flags(row.degree).get("level", row.degree) == level]
            if not fits:
                names = "、".join(dict.fromkeys(table("degree_level").name(row.degree) for row in found))
                return (
                    (
                        "学历",
                        "degree_mismatch",
                        f"填的是“{table('degree_level').name(degree)}”，专业设置中该专业为“{names}”，请核对。",
                    ),
                )
            found = fits
        for test in (
            lambda row: not campus or same_name(row.campus_name, campus),
            lambda row: not length or row.study_length == length,
            lambda row: bool(direction) or not row.direction,
        ):
            found = [row for row in found if test(row)] or found
        if len(found) > 1:
            return (
                (
                    "专业",
                    "ambiguous_major",
                    f"专业设置中有 {len(found)} 个同名专业，请填写学院、专业方向、学历或校区加以区分。",
                ),
            )
        return found[0]

    def _unit(self, entry: Entry, major: MajorRow) -> Unit | None:
        """The class; one that is not there yet is announced. None: the student stands under the major itself."""
        ctx, name = self.context, entry.values.get("class")
        unit = (
            (ctx.directory.class_of(major, name) or self._new.get((major.unit, normalise.fold(name)))) if name else None
        )
        if not ctx.scope.covers(unit.path if unit else major.path):
            header, shown = ("学院", major.college.name) if "college" in ctx.mapped else ("专业", major.label)
            entry.fail(header, "out_of_scope", f"“{shown}”不在您的管辖范围内，请删除该行，或联系学校导入。")
            return None
        if name and unit is None and not entry.errors:
            unit = Unit(None, name, OrgUnit.Kind.CLASS, major.path, parent=major.unit)
            self._new[major.unit, normalise.fold(name)] = unit
            ctx.note("将新建班级 {n} 个")
        return unit

    def _compare(self, entry: Entry, found: dict[str, Any] | None, major: MajorRow, unit: Unit | None) -> None:
        wanted = self._wanted(entry, found, major)
        entry.plan |= {"unit": unit, "major": major}
        if found is None:
            entry.plan |= {"new": True, "values": wanted}
            return
        entry.plan["id"] = found["id"]
        new = {name: value for name, value in wanted.items() if not same(found[name], value)}
        for name, value in new.items():
            entry.changes[self._label(name)] = [self._shown(name, found[name]), self._shown(name, value)]
        if unit is not None and unit.id is None:  # a class still to be made: its key is filled in when written
            entry.changes["班级"] = [self.context.directory.class_label(found["unit_id"]), unit.name]
            new["unit_id"] = unit
        elif (target := unit.id if unit else None) and target != found["unit_id"]:
            entry.changes["班级"] = [self.context.directory.class_label(found["unit_id"]), unit.name]
            new["unit_id"] = target
        elif "major_id" in new and unit is None:
            new["unit_id"] = major.unit
        if new:
            entry.plan["student"] = (new, {name: found[name] for name in new})
        self.compare_profile(entry, found)

    def _wanted(self, entry: Entry, found: dict[str, Any] | None, major: MajorRow) -> dict[str, Any]:
        wanted: dict[str, Any] = {"major_id": major.id}
        for target, value in entry.values.items():
            if target.startswith("student."):
                name = target[8:]
                if value is None:
                    if name in _KEPT:
                        continue
                    value = self._empty(Student, name)
                wanted[name] = value
        if found is None:
            defaults = {
                "degree": major.degree,
                "study_length": major.study_length,
                "grad_year": self.context.year,
                "sex": "",
                "nation": "",
            }
            return {**defaults, **wanted}
        # What is only derived from the ID number does not overwrite what somebody has entered.
        for name in ("sex", "birth_date"):
            if f"student.{name}" not in self.context.mapped and found[name]:
                wanted.pop(name, None)
        return wanted

    def _label(self, name: str) -> str:
        return "专业" if name == "major_id" else self.header(f"student.{name}")

    def _shown(self, name: str, value: Any) -> str:
        if name == "major_id":
            major = self.context.directory.majors.get(value)
            return major.label if major else ""
        return self.shown(f"student.{name}", value)

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        self._make_classes(entries)
        fresh = [entry for entry in entries if entry.plan.get("new")]
        new = []
        for entry in fresh:
            unit, major = entry.plan["unit"], entry.plan["major"]
            values = {**entry.plan["values"], "cohort_id": ctx.cohort.pk, "unit_id": unit.id if unit else major.unit}
            profile = self.profile_wanted(entry)
            if extra := self.extras_wanted(entry):
                profile["extra"] = extra
            new.append(NewStudent(values, profile))
        for entry in entries:
            if "student" in entry.plan and isinstance(entry.plan["student"][0].get("unit_id"), Unit):
                entry.plan["student"][0]["unit_id"] = entry.plan["unit"].id
        for entry, ids in zip(fresh, self.write_changes(entries, new), strict=True):
            entry.undo = {"student": [ids.student, None, None], "profile": [ids.profile, None, None]}

    def forget(self) -> None:
        self._found.clear()
        self._new.clear()

    def _make_classes(self, entries: list[Entry]) -> None:
        ctx = self.context
        units = {id(unit): unit for entry in entries if (unit := entry.plan.get("unit")) and unit.id is None}
        if not units:
            return
        majors = {id(entry.plan["unit"]): entry.plan["major"] for entry in entries if entry.plan.get("unit")}
        rows = [
            {"kind": unit.kind, "name": unit.name, "parent": Place(majors[key].unit, majors[key].path)}
            for key, unit in units.items()
        ]
        places = create_units(ctx.school, rows, by=ctx.by, reason=ctx.reason)
        for unit, place in zip(units.values(), places, strict=True):
            unit.id, unit.path = place.unit, place.path
            ctx.directory.add_unit(unit)
            ctx.made.setdefault("units", []).append(place.unit)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same but for spaces, width and punctuation."""
    return normalise.fold(one) == normalise.fold(other)


def _near(text: str, names: set[str]) -> str:
    found = get_close_matches(text, sorted(names), 1, 0.6)
    return f"是否为“{found[0]}”？" if found else ""
