"""Template workbooks to fill in: required headers in red, drop-down lists, an example row, and a sheet of notes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from xlsxwriter.utility import xl_col_to_name

from .styled import RED, new_workbook
from .writer import clean, sheet_title

#: The example row begins with this; ``importing.headers`` leaves such a row out.
EXAMPLE_MARK = "示例："
#: Rows that get a drop-down list.
_LAST_ROW = 20_000
_CHOICES_SHEET = "选项"


@dataclass(frozen=True, slots=True)
class TemplateField:
    """One column: header, whether required, allowed values (names, in order), example, and help for the notes sheet."""

    header: str
    required: bool = False
    choices: Sequence[str] = ()
    example: str = ""
    help: str = ""
    width: float | None = None


def write_template(
    path: str | os.PathLike[str], fields: Sequence[TemplateField], *, title: str = "数据", notes: Sequence[str] = ()
) -> None:
    """Write a template workbook: the sheet to fill in first, then 填写说明, then the hidden lists of choices."""
    with new_workbook(path) as book:
        text = book.add_format({"num_format": "@", "font_size": 11})
        base = {"bold": True, "num_format": "@", "bg_color": "#E8EEF7", "border": 1, "border_color": "#BFC9D9"}
        plain, must = book.add_format(base), book.add_format({**base, "font_color": RED})
        example = book.add_format({"num_format": "@", "italic": True, "font_color": "#7F7F7F", "bg_color": "#F5F5F5"})
        sheet = book.add_worksheet(sheet_title(title))
        for column, field in enumerate(fields):
            width = field.width or max(12, 2 * len(field.header) + 4, min(len(field.example) + 4, 30))
            sheet.set_column(column, column, width, text)
            sheet.write_string(0, column, clean(field.header), must if field.required else plain)
            if field.example or column == 0:
                mark = EXAMPLE_MARK if column == 0 else ""
                sheet.write_string(1, column, clean(mark + field.example), example)
            else:
                sheet.write_blank(1, column, None, example)
        sheet.set_row(0, 24)
        sheet.freeze_panes(1, 0)
        sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_col_to_name(max(len(fields) - 1, 0))}{_LAST_ROW}"})
        _write_notes(book, fields, notes)
        _write_choices(book, sheet, fields)
        sheet.activate()


def _write_notes(book, fields: Sequence[TemplateField], notes: Sequence[str]) -> None:
    sheet = book.add_worksheet("填写说明")
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    head = book.add_format({"bold": True, "bg_color": "#E8EEF7"})
    red = book.add_format({"font_color": RED, "valign": "top"})
    sheet.set_column(0, 0, 18, wrap)
    sheet.set_column(1, 1, 10, wrap)
    sheet.set_column(2, 2, 90, wrap)
    general = (
        "红色表头的列必须填写；请不要修改表头的文字，列的先后可以调整。",
        f"第 2 行是示例，以“{EXAMPLE_MARK}”开头，导入时自动跳过，保留或删除都可以。",
        "学号、身份证号、手机号码等请保持文本格式，以免长数字丢失末尾几位。",
        *notes,
    )
    for row, note in enumerate(general):
        sheet.merge_range(row, 0, row, 2, clean(note), wrap)
    start = len(general) + 1
    for column, label in enumerate(("列名", "是否必填", "填写要求")):
        sheet.write_string(start, column, label, head)
    for row, field in enumerate(fields, start + 1):
        sheet.write_string(row, 0, clean(field.header), red if field.required else wrap)
        sheet.write_string(row, 1, "必填" if field.required else "选填", wrap)
        parts = [field.help] if field.help else []
        if field.choices:
            shown = "、".join(field.choices[:20]) + ("……" if len(field.choices) > 20 else "")
            parts.append(f"可选：{shown}（点单元格右侧箭头选择）")
        if field.example:
            parts.append(f"例：{field.example}")
        sheet.write_string(row, 2, clean("；".join(parts)), wrap)


def _write_choices(book, sheet, fields: Sequence[TemplateField]) -> None:
    """Lists stand on a hidden sheet: a list inside the cell's rule may have only 255 characters."""
    listed = [(column, field) for column, field in enumerate(fields) if field.choices]
    if not listed:
        return
    hidden = book.add_worksheet(_CHOICES_SHEET)
    text = book.add_format({"num_format": "@"})
    for place, (column, field) in enumerate(listed):
        hidden.write_string(0, place, clean(field.header), text)
        for row, value in enumerate(field.choices, 1):
            hidden.write_string(row, place, clean(value), text)
        letter = xl_col_to_name(place, True)
        sheet.data_validation(
            1,
            column,
            _LAST_ROW,
            column,
            {
                "validate": "list",
                "source": f"='{_CHOICES_SHEET}'!{letter}$2:{letter}${len(field.choices) + 1}",
                "error_type": "warning",
                "error_title": "不在可选值中",
                "error_message": "请从下拉列表中选择。",
            },
        )
    hidden.hide()
