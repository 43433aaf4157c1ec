"""The back office: unfold's site, in Chinese, for staff only."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.conf import settings
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import URLPattern, path
from django.utils.functional import SimpleLazyObject
from unfold.sites import UnfoldAdminSite

from admin_site.navigation import sidebar
from models.accounts.sessions import CHANGE
from models.codes import lookup

SUGGEST_FROM = 2  # characters


def stylesheet(request: HttpRequest) -> str:
    """Our style sheet (settings.UNFOLD)."""
    return static("admin_site/qihang.css")


def script(request: HttpRequest) -> str:
    """Our script (settings.UNFOLD)."""
    return static("admin_site/qihang.js")


def icon(request: HttpRequest) -> str:
    """The sail in the browser's tab."""
    return static("admin_site/icon.svg")


class ScopedAutocompleteView(AutocompleteJsonView):
    """Answers only for fields that a form really completes, with just the rows that this form would accept."""

    def process_request(self, request: HttpRequest) -> tuple[str, Any, Any, str]:
        term, model_admin, source_field, to_field = super().process_request(request)
        self.form_owner = next(
            (a for a in self._owners(request, source_field) if source_field.name in a.get_autocomplete_fields(request)),
            None,
        )
        if self.form_owner is None:
            raise PermissionDenied
        return term, model_admin, source_field, to_field

    def _owners(self, request: HttpRequest, source_field: Any) -> list[Any]:
        """The admin of the field's model, and inlines that edit it elsewhere."""
        owners = []
        for model, model_admin in self.admin_site._registry.items():
            if model is source_field.model:
                owners.append(model_admin)
            owners += [
                inline for inline in model_admin.get_inline_instances(request) if inline.model is source_field.model
            ]
        return owners

    def get_queryset(self) -> models.QuerySet:
        accepted = self.form_owner.choices_for(self.source_field, self.request)
        return super().get_queryset().filter(pk__in=accepted.order_by().values("pk"))

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        label = getattr(self.model_admin, "choice_label", str)
        return {"id": str(getattr(obj, to_field_name)), "text": label(obj)}


class QihangAdminSite(UnfoldAdminSite):
    """Default admin site of the project (config.admin)."""

    index_title = "工作台"
    empty_value_display = "—"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take scoped admins only: what a library registers by itself knows nothing of row scope."""
        if getattr(admin_class, "is_scoped", False):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_staff

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Worked out when a page looks at it: the frame asks for it on every page (a tenth of a list's time) and shows a side bar of its own."""
        return SimpleLazyObject(lambda: super(QihangAdminSite, self).get_app_list(request, app_label))

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Ours is final as it comes: unfold would copy it and ask for rights, badges and tabs of every entry, of which there are none."""
        return sidebar(request)

    def admin_view(self, view: Callable[..., HttpResponse], cacheable: bool = False) -> Callable[..., HttpResponse]:
        """Staff only, with a page that says so to others; the log-in page for who is not logged in."""
        checked = super().admin_view(view, cacheable)

        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.user.is_authenticated and not self.has_permission(request):
                return render(request, "admin_site/staff_only.html", {"title": "此处仅供教职工使用"}, status=403)
            response = checked(request, *args, **kwargs)
            # Alpine inside unfold evaluates expressions; no other part of the product is let do so.
            response._csp_replace = {"script-src": settings.ADMIN_SCRIPT_SRC}  # type: ignore[attr-defined]
            return response

        return update_wrapper(inner, view)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One page for everybody to change the own password, on a first log-in as at any other time."""
        return HttpResponseRedirect(CHANGE)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return ScopedAutocompleteView.as_view(admin_site=self)(request)

    def extra_urls(self) -> list[URLPattern]:
        from admin_site import cohorts

        return [
            path("cohort/", self.admin_view(cohorts.switch), name="cohort_switch"),
            path("codes/suggest/", self.admin_view(self.suggest_codes), name="codes_suggest"),
        ]

    def suggest_codes(self, request: HttpRequest) -> JsonResponse:
        """Codes of a large table whose code, name or alias fits what was typed: {"results": [{"id", "text"}]}; from two characters."""
        text, found = request.GET.get("q", "").strip(), lookup.table(request.GET.get("table", ""))
        pairs = found.search(text[:50], limit=20) if found.exists and len(text) >= SUGGEST_FROM else []
        return JsonResponse({"results": [{"id": code, "text": name} for code, name in pairs]})

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """The cohort in view, on every page."""
        if self.has_permission(request):
            from admin_site import cohorts

            context.update(cohorts.context(request))
        return context
