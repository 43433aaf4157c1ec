"""Where the pages of a person's own records are: students have theirs below /student/, employers below /employer/."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseRedirect
from django.urls import reverse

from models.accounts.models import User

SIDES = {User.Kind.STUDENT: "student", User.Kind.EMPLOYER: "employer"}


def address(user: Any, page: str, record: Any = None, **values: Any) -> str:
    """The address of `page` (home, notices, or with `record` matter, log, change, file) on this person's side.

    A student has one record of a matter in view, the newest; an employer has one per school, so its key is part of the address.
    """
    side = SIDES[user.kind]
    if record is not None:
        values["name"] = record._meta.model_name
        if side == "employer":
            values["pk"] = record.pk
    return reverse(f"{side}_{page}", kwargs=values)


def go(user: Any, page: str, record: Any = None, **values: Any) -> HttpResponseRedirect:
    """A redirect to it."""
    return HttpResponseRedirect(address(user, page, record, **values))
