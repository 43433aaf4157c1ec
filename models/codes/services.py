"""The one door to write code tables: for the admin, the importer and the loader. Keeps history, validity and the cache right."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from models.codes import cache
from models.codes.models import Code, CodeTable
from models.codes.signals import tables_changed

BATCH = 1000


@dataclass
class Outcome:
    """What became of one row of `upsert`: status created | updated | unchanged | kept; changes {field: (old, new)}."""

    code: str
    status: str
    changes: dict = field(default_factory=dict)


def require_editable(table: CodeTable) -> None:
    if not table.editable:
        raise ValidationError(
            _("代码表“%(table)s”由系统维护，不能在此修改。") % {"table": table.name}, code="not_editable"
        )


@transaction.atomic
def save_code(code: Code, *, by=None, reason: str = "") -> Code:
    """Save a row as a person edits it: checked, marked as locally edited (the loader then leaves it alone), with history.

    `by` is the user (None: the one of the request). Raises ValidationError.
    """
    require_editable(code.table)
    code.full_clean()
    code.locally_edited = True
    return _save(code, by, reason)


@transaction.atomic
def save_table(table: CodeTable, *, by=None, reason: str = "") -> CodeTable:
    """Save a table's description as a person edits it. Its key is fixed once it exists. Raises ValidationError."""
    if table.pk and not CodeTable.objects.filter(pk=table.pk, key=table.key).exists():
        raise ValidationError({"key": _("标识建立后不能修改。")})
    table.full_clean()
    table.locally_edited = True
    return _save(table, by, reason)


def _save(row, by, reason):
    if by is not None:
        row._history_user = by
    row._change_reason = reason or None
    row.save()
    return row


@transaction.atomic
def set_active(codes, active: bool, *, by=None, reason: str = "") -> int:
    """Switch the rows of a queryset on or off at once; answers how many changed. A code in use is switched off, never deleted."""
    rows = list(codes.filter(is_active=not active).select_related("table"))
    for table in {row.table_id: row.table for row in rows}.values():
        require_editable(table)
    for row in rows:
        row.is_active, row.locally_edited = active, True
    _update(rows, ["is_active", "locally_edited"], by, reason)
    return len(rows)


@transaction.atomic
def upsert(
    table: CodeTable,
    rows: Iterable[dict],
    *,
    local: bool,
    by=None,
    reason: str = "",
    force: bool = False,
    dry_run: bool = False,
) -> list[Outcome]:
    """Create or update rows by code, in bulk: a handful of queries whatever their number.

    rows: {field of Code: value} as `rows.parse` gives them; fields left out stay as they are. One Outcome per row, in order.
    local=True: a person's import, the rows become locally edited. local=False: the loader; rows edited locally are "kept"
    unless `force`. Values must be clean (`rows.parse`). Raises ValidationError for a duplicate code or, unless it is a dry run, a
    table not editable.
    """
    if local and not dry_run:
        require_editable(table)
    rows = list(rows)
    existing = {code.code: code for code in Code.objects.filter(table=table)}
    created, updated, outcomes, seen, fields = [], [], [], set(), set()
    for values in rows:
        number = values["code"]
        if number in seen:
            raise ValidationError(_("代码 %(code)s 在同一批数据中出现了两次。") % {"code": number}, code="duplicate")
        seen.add(number)
        code = existing.get(number)
        if code is None:
            created.append(Code(table=table, locally_edited=local, **values))
            outcomes.append(Outcome(number, "created"))
            continue
        changes = {name: (getattr(code, name), value) for name, value in values.items() if getattr(code, name) != value}
        if not changes:
            outcomes.append(Outcome(number, "unchanged"))
        elif code.locally_edited and not local and not force:
            outcomes.append(Outcome(number, "kept", changes))
        else:
            for name, (_old, value) in changes.items():
                setattr(code, name, value)
            code.locally_edited = local
            fields |= changes.keys()
            updated.append(code)
            outcomes.append(Outcome(number, "updated", changes))
    if not dry_run:
        _create(created, by, reason)
        _update(updated, [*sorted(fields), "locally_edited"], by, reason)
    return outcomes


def _create(codes, by, reason):
    if codes:
        Code.objects.bulk_create(codes, batch_size=BATCH)
        Code.history.bulk_history_create(codes, batch_size=BATCH, default_user=by, default_change_reason=reason or None)
        _written(codes)


def _update(codes, fields, by, reason):
    if codes:
        # An upsert on the key: bulk_update's CASE per row is many times slower.
        Code.objects.bulk_create(
            codes, batch_size=BATCH, update_conflicts=True, unique_fields=["id"], update_fields=fields
        )
        Code.history.bulk_history_create(
            codes, batch_size=BATCH, update=True, default_user=by, default_change_reason=reason or None
        )
        _written(codes)


def _written(codes):
    """A bulk write sends no signal of its own."""
    cache.invalidate()
    tables_changed.send(sender=Code, tables={code.table_id for code in codes})
