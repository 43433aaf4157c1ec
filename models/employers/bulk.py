"""Writing many rows of the library at once: imports and their undoing. Set-wise, with history, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from models.employers.library import PARTICULARS, Employer
from workflows import bulkrows

KNOWN = ("id", "uscc", "account_id", "former_names", *PARTICULARS)


def find_employers(codes: Sequence[str], names: Sequence[str], *, lock: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the library has: ({code: row}, {name: row without a code}); rows are {attname: value}."""
    rows = Employer._base_manager.order_by("pk")
    by_code = {row["uscc"]: row for row in bulkrows.those(rows, "uscc", list(codes)).values(*KNOWN)} if codes else {}
    bare = bulkrows.those(rows.filter(uscc=""), "name", list(names)).values(*KNOWN) if names else ()
    by_name = {row["name"]: row for row in bare}
    if lock:
        bulkrows.lock(Employer, sorted({row["id"] for row in (*by_code.values(), *by_name.values())}))
    return by_code, by_name


def write_employers(
    new: Sequence[Mapping[str, Any]], changes: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str
) -> list[int]:
    """Make rows and change rows ({id: {attname: value}}, values clean); keys of the new ones in order. All count as checked."""
    now = timezone.now()
    checked = {"checked_at": now, "checked_by_id": by.pk if by else None}
    ids = bulkrows.new_ids(Employer, len(new))
    rows = [{"id": pk, **values} for pk, values in zip(ids, new, strict=True)]
    bulkrows.insert(Employer, rows, source=Employer.Source.IMPORT, **checked)
    bulkrows.write_history(Employer, ids, by=by, reason=reason, kind="+")
    bulkrows.update(Employer, changes, **checked)
    bulkrows.write_history(Employer, list(changes), by=by, reason=reason)
    return ids


def in_use(ids: Sequence[int]) -> set[int]:
    """Of these employers, those that have an account or that anything else refers to."""
    if not ids:
        return set()
    used = set(bulkrows.those(Employer._base_manager, "id", ids).exclude(account=None).values_list("pk", flat=True))
    for relation in Employer._meta.related_objects:
        other, column = relation.related_model, relation.field
        if hasattr(other, "instance_type"):  # history
            continue
        rows = bulkrows.those(other._base_manager.order_by(), column.name, ids)
        used |= set(rows.values_list(column.attname, flat=True).distinct())
    return used


def take_back(made: Sequence[int], changed: Mapping[int, Mapping[str, Any]], *, by: Any, reason: str) -> None:
    """Remove what an import made, give what it changed its old values again. Ask `in_use` first."""
    bulkrows.update(Employer, changed)
    bulkrows.write_history(Employer, list(changed), by=by, reason=reason)
    if made:
        bulkrows.write_history(Employer, made, by=by, reason=reason, kind="-")
        bulkrows.delete(Employer, made)
