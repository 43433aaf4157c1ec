"""Where 档案 should go: what a destination suggests (standards.md §3; 人社厅发〔2023〕20号)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.codes.lookup import table


@dataclass(frozen=True)
class Suggestion:
    """Where 档案 should go: transfer type (code of archive_transfer), the unit where it is known, and why in a sentence."""

    archive_transfer: str
    archive_unit: str = ""
    archive_region: str = ""
    archive_address: str = ""
    why: str = ""


def route(outcome: Any) -> Suggestion:
    """The route that a destination suggests (standards.md §3; 人社厅发〔2023〕20号).

    Public bodies and state enterprises take the papers themselves; others leave them to the public employment service where the
    job is; who studies on, sends them to the university; who has no destination yet, home. Provinces differ about who joins the army:
    where the code 应征入伍保留 (flag "army") is switched on, the papers stay; as delivered it is off, and they go home.
    """
    kind = table("outcome_category").flags(outcome.category)
    types = {flags["route"]: code for code, flags in _routes()}
    if kind.get("study"):
        why = "升学的，档案转往录取院校。"
        return Suggestion(types["university"], archive_unit=outcome.school_name, why=why)
    if kind.get("army"):
        if kept := next((code for code, flags in _routes() if flags.get("army")), ""):
            return Suggestion(kept, why="应征入伍的，档案按本省规定由学校保留，退役复学或就业后再转递。")
        return Suggestion(types["origin"], why="应征入伍的，档案按入伍地征兵部门要求转递，一般转回生源地。")
    if not kind.get("employed"):
        return Suggestion(types["origin"], why="尚未就业或出国的，档案转回生源地公共就业人才服务机构。")
    group = table("employer_type").flags(outcome.employer_type).get("group")
    if group in KEEPS_ARCHIVES or table("employer_type").flags(outcome.employer_type).get("keeps_archives"):
        return Suggestion(
            types["employer"],
            outcome.employer_name,
            outcome.region,
            outcome.address,
            "机关、事业单位和国有企业由单位接收档案。",
        )
    return Suggestion(
        types["agency"],
        archive_region=outcome.region,
        why="非公单位和灵活就业的，档案转往就业地或户籍地公共就业人才服务机构。",
    )


KEEPS_ARCHIVES = frozenset({"机关", "事业单位", "部队"})


def _routes() -> list[tuple[str, dict[str, Any]]]:
    codes = table("archive_transfer")
    return [(entry.code, entry.flags) for entry in codes.entries if entry.active and entry.flags.get("route")]
