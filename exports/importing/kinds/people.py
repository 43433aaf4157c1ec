"""What the two kinds about students share: the columns of 生源信息, a school's own fields, and how records under review are treated.

A record that is not yet submitted, or was returned, is filled in as the sheet says. One that is under review or approved is not
touched behind the reviewers' backs: rows that would change its reporting fields are refused with a sentence, unless the importer
asks for it (option 同时更正已提交的记录) and has the function to change the matter; the change then shows in the review's
difference like any correction by staff. A voided record is never changed.
"""

from __future__ import annotations

from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell, Choice, Coded, Column, IsoDate, Number, SchoolNumber, YesNo
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable, same
from exports.importing.kinds.by_number import OPEN, ByNumber
from exports.importing.refusal import CellError
from models.students.bulk import add_profiles, delete_students, in_use, write_students
from models.students.models import Student
from models.students.profile import GraduateProfile
from workflows import policy
from workflows.levels import Status
from workflows.models import ExtraField

LOCKED = (
    "该生的生源信息状态为“{status}”，导入不能改动已提交的内容。请退回后再导入、在匹配列时不导入该列，"
    "或由有权人员勾选“同时更正已提交的记录”。"
)
_WIDGETS = {
    "text": lambda row: Cell(max_length=200),
    "number": lambda row: Number(normalise.decimal),
    "date": lambda row: IsoDate(),
}


class IdNumber(Cell):
    """A document number, checked by the rule of its type; `kind` is set row by row, from the code of 证件类型."""

    names = {"1": normalise.RESIDENT_ID, "8": "台湾居民来往大陆通行证", "A": "护照", "C": "港澳居民来往内地通行证",
             "D": "港澳台居民居住证", "E": "外国人永久居留身份证"}  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.kind = "1"

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        """Never remembered: every number is another."""
        if self.kind in self.names:
            return normalise.id_number(value, self.names[self.kind])[0]
        number = normalise.number_text(value)[0].upper()
        if number and not (5 <= len(number) <= 30):
            raise CellError("id_length", "证件号码应为 5 至 30 位，请核对。")
        return number


