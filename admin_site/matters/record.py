"""One record as a reviewer reads it: who it is about, what changed, every field, what the rules say, who has it next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from admin_site.matters.verbs import url_name
from models.accounts.models import OrgStaff
from workflows import diff, fields, permits, rules
from workflows.errors import NotAllowed, WrongState
from workflows.fields import FieldSpec
from workflows.levels import LEVEL_NAMES, Status, Verb

MASKED_ALIKE = "（隐藏的几位有变化）"


@dataclass(frozen=True)
class Cell:
    """One field: its value as shown, where to fetch its file, whether the subject may not edit it, whether it changed."""

    spec: FieldSpec
    value: str
    link: str = ""
    locked: bool = False
    changed: bool = False


@dataclass(frozen=True)
class Pair:
    """A change, old and new side by side; `note` where both look alike because they are masked."""

    label: str
    old: str
    new: str
    note: str = ""


@dataclass(frozen=True)
class RuleResult:
    """What one rule says, with its title from the declaration."""

    id: str
    title: str
    sentence: str
    fix: str
    source: str
    blocks: bool


def shown(spec: FieldSpec, value: Any, *, reveal: bool) -> str:
    """A stored value as the page shows it: masked unless the person has asked to see it in full."""
    text = spec.present(value)
    return fields.mask(text, spec.mask) if spec.mask and not reveal else text


def groups(record: Any, *, reveal: bool) -> list[tuple[str, list[Cell]]]:
    """(title, cells) of every field that is shown at this school, in the declaration's order."""
    found: dict[str, list[Cell]] = {}
    for spec in fields.of_record(record):
        if spec.mode != fields.HIDDEN:
            found.setdefault(spec.group, []).append(_cell(record, spec, reveal))
    return list(found.items())


def _cell(record: Any, spec: FieldSpec, reveal: bool) -> Cell:
    value, link = spec.value(record), ""
    if spec.kind == "file" and isinstance(value, dict) and value.get("stored"):
        link = reverse(url_name(type(record), "file"), args=[record.pk, spec.name])
    return Cell(spec, shown(spec, value, reveal=reveal), link, not spec.is_writable, spec.name in record.changes)


def has_masked(record: Any) -> bool:
    """Whether anything on the page is masked: only then is there something to reveal."""
    return any(spec.mask and spec.value(record) for spec in fields.of_record(record))


def pairs(record: Any, changes: dict[str, list[Any]], *, reveal: bool) -> list[Pair]:
    """{name: [old, new]} for people, in the order of the form."""
    found = []
    for spec in diff.own_specs(record):
        if spec.name in changes:
            old, new = (shown(spec, value, reveal=reveal) for value in changes[spec.name])
            found.append(Pair(spec.label, old, new, MASKED_ALIKE if old == new and old else ""))
    return found


@dataclass(frozen=True)
class Beside:
    """What is known from elsewhere beside what was entered: `pairs` are all that both could say, `differ` those that do not agree."""

    title: str
    source: str
    pairs: list[Pair]

    @property
    def differ(self) -> list[Pair]:
        """The pairs to look at."""
        return [pair for pair in self.pairs if pair.old != pair.new]


def beside(record: Any, *, reveal: bool) -> Beside | None:
    """The record against what it declares to be known from elsewhere (`on_record`)."""
    known = record.on_record()
    if known is None:
        return None
    specs = {spec.name: spec for spec in diff.own_specs(record)}
    both = {name: [value, specs[name].value(record)] for name, value in known.values.items() if name in specs}
    return Beside(known.title, known.source, pairs(record, both, reveal=reveal))


def rule_results(record: Any) -> list[RuleResult]:
    """What the rules say now: as stored where that still holds, else run again (nothing is written by looking)."""
    if record.rules_stamp == rules.stamp_of(type(record)):
        found = record.findings
    else:
        found = [finding.as_dict() for finding in rules.run(record)]
    titles = {rule.id: str(rule.title) for rule in type(record).rules}
    return [
        RuleResult(f["rule"], titles.get(f["rule"], ""), f["sentence"], f["fix"], f["source"], f["severity"] == rules.Severity.ERROR)
        for f in found
    ]  # fmt: skip


def heading(record: Any) -> dict[str, str]:
    """Name and number, from the look-ups the search box uses; the record's own words where it declares none."""
    found = {}
    for key in ("name", "number"):
        value: Any = record
        for part in filter(None, type(record).search_paths.get(key, "").split("__")):
            value = getattr(value, part, "")
        found[key] = value if isinstance(value, str) else ""
    return {"name": found["name"] or str(record), "number": found["number"]}


def whose_turn(record: Any, by: Any) -> str:
    """Who has the record now, in a sentence; for the person reading, what they would act as."""
    status = Status(record.status)
    if status == Status.DRAFT:
        return f"{record.subject_word}尚未提交，提交后进入审核。"
    if status == Status.RETURNED:
        return f"已退回，等待{record.subject_word}修改后重新提交。"
    if status == Status.APPROVED:
        how = "自行修改并重新提交" if record.amendable else "申请修改"
        return f"已审核通过。需要修改的，由{record.subject_word}{how}；确需重办的，可退回。"
    if status == Status.VOIDED:
        return "已作废。"
    level = record.waiting_level
    try:
        permit = permits.check(record, Verb.APPROVE, by)
    except (NotAllowed, WrongState) as refusal:
        return f"{refusal} {_holders(level, record.org_path)}"
    if elsewhere := record.waits_elsewhere():
        return elsewhere
    if permit.acting_for:
        return f"现由{LEVEL_NAMES[permit.acting_for]}办理；您以{LEVEL_NAMES[permit.level]}身份代审，审核记录会注明。"
    return f"等待您以{LEVEL_NAMES[permit.level]}身份办理。"


def _holders(level: str, org_path: str) -> str:
    names = list(dict.fromkeys(one.user.name for one in OrgStaff.responsible(level, org_path)[:6]))
    if not names:
        return f"这一级尚未任命{LEVEL_NAMES[level]}老师，请联系学校管理员。"
    return f"现在轮到：{'、'.join(names[:5])}{' 等' if len(names) > 5 else ''}。"
