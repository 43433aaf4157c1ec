"""The only door to a status: `perform` for one record, `workflows.batch.perform_many` for many. Nothing else writes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_fsm import ConcurrentTransition, TransitionNotAllowed

from workflows import bulkrows, diff, fields, holding, own, permits, policy, rules
from workflows.confirming import FROZEN, Confirmed
from workflows.errors import Absent, Closed, Conflict, Invalid, RulesFailed, WrongState
from workflows.levels import PENDING, Status, Verb
from workflows.models import ReviewLog
from workflows.permits import Permit
from workflows.signals import moved, moving

ABSENT = "没有找到该记录，或不在您的管辖范围内。"


def locked(record: Any, by: Any | None, *, alone: bool = False) -> Any:
    """The record as it is now, locked till the end of the transaction after whom it is about; Absent when `by` may not see it.

    A record without a key stands for the newest one of `by`. `alone`: the person's own record is all that the transaction writes,
    so that nothing need be held before it.
    """
    # With everything the declared fields and rules reach: checks, rules and the history row then cost no further query.
    if by is not None and own.is_own_only(by.scope, type(record)):
        if not alone:
            holding.hold_subjects(type(record)._base_manager.filter(**{type(record).subject_path: by.pk}))
        row = holding.looked(lambda: own.record(type(record), by.pk, record.pk, lock=True))
        if row is None and record.pk is None:
            raise Absent(f"还没有您的{record._meta.verbose_name}记录。")
        if row is None:
            raise Absent(ABSENT)
        return row
    rows = type(record)._base_manager.filter(pk=record.pk).select_related(*type(record).joins())
    if by is not None:
        rows = by.scope_of(rows)
    return holding.taken(rows, ABSENT)


def reflect(record: Any, row: Any) -> None:
    """Make the caller's object what the stored one has become, with the relations read along."""
    record.__dict__.update({k: v for k, v in row.__dict__.items() if k != "_state"})
    record._state.adding, record._state.db = False, row._state.db
    record._state.fields_cache.update(row._state.fields_cache)


def perform(
    record: Any,
    verb: str,
    *,
    by: Any | None,
    text: str = "",
    reasons: tuple[str, ...] | list[str] = (),
    values: dict[str, Any] | None = None,
    expected: int | None = None,
    origin: str | None = None,
) -> ReviewLog:
    """Do `verb` to one record: lock, permission and scope, window, rules, transition, save, log; signals on commit.

    `by` None is the system (province rules). `values` are a reviewer's corrections, only with approve. `expected` is the version
    the person was looking at. `reasons` and `text` are what the subject reads after a return. Raises a Refused; then nothing changed.
    """
    verb = Verb(verb)
    with transaction.atomic():
        row = locked(record, by)
        if expected is not None and row.version != expected:
            raise Conflict("该记录刚刚被他人修改或办理，请刷新后再操作。", details=_since(row, expected))
        permit = permits.check(row, verb, by) if by is not None else Permit(level=row.waiting_level)
        if verb == Verb.RETURN and not text.strip() and not reasons:
            raise Invalid({"reasons": "请选择或填写退回原因。"})
        check_open(row, verb)
        corrections = correct(row, values) if values else {}
        log = _move(row, verb, by, permit, text, list(reasons), corrections, origin)
        if row.waiting_level and verb in (Verb.APPROVE, Verb.SUBMIT) and type(row).review.automatic(row.waiting_level):
            _automatic(row)
    reflect(record, row)
    return log


def _since(row: Any, expected: int) -> list[dict[str, str]]:
    return diff.described(row, diff.changes_since(row, expected))


def check_open(row: Any, verb: Verb) -> None:
    """Refuse outside the window (subjects) and in an archived cohort (everybody)."""
    if row.archived:
        raise Closed(f"{row.cohort}已归档，不能再办理。")
    if verb in permits.SUBJECT_VERBS:
        state = policy.window_for(type(row), row.school_id, row.cohort_id, row.org_path)
        if not state.is_open:
            raise Closed(state.sentence)


