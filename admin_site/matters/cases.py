"""填写模板: a record's form as a certain kind of case fills it in (选调生, 西部计划 …), or as another category asks for it.

A matter offers cases with `fill_cases(record)`. What a case fills in is only proposed: nothing is stored until the form is.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from django.http import HttpRequest

from workflows.matter import Case

__all__ = ["Case", "as_if", "case_of", "cases_for", "posted_pivots"]

PARAMETER = "case"


def cases_for(request: HttpRequest, found: Any) -> list[Case]:
    """What is offered beside the form."""
    return found.fill_cases()


def case_of(request: HttpRequest, found: Any) -> Case | None:
    """The case that was asked for, None when none was or it is not offered."""
    key = request.GET.get(PARAMETER, "") if request.method == "GET" else ""
    return next((case for case in found.fill_cases() if case.key == key), None) if key else None


def as_if(found: Any, values: dict[str, Any]) -> Any:
    """The record as it would be with these values, for asking which fields belong to it then; never saved."""
    shadow = copy(found)
    shadow._state = copy(found._state)
    for name in type(found).pivot_fields:
        if name in values:
            setattr(shadow, name, values[name])
    return shadow


def posted_pivots(request: HttpRequest, found: Any, prefix: str) -> dict[str, str]:
    """What the form chose for the fields the others depend on."""
    posted = {name: request.POST.get(f"{prefix}-{name}") for name in type(found).pivot_fields}
    return {name: value[:20] for name, value in posted.items() if value}
