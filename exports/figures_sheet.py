"""Figures as a workbook, put on record like every export."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from django.utils import timezone

from exports.sheets.writer import write_rows
from models.audit.models import Action
from models.audit.services import record as audit
from models.jobs.files import safe_filename, store_private
from models.organisation.models import Cohort
from models.rates.dimensions import Dimension
from models.rates.figures import Line, Question, breakdown, total
from models.rates.models import Basis, Population, RateSnapshot
from models.releases.models import ExportRecord, State, keep_until
from models.releases.upkeep import FOLDER


def export_figures(question: Question, dimension: Dimension, year: str, user: Any, request: Any = None) -> ExportRecord:
    """Write the table of one breakdown to a workbook; the record holds the file. Figures name no person."""
    began = time.perf_counter()
    groups = question.version.groups
    header = [dimension.label, "代码", "毕业生数", "落实人数", "落实率（%）"]
    header += [text for group in groups for text in (f"{group}人数", f"{group}占比（%）")]
    lines = [*breakdown(question, dimension), total(question)]
    schools = set(Cohort.objects.filter(pk__in=question.cohort_ids).values_list("school_id", flat=True))
    record = ExportRecord(
        owner=user, school_id=schools.pop() if len(schools) == 1 else None, model_label=RateSnapshot._meta.label_lower,
        title=f"落实率统计（按{dimension.label}）", described=described(question, year), asked=len(lines), rows=len(lines),
    )  # fmt: skip
    record.save(force_insert=True)
    audit(Action.EXPORT, request=request, actor=user, obj=RateSnapshot, record=record.pk, count=len(lines), range=record.described)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xlsx"
        formats = ["text", "text", "integer", "integer", "number", *["integer", "number"] * len(groups)]
        notes = [
            ("导出人", f"{user.name}（{user.get_username()}）"),
            ("导出时间", f"{timezone.localtime():%Y-%m-%d %H:%M}"),
            *(tuple(text.split("：", 1)) for text in record.described),
            ("使用提醒", "未经省级主管部门同意，学校不得向其他部门或机构提供就业数据（教学厅函〔2021〕19号）。"),
        ]
        write_rows(path, [header], (_cells(line, groups) for line in lines), formats, sheet_name="落实率", notes=notes)
        record.file_size = path.stat().st_size
        with path.open("rb") as file:
            record.file = store_private(path.name, file, FOLDER)
    record.file_name = safe_filename(f"{year}{record.title}_{timezone.localtime():%Y%m%d-%H%M}.xlsx")
    record.state, record.expires_at, record.seconds = State.DONE, keep_until(), round(time.perf_counter() - began, 2)
    record.save()
    return record


def described(question: Question, year: str) -> list[str]:
    """How it was counted, in words "what：how"."""
    return [
        f"毕业届：{year}",
        f"公式：{question.version.sentence}",
        f"依据：{question.version.source}",
        f"计入范围：{Basis(question.basis).label}",
        f"毕业生总数：{Population(question.population).label}",
        f"截止日期：{question.cutoff.isoformat() if question.cutoff else '当前'}",
    ]


def _cells(line: Line, groups: tuple[str, ...]) -> list[Any]:
    parts = [value for group in groups for value in (line.parts[group], float(line.share(group)))]
    return [line.name, line.code, line.denominator, line.numerator, float(line.rate), *parts]
