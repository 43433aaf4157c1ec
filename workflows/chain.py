"""A chain of review steps, attached to a matter like a manager: it becomes the FSM field and its transitions.

One table (`TABLE`) says which verb leads from where to where; the FSM methods of each model and the set-based SQL of
`workflows.batch` are both made from it, and a test holds them to the same results.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, FSMField, transition

from workflows.levels import LEVEL_OF, PENDING, Status, Verb

PENDINGS = tuple(PENDING.values())

# verb: the statuses it starts from. Where it leads depends on the record's own levels: `target`.
TABLE: dict[Verb, tuple[Status, ...]] = {
    Verb.SUBMIT: (Status.DRAFT, Status.RETURNED),
    Verb.WITHDRAW: PENDINGS,
    Verb.APPROVE: PENDINGS,
    Verb.RETURN: (*PENDINGS, Status.APPROVED),
    Verb.VOID: (Status.DRAFT, *PENDINGS, Status.RETURNED, Status.APPROVED),
    Verb.REOPEN: (Status.VOIDED,),
    Verb.AMEND: (Status.APPROVED,),
}
TARGETS: dict[Verb, tuple[Status, ...]] = {
    Verb.SUBMIT: PENDINGS,
    Verb.WITHDRAW: (Status.DRAFT,),
    Verb.APPROVE: (*PENDINGS[1:], Status.APPROVED),
    Verb.RETURN: (Status.RETURNED,),
    Verb.VOID: (Status.VOIDED,),
    Verb.REOPEN: (Status.DRAFT,),
    Verb.AMEND: (Status.DRAFT,),
}


def target(verb: Verb, status: str, levels: tuple[str, ...], entry: str = "") -> Status:
    """Where `verb` leads from `status` for a record that passes `levels`; `entry` is the level a submission enters at.

    Raises LookupError when the verb does not start from the status, or the record waits at a level its levels do not name.
    """
    if status not in TABLE[verb]:
        raise LookupError(f"{verb} does not start from {status}")
    if verb == Verb.SUBMIT:
        return PENDING[entry if entry in levels else levels[0]]
    if verb == Verb.APPROVE:
        position = levels.index(LEVEL_OF[Status(status)]) + 1 if LEVEL_OF[Status(status)] in levels else -1
        if position < 0:
            raise LookupError(f"{status} is not one of the record's levels")
        return PENDING[levels[position]] if position < len(levels) else Status.APPROVED
    return TARGETS[verb][0]


@dataclass(frozen=True)
class Step:
    """One level of a chain. An automatic step runs the rules on arrival and approves by itself when all of them hold."""

    level: str
    automatic: bool = False


class StatusField(FSMField):
    """The FSM field of a matter. To migrations it is the CharField it is in the database: every FSMField listens for classes being
    prepared, and the states that a migration renders would make thousands of listeners."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs


class Chain:
    """`review = Chain(Step(COUNSELOR), Step(COLLEGE))` in a matter's body.

    `requires` names a matter (app.Model) of the same subject that must be approved before this one can be submitted.
    The levels here are the default; a school changes them per cohort in 审核流程.
    """

    def __init__(self, *steps: Step, requires: str = "") -> None:
        if not steps:
            raise ValueError("a chain needs at least one step")
        self.steps = steps
        self.requires = requires
        self.model: type[models.Model] | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """Default levels, in order."""
        return tuple(step.level for step in self.steps)

    def automatic(self, level: str) -> bool:
        """Whether `level` is decided by the rules alone; the province always is, also where a school added it."""
        return level == "province" or any(step.automatic for step in self.steps if step.level == level)

    def contribute_to_class(self, model: type[models.Model], name: str) -> None:
        """Attach the protected status field and one transition method per verb (`move_submit`, `move_approve` …)."""
        self.model = model
        setattr(model, name, self)
        if model._meta.abstract:
            return
        field = StatusField(_("状态"), default=Status.DRAFT, choices=Status.choices, protected=True, max_length=20)
        for verb in TABLE:
            setattr(model, f"move_{verb.value}", _transition(field, verb))
        model.add_to_class("status", field)


def _transition(field: FSMField, verb: Verb) -> Any:
    def move(self: Any) -> None:
        """Only the status changes here; what else an action does stands in workflows.actions."""

    move.__name__ = f"move_{verb.value}"
    state = GET_STATE(
        lambda record: target(verb, record.status, record.level_list(), record.entry_level()),
        states=list(TARGETS[verb]),
    )
    return transition(field=field, source=list(TABLE[verb]), target=state)(move)


def matters() -> Iterator[type[models.Model]]:
    """Every reviewed matter of the project, in the order of the season. There is no registry besides Django's own."""
    found = (
        model
        for model in apps.get_models()
        if isinstance(getattr(model, "review", None), Chain) and not hasattr(model, "instance_type")
    )
    yield from sorted(found, key=lambda model: (getattr(model, "season", 90), model._meta.label_lower))


def matter_by_label(label: str) -> type[models.Model]:
    """The matter with this label ("students.graduateprofile"); LookupError when there is none."""
    for model in matters():
        if model._meta.label_lower == label:
            return model
    raise LookupError(label)
