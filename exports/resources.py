"""Exports as django-import-export knows them: one resource per kind of record, its fields from the vocabulary of columns.

    resource = resource_for(GraduateProfile)(user, ["student.number", "phone"])
    resource.dataset(selection.queryset(user)).export("json")

This is the door for whatever tablib writes (csv, json, html …) of a few thousand rows; large files go through
`exports.exporting`, which reads the same columns in blocks and gives the same cells (a test compares them). A kind of record that
needs a resource of its own subclasses `RecordResource` with `Meta.model`; it is then the one `resource_for` returns.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import tablib
from django.db import models
from import_export import fields, resources, widgets

from exports import columns as vocabulary
from exports.columns import BOTH, CODE, NAME, Column
from exports.exporting.order import REVEAL, schools_of
from exports.sheets.writer import csv_safe
from workflows.errors import NotAllowed
from workflows.permits import permission

_registered: dict[type[models.Model], type[RecordResource]] = {}


class ColumnWidget(widgets.Widget):
    """Writes a value as the bulk export does: the same presenter, the same mask."""

    def __init__(self, column: Column, *, as_code: bool, reveal: bool) -> None:
        super().__init__()
        self._column = column
        self._present = vocabulary.presenter(column, as_code=as_code, reveal=reveal)

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> Any:
        if isinstance(value, dict):
            value = value.get("name", "")
        shown = self._present([value])[0]
        return "" if shown is None else shown


class ColumnField(fields.Field):
    """A field whose value is found by its column: through relations, or in a school's own fields."""

    def __init__(self, column: Column, header: str, *, as_code: bool, reveal: bool) -> None:
        super().__init__(
            attribute=column.source,
            column_name=header,
            readonly=True,
            widget=ColumnWidget(column, as_code=as_code, reveal=reveal),
        )
        self._column = column

    def get_value(self, instance: Any) -> Any:
        return self._column.spec.value(instance)


class RecordResource(resources.ModelResource):
    """Base of the resources. Rows are those the person may see, masked unless `reveal`, which takes the function for it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if model := getattr(cls.__dict__.get("Meta"), "model", None):
            _registered[model] = cls

    def __init__(self, user: Any, columns: Iterable[str] = (), codes: str = NAME, *, reveal: bool = False) -> None:
        model = self._meta.model
        if not user.has_perm(permission(model, "export")) or (reveal and not user.has_perm(REVEAL)):
            raise NotAllowed(f"您没有导出{model._meta.verbose_name}的功能，请联系学校管理员在「功能分配」中开通。")
        super().__init__()
        self.user = user
        self.chosen = vocabulary.choose(model, columns or model.columns, schools_of(user))
        self.fields = OrderedDict()
        for column in self.chosen:
            ways = {NAME: (False,), CODE: (True,), BOTH: (True, False)}[codes if column.is_coded else NAME]
            for header, as_code in zip(column.headers(codes), ways, strict=True):
                self.fields[header] = ColumnField(column, header, as_code=as_code, reveal=reveal)

    def get_queryset(self) -> models.QuerySet:
        return self.user.scope_of(self._meta.model._default_manager.order_by("pk"))

    def get_export_order(self) -> list[str]:
        return list(self.fields)

    def dataset(self, queryset: models.QuerySet | None = None) -> tablib.Dataset:
        """The rows as a tablib data set; relations are joined once, so that the number of queries does not grow with the rows."""
        rows = self.get_queryset() if queryset is None else self.user.scope_of(queryset)
        relations = {column.spec.lookup.rpartition("__")[0] for column in self.chosen if not column.spec.is_extra} - {
            ""
        }
        return self.export(rows.select_related(*sorted(relations)) if relations else rows)

    def csv(self, queryset: models.QuerySet | None = None) -> str:
        """The rows as .csv text in which no cell can start a formula."""
        data = self.dataset(queryset)
        safe = tablib.Dataset(*[[csv_safe(str(value)) for value in row] for row in data], headers=data.headers)
        return safe.export("csv")

    def import_data(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("records come in through exports.importing only")

    class Meta:
        abstract = True


def resource_for(model: type[models.Model]) -> type[RecordResource]:
    """The resource of a kind of record: the one declared for it, else one made from its declaration. LookupError without columns."""
    if model not in _registered:
        if not getattr(model, "columns", ()):
            raise LookupError(f"{model.__name__} declares no columns")
        meta = type("Meta", (), {"model": model})
        type(f"{model.__name__}Resource", (RecordResource,), {"Meta": meta, "__doc__": f"Export of {model.__name__}."})
    return _registered[model]
