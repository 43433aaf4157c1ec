"""Stock import and export: plain import-export resources, as the admin integration runs them (preview, then confirm).

Easier than vanilla on purpose: coded cells are resolved in memory where a vanilla project would have a ForeignKeyWidget and a query
each; only college, major and class are looked up by query. `save()` of the models is Django's own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import models
from import_export import fields, resources, widgets
from import_export.formats.base_formats import XLSX

from benchmarks.extra import CODE, CODED
from models.accounts.models import User
from models.codes.lookup import table
from models.organisation.models import Cohort, Major, OrgUnit
from models.students.models import GraduateProfile, Student


class CodeWidget(widgets.Widget):
    """Name → code and back, by a dictionary in memory."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return (table(self.key).resolve(value) or "") if value else ""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return table(self.key).name(value) if value else ""


class MajorWidget(widgets.ForeignKeyWidget):
    """A major by name and college."""

    def get_queryset(self, value: Any, row: Any, *args: Any, **kwargs: Any) -> models.QuerySet:
        return Major._base_manager.filter(school__code=CODE, college__name=row["学院"])


class UnitWidget(widgets.ForeignKeyWidget):
    """A class by name."""

    def get_queryset(self, value: Any, row: Any, *args: Any, **kwargs: Any) -> models.QuerySet:
        return OrgUnit._base_manager.filter(school__code=CODE, kind=OrgUnit.Kind.CLASS)


class BlankText(widgets.CharWidget):
    """Text; an empty cell is the empty text."""

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> str:
        return str(value) if value is not None else ""


def _text(attribute: str, header: str) -> fields.Field:
    return fields.Field(attribute=attribute, column_name=header, widget=BlankText())


def _code(attribute: str, header: str) -> fields.Field:
    return fields.Field(attribute=attribute, column_name=header, widget=CodeWidget(CODED[header]))


PROFILE = {
    "政治面貌": "political_status", "生源地代码": "origin_region", "城乡生源": "urban_rural", "师范生类别": "teacher_training", "困难生类别": "hardship",
    "手机号码": "phone", "电子邮箱": "email", "QQ": "qq", "家庭地址": "home_address", "家庭邮编": "home_postcode", "家庭电话": "home_phone",
    "婚姻状况": "marital", "健康状况": "health", "入学前档案所在单位": "former_archive_unit", "入学前户口所在地派出所": "former_police_station",
}  # fmt: skip


class StudentResource(resources.ModelResource):
    """A roster: the student by declared fields; account and 生源信息 after each row, as the library's hook is meant for."""

    number = _text("number", "学号")
    name = _text("name", "姓名")
    sex = _code("sex", "性别")
    id_type = _code("id_type", "证件类型")
    id_number = _text("id_number", "身份证号")
    birth_date = fields.Field(attribute="birth_date", column_name="出生日期", widget=widgets.DateWidget())
    exam_number = _text("exam_number", "考生号")
    nation = _code("nation", "民族")
    major = fields.Field(attribute="major", column_name="专业", widget=MajorWidget(Major, "name"))
    unit = fields.Field(attribute="unit", column_name="班级", widget=UnitWidget(OrgUnit, "name"))
    degree = _code("degree", "学历")
    study_length = _code("study_length", "学制")
    training_mode = _code("training_mode", "培养方式")
    sponsor = _text("sponsor", "定向或委培单位")
    enrol_year = fields.Field(attribute="enrol_year", column_name="入学年份", widget=widgets.IntegerWidget())
    grad_year = fields.Field(attribute="grad_year", column_name="毕业年份", widget=widgets.IntegerWidget())
    grad_month = _text("grad_month", "毕业时间")
    roll_status = _code("roll_status", "学籍状态")

    class Meta:
        model = Student
        import_id_fields = ("number",)
        skip_unchanged = True
        fields = (
            "number", "name", "sex", "id_type", "id_number", "birth_date", "exam_number", "nation", "major", "unit", "degree", "study_length",
            "training_mode", "sponsor", "enrol_year", "grad_year", "grad_month", "roll_status",
        )  # fmt: skip

    def __init__(self, cohort: Cohort) -> None:
        super().__init__()
        self.cohort = cohort

    def get_queryset(self) -> models.QuerySet:
        return Student._base_manager.filter(cohort=self.cohort)

    def before_save_instance(self, instance: Student, row: Any, **kwargs: Any) -> None:
        instance.school_id, instance.cohort_id, instance.org_path = (
            self.cohort.school_id,
            self.cohort.pk,
            instance.unit.path,
        )
        if instance.user_id is None:
            user = User(username=f"{CODE}-{instance.number}", name=instance.name, kind=User.Kind.STUDENT, password="!")
            user.save()
            instance.user = user

    def do_instance_save(self, instance: Student, is_create: bool) -> None:
        models.Model.save(instance)

    def after_import_row(self, row: Any, row_result: Any, **kwargs: Any) -> None:
        """The profile of the row; written where it is new or differs."""
        if row_result.instance is None:
            return
        student = row_result.instance
        profile = GraduateProfile._base_manager.filter(student=student.pk).first() or GraduateProfile(student=student)
        old = {name: getattr(profile, name) for name in PROFILE.values()}
        for header, name in PROFILE.items():
            value = row[header]
            setattr(profile, name, CodeWidget(CODED[header]).clean(value) if header in CODED else str(value or ""))
        profile.household_moved, profile.archive_moved = (
            row["户口是否转入学校"] == "是",
            row["档案是否转入学校"] == "是",
        )
        if profile.pk is None or any(getattr(profile, name) != value for name, value in old.items()):
            profile.save()


def import_file(path: Path, cohort: Cohort) -> dict[str, int]:
    """As the admin does it: read and preview in a transaction that is rolled back, read and import. Returns the library's totals."""
    result = None
    for dry_run in (True, False):
        data = XLSX().create_dataset(path.read_bytes())
        result = StudentResource(cohort).import_data(data, dry_run=dry_run, raise_errors=True, use_transactions=True)
    return dict(result.totals)


class ExportWidget(widgets.CharWidget):
    """Anything as text."""


class ProfileExport(resources.ModelResource):
    """An export: one attribute path a column, names for codes by Django's own `get_…_display`, relations joined."""

    class Meta:
        model = GraduateProfile
        fields = ()

    def __init__(self, columns: list[Any]) -> None:
        super().__init__()
        self.fields = {
            column.name: fields.Field(
                attribute=column.name.replace(".", "__"), column_name=column.label,
                widget=CodeWidget(column.spec.code_table) if column.is_coded else widgets.CharWidget(),
            )
            for column in columns
        }  # fmt: skip

    def get_export_order(self, *args: Any, **kwargs: Any) -> list[str]:
        return list(self.fields)

    def get_export_fields(self, *args: Any, **kwargs: Any) -> list[fields.Field]:
        return list(self.fields.values())


def export_file(queryset: models.QuerySet, columns: list[Any], path: Path) -> int:
    """Write `queryset` as a workbook; returns the number of rows."""
    data = ProfileExport(columns).export(queryset.select_related("student__major__college", "student__unit"))
    path.write_bytes(XLSX().export_data(data))
    return len(data)
