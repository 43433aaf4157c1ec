"""Every reviewed matter in the back office, without a class of its own for any of them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from admin_site import outcomes_unplaced
from admin_site.exports import pages as export_pages
from admin_site.matters import batch, history, lists, overview, papers, review
from admin_site.scoped import ADD, DELETE, ScopedAdmin
from workflows.chain import matters

# Modules that add pages to every matter: each has `urls(admin)`; one that has `change_view(admin, request, object_id)` also
# answers for the page of one record.
PAGES: tuple[ModuleType, ...] = (
    overview,
    lists,
    export_pages,
    review,
    papers,
    batch,
    history,
    outcomes_unplaced,
)


class ListAdmin(ScopedAdmin):
    """A model whose list is ours: declared by `columns`, `list_columns` and `search_paths` of the model."""

    pages: tuple[ModuleType, ...] = (lists, export_pages, batch, history)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        return lists.view(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        for module in self.pages:
            if hasattr(module, "change_view"):
                return module.change_view(self, request, object_id)
        return super().change_view(request, object_id, form_url, extra_context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        return history.history_view(self, request, object_id)

    def get_urls(self) -> list[Any]:
        """Pages of the modules first: the admin's own patterns would take any word for a key."""
        return [url for module in self.pages for url in module.urls(self)] + super().get_urls()


class MatterAdmin(ListAdmin):
    """Everything a matter gets. Records are made by imports and by the people they are about, changed through the engine only."""

    never = (ADD, DELETE)
    pages = PAGES

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.opts.fields if field.editable]


for _model in matters():
    if not admin.site.is_registered(_model):
        admin.site.register(_model, MatterAdmin)
