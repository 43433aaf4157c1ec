"""One vocabulary of columns: what can be shown of a kind of record, for export, list, API and report alike.

A column is named as in `workflows.fields`: a field ("phone"), a dotted path ("student.major.name") or "extra.key". A person can
choose any column of `vocabulary(model)`; nothing else is ever read on their behalf. Official layouts draw on the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import models
from django.utils import timezone

from exports.ministry.layouts import layouts_for
from models.audit.masking import mask_text
from workflows import policy
from workflows.errors import Invalid
from workflows.fields import FieldSpec, mask, native, of_extra, resolve

NAME, CODE, BOTH = "name", "code", "both"
FREE_TEXT = frozenset({"textarea"})
Present = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class Column:
    """One column of `model`. `mask` is "id", "phone" or "" (nothing to hide); `spec` is the field behind it."""

    model: type[models.Model]
    name: str
    label: str
    group: str
    kind: str
    mask: str
    spec: FieldSpec

    @property
    def is_coded(self) -> bool:
        """Whether it holds an official code, which can be written as name or code."""
        return self.kind == "code"

    @property
    def source(self) -> str:
        """What to ask the database for: an ORM look-up; the whole `extra` for a school's own field."""
        return "extra" if self.spec.is_extra else self.spec.lookup

    @property
    def extra_key(self) -> str:
        """Key inside `extra`, "" for a field of the model."""
        return self.name[6:] if self.spec.is_extra else ""

    @property
    def is_free_text(self) -> bool:
        """Whether anything may have been written in, numbers of people included."""
        return self.kind in FREE_TEXT or (self.spec.is_extra and self.kind == "text")

    @property
    def is_never_null(self) -> bool:
        """Whether the database itself excludes a NULL here, along the whole path."""
        if self.spec.is_extra or self.spec.model_field is None:
            return False
        parts = self.name.split(".")
        path = [resolve(self.model, ".".join(parts[:end])) for end in range(1, len(parts) + 1)]
        return not any(field.null for field in path)

    @property
    def cell_format(self) -> str:
        """Format of its cells (`exports.sheets.writer`): counts are numbers, everything else is text."""
        if self.kind != "number" or self.name.endswith("_year"):
            return "text"
        return "number" if self.spec.is_extra else "integer"

    def headers(self, codes: str = NAME) -> list[str]:
        """Its headings: two where code and name are both asked for."""
        if not self.is_coded or codes == NAME:
            return [self.label]
        return [f"{self.label}代码"] if codes == CODE else [f"{self.label}代码", self.label]


# -- which columns there are -----------------------------------------------------------------------------------------------


def vocabulary(model: type[models.Model], school_ids: tuple[int, ...] | None = None) -> dict[str, Column]:
    """Every column of a kind of record by name, in the order they are offered; extras of the given schools (None: of all) last."""
    names = list(dict.fromkeys([*_declared(model), *_grouped(model), *_official(model)]))
    found = [column for name in names if (column := _native(model, name)) is not None]
    if hasattr(model, "review"):
        found += [_extra(model, row) for row in policy.all_extras(model, school_ids)]
    return {column.name: column for column in _distinct(found)}


def _declared(model: type[models.Model]) -> Iterable[str]:
    return getattr(model, "columns", ())


def _grouped(model: type[models.Model]) -> Iterable[str]:
    return [name for _title, names in getattr(model, "field_groups", ()) for name in names]


def _official(model: type[models.Model]) -> Iterable[str]:
    return [name for layout in layouts_for(model._meta.label_lower) for name in layout.sources()]


def _native(model: type[models.Model], name: str) -> Column | None:
    """The column of a declared field; None for a bare relation, which has no text of its own."""
    spec = native(model, name)
    if spec.kind == "relation":
        return None
    return Column(
        model,
        name,
        spec.label,
        spec.group or _group(model, name),
        spec.kind,
        mask_of(model, name),
        spec,
    )


def _group(model: type[models.Model], name: str) -> str:
    if "." in name:
        return "学校与学籍"
    return "办理情况" if hasattr(model, "review") else str(model._meta.verbose_name)


def mask_of(model: type[models.Model], name: str) -> str:
    """What is hidden in a column of `model` from who does not reveal: "id", "phone" or ""."""
    return getattr(model, "masked_fields", {}).get(name, "") or _mask_of_owner(model, name)


def _mask_of_owner(model: type[models.Model], name: str) -> str:
    """What the model at the end of the path masks is masked wherever it is read from: a matter cannot forget it."""
    owner, _dot, last = name.rpartition(".")
    related = resolve(model, owner).related_model if owner else model
    return getattr(related, "masked_fields", {}).get(last, "")


def _extra(model: type[models.Model], row: Any) -> Column:
    spec = of_extra(row)
    return Column(model, spec.name, spec.label, spec.group, spec.kind, "", spec)


