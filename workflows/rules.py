"""Rules: each has an id, a severity, a sentence for people, how to mend it, and where it comes from.

A matter lists its rules; they run before a submission, before every approval and by themselves at the province level, and before
a record is reported. A rule says at which of these stages it counts; a school may switch it off, make it milder or stricter, and
set its limit (规则设置). The findings of the review are stored on the record with a stamp of what they depended on, so that a list
or a batch need not run them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from workflows import policy


class Severity(StrEnum):
    """B block, W warn, S statistical: only B stops anything."""

    ERROR = "error"
    WARNING = "warning"
    STATISTICAL = "statistical"


# When a rule counts: in the subject's form, in the reviewer's queue, before the record leaves the house.
SUBMISSION, REVIEW, REPORT = "submission", "review", "report"
EVERYWHERE = frozenset({SUBMISSION, REVIEW, REPORT})
OFF = "off"

# Stored on the record as its worst finding, so that a batch can ask the database who may pass.
CLEAN, WARNED, BLOCKED = 0, 1, 2
WORST = ((CLEAN, _("全部通过")), (WARNED, _("有提醒")), (BLOCKED, _("有必须处理的问题")))


@dataclass(frozen=True)
class Finding:
    """One rule that does not hold for one record."""

    rule: str
    severity: str
    sentence: str
    field: str = ""
    fix: str = ""
    source: str = ""

    def as_dict(self) -> dict[str, str]:
        """JSON form, as stored on the record and given by the API."""
        return dict(vars(self))


@dataclass(frozen=True)
class Rule:
    """`check(record)` yields (field, sentence, fix) for what is wrong; nothing when the rule holds.

    stages   when it counts; `limit` a number a school may set, handed over as check(record, limit); `unit` what it is counted in
    fixed    a school may not switch it off or make it milder
    """

    id: str
    severity: Severity
    title: str
    source: str
    check: Callable[..., Iterable[tuple[str, str, str]]]
    stages: frozenset[str] = EVERYWHERE
    limit: float | None = None
    unit: str = ""
    fixed: bool = False

    def findings(self, record: Any, severity: str = "", limit: float | None = None) -> list[Finding]:
        """What this rule says about `record`, at the severity and limit in force."""
        asked = (record,) if self.limit is None else (record, self.limit if limit is None else limit)
        return [
            Finding(self.id, severity or str(self.severity), sentence, field, fix, self.source)
            for field, sentence, fix in self.check(*asked)
        ]


def in_force(record: Any, stage: str) -> list[tuple[Rule, str, float | None]]:
    """(rule, severity, limit) of what counts for this record at this stage, its school's settings applied."""
    settings = policy.rules_for(type(record), record.school_id, record.cohort_id)
    found = []
    for rule in type(record).rules:
        setting = None if rule.fixed else settings.get(rule.id)
        severity = setting.severity if setting and setting.severity else str(rule.severity)
        if stage in rule.stages and severity != OFF:
            found.append((rule, severity, float(setting.limit) if setting and setting.limit is not None else None))
    return found


def run(record: Any, stage: str = REVIEW) -> list[Finding]:
    """Every finding of the record's matter at this stage, errors first."""
    if record.rule_facts is None:
        type(record).gather_facts([record])
    found = [f for rule, severity, limit in in_force(record, stage) for f in rule.findings(record, severity, limit)]
    return sorted(found, key=lambda f: (f.severity != Severity.ERROR, f.rule))


def blocking(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop the record."""
    return [finding for finding in findings if finding.severity == Severity.ERROR]


def refresh(record: Any) -> list[Finding]:
    """Run the rules of the review afresh and keep the result on the record (not saved here)."""
    type(record).gather_facts([record])
    return keep(record)


def refresh_many(rows: list[Any]) -> None:
    """`refresh` of many records of one matter, reading what the rules look up elsewhere once for all of them."""
    if rows:
        type(rows[0]).gather_facts(rows)
        for row in rows:
            keep(row)


def keep(record: Any) -> list[Finding]:
    """Put what the rules of the review say onto the record; its facts have been gathered."""
    found = run(record)
    record.findings = [finding.as_dict() for finding in found]
    record.worst = BLOCKED if blocking(found) else WARNED if found else CLEAN
    record.rules_stamp = stamp_of(type(record))
    return found


def stamp_of(model: Any) -> str:
    """What stored findings of this matter rest on now: its own stamp and the schools' settings of its rules."""
    return f"{model.rules_stamp_now()}{policy.rules_stamp()}"
