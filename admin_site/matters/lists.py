"""The list of a matter or of students: tabs with counts, search, paste box, filters, columns, pages, and what to do with the chosen."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse

from admin_site import cohorts
from admin_site.changelist import PER_PAGE, PER_PAGE_VAR, rows_per_page
from admin_site.matters import counts, paging
from admin_site.matters.settings import keep, school_ids, settings_of, shown_filters
from admin_site.matters.table import Table
from admin_site.matters.units import unit_options
from admin_site.matters.verbs import url_name, url_or_none, verbs_for
from exports import search
from exports.columns import groups, of_year, vocabulary
from exports.pasted import Found, asks_for_identity
from exports.selection import ON_ROLL, PREFIX, ROLL_NAMES, WAITING, BadSelection, Selection
from models.audit.models import Action
from models.audit.services import record
from models.lists.models import LIMIT, PastedList, TooMany
from workflows.levels import Status
from workflows.permits import permission

SORT, WHOLE_LIST = "o", "all"
MISSING_SHOWN = 50


def urls(admin: Any) -> list[Any]:
    """The small pages of a list; each is also a sheet over the list."""
    name, wrap = f"{admin.opts.app_label}_{admin.opts.model_name}", admin.admin_site.admin_view
    return [
        path("filters/", wrap(partial(filters_view, admin)), name=f"{name}_filters"),
        path("columns/", wrap(partial(columns_view, admin)), name=f"{name}_columns"),
        path("paste/", wrap(partial(paste_view, admin)), name=f"{name}_paste"),
    ]


def selection_of(request: HttpRequest, model: type) -> Selection:
    """What the query string selects, within the cohort in view. Raises BadSelection."""
    return Selection.from_params(model, request.GET, cohorts.ids_for(request, model))


def posted_selection(request: HttpRequest, model: type) -> Selection:
    """What a form of the list posted: the ticked records, or with `all=1` everything that matches. Raises BadSelection."""
    selection = Selection.from_json(request.POST.get("selection", ""))
    if selection.model_label != model._meta.label_lower:
        raise BadSelection("所选记录不属于这个页面，请回到列表重新选择。")
    if request.POST.get("all") == "1":
        return selection
    ids = request.POST.getlist("ids") or list(selection.ids)
    if not ids:
        raise BadSelection("没有选择任何记录，请先勾选。")
    return selection.picking(ids)


def _require(admin: Any, request: HttpRequest) -> None:
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied


def view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The list itself. What cannot be understood in the address is said so, above an empty list, with status 400."""
    _require(admin, request)
    try:
        context = _context(admin, request, selection_of(request, admin.model), rows_per_page(request))
    except BadSelection as error:
        return _refused(admin, request, str(error))
    except IncorrectLookupParameters:
        return _refused(admin, request, f"每页条数只能是 {'、'.join(map(str, PER_PAGE))}。")
    return admin.page(request, "admin/matters/list.html", **context)


def _refused(admin: Any, request: HttpRequest, problem: str) -> HttpResponse:
    response = admin.page(
        request, "admin/matters/refused.html", title=str(admin.opts.verbose_name), problem=problem, root=_root(admin)
    )
    response.status_code = 400
    return response


def _root(admin: Any) -> str:
    return reverse(url_name(admin.model, "changelist"))


