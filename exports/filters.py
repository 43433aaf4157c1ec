"""Which columns a list can be narrowed by, made from a model's own declaration, and the condition each value stands for.

Only declared columns, never a masked one: a filter on a hidden column would give it away value by value (security, A7). Codes,
choices and yes/no take values of their own lists, dates and numbers a range "from~to", texts only "filled in or not".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models
from django.db.models import Q, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform, KeyTransformGte, KeyTransformLte
from django.db.models.lookups import Exact, GreaterThanOrEqual, In, IsNull, LessThanOrEqual
from django.utils import timezone
from django.utils.dateparse import parse_date

from exports.columns import vocabulary
from models.codes.lookup import TableLookup, table
from workflows.fields import FieldSpec
from workflows.matter import RETURNED_AGAIN
from workflows.rules import BLOCKED, CLEAN, WARNED

EMPTY, FILLED = "-", "+"
MOST_VALUES = 50
_LISTED = {"code", "choice", "yesno"}
_RANGED = {"date", "datetime", "number"}
_TEXTS = {"text", "email", "textarea"}


class BadFilter(ValueError):
    """A value that the filter does not know; `str()` is a Chinese sentence."""


@dataclass(frozen=True)
class Filter:
    """One way to narrow a list. `kind`: choice (several of `options`), date or number (a range), filled (yes or no), or hidden: a
    condition that only a link sets, described by `words`."""

    name: str
    label: str
    kind: str
    options: tuple[tuple[str, str], ...] = ()
    condition: Callable[[list[str]], Q] = lambda values: Q()
    words: Callable[[list[str]], str] | None = None

    def text(self, values: Iterable[str]) -> str:
        """The values as people read them."""
        if self.words is not None:
            return self.words(list(values))
        names = dict(self.options)
        return "、".join(names.get(value, _range_text(value)) for value in values)


def _range_text(value: str) -> str:
    start, _tilde, end = value.partition("~")
    return f"{start} 至 {end}" if start and end else f"{start} 起" if start else f"{end} 止"


def available(model: type[models.Model], school_ids: tuple[int, ...] | None = None) -> dict[str, Filter]:
    """Every filter of `model`, by name, in the order of its columns; `school_ids` limits schools' own fields (None: all)."""
    declared = {*model.columns, *getattr(model, "key_fields", ())}
    found = {}
    for name, col in vocabulary(model, school_ids).items():
        allowed = (name in declared or col.spec.is_extra) and name != "status" and not col.mask
        if allowed and (made := _of_spec(col.label, col.spec)):
            found[name] = made
    return found | _of_matter(model) | {one.name: one for one in _EXTENDED.get(model, ())}


_EXTENDED: dict[type[models.Model], list[Filter]] = {}


def extend(model: type[models.Model], made: Filter) -> None:
    """Give a list a filter that its columns do not have; called when the module that knows it is loaded."""
    _EXTENDED.setdefault(model, []).append(made)


def _of_matter(model: type[models.Model]) -> dict[str, Filter]:
    """Filters that every matter has besides its columns."""
    if not hasattr(model, "review"):
        return {}
    levels = {"any": [WARNED, BLOCKED], "blocked": [BLOCKED], "warned": [WARNED], "clean": [CLEAN]}
    findings = (("any", "有问题或提醒"), ("blocked", "有必须处理的问题"), ("warned", "只有提醒"), ("clean", "全部通过"))
    return {
        "again": Filter("again", "多次退回", "choice", (("2", "退回两次以上"),), known({"2": RETURNED_AGAIN})),
        "findings": Filter(
            "findings", "规则检查", "choice", findings, known({k: Q(worst__in=v) for k, v in levels.items()})
        ),
    }


def known(conditions: Mapping[str, Q]) -> Callable[[list[str]], Q]:
    """One of the conditions of the values."""

    def condition(values: list[str]) -> Q:
        result = Q(pk__in=[])
        for value in values:
            if value not in conditions:
                raise BadFilter(f"筛选条件「{value}」不存在，请重新选择。")
            result |= conditions[value]
        return result

    return condition


def _of_spec(label: str, spec: FieldSpec) -> Filter | None:
    blank = ((EMPTY, "未填写"),)
    side = _Extra(spec) if spec.is_extra else _Native(spec)
    if spec.kind in _LISTED:
        options = (
            (("1", "是"), ("0", "否"))
            if spec.kind == "yesno"
            else _code_options(spec)
            if spec.kind == "code"
            else spec.choices
        )
        if side.can_be_empty:
            options = (*options, *blank)
        return Filter(
            spec.name, spec.label, "choice", tuple(options), _listed(spec, side, {key for key, _name in options})
        )
    if spec.kind in _RANGED:
        kind = "number" if spec.kind == "number" else "date"
        return Filter(spec.name, label, kind, (*blank, (FILLED, "已填写")), _ranged(spec, side))
    if spec.kind in _TEXTS and side.can_be_empty and "." not in spec.name.removeprefix("extra."):
        return Filter(
            spec.name,
            spec.label,
            "filled",
            (*blank, (FILLED, "已填写")),
            known({EMPTY: side.empty(), FILLED: ~side.empty()}),
        )
    return None


