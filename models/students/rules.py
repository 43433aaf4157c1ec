"""Rules of 生源信息 (the 核查 the authorities do, told to people before they do it).

Sources: GB 11643 (ID number), GB/T 3304 and 4762 (nation, political status: two digits), the 2021 definition of the
population, and rules observed in provincial systems. Ids and severities follow the project's rule pack.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from models.codes.lookup import table
from models.students.identity import IdentityError, birth_and_sex, check_id_number
from workflows.rules import Rule, Severity

# Raise it when a rule changes: stored findings are then worked out afresh.
PACK = "2026.1"

Found = Iterator[tuple[str, str, str]]
RESIDENT_ID = "1"


def identity(record: Any) -> Found:
    """R01: the ID number is whole, and birth date and sex agree with it."""
    student = record.student
    if student.id_type != RESIDENT_ID:
        return
    try:
        check_id_number(student.id_number)
    except IdentityError as error:
        yield "student.id_number", str(error), "请由学校按学籍信息更正身份证号。"
        return
    birth, sex = birth_and_sex(student.id_number)
    if student.birth_date and student.birth_date != birth:
        yield (
            "student.birth_date",
            f"出生日期 {student.birth_date} 与身份证号中的 {birth} 不一致。",
            "请核对身份证号与出生日期。",
        )
    if student.sex != sex:
        yield (
            "student.sex",
            f"性别与身份证号不一致：身份证号第 17 位表示{table('gender').name(sex)}。",
            "请核对性别与身份证号。",
        )


def roll_snapshot(record: Any) -> Found:
    """R02: facts of the roll are there; they stand on the student's row only, which colleges cannot edit, so they cannot differ."""
    student = record.student
    for name, value in (("exam_number", student.exam_number), ("name", student.name), ("number", student.number)):
        if not value:
            label = student._meta.get_field(name).verbose_name
            yield f"student.{name}", f"缺少学籍信息「{label}」。", "请由学校补齐学籍数据后再审核。"
    if student.degree != student.major.degree:
        yield "student.degree", "学历与所在专业的学历层次不一致。", "请核对学籍中的专业与学历。"


_CODED = {
    "student.nation": "nation",
    "student.sex": "gender",
    "student.degree": "degree_level",
    "student.training_mode": "training_mode",
    "student.study_length": "study_length",
    "political_status": "political_status",
    "urban_rural": "urban_rural",
    "teacher_training": "teacher_training",
    "hardship": "hardship",
    "marital": "marital",
    "health": "health",
}


def codes(record: Any) -> Found:
    """R03: every code is in the cohort's tables, as it is written there (two digits for nation and political status)."""
    year = record.student.grad_year
    for name, key in _CODED.items():
        owner, _dot, attribute = name.rpartition(".")
        value = getattr(record.student if owner else record, attribute)
        if value and not table(key).valid(value, year):
            label = (record.student if owner else record)._meta.get_field(attribute).verbose_name
            yield name, f"{label}代码「{value}」不在 {year} 届的代码表中。", "请重新选择。"


def origin(record: Any) -> Found:
    """R04: the place of origin is valid for the year and goes down to the county (a city without counties will do)."""
    code = record.origin_region
    if not code:
        return
    regions = table("region")
    if not regions.valid(code, record.student.grad_year):
        yield "origin_region", f"生源地代码「{code}」已停用或不存在。", "请重新选择现行的区县。"
    elif code.endswith("0000") or (code.endswith("00") and regions.children(code)):
        yield "origin_region", f"生源地「{regions.path_name(code)}」没有选到区县。", "请选择到区、县一级。"


def sponsor(record: Any) -> Found:
    """R05: directed and commissioned students name their unit, the others do not."""
    student = record.student
    directed = bool(table("training_mode").flags(student.training_mode).get("needs_unit"))
    if directed and not student.sponsor:
        yield "student.sponsor", "培养方式为定向或委培，但没有填写定向或委培单位。", "请由学校补充定向或委培单位。"
    if not directed and student.sponsor:
        yield (
            "student.sponsor",
            "培养方式不是定向或委培，不应填写定向或委培单位。",
            "请由学校核对培养方式，或清空该单位。",
        )


def years(record: Any) -> Found:
    """R27: the order of years: enrolment before graduation, and neither absurdly far off."""
    student = record.student
    if student.enrol_year and student.grad_month and student.grad_month < f"{student.enrol_year}01":
        yield "student.grad_month", "毕业时间早于入学年份。", "请核对入学年份与毕业时间。"
    if student.grad_month and student.grad_month[:4] != str(student.grad_year):
        yield (
            "student.grad_month",
            f"毕业时间 {student.grad_month} 与毕业年份 {student.grad_year} 不一致。",
            "请核对毕业时间。",
        )
    if student.enrol_year and student.enrol_year > timezone.localdate().year:
        yield "student.enrol_year", "入学年份在将来。", "请核对入学年份。"


def household(record: Any) -> Found:
    """R31: who asks to move the household registration out must have moved it in; here, what is said about it is complete."""
    if record.household_moved and not record.former_police_station:
        yield (
            "former_police_station",
            "户口已转入学校，但没有填写入学前户口所在地派出所。",
            "请补充派出所名称，迁出时需要。",
        )
    if record.household_moved is False and record.former_police_station == "" and record.archive_moved is None:
        yield "archive_moved", "尚未说明档案是否转入学校。", "请选择档案是否转入学校。"


PROFILE_RULES = (
    Rule("R01", Severity.ERROR, "身份证号与性别、出生日期一致", "GB 11643", identity),
    Rule("R02", Severity.ERROR, "学籍信息完整一致", "教学厅函〔2014〕49号", roll_snapshot),
    Rule("R03", Severity.ERROR, "代码有效", "GB/T 3304、GB/T 4762 等", codes),
    Rule("R04", Severity.ERROR, "生源地有效且到区县", "GB/T 2260", origin),
    Rule("R05", Severity.ERROR, "定向或委培单位与培养方式一致", "省级就业系统校验规则", sponsor),
    Rule("R27", Severity.WARNING, "入学与毕业时间顺序", "省级就业系统校验规则", years),
    Rule("R31", Severity.WARNING, "户口与档案信息完整", "省级就业系统校验规则", household),
)