def _context(admin: Any, request: HttpRequest, selection: Selection, size: int) -> dict[str, Any]:
    user, model = request.user, admin.model
    chosen = settings_of(user, model)
    pasted, found = selection.found(user) if selection.pasted else (None, Found())
    numbers, rows = counts.count(selection, user, found)
    total = numbers.numbers.get(selection.status, 0)
    sort = sort_of(request, chosen.columns) if total <= counts.CAP else ""
    page = _page(request, rows, selection, found, sort, total, size)
    if search.is_sensitive(model, selection.query):
        record(Action.SEARCH_BY_ID, request=request, obj=model, query=selection.query, found=min(total, counts.CAP))
    link = partial(selection.link, **({SORT: sort} if sort else {}))
    schools = user.scope.everything and selection.is_wide
    parts = selection.describe(user)
    # What a record's page is given along, so that "next" there is the next of this list; a list without anything says so itself.
    left = link() if link() != "?" else f"?{WHOLE_LIST}=1"
    table = Table(model.objects.all(), chosen.columns, len(chosen.pinned), _root(admin), left)
    return {
        "title": str(admin.opts.verbose_name),
        "lasting": not getattr(model, "by_cohort", True),
        "root": _root(admin),
        "overview": url_or_none(url_name(model, "overview")),
        "selection": selection,
        "selection_json": selection.as_json(),
        "tabs": _tabs(selection, numbers, user),
        "parts": [(part, link(**{part.key: None})) for part in parts],
        "placeholder": search.placeholder(model),
        "kept_params": _pairs(selection.params(q=None), sort),
        "total": total,
        "cut": numbers.cap,
        "total_text": numbers.text(selection.status) or f"{total:,}",
        "page": page,
        "page_links": {
            name: link(**value) for name in ("previous", "following", "last") if (value := getattr(page, name))
        },
        "first_link": link(),
        "page_params": _pairs(selection.params(), sort),
        "size": size,
        "sizes": PER_PAGE,
        "size_key": PER_PAGE_VAR,
        "head": table.head(
            sort, lambda o: selection.link(**{SORT: o}), can_sort=total <= counts.CAP and not pasted, schools=schools
        ),
        "body": table.body(page.ids, schools=schools) if page.ids else "",
        "pinned": len(chosen.pinned),
        "verbs": verbs_for(model, user),
        "export_url": _export_url(model, user),
        "import_url": _import_url(model, user),
        "pasted": pasted,
        "found": found,
        "missing_shown": found.missing[:MISSING_SHOWN],
        "pasted_lost": bool(selection.pasted and pasted is None),
        "sheet_query": selection.link(**({SORT: sort} if sort else {})),
        "filter_count": sum(part.key not in ("q", "paste", "ids") for part in parts),
        "leaves_out": selection.roll_in_force == ON_ROLL,
        "is_filtered": bool(selection.params(status=None)),
    }


def _pairs(params: dict[str, Any], sort: str) -> list[tuple[str, str]]:
    """Hidden fields that keep the rest of the query string."""
    pairs = [
        (key, value) for key, values in params.items() for value in (values if isinstance(values, list) else [values])
    ]
    return [*pairs, (SORT, sort)] if sort else pairs


def _tabs(selection: Selection, numbers: counts.Counts, user: Any) -> list[dict[str, Any]]:
    if not hasattr(selection.model, "review"):
        return []
    found = [("", "全部"), (WAITING, "待我办理"), *((str(status), str(status.label)) for status in Status)]
    always = {"", WAITING, selection.status}
    return [
        {
            "label": label,
            "link": selection.link(status=tab or None),
            "count": numbers.text(tab),
            "current": tab == selection.status,
            "tab": tab,
        }
        for tab, label in found
        if tab in always or numbers.numbers.get(tab)
    ]


def sort_of(request: HttpRequest, columns: list[Any]) -> str:
    """The column to sort by, as in the address; "" unless it is shown, ours and not masked."""
    asked = request.GET.get(SORT, "")
    names = {column.name for column in columns if not column.mask and not column.extra_key}
    return asked if asked.removeprefix("-") in names else ""


def _page(
    request: HttpRequest, rows: Any, selection: Selection, found: Found, sort: str, total: int, size: int
) -> paging.Page:
    asked = paging.Asked.from_params(request.GET)
    if selection.pasted:
        kept = set(rows.values_list("pk", flat=True))
        return paging.of_found([pk for pk in found.ids if pk in kept], asked, size)
    if sort:
        return paging.of_sorted(rows, sort, total, asked, size)
    return paging.of_rows(rows, total, asked, size)


def _export_url(model: type, user: Any) -> str | None:
    return url_or_none(url_name(model, "export")) if user.has_perm(permission(model, "export")) else None


