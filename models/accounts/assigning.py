"""功能分配: give or take single functions for several people at once, with a preview, and never more than one has oneself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db import models, transaction

from models.accounts.function_names import Function, functions
from models.accounts.functions import FORBIDDEN_TOGETHER, group_name
from models.accounts.models import FunctionOverride, StaffAppointment, User
from models.audit.models import Action
from models.audit.services import record


class Choice(models.TextChoices):
    """What can be said about one function for the chosen people."""

    KEEP = "keep", "保持不变"
    DEFAULT = "default", "按职级默认"
    GIVE = "give", "给予"
    TAKE = "take", "收回"


@dataclass(frozen=True)
class Standing:
    """A person's functions: what the levels bring, what was given (True) or taken (False) by name."""

    defaults: frozenset[str]
    overrides: dict[str, bool]

    def effective(self) -> set[str]:
        """What the person may use."""
        given = {code for code, granted in self.overrides.items() if granted}
        return (self.defaults - {code for code, granted in self.overrides.items() if not granted}) | given


@dataclass(frozen=True)
class Change:
    """What an assignment would do to one person."""

    person: User
    gains: tuple[Function, ...]
    loses: tuple[Function, ...]
    refusal: str = ""


def assignable(by: User) -> list[Function]:
    """The functions `by` may hand out or take back: those they hold themselves."""
    held = by.get_all_permissions()
    return [function for function in functions() if function.code in held]


def standings(people: Sequence[User]) -> dict[int, Standing]:
    """Person id → Standing; three queries whatever the number of people."""
    codes_of_group = defaultdict(set)
    for name, app, codename in Group.objects.values_list(
        "name", "permissions__content_type__app_label", "permissions__codename"
    ):
        if codename:
            codes_of_group[name].add(f"{app}.{codename}")
    defaults: dict[int, set[str]] = defaultdict(set)
    for held in StaffAppointment._base_manager.filter(user__in=people):
        if held.in_force():
            defaults[held.user_id] |= codes_of_group[group_name(held.level)]
    overrides: dict[int, dict[str, bool]] = defaultdict(dict)
    rows = FunctionOverride._base_manager.filter(user__in=people).values_list(
        "user_id", "permission__content_type__app_label", "permission__codename", "granted"
    )
    for pk, app, codename, granted in rows:
        overrides[pk][f"{app}.{codename}"] = granted
    return {person.pk: Standing(frozenset(defaults[person.pk]), overrides[person.pk]) for person in people}


def preview(people: Sequence[User], choices: dict[str, str]) -> list[Change]:
    """What `choices` {code: Choice} would change, person by person; people for whom nothing changes are left out.

    A result that joins functions that must never be in one hand (三权分立) carries a refusal and is not applied.
    """
    known = {function.code: function for function in functions()}
    now, found = standings(people), []
    for person in people:
        standing = now[person.pk]
        wanted = Standing(standing.defaults, _applied(standing.overrides, choices))
        before, after = standing.effective(), wanted.effective()
        if wanted.overrides != standing.overrides:
            gains = tuple(known[code] for code in sorted(after - before) if code in known)
            loses = tuple(known[code] for code in sorted(before - after) if code in known)
            found.append(Change(person, gains, loses, refusal(after, known)))
    return found


def _applied(overrides: dict[str, bool], choices: dict[str, str]) -> dict[str, bool]:
    result = dict(overrides)
    for code, choice in choices.items():
        if choice == Choice.DEFAULT:
            result.pop(code, None)
        elif choice in (Choice.GIVE, Choice.TAKE):
            result[code] = choice == Choice.GIVE
    return result


def refusal(codes: Iterable[str], known: dict[str, Function] | None = None) -> str:
    """The sentence against a set of functions that one person must not hold together; "" when there is none."""
    codes = set(codes)
    for pair in FORBIDDEN_TOGETHER:
        if codes.issuperset(pair):
            names = [known[code].label if known and code in known else code for code in pair]
            return f"「{'」与「'.join(names)}」不能由同一人持有（三权分立），请分别分配给不同人员。"
    return ""


def assign(people: Sequence[User], choices: dict[str, str], *, by: User, request: Any = None) -> list[Change]:
    """Apply `choices` to everybody at once, with history and one audit row per person; returns what changed.

    Only functions `by` holds are touched, whatever was asked for. Takes effect at the next request of each person.
    """
    own = {function.code: function for function in assignable(by)}
    choices = {
        code: choice
        for code, choice in choices.items()
        if code in own and choice in Choice.values and choice != Choice.KEEP
    }
    changes = [change for change in preview(people, choices) if not change.refusal]
    with transaction.atomic():
        rows = {(row.user_id, row.permission_id): row for row in FunctionOverride._base_manager.filter(user__in=people)}
        for change in changes:
            for code, choice in choices.items():
                _write(change.person, own[code], choice, rows.get((change.person.pk, own[code].pk)), by)
            record(
                Action.RIGHTS_CHANGE,
                request=request,
                actor=by,
                obj=change.person,
                deed="功能分配",
                given=[function.label for function in change.gains],
                taken=[function.label for function in change.loses],
            )
    return changes


def _write(person: User, function: Function, choice: str, row: FunctionOverride | None, by: User) -> None:
    if choice == Choice.DEFAULT:
        if row is not None:
            row._history_user = by
            row.delete()
        return
    granted = choice == Choice.GIVE
    if row is not None and row.granted == granted:
        return
    row = row or FunctionOverride(user=person, permission_id=function.pk)
    row.granted, row._history_user = granted, by
    row.save()
