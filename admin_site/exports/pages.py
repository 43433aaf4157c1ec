"""导出: what will be exported, which columns, how; then the file at once, or a job with a notice at its end.

Every list leads here: with its query string, or by posting what is ticked. A failed choice comes back to the page as it was left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse

from admin_site import cohorts
from admin_site.exports import sets
from admin_site.exports.tables import answer
from admin_site.matters.lists import posted_selection, selection_of
from admin_site.matters.settings import settings_of
from exports.columns import groups, of_year, vocabulary
from exports.exporting.engine import DIRECT_ROWS, RULE, in_words, order_export
from exports.exporting.order import FORMATS, REVEAL, Order, schools_of
from exports.exporting.template import template_layouts
from exports.ministry.layouts import layouts_for
from exports.selection import BadSelection, Selection
from models.releases.models import Codes, ExportRule
from workflows.errors import Invalid, NotAllowed
from workflows.permits import permission


def urls(admin: Any) -> list[Any]:
    """The export page of one kind of record: admin:<app>_<model>_export."""
    name = f"{admin.opts.app_label}_{admin.opts.model_name}_export"
    return [path("export/", admin.admin_site.admin_view(partial(view, admin)), name=name)]


def view(admin: Any, request: HttpRequest) -> HttpResponse:
    """GET or POST from a list: the page. POST from the page (`step`): export, or save or delete a set of columns."""
    if not request.user.has_perm(permission(admin.model, "export")) or not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    try:
        selection = (
            posted_selection(request, admin.model) if request.method == "POST" else selection_of(request, admin.model)
        )
        step = request.POST.get("step", "")
        if not step:
            return _page(admin, request, selection, _usual(admin.model, request.user))
        return _do(admin, request, selection, _form(request), step)
    except BadSelection as error:
        root = reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist")
        answer = admin.page(
            request, "admin/matters/refused.html", title=f"导出{admin.opts.verbose_name}", problem=str(error), root=root
        )
        answer.status_code = 400
        return answer


@dataclass
class Form:
    """The page as it was left: the order, and what is wrong with it by field."""

    order: Order
    errors: dict[str, str] = field(default_factory=dict)


def _usual(model: type[models.Model], user: Any) -> Form:
    return Form(Order(columns=tuple(column.name for column in settings_of(user, model).columns)))


def _form(request: HttpRequest) -> Form:
    posted = request.POST
    return Form(
        Order(
            columns=tuple(posted.getlist("columns")),
            codes=posted.get("codes", Codes.NAME),
            layout=posted.get("layout", ""),
            format=posted.get("format", "xlsx"),
            reveal=posted.get("reveal") == "1",
            purpose=posted.get("purpose", "").strip(),
        )
    )


def _do(admin: Any, request: HttpRequest, selection: Selection, form: Form, step: str) -> HttpResponse:
    user, model = request.user, admin.model
    try:
        if step == "save":
            form.order.chosen(model, user)
            sets.save(user, model, request.POST.get("set_name", ""), list(form.order.columns))
            messages.success(request, f"已保存列组「{request.POST['set_name'].strip()}」。")
        elif step.startswith("delete:"):
            sets.delete(user, model, step.removeprefix("delete:"))
            messages.success(request, f"已删除列组「{step.removeprefix('delete:')}」。")
        elif step == "export":
            return _export(request, selection, form.order)
    except Invalid as refusal:
        form.errors = refusal.errors
    except NotAllowed as refusal:
        form.errors = {"reveal": refusal.sentence}
    return _page(admin, request, selection, form)


def _export(request: HttpRequest, selection: Selection, order: Order) -> HttpResponse:
    return answer(request, order_export(selection, request.user, order, request))


def _page(admin: Any, request: HttpRequest, selection: Selection, form: Form) -> HttpResponse:
    user, model = request.user, admin.model
    year = cohorts.current_year(request)
    known = {column.name: column for column in of_year(vocabulary(model, schools_of(user)).values(), year)}
    total = selection.queryset(user).count()
    context = {
        "title": f"导出{admin.opts.verbose_name}",
        "selection": selection,
        "total": total,
        "direct": total <= DIRECT_ROWS,
        "words": in_words(selection, user),
        "groups": groups(known.values()),
        "chosen": set(form.order.columns),
        "layouts": layouts_for(model._meta.label_lower, year),
        "templates": template_layouts(model),
        "limit": ExportRule.rows_for(_school_of(user)),
        "presets": _presets(user, model, list(known)),
        "saved": list(sets.sets_of(user, model)),
        "codes": Codes.choices,
        "formats": list(FORMATS.items()),
        "form": form,
        "may_reveal": user.has_perm(REVEAL),
        "rule": RULE,
        "back": reverse(f"admin:{admin.opts.app_label}_{admin.opts.model_name}_changelist") + selection.link(),
    }
    return admin.page(request, "admin_site/exports/order.html", **context)


def _school_of(user: Any) -> int | None:
    """The one school the person has to do with, whose rule for approvals is then announced."""
    schools = user.scope.school_ids
    return schools[0] if not user.scope.everything and len(schools) == 1 else None


def _presets(user: Any, model: type[models.Model], names: list[str]) -> list[dict[str, Any]]:
    """Choices of columns in one click: those of the list, the declared ones, all, and what the person has saved."""
    usual = [column.name for column in settings_of(user, model).columns]
    found = [
        {"label": "当前列表列", "columns": usual},
        {"label": "常用列", "columns": [name for name in model.columns if name in names]},
        {"label": "全部", "columns": names},
    ]
    found += [{"label": name, "columns": columns, "saved": True} for name, columns in sets.sets_of(user, model).items()]
    return found
