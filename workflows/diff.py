"""What changed: between the record now and the version it is judged against, and from version to version in plain words."""

from __future__ import annotations

from typing import Any

from workflows.fields import HIDDEN, FieldSpec, jsonable, of_record


def own_specs(record: Any) -> list[FieldSpec]:
    """Fields whose values live in the record itself, relations' fields left out: those its history can tell about."""
    return [spec for spec in of_record(record) if spec.is_extra or "." not in spec.name]


def correctable(record: Any) -> list[FieldSpec]:
    """Those of them that staff may correct: shown, and not kept by the system itself (numbers, times, who began it)."""
    kept = record.kept_fields()
    return [
        spec
        for spec in own_specs(record)
        if spec.mode != HIDDEN
        and spec.name not in kept
        and (spec.is_extra or spec.model_field is None or spec.model_field.editable)
    ]


def version_row(record: Any, version: int) -> Any | None:
    """The history row of one version; None before the first."""
    return type(record).history.filter(id=record.pk, version=version).order_by("-history_id").first()


def changes_since(record: Any, version: int) -> dict[str, list[Any]]:
    """{name: [then, now]} of the record's own fields against its history version; {} when that version is not kept."""
    base = version_row(record, version)
    if base is None:
        return {}
    found = {}
    for spec in own_specs(record):
        old, new = spec.value(base), spec.value(record)
        if old != new and not (old in (None, "") and new in (None, "")):
            found[spec.name] = [jsonable(old), jsonable(new)]
    return found


def described(record: Any, changes: dict[str, list[Any]]) -> list[dict[str, str]]:
    """Changes for people: [{"name", "label", "old", "new"}], in the order of the form; unknown names are left out."""
    by_name = {spec.name: spec for spec in own_specs(record)}
    from_form = [name for name in by_name if name in changes]
    return [
        {
            "name": name,
            "label": by_name[name].label,
            "old": by_name[name].present(changes[name][0]),
            "new": by_name[name].present(changes[name][1]),
        }
        for name in from_form
    ]
