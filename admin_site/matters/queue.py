"""The queue a reviewer walks along: the list that was left, carried in the address, or what waits for the person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from admin_site import cohorts
from admin_site.matters.counts import CAP
from admin_site.matters.lists import SORT, WHOLE_LIST, sort_of
from admin_site.matters.paging import Order
from admin_site.matters.settings import settings_of
from admin_site.matters.verbs import url_name
from exports.selection import WAITING, BadSelection, Selection


@dataclass(frozen=True)
class Place:
    """Where a record stands: `position` of `total` (0: not in the queue; above CAP nobody counts), and its neighbours' keys."""

    position: int
    total: int
    previous: int | None
    following: int | None

    @property
    def text(self) -> str:
        """3/128; 10,000+ where there are more; "" for a record outside the queue."""
        total = f"{CAP:,}+" if self.total > CAP else f"{self.total:,}"
        return f"{self.position:,}/{total}" if 0 < self.position <= CAP else total


class Queue:
    """The records of a selection in the order of the list."""

    def __init__(self, request: HttpRequest, model: type[models.Model]) -> None:
        self.model, self.user = model, request.user
        years = cohorts.ids_for(request, model)
        try:
            selection = Selection.from_params(model, request.GET, years)
            chosen = selection.params()
        except BadSelection:
            selection, chosen = None, {}
        sort = sort_of(request, settings_of(request.user, model).columns)
        more = {SORT: sort} if sort else {}
        whole = WHOLE_LIST in request.GET and not chosen
        self.is_default = selection is None or not (chosen or whole or sort)
        if selection is None or self.is_default:
            selection = Selection(model._meta.label_lower, years, status=WAITING)
        self.selection, self.order, self._more = selection, Order(model, sort), more
        # "waiting" itself need not stand in the address: it is what an address without anything means.
        self.query = "" if self.is_default else selection.link(**more, **({WHOLE_LIST: "1"} if whole else {}))
        self._rows: models.QuerySet | None = None

    @property
    def rows(self) -> models.QuerySet:
        """The records now; empty when the address asks for what there is not."""
        if self._rows is None:
            try:
                self._rows = self.selection.queryset(self.user)
            except BadSelection:
                self._rows = self.model.objects.none()
        return self._rows

    @property
    def is_waiting(self) -> bool:
        """Whether it holds what waits for the person: then who has been dealt with is no longer in it."""
        return self.selection.status == WAITING

    @cached_property
    def _pasted(self) -> list[int] | None:
        """Keys in the order of a pasted list, of those that are in the queue; None without one."""
        if not self.selection.pasted:
            return None
        kept = set(self.rows.values_list("pk", flat=True))
        return [pk for pk in self.selection.found(self.user)[1].ids if pk in kept]

    def place(self, record: Any) -> Place:
        """Where `record` stands: four small queries."""
        if self._pasted is not None:
            keys = self._pasted
            at = keys.index(record.pk) if record.pk in keys else -1
            return Place(at + 1, len(keys), keys[at - 1] if at > 0 else None, self.following(record))
        total = self.rows.values("pk")[: CAP + 1].count()
        before = self.rows.filter(self.order.beside(record, after=False))
        is_in = self.rows.filter(pk=record.pk).exists()
        position = before.values("pk")[: CAP + 1].count() + 1 if is_in else 0
        return Place(position, total, self._first(before, backwards=True), self.following(record))

    def following(self, record: Any) -> int | None:
        """Key of the record after this one. Ask before a deed: what it changes may be what the list is sorted by."""
        if self._pasted is not None:
            keys = self._pasted
            after = keys[keys.index(record.pk) + 1 :] if record.pk in keys else keys
            return next(iter(after), None)
        return self._first(self.rows.filter(self.order.beside(record, after=True)))

    def first(self) -> int | None:
        """Key of the first record."""
        return next(iter(self._pasted), None) if self._pasted is not None else self._first(self.rows)

    def _first(self, rows: models.QuerySet, *, backwards: bool = False) -> int | None:
        return self.order.of(rows, backwards=backwards).values_list("pk", flat=True).first()

    def link(self, pk: int | None) -> str:
        """Address of a record in this queue; of the end of the queue for None."""
        if pk is None:
            return reverse(url_name(self.model, "queue_end")) + self.query
        return reverse(url_name(self.model, "change"), args=[pk]) + self.query

    def list_link(self) -> str:
        """Address of the list with this selection."""
        return reverse(url_name(self.model, "changelist")) + self.selection.link(**self._more)
