"""A record as its subject meets it: fields with what may be done to them, progress, findings, dates. One description for page and API."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from models.accounts.models import OrgStaff
from models.codes.lookup import table
from workflows import fields, permits, policy, requests, rules
from workflows.diff import described
from workflows.fields import FieldSpec
from workflows.levels import COLOURS, LEVEL_NAMES, Status, Verb
from workflows.way import Milestone, milestones

SUBJECT_VERBS = (Verb.SUBMIT, Verb.WITHDRAW, Verb.AMEND, Verb.ASK_CHANGE, Verb.CONFIRM, Verb.DISPUTE)
WRITABLE, CHOSEN = (fields.EDITABLE, fields.REQUIRED), ("code", "choice")
PEOPLE = 3  # names shown of those who have the record next


@dataclass
class Entry:
    """One field of a sheet: `value` as stored, `text` as read, `entered` what the person typed if it could not be stored."""

    spec: FieldSpec
    value: Any
    text: str
    writable: bool
    choices: list[tuple[str, str]] = field(default_factory=list)
    entered: str | None = None
    error: str = ""
    hint: str = ""
    candidates: list[tuple[str, str]] = field(default_factory=list)

    @property
    def shown(self) -> str:
        """What stands in the input: the person's own text, else the stored value."""
        if self.entered is not None:
            return self.entered
        if self.spec.kind == "yesno":
            return {True: "true", False: "false"}.get(self.value, "")
        return "" if self.value is None else str(self.value)

    @property
    def input_id(self) -> str:
        """Id of its input in a page."""
        return "f-" + self.spec.name.replace(".", "-")

    @property
    def key(self) -> str:
        """The key of a school's own field, for the URL of its file."""
        return self.spec.name.removeprefix("extra.")

    @property
    def is_search(self) -> bool:
        """Whether its codes are too many for a list."""
        return self.spec.kind == "code" and not self.choices


