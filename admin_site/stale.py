"""A form of the back office says what it was filled in against. One that has become stale is not believed: the answer is a 409
with what holds now beside what the person filled in, and nothing is written (checklist E5).

The page carries one short keyed digest per field, of the value that was shown. They are compared under a lock on the row, so that
of two forms that were opened together and posted together one is saved and the other is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import unquote
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from admin_site.forms import described_changes
from admin_site.history import in_words
from admin_site.rows import rows_for
from models.audit.models import AuditEntry
from workflows import holding

SEEN = "_seen"
_SALT = "admin_site.stale"


@dataclass(frozen=True)
class Line:
    """One field of the answer: what holds now, what the person filled in, whether somebody else changed it meanwhile."""

    label: str
    now: str
    mine: str
    is_changed: bool


def digests(what: str, values: Mapping[str, Any]) -> dict[str, str]:
    """A digest per name; keyed, so that a page tells nothing of a value it does not show."""
    return {
        name: salted_hmac(_SALT, f"{what}/{name}/{value!r}", algorithm="sha256").hexdigest()[:16]
        for name, value in values.items()
    }


def token(found: Mapping[str, str]) -> str:
    """The digests as the page carries them."""
    return ",".join(f"{name}:{digest}" for name, digest in found.items())


def changed(posted: str, now: Mapping[str, str]) -> set[str]:
    """Names whose value is not the one that was shown; all of them where the page says nothing."""
    shown = dict(part.split(":", 1) for part in posted.split(",") if ":" in part)
    return {name for name, digest in now.items() if shown.get(name) != digest}


# -- change forms of the admin ---------------------------------------------------------------------------------------------


def _shown(obj: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """Stored values of an object, of those names that are columns of its own."""
    columns = {field.name: field for field in (*obj._meta.concrete_fields, *obj._meta.many_to_many)}
    found = {}
    for name in names:
        if name in columns:
            value = columns[name].value_from_object(obj)
            found[name] = (
                sorted(one.pk for one in value) if isinstance(value, list) and columns[name].many_to_many else value
            )
    return found


def digests_of(model_admin: Any, request: HttpRequest, obj: Any) -> dict[str, str]:
    """The digests of a change form: the fields it may write, and the rows of its inlines."""
    values = _shown(obj, model_admin.get_form(request, obj, change=True).base_fields)
    for inline in model_admin.get_inline_instances(request, obj):
        formset = inline.get_formset(request, obj)
        rows = inline.get_queryset(request).filter(**{formset.fk.name: obj}).order_by("pk")
        names = formset.form.base_fields
        values[f"+{inline.opts.model_name}"] = [(row.pk, sorted(_shown(row, names).items())) for row in rows]
    return digests(f"{obj._meta.label_lower}/{obj.pk}", values)


def answer(model_admin: Any, request: HttpRequest, object_id: str) -> HttpResponse | None:
    """The 409 for a stale form; None where it may go on. Call it inside the transaction that saves."""
    obj = model_admin.get_object(request, unquote(object_id))
    if obj is None or not model_admin.has_change_permission(request, obj):
        return None  # the form itself has the answer to that
    holding.held(rows_for(type(obj), request.user).order_by().filter(pk=obj.pk).only("pk"))
    obj = model_admin.get_object(request, unquote(object_id))
    if obj is None:
        return None
    others = changed(request.POST.get(SEEN, ""), digests_of(model_admin, request, obj))
    if not others:
        return None
    names = [name for name in model_admin.get_form(request, obj, change=True).base_fields if name in others]
    lines = _lines(model_admin, request, obj, set(names))
    return page(model_admin, request, lines, original=obj, last=_last(obj))


def _lines(model_admin: Any, request: HttpRequest, obj: Any, others: set[str]) -> list[Line]:
    """What differs between the row and the posted form, and what somebody else changed, in words."""
    before = _shown(obj, [field.name for field in obj._meta.concrete_fields])
    form = model_admin.get_form(request, obj, change=True)(request.POST, request.FILES, instance=obj)
    form.is_valid()
    mine, hidden = described_changes(form), set(getattr(obj, "masked_fields", ())) | {"phone"}
    found = []
    for name, field in form.fields.items():
        label = str(field.label or name)
        if name not in others and label not in mine:
            continue
        now = mine[label][0] if label in mine else _words(obj, name, before.get(name))
        wanted = mine[label][1] if label in mine else "与现在相同"
        found.append(Line(label, *(("***", "***") if name in hidden else (now, wanted)), name in others))
    return found


def _words(obj: Any, name: str, value: Any) -> str:
    columns = {field.name: field for field in obj._meta.concrete_fields}
    if name not in columns:
        return ""
    field = columns[name]
    if isinstance(field, models.ForeignKey):
        related = getattr(obj, name, None)
        return str(related) if related is not None and related.pk == value else ""
    return in_words(field, value)


def _last(obj: Any) -> tuple[Any, str] | None:
    """When somebody last changed it, and who; None where no trail is kept."""
    if hasattr(obj, "history"):
        row = obj.history.select_related("history_user").first()
        return (row.history_date, row.history_user.name if row.history_user else "系统") if row else None
    entry = AuditEntry.objects.about(obj).select_related("actor").order_by("-at").first()
    return (entry.at, entry.actor.name if entry.actor else "系统") if entry else None


def page(model_admin: Any, request: HttpRequest, lines: list[Line], *, title: str = "", **context: Any) -> HttpResponse:
    """The answer to a stale form: both versions, and the way to the newest one."""
    response = model_admin.page(
        request, "admin_site/stale.html", title=title or f"没有保存：{model_admin.opts.verbose_name}刚刚被他人修改", subtitle=None, lines=lines,
        again=request.get_full_path(), **context,
    )  # fmt: skip
    response.status_code = 409
    return response
