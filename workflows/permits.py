"""Who may do what to which record: the one table behind buttons, single actions and batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.chain import TABLE
from workflows.confirming import CONFIRMING, Confirmed
from workflows.errors import NotAllowed, WrongState
from workflows.levels import LEVEL_NAMES, LEVEL_OF, LEVELS, SCHOOL, Status, Verb

SUBJECT_VERBS = frozenset({Verb.SUBMIT, Verb.WITHDRAW, Verb.AMEND, Verb.ASK_CHANGE, Verb.CONFIRM, Verb.DISPUTE})
# What the subject may do whenever the record calls for it, whether the matter is open or not.
ALWAYS_OPEN = frozenset({Verb.CONFIRM, Verb.DISPUTE})
STAFF_VERBS = frozenset(
    {Verb.APPROVE, Verb.RETURN, Verb.VOID, Verb.REOPEN, Verb.ACCEPT_CHANGE, Verb.REFUSE_CHANGE, Verb.SETTLE}
)
# Verbs that leave the status as it is.
STILL = frozenset({Verb.ASK_CHANGE, Verb.ACCEPT_CHANGE, Verb.REFUSE_CHANGE, Verb.CONFIRM, Verb.DISPUTE, Verb.SETTLE})


@dataclass(frozen=True)
class Permit:
    """In which capacity a person acts: the level held, the level acted for (代审), the org path it is held over."""

    level: str = ""
    acting_for: str = ""
    held_path: str = ""


def permission(model: type, action: str) -> str:
    """Django's code of a function on a matter, e.g. "students.review_graduateprofile"."""
    return f"{model._meta.app_label}.{action}_{model._meta.model_name}"


def last_level(record: Any) -> str:
    """The highest level of the record's chain that people, not rules, decide."""
    levels = [level for level in record.level_list() if not type(record).review.automatic(level)]
    return levels[-1] if levels else record.level_list()[-1]


def needed_level(record: Any, verb: Verb) -> str:
    """The level whose business `verb` is on this record now."""
    if verb in (Verb.VOID, Verb.REOPEN, Verb.SETTLE):
        return SCHOOL
    return LEVEL_OF.get(Status(record.status)) or last_level(record)


def capacity(by: Any, level: str, record: Any) -> Permit | None:
    """The capacity in which `by` can act at `level` over the record: holding it, or from the school for a level below (代审)."""
    for held, acting_for in ((level, ""), (SCHOOL, level)):
        if held == SCHOOL and acting_for and LEVELS.index(level) >= LEVELS.index(SCHOOL):
            continue
        for path in by.level_paths(held):
            if record.org_path.startswith(path):
                return Permit(held, acting_for, path)
    return None


def check(record: Any, verb: Verb, by: Any) -> Permit:
    """The capacity in which `by` may do `verb` to `record`; raises NotAllowed or WrongState with a sentence."""
    verb = Verb(verb)
    is_subject = record.subject_user_id == by.pk
    if verb in SUBJECT_VERBS:
        if not is_subject:
            raise NotAllowed(f"只有本人可以{verb.label}。")
        _check_state(record, verb)
        return Permit()
    return check_staff(record, verb, by, is_subject=is_subject)


def check_staff(record: Any, verb: Verb, by: Any, *, is_subject: bool) -> Permit:
    """The staff half of `check`; batches call it once per kind of row instead of once per row."""
    if not by.has_perm(permission(type(record), "review")):
        raise NotAllowed("您没有审核该事务的功能，请联系学校管理员在「功能分配」中开通。")
    _check_state(record, verb)
    if is_subject or record.submitted_by_id == by.pk:
        raise NotAllowed("不能审核本人提交的记录，请由其他人员办理。")
    level = needed_level(record, verb)
    permit = capacity(by, level, record)
    if permit is None:
        raise NotAllowed(f"该记录目前由{LEVEL_NAMES[level]}办理，您没有这一级的任职。")
    return permit


def _check_state(record: Any, verb: Verb) -> None:
    status = Status(record.status)
    if sentence := record.state_refusal(verb):
        raise WrongState(sentence)
    if isinstance(record, Confirmed):
        if why := record.confirming_refusal(verb):
            raise WrongState(why)
        if verb in CONFIRMING:
            return
    elif verb in CONFIRMING:
        raise WrongState(f"{record._meta.verbose_name}不需要{verb.label}。")
    if verb == Verb.ASK_CHANGE and record.amendable:
        raise WrongState("该事务审核通过后可以直接「修改资料」并重新提交，不必申请修改。")
    if verb in (Verb.ASK_CHANGE, Verb.ACCEPT_CHANGE, Verb.REFUSE_CHANGE):
        if status != Status.APPROVED:
            raise WrongState(f"只有审核通过的记录可以{verb.label}，当前状态为「{status.label}」。")
    elif status not in TABLE[verb] or (verb == Verb.AMEND and not record.amendable):
        raise WrongState(f"当前状态为「{status.label}」，不能{verb.label}。")
    elif verb == Verb.WITHDRAW and record.waiting_level != record.entry_point:
        raise WrongState("已有老师办理，不能撤回；如需修改请联系老师退回。")


def allowed(record: Any, by: Any) -> list[Verb]:
    """The verbs `by` may do to `record` now: what buttons are made from."""
    found = []
    for verb in Verb:
        if verb == Verb.CREATE:
            continue
        try:
            check(record, verb, by)
        except (NotAllowed, WrongState):
            continue
        found.append(verb)
    return found