class ReportingKind(Kind):
    """Columns of 生源信息 and what both kinds do with them."""

    needs_cohort = True
    rows_of = GraduateProfile
    sorted_by = ("student__number",)

    number = Column(
        "学号", "student.number", SchoolNumber(), required=True, example="20230010001", attribute="student__number"
    )
    political_status = Column(
        "政治面貌",
        "profile.political_status",
        Coded("political_status"),
        example="共青团员",
        attribute="political_status",
    )
    origin_region = Column(
        "生源地代码", "profile.origin_region", Coded("region"), example="500103", attribute="origin_region",
        help="填行政区划代码或名称，选到区县，例如 500103 或 重庆市渝中区",
    )  # fmt: skip
    urban_rural = Column(
        "城乡生源", "profile.urban_rural", Coded("urban_rural"), example="城镇", attribute="urban_rural"
    )
    teacher_training = Column(
        "师范生类别",
        "profile.teacher_training",
        Coded("teacher_training"),
        example="非师范生",
        attribute="teacher_training",
    )
    hardship = Column("困难生类别", "profile.hardship", Coded("hardship"), example="非困难生", attribute="hardship")
    phone = Column("手机号码", "profile.phone", Cell(normalise.phone), example="19900000001", attribute="phone")
    email = Column("电子邮箱", "profile.email", Cell(normalise.email), example="name@example.com", attribute="email")
    qq = Column("QQ", "profile.qq", Cell(normalise.qq), example="10001", attribute="qq")
    home_address = Column(
        "家庭地址",
        "profile.home_address",
        Cell(max_length=200),
        example="示例省示例市示例区示例路1号",
        attribute="home_address",
    )
    home_postcode = Column(
        "家庭邮编", "profile.home_postcode", Cell(normalise.postcode), example="400000", attribute="home_postcode"
    )
    home_phone = Column(
        "家庭电话", "profile.home_phone", Cell(normalise.landline), example="023-65100000", attribute="home_phone"
    )
    marital = Column("婚姻状况", "profile.marital", Coded("marital"), attribute="marital")
    health = Column("健康状况", "profile.health", Coded("health"), attribute="health")
    household_moved = Column("户口是否转入学校", "profile.household_moved", YesNo(), attribute="household_moved")
    archive_moved = Column("档案是否转入学校", "profile.archive_moved", YesNo(), attribute="archive_moved")
    former_archive_unit = Column("入学前档案所在单位", "profile.former_archive_unit", attribute="former_archive_unit")
    former_police_station = Column(
        "入学前户口所在地派出所", "profile.former_police_station", attribute="former_police_station"
    )

    def extra_columns(self) -> list[Column]:
        """The school's own fields of the matter, by their label; files do not come in by a sheet."""
        school, cohort = self.context.school, self.context.cohort
        taken = {column.header for column in self.columns}
        found = []
        for row in policy.extras_for(GraduateProfile, school.pk, cohort.pk if cohort else None):
            if row.kind == ExtraField.Kind.FILE or row.label in taken:
                continue
            widget = (
                Choice([(one, one) for one in row.choice_list()], title=row.label)
                if row.kind == ExtraField.Kind.CHOICE
                else _WIDGETS[row.kind](row)
            )
            found.append(Column(row.label, f"extra.{row.key}", widget, help=row.help_text))
        return found

    def written(self) -> dict[str, Any]:
        return {"profile": GraduateProfile, "student": Student}

    def counted(self) -> str:
        return "student"

    # -- comparing ----------------------------------------------------------------------------------------------------

    def profile_wanted(self, entry: Entry) -> dict[str, Any]:
        """{attname: value} of the profile's own fields that the row gives."""
        found = {}
        for target, value in entry.values.items():
            if target.startswith("profile."):
                found[target[8:]] = self._empty(GraduateProfile, target[8:]) if value is None else value
        return found

    @staticmethod
    def _empty(model: type, name: str) -> Any:
        return None if model._meta.get_field(name).null else ""

    def extras_wanted(self, entry: Entry) -> dict[str, Any]:
        """{key: value} of the school's own fields that the row gives."""
        return {target[6:]: value for target, value in entry.values.items() if target.startswith("extra.")}

    def compare_profile(self, entry: Entry, known: dict[str, Any]) -> None:
        """Put what differs from the record into plan["profile"], with old values; refuse what may not be changed."""
        profile = known.get("profile") or {}
        wanted = self.profile_wanted(entry)
        old = {name: profile.get(name) for name in wanted}
        new = {name: value for name, value in wanted.items() if not same(old[name], value)}
        changes = {self.header(f"profile.{name}"): [self.shown(f"profile.{name}", old[name]), self.shown(f"profile.{name}", value)]
                   for name, value in new.items()}  # fmt: skip
        extra = profile.get("extra") or {}
        own = {key: value for key, value in self.extras_wanted(entry).items() if not same(extra.get(key), value)}
        if own:
            new["extra"], old["extra"] = {**extra, **own}, extra
            for key, value in own.items():
                target = f"extra.{key}"
                changes[self.header(target)] = [self.shown(target, extra.get(key)), self.shown(target, value)]
        if not new:
            return
        status = profile.get("status", Status.DRAFT)
        if status not in OPEN and not self._may_correct(status):
            for header in changes:
                entry.fail(header, "under_review", LOCKED.format(status=Status(status).label))
            return
        if status not in OPEN:
            self.context.note("有 {n} 条正在审核或已通过的生源信息将被更正，审核页面会显示这些改动")
        elif profile and profile["version"] > profile["baseline_version"]:
            self.context.note("有 {n} 名学生已自行填写过生源信息，导入会改动其中的内容")
        entry.changes |= changes
        entry.plan["profile"] = (profile.get("id"), new, {name: old[name] for name in new})

    def _may_correct(self, status: str) -> bool:
        return status != Status.VOIDED and self.context.reviewed and self.context.may("students.change_graduateprofile")

    # -- writing ------------------------------------------------------------------------------------------------------

    def write_changes(self, entries: list[Entry], new: list[Any] = ()) -> list[Any]:  # type: ignore[assignment]
        """Write `new` students and the changes planned by the entries; answers the keys of the new ones."""
        ctx = self.context
        lost = [
            entry.plan["id"]
            for entry in entries
            if "profile" in entry.plan and entry.plan["profile"][0] is None and "id" in entry.plan
        ]
        added = add_profiles(lost, by=ctx.by, reason=ctx.reason) if lost else {}
        students, profiles = {}, {}
        for entry in entries:
            if "student" in entry.plan and "id" in entry.plan:
                values, old = entry.plan["student"]
                students[entry.plan["id"]] = values
                entry.undo["student"] = [entry.plan["id"], None, jsonable(old)]
            if "profile" in entry.plan and "id" in entry.plan:
                pk, values, old = entry.plan["profile"]
                pk = pk or added[entry.plan["id"]]
                profiles[pk] = values
                entry.undo["profile"] = [pk, None, jsonable(old)]
        return write_students(ctx.school, new, students, profiles, by=ctx.by, reason=ctx.reason)

    def settle(self, entry: Entry) -> None:
        """The status that follows from errors and plan."""
        if entry.errors:
            entry.status, entry.changes = FAILED, {}
        elif entry.plan.get("new"):
            entry.status = CREATED
        else:
            entry.status = UPDATED if "student" in entry.plan or "profile" in entry.plan else UNCHANGED

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        return in_use(made["student"]) if made.get("student") else set()

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        if made.get("student"):
            delete_students(made["student"], by=ctx.by, reason=ctx.reason)
        write_students(ctx.school, (), changed.get("student"), changed.get("profile"), by=ctx.by, reason=ctx.reason)


class ProfileKind(ByNumber, ReportingKind):
    """生源数据：reporting data of students who are already here, found by 学号; 姓名 and 身份证号, if given, must agree."""

    name = "profiles"
    title = "生源数据"
    about = "按学号补充或更新已有学生的生源信息（生源地、联系方式等），不新建学生，也不改学籍信息。"
    permissions = ("students.import_graduateprofile",)
    unique = ((("student.number",), "学号"),)
    UNKNOWN = "系统中没有这个学号的学生，请核对；新学生请用“学生”导入。"

    person = Column("姓名", "check.name", Cell(normalise.name), example="张三", help="可不填；填了就必须与系统中的一致，防止串行",
                    attribute="student__name")  # fmt: skip
    identity = Column(
        "身份证号",
        "check.id_number",
        Cell(normalise.number_text),
        help="可不填；填了就必须与系统中的一致",
        attribute="student__id_number",
    )

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        for entry, found in self.students_of(entries, lock=lock):
            entry.plan["id"] = found["id"]
            self.compare_profile(entry, found)
        for entry in entries:
            self.settle(entry)

    def write(self, entries: list[Entry]) -> None:
        self.write_changes(entries)
