"""What ``templates`` and ``errors`` share: an XlsxWriter workbook in which a string can only be a string."""

from __future__ import annotations

import math
import os
from datetime import date, datetime

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from .writer import as_text, clean

RED = "#C00000"
WRONG_FILL = "#FFD9D9"
_OPTIONS = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
    "in_memory": True,
}


def new_workbook(path: str | os.PathLike[str], *, constant_memory: bool = False) -> xlsxwriter.Workbook:
    """A workbook that writes strings as strings; use it with ``with`` so that it is closed."""
    options = {**_OPTIONS, "in_memory": False, "constant_memory": True} if constant_memory else _OPTIONS
    return xlsxwriter.Workbook(os.fspath(path), options)


def put(sheet: Worksheet, row: int, column: int, value: object, style: Format, dated: Format) -> None:
    """Write one value as what it is; rows and columns count from 0. ``dated`` is used for dates."""
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value, style)
    elif isinstance(value, (int, float)) and math.isfinite(value):
        sheet.write_number(row, column, value, style)
    elif isinstance(value, (datetime, date)) and value.year >= 1900:
        sheet.write_datetime(row, column, value, dated)
    elif text := as_text(value):
        sheet.write_string(row, column, clean(text), style)
    else:
        sheet.write_blank(row, column, None, style)
