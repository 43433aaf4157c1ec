"""Workbooks to fill in, one per kind: required columns in red, drop-down lists of the school's own units and of codes."""

from __future__ import annotations

import tempfile
from pathlib import Path

from exports.importing.columns import Coded, Column
from exports.importing.kinds import KINDS
from exports.importing.kinds.base import Context, Kind
from exports.importing.runs import context_for
from exports.sheets.templates import TemplateField, write_template
from models.organisation.directory import Directory
from models.organisation.models import Cohort, School

NOTES = {
    "students": (
        "一行一名学生。新学号会建立账号、学籍和生源信息；已有的学号只更新有变化的列。",
        "空白的单元格不会清空系统中已有的内容（上传时可改）。",
    ),
    "profiles": ("按学号找到学生；姓名、身份证号可以不填，填了就必须与系统一致。",),
    "majors": ("学生名单中的学院、专业须与这里一致。系统中没有的学院、校区会随导入新建。",),
    "staff": ("一行一个任职，同一工号可以有几行。新账号请本人用邮箱找回密码，或由管理员重置。",),
}


def field_of(column: Column, kind: Kind, directory: Directory) -> TemplateField:
    """The template's description of a column."""
    choices = column.widget.choices()
    if column.target == "college":
        choices = list(dict.fromkeys(unit.name for unit in directory.colleges.values()))
    elif column.target == "major":
        choices = list(dict.fromkeys(major.name for major in directory.majors.values()))
    elif column.target == "campus":
        choices = [name for _pk, name in directory.campuses.values()]
    help_text = column.help
    if isinstance(column.widget, Coded) and not choices:
        help_text = help_text or "填系统代码中的代码或名称"
    return TemplateField(column.header, column.required, choices, _example(column, choices), help_text)


def _example(column: Column, choices: list[str]) -> str:
    """The declared example, unless the school's own list has none like it."""
    if column.target in ("college", "major") and choices and column.example not in choices:
        return choices[0]
    return column.example


def template_workbook(name: str, school: School, cohort: Cohort | None) -> bytes:
    """The template of a kind for a school, as the bytes of an .xlsx file."""
    context: Context = context_for(name, school, cohort, None)
    kind = KINDS[name](context)
    fields = [field_of(column, kind, context.directory) for column in kind.columns]
    with tempfile.TemporaryDirectory(prefix="qihang-template-") as folder:
        path = Path(folder) / "template.xlsx"
        write_template(path, fields, title=kind.title, notes=NOTES.get(name, ()))
        return path.read_bytes()
