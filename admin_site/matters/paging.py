"""One page of keys out of many rows: ids first, by index alone, whichever page is asked for.

A list in its own order is walked from the nearer end; where it is too long to count it is walked by the last key seen
(keyset), so that the next page costs the same at row one hundred and row nine hundred thousand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, Q

from admin_site.matters.counts import CAP

FARTHEST = 100_000  # pages; a number beyond is not a page anybody meant


@dataclass(frozen=True)
class Asked:
    """What the query string asks for: a page by number (negative: from the end), or after or before a key."""

    number: int = 1
    after: str = ""
    before: str = ""

    @classmethod
    def from_params(cls, params: Any) -> Asked:
        """From a query string; nonsense is the first page."""
        text = params.get("p", "1")
        number = int(text) if re.fullmatch(r"-?[0-9]{1,6}", text) else 1
        number = max(-FARTHEST, min(FARTHEST, number)) or 1
        return cls(number, params.get("after", ""), params.get("before", ""))


@dataclass(frozen=True)
class Page:
    """Keys of one page, and the query parameters of its neighbours (None where there is none)."""

    ids: list[int]
    number: int
    pages: int | None
    previous: dict[str, Any] | None
    following: dict[str, Any] | None
    last: dict[str, Any] | None


def own_order(model: type[models.Model]) -> str:
    """The column that, with the cohort before it, is the order of the list: unique within a cohort and indexed."""
    return getattr(model, "list_order", "id")


def lead(model: type[models.Model]) -> str:
    """The column before it: the graduation year, the school where a matter belongs to none."""
    return "cohort_id" if getattr(model, "by_cohort", True) else "school_id"


def of_found(ids: list[int], asked: Asked, size: int) -> Page:
    """A page of keys that are already in order (a pasted list)."""
    return _numbered(lambda low, high: ids[low:high], len(ids), asked, size)


@dataclass(frozen=True)
class Order:
    """The order of a list: its own (`sort` empty), or by a column of the person's choice, empty values last."""

    model: type[models.Model]
    sort: str = ""

    @property
    def column(self) -> str:
        """Path of the chosen column."""
        return self.sort.lstrip("-").replace(".", "__")

    def of(self, rows: models.QuerySet, *, backwards: bool = False) -> models.QuerySet:
        """`rows` in this order, or in the reverse of it."""
        sign, chosen = "-" if backwards else "", []
        if self.sort:
            down, empty = self.sort.startswith("-") != backwards, {"nulls_first" if backwards else "nulls_last": True}
            chosen = [F(self.column).desc(**empty) if down else F(self.column).asc(**empty)]
        return rows.order_by(*chosen, f"{sign}{lead(self.model)}", f"{sign}{own_order(self.model)}")

    def beside(self, record: Any, *, after: bool) -> Q:
        """The rows after (before) a record, whether or not it is one of them."""
        key, compare = own_order(self.model), "gt" if after else "lt"
        first, value = lead(self.model), getattr(record, lead(self.model))
        same = Q(**{first: value, f"{key}__{compare}": getattr(record, key)})
        own = Q(**{f"{first}__{compare}": value}) | same
        if not self.sort:
            return own
        value = self.model._base_manager.filter(pk=record.pk).values_list(self.column, flat=True).first()
        empty = Q(**{f"{self.column}__isnull": True})
        if value is None:
            return empty & own if after else ~empty | (empty & own)
        way = "gt" if after != self.sort.startswith("-") else "lt"
        beyond = Q(**{f"{self.column}__{way}": value}) | (Q(**{self.column: value}) & own)
        return beyond | empty if after else beyond


def of_sorted(rows: models.QuerySet, sort: str, total: int, asked: Asked, size: int) -> Page:
    """A page in an order the person chose; only for lists of at most CAP rows."""
    ordered = Order(rows.model, sort).of(rows).values_list("pk", flat=True)
    return _numbered(lambda low, high: list(ordered[low:high]), total, asked, size)


def of_rows(rows: models.QuerySet, total: int, asked: Asked, size: int) -> Page:
    """A page in the list's own order; `total` above CAP means that nobody has counted to the end."""
    key = own_order(rows.model)
    if total <= CAP:
        return _numbered(lambda low, high: _slice(rows, key, low, high, total), total, asked, size)
    return _unnumbered(rows, key, asked, size)


def _numbered(read: Any, total: int, asked: Asked, size: int) -> Page:
    pages = max(1, -(-total // size))
    number = asked.number if asked.number > 0 else pages + 1 + asked.number
    number = max(1, min(number, pages))
    ids = read((number - 1) * size, min(number * size, total)) if total else []
    return Page(
        ids, number, pages,
        {"p": number - 1} if number > 1 else None,
        {"p": number + 1} if number < pages else None,
        {"p": pages} if number < pages else None,
    )  # fmt: skip


def _slice(rows: models.QuerySet, key: str, low: int, high: int, total: int) -> list[int]:
    """Rows low … high of `total`; from the end backwards when that is nearer."""
    if low <= total // 2:
        return list(rows.order_by(lead(rows.model), key).values_list("pk", flat=True)[low:high])
    found = rows.order_by(f"-{lead(rows.model)}", f"-{key}").values_list("pk", flat=True)[total - high : total - low]
    return list(found)[::-1]


def _unnumbered(rows: models.QuerySet, key: str, asked: Asked, size: int) -> Page:
    cursor = _cursor(rows.model, key, asked.after or asked.before)
    backwards = bool(asked.before and cursor) or (cursor is None and asked.number < 0)
    if cursor:
        rows, low = rows.filter(_beyond(rows.model, key, cursor, backwards)), 0
    else:
        low = (abs(asked.number) - 1) * size
    first_by = lead(rows.model)
    order = (f"-{first_by}", f"-{key}") if backwards else (first_by, key)
    found = list(rows.order_by(*order).values_list("pk", first_by, key)[low : low + size + 1])
    more = len(found) > size
    found = found[:size][::-1] if backwards else found[:size]
    if not found:
        return Page([], 1, None, None, None, None)
    first, last = (f"{row[1]}.{row[2]}" for row in (found[0], found[-1]))
    number = asked.number
    before = {"p": number - 1 or -1, "before": first} if (more if backwards else bool(cursor) or low > 0) else None
    after = {"p": number + 1 or 1, "after": last} if (bool(cursor) or low > 0 if backwards else more) else None
    return Page([row[0] for row in found], number, None, before, after, {"p": -1} if after else None)


def _cursor(model: type[models.Model], key: str, text: str) -> tuple[int, Any] | None:
    cohort, dot, value = text.partition(".")
    if not (dot and cohort.isascii() and cohort.isdigit() and len(cohort) < 10 and value):
        return None
    if isinstance(model._meta.get_field(key), models.IntegerField):
        return (int(cohort), int(value)) if value.isascii() and value.isdigit() and len(value) < 19 else None
    return int(cohort), value.replace("\x00", "")[:60]


def _beyond(model: type[models.Model], key: str, cursor: tuple[int, Any], backwards: bool) -> Q:
    """Rows after (before) the cursor: a range that the index serves, less the cursor's own cohort up to the key."""
    (first, value), by = cursor, lead(model)
    if backwards:
        return Q(**{f"{by}__lte": first}) & ~Q(**{by: first, f"{key}__gte": value})
    return Q(**{f"{by}__gte": first}) & ~Q(**{by: first, f"{key}__lte": value})