def correct(row: Any, values: dict[str, Any], *, asked_for: bool = False) -> dict[str, list[Any]]:
    """Apply a reviewer's corrections to the record's own shown fields; returns {name: [old, new]}. `asked_for` by the subject."""
    changed = put(row, values, lambda: _shown(row))
    if not asked_for:
        note_changes(row, changed)
    return changed


def _shown(row: Any) -> dict[str, fields.FieldSpec]:
    return {spec.name: spec for spec in diff.correctable(row)}


KEPT = "改为这一项会清空「{label}」，而它由另一份生效的记录决定，不能在这里更改；请先办理那一份记录（如解约）。"


def put(row: Any, values: dict[str, Any], allowed: Callable[[], dict[str, fields.FieldSpec]]) -> dict[str, list[Any]]:
    """Assign `values` (fields.assign): first those that decide what else is asked for, then the rest; what no longer belongs is emptied."""
    pivots = {name: value for name, value in values.items() if name in type(row).pivot_fields}
    if not pivots:
        return fields.assign(row, values, allowed())
    changed = fields.assign(row, pivots, allowed())
    changed |= fields.assign(row, {name: v for name, v in values.items() if name not in pivots}, allowed())
    kept = row.kept_fields()
    for name, (old, new) in fields.clear_hidden(row).items():
        if name in kept:
            raise Invalid(dict.fromkeys(pivots, KEPT.format(label=fields.native(type(row), name).label)))
        changed[name] = [changed[name][0] if name in changed else old, new]
    return changed


def note_changes(row: Any, changed: dict[str, list[Any]]) -> None:
    """Remember what somebody other than the subject changed, where the subject confirms such changes."""
    if isinstance(row, Confirmed):
        row.note_staff_changes(changed)


def _check_submittable(row: Any) -> None:
    if empty := {**fields.missing(row), **row.incomplete()}:
        raise Invalid(empty)
    if needed := type(row).review.requires:
        model = apps.get_model(needed)
        if not model._base_manager.filter(**{row.scope_source: row.subject(), "status": Status.APPROVED}).exists():
            raise WrongState(f"{model._meta.verbose_name}审核通过后才能办理{row._meta.verbose_name}。")


def _move(
    row: Any, verb: Verb, by: Any, permit: Permit, text: str, reasons: list[str], corrections: dict, origin: str | None
) -> ReviewLog:
    came_from = row.status
    if verb == Verb.SUBMIT:
        _check_submittable(row)
    if verb in (Verb.SUBMIT, Verb.APPROVE):
        found = rules.refresh(row)
        blocking = rules.blocking(rules.run(row, rules.SUBMISSION) if verb == Verb.SUBMIT else found)
        if blocking:
            raise RulesFailed(
                "有必须处理的问题：" + "；".join(f.sentence for f in blocking), details=[f.as_dict() for f in blocking]
            )
    _note(row, verb, by, text, reasons)
    try:
        getattr(row, f"move_{verb.value}")()
    except (TransitionNotAllowed, LookupError) as error:
        raise WrongState(f"当前状态为「{Status(came_from).label}」，不能{verb.label}。") from error
    if verb == Verb.APPROVE and row.status == Status.APPROVED:
        row.baseline_version = row.version + 1
    if type(row).rules_follow_status:
        row.rules_stamp = ""
    return _write(row, verb, by, permit, came_from, text, reasons, corrections, origin)


def _note(row: Any, verb: Verb, by: Any, text: str, reasons: list[str]) -> None:
    """Fields of the record's own that follow from the verb; set before the transition, which reads some of them."""
    now = timezone.now()
    if verb == Verb.SUBMIT:
        flow = policy.flow_for(type(row), row.school_id, row.cohort_id)
        entry = row.entry_level()
        row.levels, row.entry_point = ",".join(flow.levels), entry
        row.submitted_at, row.submitted_by, row.last_reason = now, by, ""
        row.changes = diff.changes_since(row, row.baseline_version)
        if isinstance(row, Confirmed):
            row.confirmed_by_submitting(now)
    elif verb == Verb.RETURN:
        row.returned_by_level = row.waiting_level or permits.last_level(row)
        row.returns += 1
        row.last_reason = "；".join([*reasons, text.strip()] if text.strip() else reasons)
    row.decided_at = now


