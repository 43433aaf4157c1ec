"""Which matters have a printed form: declared once, and both front doors, the batch and the command offer it.

A form says of which matter it is, its template, what goes into it and when it may be given out. Declared in a module of this
package that `declared` imports (`recommendation`, `agreement` …); the laying out itself is in `engine`, loaded when needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from models.jobs.files import safe_filename
from workflows import policy
from workflows.levels import Status


def when_approved(record: Any) -> str:
    """The rule for most forms: "" for an approved record, else why it cannot be printed yet."""
    if record.status == Status.APPROVED:
        return ""
    return f"{record._meta.verbose_name}审核通过后才能打印，当前状态为「{Status(record.status).label}」。"


def no_number(record: Any) -> str:
    """Most forms have no number of their own."""
    return ""


@dataclass(frozen=True)
class PrintedForm:
    """One printed form.

    `kind`      its key, also of the documents given out ("recommendation")
    `matter`    label of the matter ("recommendations.recommendationform")
    `template`  below exports/templates/documents/
    `fill`      record → values of `form` in the template, nothing but plain data; read with the matter's joins and its files
    `file_name` record → name without ".pdf"
    `refusal`   record → why it may not be given out now, "" when it may
    `statuses`  those in which `refusal` is "" as a rule: for counting before printing
    `preview`   whether a draft may be looked at as a PDF, with a line that says it is none
    `reads`     relations besides the matter's own joins that `fill` reads, so that many are read in a fixed number of queries
    """

    kind: str
    matter: str
    title: str
    template: str
    fill: Callable[[Any], dict[str, Any]]
    file_name: Callable[[Any], str]
    refusal: Callable[[Any], str] = when_approved
    number: Callable[[Any], str] = no_number
    preview: bool = True
    statuses: tuple[str, ...] = (Status.APPROVED,)
    reads: tuple[str, ...] = ()

    def name_for(self, record: Any) -> str:
        """The file's name, fit for a header and a zip."""
        return safe_filename(f"{self.file_name(record)}.pdf")


_forms: dict[str, PrintedForm] = {}


def declare(form: PrintedForm) -> PrintedForm:
    """Make a form known; twice the same is no error."""
    _forms[form.kind] = form
    return form


def form_of(model: type[models.Model]) -> PrintedForm | None:
    """The form of a matter; None when it has none."""
    label = policy.label(model)
    return next((form for form in _forms.values() if form.matter == label), None)


def form_named(kind: str) -> PrintedForm:
    """The form with this key; LookupError when there is none."""
    return _forms[kind]


def declared() -> list[PrintedForm]:
    """Every form, by key."""
    return [_forms[kind] for kind in sorted(_forms)]
