"""功能分配: choose people, say for each function whether it is given or taken, look at who changes, apply to all at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from models.accounts.appointing import may_manage
from models.accounts.assigning import Choice, Standing, assign, assignable, preview, standings
from models.accounts.function_names import Function
from models.accounts.functions import DEFAULTS, names
from models.accounts.models import StaffAppointment, User

MOST = 200  # people at once


@dataclass(frozen=True)
class Line:
    """One function for the chosen people: how many have it now, and by what."""

    function: Function
    by_default: int
    given: int
    taken: int
    choice: str

    @property
    def now(self) -> int:
        return self.by_default + self.given


def people_of(model_admin: Any, request: HttpRequest, ids: str) -> list[User]:
    """The chosen staff that the person may manage, in two queries."""
    keys = [int(part) for part in ids.split(",")[:MOST] if part.strip().isdecimal() and len(part) < 19]
    found = list(model_admin.get_queryset(request).filter(pk__in=keys, is_superuser=False).order_by("username"))
    held: dict[int, list[StaffAppointment]] = {}
    for row in StaffAppointment._base_manager.filter(user__in=found).select_related("unit"):
        held.setdefault(row.user_id, []).append(row)
    return [account for account in found if may_manage(request.user, account, held.get(account.pk, []))]


def choices_of(request: HttpRequest, functions: list[Function]) -> dict[str, str]:
    """What was ticked: {function code: Choice}, without those left as they are."""
    found = {}
    for function in functions:
        choice = request.POST.get(f"f__{function.code}", Choice.KEEP)
        if choice in (Choice.DEFAULT, Choice.GIVE, Choice.TAKE):
            found[function.code] = choice
    return found


def lines(people: list[User], functions: list[Function], choices: dict[str, str]) -> list[Line]:
    """One line per function the person may hand out."""
    now: list[Standing] = list(standings(people).values())
    found = []
    for function in functions:
        code = function.code
        states = Counter(
            "given"
            if one.overrides.get(code)
            else "taken"
            if code in one.overrides
            else "default"
            if code in one.defaults
            else "none"
            for one in now
        )
        found.append(
            Line(function, states["default"], states["given"], states["taken"], choices.get(code, Choice.KEEP))
        )
    return found


def usual(functions: list[Function]) -> list[tuple[Function, list[bool]]]:
    """Each function with whether the levels, in the order of DEFAULTS, have it without anybody's doing."""
    return [
        (one, [any(names(pattern, one.code) for pattern in patterns) for patterns in DEFAULTS.values()])
        for one in functions
    ]


def show(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Without people: how to choose them. With people: the functions; after a POST also who would change."""
    ids = request.POST.get("ids", request.GET.get("ids", ""))
    people = people_of(model_admin, request, ids)
    if not people:
        if ids:
            messages.warning(request, "所选人员不在您可以分配功能的范围内，请重新选择。")
        return model_admin.page(
            request,
            "admin_site/functions.html",
            title="功能分配",
            people=[],
            levels=[StaffAppointment.Level(level).label for level in DEFAULTS],
            usual=usual(assignable(request.user)),
            back=reverse("admin:accounts_user_changelist"),
        )
    functions = assignable(request.user)
    choices = choices_of(request, functions) if request.method == "POST" else {}
    changes = preview(people, choices) if choices else None
    return model_admin.page(
        request, "admin_site/functions.html", title="功能分配", opts=None, people=people, ids=",".join(str(one.pk) for one in people), choices=choices,
        lines=lines(people, functions, choices), changes=changes, posted=request.method == "POST", back=reverse("admin:accounts_user_changelist"),
        blocked=any(change.refusal for change in changes or ()),
    )  # fmt: skip


def apply(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """Do it for everybody at once."""
    people = people_of(model_admin, request, request.POST.get("ids", ""))
    choices = choices_of(request, assignable(request.user))
    if not people or not choices:
        messages.warning(request, "没有可以分配的人员或功能，请重新选择。")
        return redirect("admin:accounts_functions")
    changed = assign(people, choices, by=request.user, request=request)
    messages.success(request, f"已为 {len(changed)} 人调整功能，下一次操作时即生效，无需重新登录。")
    return redirect(f"{reverse('admin:accounts_functions')}?ids={','.join(str(one.pk) for one in people)}")
