"""Exports in the layout of an import template: made from the import kind's own declaration, so that the file comes in again unchanged.

A kind says which rows it writes (`rows_of`), its columns where each value stands (`attribute`) and how it is written (the widget's
`render`, or the kind's `writer` where a value needs its surroundings). Numbers that are masked stay blank unless they are
revealed: a blank cell keeps what is stored when the file is imported again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Max, Min

from exports.columns import mask_of
from exports.exporting.plan import Plan, SheetColumn
from exports.exporting.rows import visible
from exports.importing import normalise
from exports.importing.columns import Cell, Column
from exports.importing.kinds import KINDS
from exports.importing.kinds.base import Context, Kind
from models.audit.masking import mask_text
from models.organisation.directory import Directory
from models.organisation.models import Cohort, School
from workflows.errors import Invalid

PREFIX = "import."


@dataclass(frozen=True)
class TemplateColumn:
    """One column as the export door knows columns: heading and what must be hidden in it."""

    label: str
    mask: str


@dataclass(frozen=True)
class TemplateLayout:
    """The template of one kind of import as a layout of exports; `kind` is the class."""

    kind: type[Kind]

    @property
    def key(self) -> str:
        """How an order and an export record name it."""
        return f"{PREFIX}{self.kind.name}"

    @property
    def title(self) -> str:
        """What is exported."""
        return self.kind.title

    @property
    def model(self) -> type[models.Model]:
        """Whose rows these are."""
        assert self.kind.rows_of is not None
        return self.kind.rows_of

    @property
    def needs_numbers(self) -> bool:
        """Whether the file cannot be imported again without the full numbers."""
        return any(column.required and mask for column, mask in self._masked())

    def columns(self) -> list[TemplateColumn]:
        """The declared columns; those a school has added follow them in the sheet."""
        return [TemplateColumn(column.header, mask) for column, mask in self._masked()]

    def _masked(self) -> list[tuple[Column, str]]:
        return [(column, mask_for(self.model, column)) for column in self.kind().columns]

    def place(self, rows: models.QuerySet) -> tuple[int | None, int | None]:
        """(school, cohort) of the rows; Invalid when they are of several: a file is imported into one."""
        kind = self.kind
        school = _only(rows, kind.school_path, "一次只能导出一所学校的数据，请先按学校筛选。")
        cohort = _only(rows, "cohort_id" if kind.needs_cohort else "", "一次只能导出一届的数据，请先选择毕业届。")
        return school, cohort

    def plan(self, user: Any, keys: Sequence[int], *, reveal: bool) -> Plan:
        """The sheet for these rows, while `user` is acting."""
        school_id, cohort_id = self.place(visible(self.model, user).filter(pk__in=keys[:1]))
        school = School.objects.filter(pk=school_id).first()
        cohort = Cohort.objects.filter(pk=cohort_id).first()
        directory = Directory.of(school) if school else None
        kind = self.kind(Context(school=school, cohort=cohort, by=user, scope=user.scope, directory=directory))
        plan = Plan(masks=any(mask_for(self.model, column) for column in kind.columns))
        for column in kind.columns:
            source = "extra" if column.owner == "extra" else column.attribute
            if source not in plan.sources:
                plan.sources.append(source)
            write = _write(self.model, kind, column, reveal)
            plan.sheet_columns.append(SheetColumn((column.header,), plan.sources.index(source), write))
        return plan


def template_layouts(model: type[models.Model]) -> list[TemplateLayout]:
    """The templates in which rows of `model` can be exported."""
    return [TemplateLayout(kind) for kind in KINDS.values() if kind.rows_of is model]


def template_layout(key: str) -> TemplateLayout | None:
    """The layout an order names; None for any other layout."""
    kind = KINDS.get(key.removeprefix(PREFIX)) if key.startswith(PREFIX) else None
    return TemplateLayout(kind) if kind is not None and kind.rows_of is not None else None


def masks_of(key: str) -> dict[str, str]:
    """Header → "id" or "phone", of the columns of an import kind that are hidden from who does not reveal."""
    kind = KINDS[key]
    if kind.rows_of is None:
        return {column.header: column.mask for column in kind().columns if column.mask}
    return {column.header: mask for column, mask in TemplateLayout(kind)._masked() if mask}


def mask_for(model: type[models.Model], column: Column) -> str:
    """What of a column is hidden from who does not reveal: as its declaration says, or the model that holds the value."""
    if column.mask or column.owner == "extra":
        return column.mask
    return mask_of(model, (column.attribute or "").replace("__", "."))


def _only(rows: models.QuerySet, path: str, sentence: str) -> int | None:
    if not path:
        return None
    ends = rows.order_by().aggregate(first=Min(path), last=Max(path))
    if ends["first"] != ends["last"]:
        raise Invalid({"layout": sentence})
    return ends["first"]


def _write(
    model: type[models.Model], kind: Kind, column: Column, reveal: bool
) -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    """How a block of stored values is written; None leaves the column blank."""
    if mask_for(model, column) and not reveal:
        return None
    written = kind.writer(column)
    free = (
        type(column.widget) is Cell and column.widget.read is normalise.text
    )  # where people may have written anything
    render = (lambda value: _clear(written(value))) if free and not reveal else written
    if column.owner == "extra":
        key = column.name
        return lambda values: [render((value or {}).get(key)) for value in values]
    return lambda values: [render(value) for value in values]


def _clear(text: str) -> str:
    """Free text, left out where somebody's number stands in it."""
    return text if mask_text(text) == text else ""