def _import_url(model: type, user: Any) -> str | None:
    return url_or_none("admin:imports") if user.has_perm(permission(model, "import")) else None


# -- sheets over the list ----------------------------------------------------------------------------------------------------


def _sheet(admin: Any, request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    """A small page; asked for by the list's script, only its inner part."""
    frame = "admin/matters/sheet_bare.html" if request.headers.get("X-Sheet") else "admin/matters/sheet_page.html"
    return admin.page(request, template, frame=frame, root=_root(admin), **context)


def filters_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The drawer of filters: shown as a form that leads back to the list; posting chooses which filters stand in it."""
    _require(admin, request)
    if request.method == "POST":
        keep(request.user, admin.model, filters=request.POST.getlist("shown")[:60])
        return redirect(
            f"{request.path}{_query(request)}" if request.POST.get("stay") else f"{_root(admin)}{_query(request)}"
        )
    try:
        selection = selection_of(request, admin.model)
    except BadSelection as error:
        return _refused(admin, request, str(error))
    known = selection.filters_for(request.user)
    shown = shown_filters(admin.model, settings_of(request.user, admin.model).filters, known, selection.filters)
    names = {one.name for one in shown}
    fields = [(one, _values(one, selection.filters.get(one.name, []))) for one in shown]
    own = {f"{PREFIX}{one.name}": None for one in shown}
    return _sheet(
        admin, request, "admin/matters/filters.html", title="筛选", fields=fields, selection=selection, query=_query(request),
        kept=_pairs(selection.params(unit=None, roll=None, **own), request.GET.get(SORT, "")),
        units=unit_options(request.user, cohorts.cohort_ids(request), selection.unit),
        rolls=[("", "默认（在籍）"), *ROLL_NAMES.items()], every=[(one, one.name in names) for one in known.values() if one.kind != "hidden"],
        clear=selection.link(unit=None, roll=None, **{f"{PREFIX}{name}": None for name in selection.filters}),
    )  # fmt: skip


def _values(one: Any, values: list[str]) -> dict[str, Any]:
    start, _tilde, end = (values[0] if values else "").partition("~")
    special = bool(values) and values[0] in dict(one.options)
    return {"chosen": values, "start": "" if special else start, "end": "" if special else end}


def _query(request: HttpRequest) -> str:
    text = request.GET.urlencode()
    return f"?{text}" if text else ""


def columns_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """Which columns the list shows, remembered for this person and list."""
    _require(admin, request)
    known = vocabulary(admin.model, school_ids(request.user))
    if request.method == "POST":
        names = [name for name in request.POST.getlist("columns") if name in known]
        keep(request.user, admin.model, columns=None if "usual" in request.POST else names[:40])
        return redirect(f"{_root(admin)}{_query(request)}")
    chosen = settings_of(request.user, admin.model, known)
    shown = [column.name for column in chosen.columns]
    return _sheet(
        admin, request, "admin/matters/columns.html", title="显示哪些列", query=_query(request), pinned=chosen.pinned,
        groups=[(title, [(column, column.name in shown) for column in columns]) for title, columns in groups(of_year(known.values(), cohorts.current_year(request)))],
    )  # fmt: skip


def paste_view(admin: Any, request: HttpRequest) -> HttpResponse:
    """批量查找: what was pasted is kept under a key, and the list shows the records in that order."""
    _require(admin, request)
    problem, text = "", request.POST.get("items", "")
    if request.method == "POST":
        try:
            kept = PastedList.objects.keep(request.user, admin.model._meta.label_lower, text)
        except TooMany as error:
            problem = str(error)
        else:
            if kept.items:
                if asks_for_identity(kept.items):
                    record(Action.SEARCH_BY_ID, request=request, obj=admin.model, pasted=len(kept.items))
                return redirect(f"{_root(admin)}?paste={kept.key}")
            kept.delete()
            problem = "没有识别出学号或姓名，请粘贴后再查找。"
        messages.error(request, problem)
    return _sheet(admin, request, "admin/matters/paste.html", title="批量查找", limit=LIMIT, text=text, problem=problem)