def _code_options(spec: FieldSpec) -> tuple[tuple[str, str], ...]:
    found = table(spec.code_table)
    if found.is_big and found.is_tree:
        return tuple((entry.code, entry.name) for entry in found.children(former=True))
    return tuple((entry.code, entry.name) for entry in found.entries)


def _with_descendants(found: TableLookup, codes: Iterable[str]) -> list[str]:
    wanted, queue = set(), list(codes)
    while queue:
        code = queue.pop()
        if code not in wanted:
            wanted.add(code)
            queue += [entry.code for entry in found.children(code, former=True)]
    return sorted(wanted)


class _Native:
    """Conditions on a declared field."""

    def __init__(self, spec: FieldSpec) -> None:
        self.lookup, self.target = spec.lookup, spec.model_field
        self.is_text = isinstance(self.target, models.CharField | models.TextField)
        self.can_be_empty = bool(self.target.null or self.target.blank)

    def empty(self) -> Q:
        return Q(**{self.lookup: ""}) if self.is_text else Q(**{f"{self.lookup}__isnull": True})

    def among(self, values: list[Any]) -> Q:
        return Q(**{f"{self.lookup}__in": values})

    def at_least(self, value: Any) -> Q:
        return Q(**{f"{self.lookup}__gte": value})

    def at_most(self, value: Any, *, below: bool = False) -> Q:
        return Q(**{f"{self.lookup}__{'lt' if below else 'lte'}": value})


class _Extra:
    """Conditions on a school's own field, by its key, whatever the key is called (a key may be named like a look-up)."""

    can_be_empty = True

    def __init__(self, spec: FieldSpec) -> None:
        key = spec.name[6:]
        self.text, self.json = KeyTextTransform(key, "extra"), KeyTransform(key, "extra")
        self.is_number = spec.kind == "number"

    def empty(self) -> Q:
        return Q(IsNull(self.text, True)) | Q(Exact(self.text, ""))

    def among(self, values: list[Any]) -> Q:
        return Q(In(self.text, values))

    def at_least(self, value: Any) -> Q:
        if self.is_number:
            return Q(KeyTransformGte(self.json, _json(value)))
        return Q(GreaterThanOrEqual(self.text, str(value)))

    def at_most(self, value: Any, *, below: bool = False) -> Q:
        if self.is_number:
            return Q(KeyTransformLte(self.json, _json(value)))
        return Q(LessThanOrEqual(self.text, str(value)))


def _json(value: Decimal) -> Value:
    """A number as JSON: PostgreSQL compares JSON with JSON, so that a text among the numbers is no error."""
    return Value(float(value), output_field=models.JSONField())


def _listed(spec: FieldSpec, side: _Native | _Extra, known: set[str]) -> Callable[[list[str]], Q]:
    def condition(values: list[str]) -> Q:
        if unknown := [value for value in values if value not in known]:
            raise BadFilter(f"{spec.label}没有「{unknown[0][:20]}」这一项，请重新选择。")
        chosen: list[Any] = [value for value in values if value != EMPTY]
        if spec.kind == "yesno" and not spec.is_extra:
            chosen = [value == "1" for value in chosen]
        if spec.kind == "code" and table(spec.code_table).is_big:
            chosen = _with_descendants(table(spec.code_table), chosen)
        result = side.among(chosen) if chosen else Q(pk__in=[])
        return result | side.empty() if EMPTY in values else result

    return condition


def _ranged(spec: FieldSpec, side: _Native | _Extra) -> Callable[[list[str]], Q]:
    read = _number if spec.kind == "number" else _day

    def condition(values: list[str]) -> Q:
        value = values[0]
        if value in (EMPTY, FILLED):
            return side.empty() if value == EMPTY else ~side.empty()
        start, _tilde, end = value.partition("~")
        result = Q()
        if start:
            result &= side.at_least(_moment(read(spec, start), spec))
        if end:
            last = read(spec, end)
            if spec.kind == "datetime":
                result &= side.at_most(_moment(last + timedelta(days=1), spec), below=True)
            else:
                result &= side.at_most(last)
        return result

    return condition


def _moment(value: Any, spec: FieldSpec) -> Any:
    return timezone.make_aware(datetime.combine(value, time.min)) if spec.kind == "datetime" else value


def _day(spec: FieldSpec, text: str) -> date:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None or not 1900 <= day.year <= 2200:
        raise BadFilter(f"{spec.label}：「{text[:20]}」不是日期，请按 2026-11-22 的格式填写。")
    return day


def _number(spec: FieldSpec, text: str) -> Decimal:
    try:
        number = Decimal(text) if re.fullmatch(r"-?\d{1,9}(\.\d{1,4})?", text) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise BadFilter(f"{spec.label}：「{text[:20]}」不是数字，请只填数字。")
    return number