def _write(
    row: Any,
    verb: Verb,
    by: Any,
    permit: Permit,
    came_from: str,
    text: str,
    reasons: list[str],
    corrections: dict,
    origin: str | None,
    *,
    history_user: Any = None,
) -> ReviewLog:
    row.version += 1
    row._history_user = by if by is not None else history_user
    row._change_reason = str(verb.label)
    try:
        row.save()
    except ConcurrentTransition as error:
        raise Conflict("该记录刚刚被他人办理，请刷新后再操作。") from error
    except IntegrityError as error:
        raise Conflict(clash(type(row))) from error
    log = ReviewLog(
        matter=policy.label(type(row)),
        object_id=row.pk,
        seq=row.version,
        verb=verb,
        level=permit.level,
        acting_for=permit.acting_for,
        from_status=came_from,
        to_status=row.status,
        actor=by,
        actor_name=by.name if by else "",
        held_path=permit.held_path,
        opinion=text.strip(),
        reasons=reasons,
        corrections=corrections,
        org_path=row.org_path,
        ip=origin or None,
        at=timezone.now(),
    )
    log.save()
    event = {
        "ids": [row.pk],
        "verb": str(verb),
        "from_status": came_from,
        "to_status": str(row.status),
        "by": by,
        "text": text.strip(),
        "reasons": reasons,
        "corrections": corrections,
    }
    moving.send(sender=type(row), **event)
    transaction.on_commit(lambda: moved.send_robust(sender=type(row), **event))
    return log


def clash(model: Any) -> str:
    """What to say where the database forbids a move: another record of the same subject stands in its way."""
    name = model._meta.verbose_name
    return f"与该{model.subject_word}的另一份{name}冲突，不能办理；请先处理另一份{name}。"


def consequence(record: Any, verb: str, *, text: str) -> ReviewLog:
    """What follows from another matter's decision (an agreement that ended voids what rested on it): done by nobody at no level.

    Runs inside the caller's transaction; `text` names the cause and is kept in the log. Window, permission and scope were asked there.
    """
    verb = Verb(verb)
    if not text.strip():
        raise ValueError("a consequence names its cause")
    with transaction.atomic():
        row = locked(record, None)
        log = _move(row, verb, None, Permit(), text, [], {}, None)
    reflect(record, row)
    return log


def enter(
    record: Any, *, levels: tuple[str, ...], by: Any | None, text: str, submitted_by: Any | None = None
) -> ReviewLog:
    """Bring a saved draft into review that was not filled in by its subject (synchronised, imported), at the first of `levels`.

    Neither the window nor required fields are asked: what it rests on has been reviewed, and a reviewer sees the findings.
    `by` is whom the history names; `submitted_by` who may not review it, its subject by default. Runs inside the caller's transaction.
    """
    with transaction.atomic():
        row = locked(record, None)
        came_from, row.imposed_levels = row.status, tuple(levels)
        rules.refresh(row)
        row.levels, row.entry_point, row.last_reason = ",".join(levels), levels[0], ""
        row.submitted_at = row.decided_at = timezone.now()
        row.submitted_by_id = submitted_by.pk if submitted_by else row.subject_user_id
        row.changes = diff.changes_since(row, row.baseline_version)
        try:
            row.move_submit()
        except (TransitionNotAllowed, LookupError) as error:
            raise WrongState(f"当前状态为「{Status(came_from).label}」，不能{Verb.SUBMIT.label}。") from error
        log = _write(row, Verb.SUBMIT, None, Permit(), came_from, text, [], {}, None, history_user=by)
        del row.imposed_levels
    reflect(record, row)
    return log


