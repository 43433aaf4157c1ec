"""The fictional province's schools, units, staff and settings: made once, found again later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone

from models.accounts.models import StaffAppointment, User
from models.codes.lookup import table
from models.employers import uscc
from models.organisation.models import Campus, Cohort, Major, OrgUnit, School
from workflows.levels import COLLEGE, COUNSELOR, PROVINCE, SCHOOL
from workflows.models import ReturnReason, Window

PASSWORD = "Demo-2027!"
EMPLOYER = uscc.made_up(1)  # an employer's account is called after its 统一社会信用代码
CLASSES = 3

# Demo accounts offered on the log-in page: account, who it is, what it is good for.
ACCOUNTS = (
    ("province", "省级管理员", "查看全省学校，处理省级规则未通过的记录"),
    ("school", "学校就业中心", "导入名单、审核、导出，管理全校"),
    ("college", "院系管理员", "审核海洋学院的学生"),
    ("counselor", "辅导员", "审核地球信息科学与技术专业的学生"),
    ("data", "数据员", "导入与导出数据"),
    ("student", "学生", "核对自己的生源信息（手机上试试）"),
    (EMPLOYER, "用人单位", "单位中心：单位审核、入驻学校"),
)


@dataclass
class Place:
    """A school with everything students are attached to."""

    school: School
    cohorts: dict[int, Cohort] = field(default_factory=dict)
    classes: list[tuple[OrgUnit, Major]] = field(default_factory=list)
    counselors: dict[int, User] = field(default_factory=dict)  # by class id
    colleges: dict[int, User] = field(default_factory=dict)  # by class id
    head: User | None = None


def account(username: str, name: str, **fields: Any) -> User:
    """A demo account, made when missing."""
    user = User.objects.filter(username=username).first()
    return user or User.objects.create_user(username, PASSWORD, name=name, **fields)


def appoint(user: User, level: str, unit: OrgUnit | None) -> None:
    """Appoint `user` once."""
    StaffAppointment.objects.get_or_create(user=user, level=level, unit=unit)


def build(spec: dict[str, Any], years: tuple[int, ...], staff_names: list[str]) -> Place:
    """The school of `spec` with its cohorts, tree, majors and staff."""
    school, _made = School.objects.get_or_create(
        code=spec["code"],
        defaults={
            "name": spec["name"],
            "short_name": spec["short_name"],
            "contact": spec["contact"],
            "region": "500109",
        },
    )
    place = Place(school)
    for year in years:
        place.cohorts[year], _made = Cohort.objects.get_or_create(school=school, year=year)
    campus, _made = Campus.objects.get_or_create(school=school, name="主校区")
    center, _made = OrgUnit.objects.get_or_create(
        school=school, kind=OrgUnit.Kind.CENTER, parent=None, defaults={"name": "就业指导中心"}
    )
    prefix = "" if spec["main"] else f"{spec['code']}-"
    place.head = account(f"{prefix}school", "周敏" if spec["main"] else "何静")
    appoint(place.head, SCHOOL, center)
    if spec["main"]:
        appoint(account("data", "孙涛"), StaffAppointment.Level.DATA, center)
    names = iter(staff_names)
    for order, (college_name, majors) in enumerate(spec["colleges"]):
        college, _made = OrgUnit.objects.get_or_create(
            school=school, kind=OrgUnit.Kind.COLLEGE, parent=None, name=college_name, defaults={"order": order}
        )
        dean = account("college" if spec["main"] and order == 0 else f"{spec['code']}-c{order + 1}", next(names))
        appoint(dean, COLLEGE, college)
        for position, major_spec in enumerate(majors):
            tutor_name = next(names)
            is_demo = spec["main"] and order == 0 and position == 1
            tutor = account("counselor" if is_demo else f"{spec['code']}-t{order + 1}{position + 1}", tutor_name)
            major = _major(school, college, campus, major_spec)
            appoint(tutor, COUNSELOR, major.unit)
            for number in range(1, CLASSES + 1):
                name = f"{major_spec[3]}230{number}"
                unit, _made = OrgUnit.objects.get_or_create(
                    school=school, parent=major.unit, kind=OrgUnit.Kind.CLASS, name=name
                )
                place.classes.append((unit, major))
                place.counselors[unit.pk], place.colleges[unit.pk] = tutor, dean
    return place


def _major(school: School, college: OrgUnit, campus: Campus, spec: list[str]) -> Major:
    name, code, category, _short = spec
    found = Major.objects.filter(school=school, college=college, name=name, campus=campus).first()
    if found is None:
        found = Major(
            school=school,
            college=college,
            campus=campus,
            name=name,
            code=code,
            degree="31",
            study_length="4",
            category=table("major_category").resolve(category) or "",
        )
        found.save()
    return found


def province_office() -> User:
    """The provincial office's account."""
    user = account("province", "省就业指导中心")
    appoint(user, PROVINCE, None)
    return user


def settings_of(place: Place, year: int) -> None:
    """The review window of the running cohort (three weeks gone, eighteen days left), and the school's return reasons."""
    day = timezone.localdate()
    zone = timezone.get_current_timezone()
    Window.objects.get_or_create(
        matter="students.graduateprofile",
        school=place.school,
        cohort=place.cohorts[year],
        defaults={
            "opens_at": datetime.combine(day - timedelta(days=21), time(8), zone),
            "closes_at": datetime.combine(day + timedelta(days=18), time(18), zone),
        },
    )
    for order, text in enumerate(
        (
            "生源地与户口簿不一致",
            "家庭地址不完整",
            "政治面貌与学籍信息不一致",
            "手机号码无法接通",
            "困难生类别需提供证明",
        )
    ):
        ReturnReason.objects.get_or_create(
            matter="students.graduateprofile", school=place.school, text=text, defaults={"order": order}
        )
