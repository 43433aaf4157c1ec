"""教职工：accounts of staff with their appointments; one row per appointment, so a person may have several rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models

from exports.importing import normalise
from exports.importing.columns import Cell, Choice, Column, SchoolNumber
from exports.importing.kinds.base import CREATED, FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable, same
from models.accounts.bulk import delete_staff, find_staff, staff_in_use, write_staff
from models.accounts.models import StaffAppointment, User
from models.organisation.directory import Unit
from workflows.levels import COLLEGE, COUNSELOR, SCHOOL

_LEVELS = [(COUNSELOR, "辅导员/班主任"), (COLLEGE, "院系"), (SCHOOL, "校级"), ("data", "数据员")]
_CALLED = {
    "辅导员": COUNSELOR, "班主任": COUNSELOR, "学院": COLLEGE, "院级": COLLEGE, "院系管理员": COLLEGE, "学院管理员": COLLEGE, "系": COLLEGE,
    "学校": SCHOOL, "校级管理员": SCHOOL, "学校管理员": SCHOOL, "数据": "data",
}  # fmt: skip


class StaffKind(Kind):
    """教职工."""

    name = "staff"
    title = "教职工"
    about = (
        "教职工账号和任职。一行一个任职；同一工号可以有几行。新账号由本人用电子邮箱找回密码，或由管理员重置密码后登录。"
    )
    permissions = ("accounts.add_staffappointment", "accounts.add_user")
    unique = ((("account.username", "appointment.level", "unit"), "工号"),)
    rows_of = StaffAppointment
    sorted_by = ("user__username", "level")
    school_path = "unit__school_id"

    number = Column("工号", "account.username", SchoolNumber(60), required=True, example="10001", attribute="user__username",
                    aliases=("账号", "教工号", "职工号", "教职工号", "工资号", "人员编号", "登录账号", "gh"), help="就是登录账号")  # fmt: skip
    person = Column("姓名", "account.name", Cell(normalise.name, max_length=60), required=True, example="王老师", attribute="user__name",
                    aliases=("教师姓名", "教职工姓名", "老师姓名", "xm"))  # fmt: skip
    level = Column("职级", "appointment.level", Choice(_LEVELS, _CALLED, "职级"), required=True, example="辅导员/班主任", attribute="level",
                   aliases=("级别", "角色", "管辖级别", "任职级别", "身份"))  # fmt: skip
    unit = Column("任职部门", "unit", Cell(max_length=200), example="海洋学院", attribute="unit_id",
                  aliases=("部门", "单位", "所在部门", "管辖范围", "院系", "学院", "管辖部门"),
                  help="学院、专业或班级的名称；重名时写成“学院/专业/班级”。校级不填，任职于就业中心")  # fmt: skip
    phone = Column(
        "手机号码",
        "account.phone",
        Cell(normalise.phone),
        example="19900000001",
        attribute="user__phone",
        mask="phone",
        aliases=("手机", "手机号", "联系电话", "电话"),
    )
    email = Column(
        "电子邮箱",
        "account.email",
        Cell(normalise.email),
        example="name@example.com",
        attribute="user__email",
        aliases=("邮箱", "email"),
    )
    starts_on = Column(
        "开始日期", "appointment.starts_on", Cell(normalise.full_date), attribute="starts_on", aliases=("任职开始日期",)
    )
    ends_on = Column(
        "结束日期",
        "appointment.ends_on",
        Cell(normalise.full_date),
        attribute="ends_on",
        aliases=("任职结束日期", "到期日期"),
    )

    def label_of(self, entry: Entry) -> str:
        return f"{entry.values.get('account.username', '')} {entry.values.get('account.name', '')}".strip()

    def written(self) -> dict[str, Any]:
        return {"appointment": StaffAppointment}

    @classmethod
    def exportable(cls, rows: models.QuerySet) -> models.QuerySet:
        """Appointments of a school: who is appointed over a province, or with a title of its own, is in no template."""
        levels = [level for level, _label in _LEVELS]
        return rows.filter(level__in=levels, unit__is_active=True, user__kind=User.Kind.STAFF)

    def writer(self, column: Column) -> Callable[[Any], str]:
        """A unit by its name, with those above it where the name alone does not tell."""
        return self.context.directory.written_unit if column.target == "unit" else super().writer(column)

    def check(self, entry: Entry) -> None:
        """An appointment ends after it begins."""
        first, last = entry.values.get("appointment.starts_on"), entry.values.get("appointment.ends_on")
        if first and last and first > last:
            entry.fail("结束日期", "date_order", f"结束日期 {last} 早于开始日期 {first}，请核对。")

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        known = find_staff([name for entry in entries if (name := entry.values.get("account.username"))], lock=lock)
        for entry in entries:
            values = entry.values
            unit = self._unit(entry) if "appointment.level" in values else None
            found = known.get(values.get("account.username"))
            if found and found["kind"] != User.Kind.STAFF:
                entry.fail("工号", "account_taken", "这个账号属于学生或用人单位，请换一个工号。")
            elif found and not any(self.context.scope.covers(place) for place in found["paths"]) and found["paths"]:
                entry.fail("工号", "out_of_scope", "这个账号不在您的管辖范围内，请联系学校处理。")
            if not entry.errors and unit:
                self._compare(entry, found, unit)
            entry.status = FAILED if entry.errors else entry.status
            if entry.errors:
                entry.changes = {}

    def _unit(self, entry: Entry) -> Unit | None:
        directory, text, level = self.context.directory, entry.values.get("unit"), entry.values["appointment.level"]
        if not text and level in (SCHOOL, "data"):
            unit = directory.center
            if unit is None:
                entry.fail("任职部门", "unknown_unit", "本校还没有就业中心，请先在院系中建立。")
                return None
        elif not text:
            entry.fail("任职部门", "required", "不能为空，请填写任职的学院、专业或班级。")
            return None
        else:
            unit = self._named(entry, text)
            if unit is None:
                return None
        if level == SCHOOL and unit.kind != "center":
            entry.fail("任职部门", "wrong_unit", "校级管理员须任职于本校的就业中心。")
        if level in (COUNSELOR, COLLEGE) and unit.kind == "center":
            entry.fail("任职部门", "wrong_unit", "院系和辅导员须任职于学院、专业或班级。")
        # Who sits in the 就业中心 rules the whole school.
        if not self.context.scope.covers(self.context.school.path if unit.kind == "center" else unit.path):
            entry.fail("任职部门", "out_of_scope", "这个部门不在您的管辖范围内，请删除该行，或联系学校导入。")
        return unit

    def _named(self, entry: Entry, text: str) -> Unit | None:
        found = self.context.directory.named(text)
        if len(found) == 1:
            return found[0]
        message = (
            f"有 {len(found)} 个同名部门，请写成“学院/专业/班级”"
            if found
            else f"没有“{text[:30]}”这个部门，请与系统中的名称一致"
        )
        entry.fail("任职部门", "unknown_unit", f"{message}。")
        return None

    def _compare(self, entry: Entry, found: dict[str, Any] | None, unit: Unit) -> None:
        values = entry.values
        account = {target[8:]: value or "" for target, value in values.items() if target.startswith("account.")}
        appointment = {
            name: values.get(f"appointment.{name}")
            for name in ("starts_on", "ends_on")
            if f"appointment.{name}" in values
        }
        held = (found or {"appointments": {}})["appointments"].get((values["appointment.level"], unit.id))
        entry.plan = {
            "account": account,
            "level": values["appointment.level"],
            "unit": unit.id,
            "found": found,
            "held": held,
            "dates": appointment,
        }
        if found is None or held is None:
            entry.status = CREATED
        for name, value in account.items():
            if found and name != "username" and not same(found[name], value):
                entry.changes[self.header(f"account.{name}")] = [found[name], value]
        for name, value in appointment.items():
            if held and not same(held[name], value):
                entry.changes[self.header(f"appointment.{name}")] = [self.shown("", held[name]), self.shown("", value)]
        if entry.status != CREATED:
            entry.status = UPDATED if entry.changes else UNCHANGED

    def write(self, entries: list[Entry]) -> None:
        ctx = self.context
        for entry, item in zip(
            entries, write_staff([entry.plan for entry in entries], by=ctx.by, reason=ctx.reason), strict=True
        ):
            entry.undo = {
                "appointment": [
                    item.appointment,
                    None,
                    jsonable(item.old_dates) if item.old_dates is not None else None,
                ]
            }
            if item.made_account:
                entry.undo["account"] = [item.user, None, None]
            elif item.old_account:
                entry.undo["account"] = [item.user, None, item.old_account]

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        return staff_in_use(made.get("account", ()), made.get("appointment", ()))

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        delete_staff(made, changed, by=ctx.by, reason=ctx.reason)