def _automatic(row: Any) -> None:
    """Decide an automatic level: approve when no rule objects; otherwise the record waits there with the findings named."""
    while row.waiting_level and type(row).review.automatic(row.waiting_level):
        if rules.refresh(row):
            type(row)._base_manager.filter(pk=row.pk).update(
                findings=row.findings, worst=row.worst, rules_stamp=row.rules_stamp
            )
            return
        _move(row, Verb.APPROVE, None, Permit(level=row.waiting_level), "规则检查全部通过", [], {}, None)


def log_only(
    row: Any, verb: Verb, by: Any, permit: Permit, text: str, corrections: dict | None = None, origin: str | None = None
) -> ReviewLog:
    """Log something that leaves the status as it is (申请修改 and its decision). Runs inside the caller's transaction on a locked row."""
    row.decided_at = timezone.now()
    return _write(row, verb, by, permit, row.status, text, [], corrections or {}, origin)


def save_fields(
    record: Any, values: dict[str, Any], *, by: Any, expected: int | None = None, reason: str = ""
) -> dict[str, list[Any]]:
    """Change fields without moving the status: the subject while the record is theirs, staff with the change function.

    Returns {name: [old, new]}. Raises a Refused (Invalid maps fields to sentences); then nothing changed.
    """
    with transaction.atomic():
        row = locked(record, by, alone=True)
        if expected is not None and row.version != expected:
            raise Conflict("该记录已在别处修改，请核对后再保存。", details=_since(row, expected))
        is_subject = row.subject_user_id == by.pk
        check_open(row, Verb.SUBMIT if is_subject else Verb.APPROVE)
        if isinstance(row, Confirmed) and row.frozen:
            raise WrongState(FROZEN)
        changed = put(row, values, lambda: writable(row, by, is_subject))
        if not is_subject:
            note_changes(row, changed)
        if changed:
            row.version += 1
            if not is_subject and row.status == Status.DRAFT:
                row.baseline_version = row.version
            if row.status in PENDING.values():
                row.changes = diff.changes_since(row, row.baseline_version)
            rules.refresh(row)
            _store(row, changed, by, reason or ("本人填写" if is_subject else "老师修改"))
    reflect(record, row)
    return changed


DERIVED = {"version", "baseline_version", "changes", "findings", "worst", "rules_stamp"}


def _store(row: Any, changed: dict[str, list[Any]], by: Any, reason: str) -> None:
    """Write a locked row's changed fields and what follows from them, with its history: two statements, whatever its width.

    As `row.save()` would (a test compares them); no signal is sent, as none is by the batches.
    """
    names = {"extra" if name.startswith("extra.") else name for name in changed} | DERIVED
    if isinstance(row, Confirmed):
        names |= {field.name for field in Confirmed._meta.fields}
    written = [f for f in row._meta.concrete_fields if f.name in names or getattr(f, "auto_now", False)]
    values = {field.attname: field.pre_save(row, False) for field in written}
    bulkrows.update(type(row), {row.pk: values}, touch=False)
    bulkrows.write_history(type(row), [row.pk], by=by, reason=reason)


def writable(row: Any, by: Any, is_subject: bool) -> dict[str, fields.FieldSpec]:
    """The fields `by` may change on this record now, by name. Raises WrongState or NotAllowed when it is not theirs to change."""
    if is_subject:
        if row.status not in (Status.DRAFT, Status.RETURNED):
            raise WrongState(f"当前状态为「{Status(row.status).label}」，不能修改；审核通过后可「申请修改」。")
        return {spec.name: spec for spec in fields.of_record(row) if spec.is_writable}
    if not by.has_perm(permits.permission(type(row), "change")):
        raise permits.NotAllowed("您没有修改该事务的功能，请联系学校管理员在「功能分配」中开通。")
    return {spec.name: spec for spec in diff.correctable(row)}