def _distinct(columns: list[Column]) -> list[Column]:
    """No two columns with one heading: the later one says to which group it belongs."""
    taken: set[str] = set()
    found = []
    for column in columns:
        label, again = column.label, 2
        while label in taken:
            label, again = f"{column.label}（{column.group if again == 2 else again}）", again + 1
        taken.add(label)
        found.append(column if label == column.label else replace(column, label=label))
    return found


def choose(model: type[models.Model], names: Iterable[str], school_ids: tuple[int, ...] | None = None) -> list[Column]:
    """The columns of these names, in this order, each once. Raises Invalid for an empty choice or a name that is not offered."""
    known = vocabulary(model, school_ids)
    wanted = list(dict.fromkeys(names))
    if not wanted:
        raise Invalid({"columns": "请至少选择一列。"})
    if any(name not in known for name in wanted):
        raise Invalid({"columns": "所选的列中有的已停用，请刷新页面后重新选择。"})
    return [known[name] for name in wanted]


def of_year(columns: Iterable[Column], year: int | None) -> list[Column]:
    """Those that a graduation year still has (`dated_fields` of the matter); all of them when no year is in view."""
    return [
        column
        for column in columns
        if year is None or year <= getattr(column.model, "dated_fields", {}).get(column.name, year)
    ]


def groups(columns: Iterable[Column]) -> list[tuple[str, list[Column]]]:
    """Columns under the titles of their groups, both in the order they come."""
    found: dict[str, list[Column]] = {}
    for column in columns:
        found.setdefault(column.group, []).append(column)
    return list(found.items())


def list_columns(model: type[models.Model]) -> list[str]:
    """Names shown in a list until the person chooses others."""
    return list(getattr(model, "list_columns", ())) or list(getattr(model, "columns", ()))[:8]


# -- how their values are written --------------------------------------------------------------------------------------------


class _Memo(dict):
    """value → text, worked out once per value."""

    def __init__(self, make: Callable[[Any], str]) -> None:
        self.make = make

    def __missing__(self, value: Any) -> str:
        self[value] = text = self.make(value)
        return text


def presenter(column: Column, *, as_code: bool = False, reveal: bool = False) -> Present:
    """A function that turns a block of stored values of this column into what is written, None and "" into "".

    Masks unless `reveal`. Values arrive as `expression` asks for them. Numbers stay numbers.
    """
    if column.mask and not reveal:
        kind = column.mask
        return lambda values: [mask(value, kind) if value else "" for value in values]
    if column.is_free_text:
        clean = str if reveal else mask_text
        return lambda values: [clean(str(value)) if value else "" for value in values]
    if column.cell_format != "text":
        return lambda values: values
    make = _writer(column, as_code)
    if make is None:
        if column.is_never_null:
            return lambda values: values
        return lambda values: [value or "" for value in values]
    memo = _Memo(make)
    return lambda values: list(map(memo.__getitem__, values))


def _writer(column: Column, as_code: bool) -> Callable[[Any], str] | None:
    """How one value is written, None for plain text."""
    if column.is_coded:
        return (lambda value: str(value or "")) if as_code else column.spec.present
    if column.kind == "datetime":
        return _local
    if column.kind == "yesno":
        return lambda value: "" if value is None else "是" if value else "否"
    if column.kind in {"status", "choice"} and as_code:
        return lambda value: str(value or "")
    if column.kind == "file":
        # A stored file is a dictionary, which cannot be a key: the name is taken out when the block is read.
        return lambda value: str(value or "")
    if column.kind in {"text", "email"} and not column.spec.choices:
        return None
    return column.spec.present


def _local(value: Any) -> str:
    if not value:
        return ""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(f"{value}:00+00:00")
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}"


# SQLite has no dates and no booleans: typed so, Django hands its texts and integers on as they are.
_AS_STORED = {"datetime": models.CharField(), "date": models.CharField(), "yesno": models.IntegerField()}


class UtcMinute(models.Func):
    """A point in time as UTC text "2026-11-22 02:30": the database writes it faster than Python reads it."""

    output_field = models.CharField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(
            compiler,
            connection,
            template="to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')",
            **context,
        )

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="substr(%(expressions)s, 1, 16)", **context)


def expression(column: Column) -> Any:
    """What goes into `.values_list()` for this column: as the database has it, since a converter per value costs more than the query."""
    if column.spec.is_extra or column.kind not in _AS_STORED:
        return column.source
    return (
        UtcMinute(column.source)
        if column.kind == "datetime"
        else models.ExpressionWrapper(models.F(column.source), _AS_STORED[column.kind])
    )


def extra_values(column: Column, values: Sequence[dict[str, Any] | None]) -> list[Any]:
    """The values of a school's own field out of a block of `extra` dictionaries."""
    key = column.extra_key
    found = [(value or {}).get(key) for value in values]
    return [item.get("name", "") if isinstance(item, dict) else item for item in found]


__all__ = [
    "BOTH", "CODE", "NAME", "Column", "UtcMinute", "choose", "expression", "extra_values", "groups", "list_columns", "mask_of",
    "presenter", "vocabulary",
]  # fmt: skip
