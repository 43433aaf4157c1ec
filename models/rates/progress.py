"""就业进展: a school asks, its colleges report major by major while the period is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from models.organisation.models import Major
from models.rates.dimensions import DIMENSIONS
from models.rates.figures import breakdown, default_question
from models.rates.models import ProgressEntry, ProgressItem
from workflows.errors import Closed, Invalid, NotAllowed

NUMBERS = ("graduates", "placed", "in_talks", "helped")


@dataclass
class Line:
    """One major of an item: what was reported (None: nothing yet), and what the system counts now as a proposal."""

    major: Major
    entry: ProgressEntry | None
    graduates: int
    placed: int


def lines(item: ProgressItem) -> list[Line]:
    """The majors within the scope in force that have graduates in the item's cohort, with what was reported and what is counted."""
    question = default_question(item.school_id, item.cohort)
    counted = {line.bucket: line for line in breakdown(question, DIMENSIONS["major"])}
    majors = Major.objects.filter(pk__in=list(counted)).select_related("college", "unit")
    entries = {entry.major_id: entry for entry in ProgressEntry.objects.filter(item=item).select_related("reported_by")}
    found = [
        Line(
            major, entries.get(major.pk), counted[str(major.pk)].denominator, counted[str(major.pk)].numerator
        )
        for major in majors
    ]  # fmt: skip
    return sorted(found, key=lambda line: (line.major.college.order, line.major.college.name, line.major.code))


def report(item: ProgressItem, figures: Mapping[int, Mapping[str, Any]], *, by: Any) -> int:
    """Write what a person reports: {major key: {"graduates", "placed", "in_talks", "helped", "situation"}}; returns the number written.

    Only majors within the person's scope, only while the item is open. Raises Closed, NotAllowed, Invalid ("major.field" → sentence);
    then nothing was written.
    """
    if not by.has_perm("rates.change_progressentry"):
        raise NotAllowed("您没有填报就业进展的功能，请联系本校管理员在「功能分配」中开通。")
    if not item.is_open:
        raise Closed(f"“{item}”的填报时间为 {item.opens_on:%Y-%m-%d} 至 {item.closes_on:%Y-%m-%d}，现在不能填报。")
    visible = {line.major.pk: line for line in lines(item)}
    errors: dict[str, str] = {}
    rows = []
    for key, values in figures.items():
        if key not in visible:
            raise NotAllowed("只能填报您管辖的专业。")
        entry = visible[key].entry or ProgressEntry(item=item, major=visible[key].major)
        for name in NUMBERS:
            if (number := _number(values.get(name, ""))) is None:
                errors[f"{key}.{name}"] = f"{visible[key].major}：请填写 0 到 99999 的整数。"
            else:
                setattr(entry, name, number)
        entry.situation, entry.reported_by = str(values.get("situation", "")).replace("\x00", "").strip()[:500], by
        rows.append((key, entry))
    if not errors:
        for key, entry in rows:
            try:
                entry.full_clean(validate_unique=False)
            except ValidationError as error:
                errors[f"{key}.graduates"] = f"{visible[key].major}：{error.messages[0]}"
    if errors:
        raise Invalid(errors)
    with transaction.atomic():
        for _key, entry in rows:  # a college has a few dozen majors at most; each row keeps its history
            entry.save()
    return len(rows)


def _number(text: Any) -> int | None:
    text = str(text).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None


def totals(item: ProgressItem) -> dict[str, int]:
    """Sums over the reported majors within the scope in force."""
    found = ProgressEntry.objects.filter(item=item).aggregate(**{name: Sum(name) for name in NUMBERS})
    return {name: number or 0 for name, number in found.items()}
