"""The list of records as every screen of the back office shows it."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from admin_site.navigation import name_of
from admin_site.preferences import recall, remember

PER_PAGE = (20, 50, 100, 200)
PER_PAGE_VAR = "per_page"


class ScopedChangeList(ChangeList):
    """Named as in the side bar. 20, 50, 100 or 200 rows, remembered per person; nothing else is offered, so a page is never unbounded (checklist C9)."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self._rows_wanted = rows_per_page(request)
        super().__init__(request, *args, **kwargs)
        self.title = name_of(self.opts.label_lower) or self.title

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        found = super().get_filters_params(params)
        found.pop(PER_PAGE_VAR, None)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet:
        self.root_queryset = self.model_admin.narrow_list(request, self.root_queryset)
        return super().get_queryset(request, exclude_parameters)

    @property
    def per_page_links(self) -> list[tuple[int, str]]:
        """(rows, query string) of every size a page may have; the filters stay, the page number does not."""
        return [(size, self.get_query_string({PER_PAGE_VAR: size}, remove=[PAGE_VAR])) for size in PER_PAGE]

    def get_results(self, request: HttpRequest) -> None:
        self.list_per_page, self.list_max_show_all = self._rows_wanted, 0
        super().get_results(request)


def usual_rows(request: HttpRequest) -> int:
    """Rows the person had last, or 50."""
    kept = recall(request.user, PER_PAGE_VAR, 50)
    return kept if kept in PER_PAGE else 50


def rows_per_page(request: HttpRequest) -> int:
    """Rows the person wants on a page: asked for now (then remembered), or remembered, or 50."""
    asked = request.GET.get(PER_PAGE_VAR)
    if asked is None:
        return usual_rows(request)
    size = next((one for one in PER_PAGE if str(one) == asked), None)
    if size is None:
        raise IncorrectLookupParameters(PER_PAGE_VAR)
    if recall(request.user, PER_PAGE_VAR) != size:
        remember(request.user, **{PER_PAGE_VAR: size})
    return size


def page_of(request: HttpRequest, rows: Any) -> Page:
    """The page of `rows` that is asked for, on pages without a change list; a size that is not offered is as if none were asked for."""
    try:
        size = rows_per_page(request)
    except IncorrectLookupParameters:
        size = usual_rows(request)
    return Paginator(rows, size).get_page(request.GET.get("p"))
