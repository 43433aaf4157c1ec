"""Overview 一览: colleges × statuses, opened down to majors and classes; every number leads to exactly the records it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils import timezone

from admin_site import cohorts
from admin_site.matters.verbs import url_name, url_or_none, verbs_for
from exports.selection import PREFIX, ROLL_NAMES, WAITING, BadSelection, Selection
from models.organisation.cohorts import in_scope
from models.organisation.models import Cohort, OrgUnit, School
from workflows import policy
from workflows.levels import PENDING, Status
from workflows.matter import RETURNED_AGAIN
from workflows.permits import permission
from workflows.scoping import below

CLOSING_SOON = 14  # days


@dataclass
class Node:
    """One line: a school or unit with the numbers of everything below it."""

    path: str
    name: str = ""
    depth: int = 0
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    children: set[str] = field(default_factory=set)
    is_open: bool = False

    @property
    def total(self) -> int:
        return sum(self.numbers.values())

    @property
    def percent(self) -> int:
        """Share that is through, rounded down: 100 means everybody."""
        return 100 * self.numbers.get(Status.APPROVED, 0) // self.total if self.total else 0


def urls(admin: Any) -> list[Any]:
    """The overview of one matter."""
    name = f"{admin.opts.app_label}_{admin.opts.model_name}_overview"
    return [path("overview/", admin.admin_site.admin_view(partial(view, admin)), name=name)]


def fold(counted: Iterable[tuple[str, str, int]]) -> dict[str, Node]:
    """Numbers of every node of the tree from numbers by path, each counted into all nodes above it."""
    nodes: dict[str, Node] = {}
    for org_path, status, number in counted:
        parts, above = org_path.strip("/").split("/"), ""
        for part in parts:
            here = f"{above}{part}/"
            node = nodes.setdefault(here, Node(here))
            node.numbers[status] += number
            if above:
                nodes[above].children.add(here)
            above = here
    return nodes


def view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The page: own queue first, then the table."""
    if not admin.has_view_or_change_permission(request):
        raise PermissionDenied
    try:
        selection = Selection.from_params(admin.model, _known(request.GET), cohorts.ids_for(request, admin.model))
    except BadSelection:
        selection = Selection(admin.model._meta.label_lower, cohorts.ids_for(request, admin.model))
    unit, whole = selection.unit, Selection(selection.model_label, selection.cohort_ids, roll=selection.roll)
    rows = whole.queryset(request.user)
    wide = request.user.scope.everything and len(whole.cohort_ids or ()) > 1
    nodes = _schools(rows, whole, unit) if wide else fold(rows.counts_by_path())
    tops = _tops(nodes, request.user, wide or not admin.model.by_cohort)
    lines = _named(_lines(nodes, tops, unit))
    total = Node("", "合计")
    for top in tops:
        for status, number in nodes[top].numbers.items():
            total.numbers[status] += number
    statuses = _statuses(admin.model, total)
    root = reverse(url_name(admin.model, "changelist"))
    context = {
        "title": f"{admin.opts.verbose_name}一览", "lasting": not admin.model.by_cohort, "root": root, "selection": whole, "statuses": statuses, "unit": unit,
        "lines": [_line(line, whole, root, statuses) for line in lines], "total": _line(total, whole, root, statuses),
        "waiting": rows.waiting_for(request.user).count() if wide else _waiting(nodes, request.user),
        "waiting_link": root + whole.link(status=WAITING),
        "again": rows.filter(RETURNED_AGAIN).count(), "again_link": root + whole.link(**{f"{PREFIX}again": "2"}),
        "closing": _closing(admin.model, request, wide), "rolls": [("", "在籍"), *((k, v) for k, v in ROLL_NAMES.items() if k != "on")],
        "first_column": "学校" if wide or not admin.model.by_cohort else "院系",
        **_actions(admin.model, request.user, whole, total),
    }  # fmt: skip
    return admin.page(request, "admin/matters/overview.html", **context)


def _known(params: Any) -> Any:
    """Only what an overview knows: a unit to open, and who counts."""
    kept = params.copy()
    for key in list(kept):
        if key not in ("unit", "roll"):
            del kept[key]
    return kept


def _schools(rows: Any, whole: Selection, unit: str) -> dict[str, Node]:
    """The province: one line per school, from the cohorts alone; only an opened school is counted by path."""
    grouped = list(rows.values_list("cohort_id", "status").annotate(n=Count("pk")))
    school_of = {cohort.id: cohort.school_id for cohort in in_scope()}
    nodes = fold((f"{school_of[cohort]}/", status, n) for cohort, status, n in grouped)
    if unit and (school := f"{unit.split('/')[0]}/") in nodes:
        nodes |= fold(rows.filter(below("org_path", [school])).counts_by_path())
    return nodes


def _tops(nodes: dict[str, Node], user: Any, wide: bool) -> list[str]:
    """Where the table begins: schools for the province and for what belongs to a school as a whole, colleges for a school, else the
    units one is appointed to."""
    if wide:
        return sorted((p for p in nodes if p.count("/") == 1), key=lambda p: int(p[:-1]))
    if user.scope.everything:
        return sorted(p for p in nodes if p.count("/") == 2)
    found: list[str] = []
    for prefix in user.scope.prefixes:
        if prefix.count("/") == 1:
            found += sorted(nodes[prefix].children) if prefix in nodes else []
        elif prefix in nodes:
            found.append(prefix)
    return found