class Sheet:
    """Everything about one own record. Without staff names and requests it needs no query beyond the record's."""

    def __init__(self, record: Any, user: Any, *, reveal: bool = True) -> None:
        self.record, self.user, self.reveal = record, user, reveal
        self.model = type(record)
        self.status = Status(record.status)
        self.window = policy.window_for(self.model, record.school_id, record.cohort_id, record.org_path)

    # -- what may be done -------------------------------------------------------------------------------------------

    @cached_property
    def verbs(self) -> list[Verb]:
        """What the person may do now, the window included; the same when a member of staff looks as them, who may do none of it."""
        if self.record.archived:
            return []
        open_now = SUBJECT_VERBS if self.window.is_open else permits.ALWAYS_OPEN
        return [verb for verb in SUBJECT_VERBS if verb in open_now and self._may(verb)]

    def _may(self, verb: Verb) -> bool:
        try:
            permits.check(self.record, verb, self.user)
        except permits.NotAllowed:
            return False
        except permits.WrongState:
            return False
        return verb != Verb.ASK_CHANGE or self.request is None

    @property
    def can_edit(self) -> bool:
        """Whether the form is open: the draft is the person's to change now, and it is the person who looks."""
        return self.reveal and self.is_due

    @property
    def is_due(self) -> bool:
        """Whether something is to be filled in and submitted now."""
        return Verb.SUBMIT in self.verbs

    @property
    def closed_sentence(self) -> str:
        """Why nothing can be done, "" when something can."""
        if self.record.archived:
            return f"{self.record.cohort}已归档，只能查看。"
        return self.window.sentence

    # -- fields -----------------------------------------------------------------------------------------------------

    @cached_property
    def specs(self) -> list[FieldSpec]:
        """The fields in force that the person may see."""
        return [spec for spec in fields.of_record(self.record) if spec.mode != fields.HIDDEN]

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Fields by name, in order."""
        can_edit = self.can_edit
        return {spec.name: self._entry(spec, can_edit) for spec in self.specs}

    def _entry(self, spec: FieldSpec, can_edit: bool) -> Entry:
        value = spec.value(self.record)
        text = spec.present(value)
        if spec.mask and not self.reveal:
            value = text = fields.mask(text, spec.mask)
        writable = spec.mode in WRITABLE
        choices = self._choices(spec, value) if writable and spec.kind in CHOSEN else []
        return Entry(spec, value, text, writable and can_edit, choices)

    def _choices(self, spec: FieldSpec, value: Any) -> list[tuple[str, str]]:
        if spec.kind == "choice":
            return list(spec.choices)
        codes = table(spec.code_table)
        return [] if codes.is_big else codes.choices(self.year, include=value or None)

    @property
    def year(self) -> int | None:
        """The graduation year whose codes can be chosen; None where a matter has none, so that all in force can be."""
        return self.record.cohort.year if self.record.cohort_id else None

    @property
    def groups(self) -> list[tuple[str, list[Entry], bool]]:
        """(title, entries, whether all are locked) in the order of the form."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries.values():
            found.setdefault(entry.spec.group or "其他信息", []).append(entry)
        return [(title, members, not any(e.spec.is_writable for e in members)) for title, members in found.items()]

    def writable_specs(self) -> list[FieldSpec]:
        """What a draft or a request for change may name."""
        return [spec for spec in self.specs if spec.is_writable]

    @property
    def must_confirm(self) -> bool:
        """Whether the person has to say that what others wrote is true."""
        return Verb.CONFIRM in self.verbs

    @property
    def staff_changes(self) -> list[dict[str, str]]:
        """What others put into the record and the person has not confirmed: label, old, new."""
        return described(self.record, getattr(self.record, "staff_changed", {}))

    @property
    def chosen_first(self) -> tuple[str, ...]:
        """The fields that are chosen on a page of their own, because the others depend on them."""
        return self.model.pivot_fields if self.can_edit else ()

    # -- where it stands --------------------------------------------------------------------------------------------

    @cached_property
    def request(self) -> Any:
        """The 申请修改 that waits; asked only of approved records."""
        return requests.waiting_for(self.record) if self.status == Status.APPROVED else None

    @cached_property
    def people(self) -> tuple[str, ...]:
        """Names of those who have the record next, or would have it first: one query, none for the automatic level."""
        level = self.record.waiting_level or self.record.level_list()[0]
        if self.model.review.automatic(level):
            return ()
        return tuple(a.user.name for a in OrgStaff.responsible(level, self.record.org_path).order_by("pk")[:PEOPLE])

    @cached_property
    def way(self) -> list[Milestone]:
        """The steps, with the names of those who have it now."""
        people = self.people if self.record.waiting_level else ()
        return [replace(m, people=people) if m.state == "now" and m.level else m for m in milestones(self.record)]

    @property
    def next_sentence(self) -> str:
        """Who has it next, in words."""
        level = self.record.waiting_level
        if getattr(self.record, "frozen", False):
            return "您提出了异议，等待学校就业部门核实。"
        if self.must_confirm:
            return "老师填写或更正了内容，请您确认。"
        if level:
            if elsewhere := self.record.waits_elsewhere():
                return elsewhere
            who = "、".join(f"{name}老师" if not name.endswith("老师") else name for name in self.people)
            if self.model.review.automatic(level):
                return "已提交，等待省级核验。"
            return f"已提交，等待{LEVEL_NAMES[level]}{f' {who} ' if who else ''}审核。"
        if self.status == Status.APPROVED:
            return "修改申请已提交，等待老师处理。" if self.request else "已审核通过。"
        if self.status == Status.VOIDED:
            return "已作废，如有疑问请联系老师。"
        returned = self.status == Status.RETURNED
        # Nobody is asked for what they cannot do now; the page and the API say beside it when it opens, or that it is over.
        if not self.window.is_open:
            return "已退回，还没有重新提交。" if returned else "还没有提交。"
        return "已退回，请修改后重新提交。" if returned else "请核对信息并提交审核。"

    @cached_property
    def findings(self) -> list[rules.Finding]:
        """Rules of the submission that do not hold now."""
        return rules.run(self.record, rules.SUBMISSION)

    @cached_property
    def missing(self) -> dict[str, str]:
        """Required fields that are empty, and what else a submission lacks: name → sentence."""
        return {**fields.missing(self.record), **self.record.incomplete()}

    # -- dates ------------------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> str:
        """The last moment in words: "2026-12-10 24:00"; "" without one. The window is half-open, so midnight belongs to the day before."""
        return spoken_end(self.window.closes_at) if self.window.closes_at else ""

    @property
    def days_left(self) -> int | None:
        """Whole calendar days till the deadline's day, 0 on the day itself; None without a deadline or after it."""
        if not self.window.is_open or not self.window.closes_at:
            return None
        last = timezone.localtime(self.window.closes_at - timedelta(seconds=1)).date()
        return (last - timezone.localdate()).days

    @property
    def title(self) -> str:
        """The matter's name."""
        return str(self.model._meta.verbose_name)

    @property
    def colour(self) -> str:
        """Name of the status colour; never shown without the word."""
        return COLOURS[self.status]


def spoken_end(moment: datetime) -> str:
    """The end of a half-open window as people say it: midnight is 24:00 of the day before."""
    local = timezone.localtime(moment)
    if local.hour == local.minute == local.second == 0:
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"
