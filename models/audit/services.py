"""The one door into the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest

from models.audit.masking import mask_text, mask_value
from models.audit.models import Action, AuditEntry, Result
from models.audit.request import client_ip
from workflows.scoping import system


def record(
    action: Action | str,
    *,
    request: HttpRequest | None = None,
    actor: Any = None,
    on_behalf_of: models.Model | None = None,
    obj: models.Model | type[models.Model] | None = None,
    result: Result | str = Result.OK,
    purpose: str = "",
    school_id: int | None = None,
    **detail: Any,
) -> AuditEntry:
    """Write one audit row in the caller's transaction and return it.

    action      a member of Action (or its value); anything else is a ValueError
    request     gives address, request id and, unless `actor` is passed, the person; while a member of staff looks as a student
                (`request.impersonator`), the actor is the member of staff and `on_behalf_of` the student
    on_behalf_of  only where the request does not say it itself: the start and the end of looking as a student
    obj         the object, or a model class when the deed is about a list
    school_id   defaults to the object's, then to the actor's
    detail      JSON-like; ID numbers, phones and anything under a password-like key are masked before they are stored
    """
    impersonator: Any = getattr(request, "impersonator", None)
    person = _person(getattr(request, "user", None))
    acting: Any = actor or impersonator or person
    looked_at = on_behalf_of or (person if impersonator is not None and person != acting else None)
    entry = AuditEntry(
        action=Action(action),
        result=Result(result),
        actor=acting,
        actor_label=mask_text(acting.get_username())[:150] if acting else "",
        on_behalf_of_id=getattr(looked_at, "pk", None),
        ip=client_ip(request) if request is not None else None,
        request_id=getattr(request, "request_id", "")[:64],
        school_id=school_id if school_id is not None else _school_id(obj, acting),
        purpose=mask_text(purpose)[:500],
        detail=mask_value(detail),
        **_describe(obj),
    )
    entry.save()
    return entry


def _person(user: Any) -> Any:
    """`user` if it is a stored account, else None (anonymous, or no user at all)."""
    return user if getattr(user, "pk", None) else None


def _describe(obj: models.Model | type[models.Model] | None) -> dict[str, str]:
    if obj is None:
        return {}
    if isinstance(obj, type):
        return {"object_type": obj._meta.label_lower, "object_label": str(obj._meta.verbose_name)[:200]}
    return {
        "object_type": obj._meta.label_lower,
        "object_id": "" if obj.pk is None else str(obj.pk),
        "object_label": mask_text(str(obj))[:200],
    }


def _school_id(obj: Any, actor: Any) -> int | None:
    with system("the school of an audit row is found whoever acts, also at log-in, before anybody does"):
        for source in (obj, actor):
            value = getattr(source, "school_id", None)
            if isinstance(value, int):
                return value
    return None