def _lines(nodes: dict[str, Node], tops: list[str], unit: str) -> list[Node]:
    """Lines in order: the tops, and below every node on the way to `unit` its children. A single top stands open."""
    wanted = unit or (tops[0] if len(tops) == 1 else "")
    found: list[Node] = []

    def walk(here: str, depth: int) -> None:
        node = nodes[here]
        node.depth, node.is_open = depth, bool(wanted) and wanted.startswith(here) and bool(node.children)
        found.append(node)
        if node.is_open:
            for child in sorted(node.children):
                walk(child, depth + 1)

    for top in tops:
        walk(top, 0)
    return found


def _named(lines: list[Node]) -> list[Node]:
    """The same lines with their names, brothers in the order of the organisation; what has no visible unit is left out."""
    units = [int(line.path.strip("/").split("/")[-1]) for line in lines if line.path.count("/") > 1]
    schools = [int(line.path[:-1]) for line in lines if line.path.count("/") == 1]
    names: dict[str, tuple[Any, ...]] = {}
    if units:
        for unit_path, name, order in OrgUnit.objects.filter(pk__in=units).values_list("path", "name", "order"):
            names[unit_path] = (order, name)
    if schools:
        for pk, name, code in School.objects.filter(pk__in=schools).values_list("pk", "name", "code"):
            names[f"{pk}/"] = (code, name)
    for line in lines:
        line.name = names[line.path][1] if line.path in names else ""
    prefixes = {line.path: [line.path[: i + 1] for i, c in enumerate(line.path) if c == "/"] for line in lines}
    lines.sort(key=lambda line: [(*names[p], p) for p in prefixes[line.path] if p in names])
    return [line for line in lines if line.name]


def _statuses(model: type, total: Node) -> list[Status]:
    """Columns: the levels the matter passes by declaration, and every status that occurs."""
    usual = {Status.DRAFT, Status.RETURNED, Status.APPROVED, *(PENDING[level] for level in model.review.levels)}
    return [status for status in Status if status in usual or total.numbers.get(status)]


def _line(node: Node, whole: Selection, root: str, statuses: list[Status]) -> dict[str, Any]:
    unit = node.path or None
    return {
        "node": node,
        "total_link": root + whole.link(unit=unit),
        "cells": [(node.numbers.get(s, 0), root + whole.link(unit=unit, status=str(s)), s) for s in statuses],
        "can_open": bool(node.children)
        or (node.path.count("/") == 1 and whole.model.by_cohort),  # a school is counted by path once it is opened
        "toggle": whole.link(
            unit=node.path.rsplit("/", 2)[0] + "/"
            if node.is_open and node.depth
            else None
            if node.is_open
            else node.path
        ),
        "percent": node.percent,
    }


def _waiting(nodes: dict[str, Node], user: Any) -> int:
    """The person's own queue, from the numbers already there; units they hold a level for are nodes of the tree."""
    found = 0
    for level, status in PENDING.items():
        for prefix in user.level_paths(level):
            if prefix:
                found += nodes[prefix].numbers.get(status, 0) if prefix in nodes else 0
            else:
                found += sum(node.numbers.get(status, 0) for p, node in nodes.items() if p.count("/") == 1)
    return found


def _closing(model: type, request: HttpRequest, wide: bool) -> dict[str, Any] | None:
    """Until when the matter is open for the cohort in view, for one school; None where schools differ or nothing is set."""
    if not model.by_cohort:
        return None
    ids = cohorts.cohort_ids(request)
    cohort = Cohort.objects.filter(pk=ids[0]).first() if len(ids) == 1 and not wide else None
    if cohort is None:
        return None
    state = policy.window_for(model, cohort.school_id, cohort.pk, f"{cohort.school_id}/")
    if not state.is_open:
        return {"sentence": state.sentence, "soon": False}
    if state.closes_at is None:
        return None
    days = (timezone.localtime(state.closes_at).date() - timezone.localdate()).days
    when = f"{timezone.localtime(state.closes_at):%Y-%m-%d %H:%M} 截止"
    return {"sentence": f"{when}，还有 {days} 天" if days else f"{when}（今天）", "soon": days <= CLOSING_SOON}


def _actions(model: type, user: Any, whole: Selection, total: Node) -> dict[str, Any]:
    """Buttons over the table; one without its page or its permission is not there."""
    remind = next((url for verb, url in verbs_for(model, user) if verb.name == "remind"), None)
    drafts = Selection(whole.model_label, whole.cohort_ids, status=Status.DRAFT, roll=whole.roll)
    export = url_or_none(url_name(model, "export")) if user.has_perm(permission(model, "export")) else None
    return {
        "import_url": url_or_none("admin:imports") if user.has_perm(permission(model, "import")) else None,
        "export_url": export,
        "remind_url": remind if total.numbers.get(Status.DRAFT) else None,
        "drafts": total.numbers.get(Status.DRAFT, 0),
        "drafts_json": drafts.as_json(),
    }
