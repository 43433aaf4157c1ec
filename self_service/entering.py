"""What a person typed into a page's form, made into values of the record's fields; works without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from models.codes.lookup import table
from self_service.sheets import Sheet
from workflows.fields import FieldSpec

CANDIDATES = 20
LONGEST = 5000


@dataclass
class Entered:
    """`values` to store, `raw` as typed, `problems` that stopped a value (with `candidates` to choose from, for a region)."""

    values: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def read(data: QueryDict, sheet: Sheet) -> Entered:
    """Read the writable fields that the form had; files are not among them."""
    found = Entered()
    for spec in sheet.writable_specs():
        if spec.kind == "file" or spec.name not in data:
            continue
        text = data[spec.name].strip()[:LONGEST]
        found.raw[spec.name] = text
        if spec.kind == "code" and text:
            _code(spec, text, data.get(f"{spec.name}.pick", ""), sheet, found)
        elif spec.kind == "yesno":
            found.values[spec.name] = {"true": True, "false": False}.get(text)
        else:
            found.values[spec.name] = text
    return found


def _code(spec: FieldSpec, text: str, picked: str, sheet: Sheet, found: Entered) -> None:
    """A code as it is, or what somebody wrote for it: 重庆市渝中区, 渝中. Several that fit are offered, none is guessed."""
    codes, year = table(spec.code_table), sheet.year
    if text == sheet.entries[spec.name].text:  # the name of what is stored, perhaps a former code: nothing was changed
        found.values[spec.name] = sheet.entries[spec.name].value
        return
    if picked in codes:
        found.values[spec.name] = found.raw[spec.name] = picked
        return
    code = text if text in codes else codes.resolve(text, year)
    if code is not None:
        found.values[spec.name] = found.raw[spec.name] = code
        return
    fitting = codes.search(text, limit=CANDIDATES, cohort_year=year)
    if len(fitting) == 1:
        found.values[spec.name] = found.raw[spec.name] = fitting[0][0]
        return
    found.candidates[spec.name] = fitting
    found.problems[spec.name] = (
        f"“{text}”有 {len(fitting)} 个可能的{spec.label}，请选择其中一个。"
        if fitting
        else f"没有找到“{text}”，请换一种写法，例如填写区县的全名。"
    )


def mark(sheet: Sheet, entered: Entered, problems: dict[str, str]) -> None:
    """Show on the sheet what was typed and what is wrong with it."""
    for name, text in entered.raw.items():
        if name in sheet.entries and name in {**problems, **entered.problems}:
            sheet.entries[name].entered = text
    for name, sentence in {**problems, **entered.problems}.items():
        if name in sheet.entries:
            sheet.entries[name].error = sentence
            sheet.entries[name].candidates = entered.candidates.get(name, [])
