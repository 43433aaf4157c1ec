"""edit_many: one field of many records, set-wise; what `actions.save_fields` does for one, and a test holds the two to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models, transaction

from workflows import bulkrows, diff, fields, permits
from workflows.batch import BatchResult, archived, chunks_of
from workflows.confirming import FROZEN, Confirmed
from workflows.errors import Invalid, NotAllowed
from workflows.levels import PENDING, Status

ARCHIVED = "所在毕业届已归档，不能再办理。"
REASON = "批量修改"


@dataclass
class _Plan:
    """What would be written: {pk: {attname: value}}, and the rows that need nothing or cannot have it."""

    writes: dict[int, dict[str, Any]] = field(default_factory=dict)
    result: BatchResult = field(default_factory=BatchResult)


def editable_specs(
    model: type[models.Model], school_id: int | None, cohort_id: int | None
) -> dict[str, fields.FieldSpec]:
    """The fields staff with the change function may write at a school and cohort, by name: the record's own, shown ones.

    Not those that decide what else is asked for: what then no longer belongs is emptied record by record (actions.put).
    """
    found = diff.correctable(model(school_id=school_id, cohort_id=cohort_id))
    return {spec.name: spec for spec in found if spec.name not in model.pivot_fields}


def preview_edit(queryset: models.QuerySet, name: str, value: Any, by: Any) -> BatchResult:
    """What `edit_many` would do now: nothing is written. `unchanged` have the value already."""
    result = BatchResult()
    for ids in chunks_of(queryset):
        plan = _plan(queryset.model, ids, name, value, by)
        result.add(plan.result)
    return result


def edit_many(
    queryset: models.QuerySet,
    name: str,
    value: Any,
    *,
    by: Any,
    reason: str = REASON,
    progress: Callable[[int, int], None] | None = None,
) -> BatchResult:
    """Set field `name` ("phone", "extra.key") to `value`, as entered, on every record of `queryset`.

    As save_fields by staff: the change function, scope, the cohort open, the field shown there, the value clean. History and
    version are written, rules are marked to be run again, the changes of records under review are worked out anew. Each chunk
    of 5,000 is one transaction. Raises NotAllowed without the function, Invalid for an unknown field.
    """
    result = BatchResult()
    chunks = chunks_of(queryset)
    total = sum(map(len, chunks))
    for ids in chunks:
        with transaction.atomic():
            bulkrows.lock(queryset.model, ids)
            plan = _plan(queryset.model, ids, name, value, by)
            bulkrows.update(queryset.model, plan.writes, versioned=True)
            bulkrows.write_history(queryset.model, list(plan.writes), by=by, reason=reason)
        result.add(plan.result)
        if progress:
            progress(result.counted, total)
    return result


def _plan(model: type[models.Model], ids: list[int], name: str, value: Any, by: Any) -> _Plan:
    if not by.has_perm(permits.permission(model, "change")):
        raise NotAllowed("您没有修改该事务的功能，请联系学校管理员在「功能分配」中开通。")
    column = "extra" if name.startswith("extra.") else _attname(model, name)
    closed, plan = archived(model), _Plan()
    needed = {
        *model.kept_needs,
        *(("frozen", "awaits_confirmation", "staff_changed") if issubclass(model, Confirmed) else ()),
    }
    verdicts: dict[tuple[int, int], Any] = {}
    rows = by.scope_of(bulkrows.those(model._base_manager, "id", ids)).order_by("pk")
    wanted = rows.values(*{"pk", "school_id", "cohort_id", "status", "version", "changes", column} | needed)
    for row in wanted:
        place = (row["school_id"], row["cohort_id"])
        if place not in verdicts:
            verdicts[place] = ARCHIVED if row["cohort_id"] in closed else _clean(model, name, value, *place)
        verdict = _stands(model, row, name, needed) or verdicts[place]
        if isinstance(verdict, str):
            plan.result.refused[row["pk"]] = verdict
            continue
        cleaned = verdict[0]
        old = row["extra"].get(name[6:]) if column == "extra" else row[column]
        if old == cleaned or (old in (None, "") and cleaned in (None, "")):
            plan.result.unchanged.append(row["pk"])
            continue
        plan.writes[row["pk"]] = _row(row, column, name, old, cleaned)
        if issubclass(model, Confirmed):  # what staff change the person confirms, one by one or by the thousand
            stand_in = _stand_in(model, row, needed)
            stand_in.note_staff_changes({name: [fields.jsonable(old), fields.jsonable(cleaned)]})
            plan.writes[row["pk"]] |= {
                key: getattr(stand_in, key) for key in ("staff_changed", "awaits_confirmation", "student_confirmed_at")
            }
        plan.result.done.append(row["pk"])
    plan.result.account_for(ids)
    return plan


def _stand_in(model: type[models.Model], row: dict[str, Any], needed: set[str]) -> Any:
    """A record in memory with what its own rules about changing it look at."""
    found = model()
    found.__dict__.update({key: row[key] for key in {"status"} | needed})
    return found


def _stands(model: type[models.Model], row: dict[str, Any], name: str, needed: set[str]) -> str:
    """Why this very record keeps the field as it is, "" when it does not."""
    if row.get("frozen"):
        return FROZEN
    return "该字段由另一份生效的记录决定，不能更改。" if name in _stand_in(model, row, needed).kept_fields() else ""


def _attname(model: type[models.Model], name: str) -> str:
    try:
        return model._meta.get_field(name).attname
    except FieldDoesNotExist as error:
        raise Invalid({name: "没有这个字段，请重新选择。"}) from error


def _clean(model: type[models.Model], name: str, value: Any, school_id: int, cohort_id: int) -> tuple[Any] | str:
    """(the value to store,) for records of one place, or the sentence why it cannot be."""
    spec = editable_specs(model, school_id, cohort_id).get(name)
    if spec is None:
        return "该字段不能修改。"
    record = model(school_id=school_id, cohort_id=cohort_id)
    record._state.adding = False
    try:
        return (fields.clean_value(spec, value, record),)
    except ValidationError as error:
        return error.messages[0]


def _row(row: dict[str, Any], column: str, name: str, old: Any, new: Any) -> dict[str, Any]:
    """Columns to write; as save_fields: before submission the school's value is the new baseline, in review the change is seen."""
    written = {column: {**row["extra"], name[6:]: new} if column == "extra" else new, "rules_stamp": ""}
    if row["status"] == Status.DRAFT:
        written["baseline_version"] = row["version"] + 1
    elif row["status"] in PENDING.values():
        written["changes"] = _changes(row["changes"], name, fields.jsonable(old), fields.jsonable(new))
    return written


def _changes(found: dict[str, list[Any]], name: str, old: Any, new: Any) -> dict[str, list[Any]]:
    """`changes` with the new value: [value at the baseline, value now], gone when both are the same again."""
    base = found[name][0] if name in found else old
    kept = {key: pair for key, pair in found.items() if key != name}
    if base == new or (base in (None, "") and new in (None, "")):
        return kept
    return {**kept, name: [base, new]}
