"""What a category asks for: fields and proof, from the files of fixtures/outcomes and what a school has changed (去向填写要求, 去向证明材料).

The most specific wins: a row of the cohort over one of the school over one for all; then the leaf over its parent over the
two-digit family ("501" → "50").
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings

from models.codes.lookup import table
from models.evidence.kinds import EvidenceKind
from models.outcomes.packs import OutcomeEvidence, OutcomeField
from workflows.fields import EDITABLE, HIDDEN, REQUIRED
from workflows.policy import Remembered

FOLDER = settings.BASE_DIR / "fixtures" / "outcomes"
NEEDS = {"R": REQUIRED, "O": EDITABLE, "-": HIDDEN}


@dataclass(frozen=True)
class Branch:
    """One of the eight ways a graduate can go (features.md G03); its categories carry its key as flag `branch`."""

    key: str
    title: str
    about: str


BRANCHES = (
    Branch("contract", "签劳动合同就业", "已与用人单位签订劳动合同"),
    Branch("assistant", "科研助理、管理助理", "受聘于科研项目或管理助理岗位"),
    Branch("proof", "用人单位出具证明就业", "单位开具聘用证明、接收函或调档函"),
    Branch("policy", "国家政策性就业", "参军入伍、选调、西部计划、三支一扶、特岗等"),
    Branch("study", "升学", "考取研究生、第二学士学位、专升本"),
    Branch("abroad", "出国出境", "境外留学"),
    Branch("flexible", "灵活就业", "自主创业、自由职业"),
    Branch("none", "未就业", "求职中、备考、拟出国等"),
)
ALSO = {
    "agreement": "proof"
}  # an agreement registers itself; a letter of acceptance is registered by hand under the same code


@dataclass(frozen=True)
class Asked:
    """What is asked of one field."""

    need: str
    help_text: str = ""


def _read(name: str) -> list[dict[str, str]]:
    with open(FOLDER / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _base() -> dict[str, dict[str, Asked]]:
    """{category: {field: Asked}} as the files have it."""
    found: dict[str, dict[str, Asked]] = {}
    for row in _read("fields.csv"):
        field = row.pop("field")
        for category, mark in row.items():
            found.setdefault(category, {})[field] = Asked(NEEDS[mark])
    for row in _read("leaves.csv"):
        family = found.setdefault(row["category"], {})
        usual = family.get(row["field"]) or found[row["category"][:2]][row["field"]]
        family[row["field"]] = Asked(row["need"] or usual.need, row["help"])
    return found


@cache
def governed() -> tuple[str, ...]:
    """The fields a category decides about, in order."""
    return tuple(row["field"] for row in _read("fields.csv"))


@cache
def _base_evidence() -> list[dict[str, str]]:
    return _read("evidence.csv")


class _Rows:
    """A school's rows with what has been worked out from them; both are forgotten together."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows, self.memo = list(rows), {}


_fields = Remembered(lambda: _Rows(OutcomeField._base_manager.order_by("pk")), OutcomeField)
_evidence = Remembered(lambda: _Rows(OutcomeEvidence._base_manager.order_by("order", "pk")), OutcomeEvidence)


def forget() -> None:
    """Read the schools' rows afresh (tests, bulk writes)."""
    _fields.forget()
    _evidence.forget()


def family(category: str) -> list[str]:
    """The category and what stands above it, the widest first: ["50", "501"]."""
    above = [entry.code for entry in table("outcome_category").ancestors(category)]
    return list(dict.fromkeys([category[:2], *reversed(above), category]))


def _mine(rows: list[Any], school: int | None, cohort: int | None, year: int, codes: list[str]) -> list[Any]:
    """Rows that hold here, the more specific later."""
    found = [
        row
        for row in rows
        if row.school_id in (None, school)
        and row.cohort_id in (None, cohort)
        and row.category in codes
        and (row.valid_from or year) <= year <= (row.valid_to or year)
    ]
    rank = {code: place for place, code in enumerate(codes)}
    return sorted(
        found, key=lambda row: ((row.school_id is not None) + (row.cohort_id is not None), rank[row.category])
    )


def asked_of(category: str, school: int | None, cohort: int | None, year: int) -> dict[str, Asked]:
    """{field: Asked} for a category at a school; every governed field is hidden while there is no category."""
    if not category:
        return dict.fromkeys(governed(), Asked(HIDDEN))
    held = _fields.get()
    key = (category, school, cohort, year)
    if key not in held.memo:
        codes = family(category)
        found = {field: Asked(EDITABLE) for field in governed()}  # a category no file knows (a province's own)
        for code in codes:
            found |= _base().get(code, {})
        for row in _mine(held.rows, school, cohort, year, codes):
            if row.field in found:
                found[row.field] = Asked(row.need, row.help_text or found[row.field].help_text)
        held.memo[key] = found
    return held.memo[key]


@dataclass(frozen=True)
class Proof:
    """One kind of proof with the group of alternatives it belongs to ("" when it stands alone)."""

    kind: EvidenceKind
    must: bool
    one_of: str = ""


def proof_of(category: str, school: int | None, cohort: int | None, year: int) -> tuple[Proof, ...]:
    """The kinds of proof of a category at a school, in order."""
    if not category:
        return ()
    held = _evidence.get()
    key = (category, school, cohort, year)
    if key not in held.memo:
        codes = family(category)
        found: dict[str, Proof | None] = {}
        for code in codes:
            for row in _base_evidence():
                if row["category"] == code:
                    found[row["key"]] = _proof(row["key"], row["label"], row["required"] == "1", row["many"] == "1", row["one_of"], row["help"])  # fmt: skip
        for row in _mine(held.rows, school, cohort, year, codes):
            found[row.key] = _proof(row.key, row.label, row.required, row.many, row.one_of, row.help_text) if row.is_active else None  # fmt: skip
        held.memo[key] = tuple(proof for proof in found.values() if proof)
    return held.memo[key]


def _proof(key: str, label: str, must: bool, many: bool, one_of: str, help_text: str) -> Proof:
    return Proof(EvidenceKind(key, label, must and not one_of, many, help_text), must, one_of)


def stamp() -> str:
    """Changes with what schools have set here: findings rest on it."""
    fields = [(r.pk, r.category, r.field, r.need) for r in _fields.get().rows]
    kinds = [(r.pk, r.category, r.key, r.required, r.is_active, r.one_of) for r in _evidence.get().rows]
    return hashlib.sha256(repr((fields, kinds)).encode()).hexdigest()[:8] if fields or kinds else ""


def branches(year: int, chosen: str = "") -> list[tuple[Branch, list[tuple[str, str]]]]:
    """(branch, its categories of that cohort as (code, name)) for the student to choose from."""
    codes = table("outcome_category")
    found: dict[str, list[tuple[str, str]]] = {branch.key: [] for branch in BRANCHES}
    for entry in codes.entries:
        flags = entry.flags
        if not entry.former and codes.valid(entry.code, year) and flags.get("branch") and is_leaf(entry.code, year):
            key = ALSO.get(flags["branch"], flags["branch"])
            if key in found:
                found[key].append((entry.code, short_name(entry.name)))
    return [(branch, found[branch.key]) for branch in BRANCHES if found[branch.key]]


def is_leaf(code: str, year: int) -> bool:
    """Whether a graduate of that year can have this very code: 50 stood alone until 2020, and is divided since."""
    codes = table("outcome_category")
    return not any(codes.valid(child.code, year) for child in codes.children(code))


def short_name(name: str) -> str:
    """The part of a leaf's name after its parent's: 国家基层项目—西部计划 → 西部计划."""
    return name.rpartition("—")[2] or name
