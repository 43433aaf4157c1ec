"""perform_many: one verb over many records, set-wise. The same table and permits as `actions.perform`, proved equal by a test.

Per group of rows that share status, levels and capacity: one guarded UPDATE, one INSERT … SELECT of history and one of the
log. PostgreSQL locks the rows in key order first, so that two reviewers neither double nor dead-lock; SQLite's IMMEDIATE
transaction already has the write lock. What was asked for and did not move is reported with its reason, row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from django.utils import timezone

from workflows import actions, bulkrows, permits, policy, rules
from workflows.chain import target
from workflows.confirming import Confirmed
from workflows.errors import Closed, Invalid, NotAllowed, Refused, WrongState
from workflows.levels import LEVEL_OF, PENDING, Status, Verb
from workflows.models import ReviewLog
from workflows.permits import Permit
from workflows.signals import moved, moving

CHUNK = 5000
BATCH_VERBS = frozenset({Verb.APPROVE, Verb.RETURN})


@dataclass
class BatchResult:
    """What became of each record: `done` and `unchanged` (nothing to do) hold pks, `refused` maps pk → sentence."""

    done: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    unchanged: list[int] = field(default_factory=list)

    @property
    def counted(self) -> int:
        """How many records there is an answer for."""
        return len(self.done) + len(self.refused) + len(self.unchanged)

    def add(self, other: BatchResult) -> None:
        """Take in the answers for further records."""
        self.done += other.done
        self.refused |= other.refused
        self.unchanged += other.unchanged

    def account_for(self, ids: list[int]) -> None:
        """Name the records that were asked for and are no longer there, or no longer the person's to see."""
        known = self.refused.keys() | set(self.done) | set(self.unchanged)
        self.refused |= {pk: "没有找到该记录，或不在您的管辖范围内。" for pk in ids if pk not in known}


@dataclass(frozen=True)
class _Group:
    """Rows that take the same transition in the same capacity."""

    status: str
    levels: str
    permit: Permit


def preview(queryset: models.QuerySet, verb: str, by: Any) -> BatchResult:
    """What `perform_many` would do now: nothing is written."""
    result = BatchResult()
    for ids in chunks_of(queryset):
        groups, refused = _sort(queryset.model, ids, Verb(verb), by)
        part = BatchResult([pk for members in groups.values() for pk in members], refused)
        part.account_for(ids)
        result.add(part)
    return result


def perform_many(
    queryset: models.QuerySet,
    verb: str,
    *,
    by: Any,
    text: str = "",
    reasons: tuple[str, ...] | list[str] = (),
    origin: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BatchResult:
    """Approve or return every record of `queryset` that may be; each chunk of 5,000 is one transaction, all or nothing."""
    verb = Verb(verb)
    if verb not in BATCH_VERBS:
        raise ValueError(f"{verb} is not done in batches")
    if verb == Verb.RETURN and not reasons and not text.strip():
        raise Invalid({"reasons": "请选择或填写退回原因。"})
    result = BatchResult()
    chunks = chunks_of(queryset)
    total = sum(len(ids) for ids in chunks)
    for ids in chunks:
        with transaction.atomic():
            bulkrows.lock(queryset.model, ids)
            groups, refused = _sort(queryset.model, ids, verb, by)
            part = BatchResult([], refused)
            for group, members in groups.items():
                move = partial(
                    _move, queryset.model, verb, group, by=by, text=text.strip(), reasons=list(reasons), origin=origin
                )
                done, refused = _those_that_go(queryset.model, move, members)
                part.done += done
                part.refused |= refused
                part.refused |= dict.fromkeys(set(members) - refused.keys() - set(done), "该记录刚刚被他人办理。")
            part.account_for(ids)
        result.add(part)
        if progress:
            progress(result.counted, total)
    return result


def _those_that_go(
    model: type[models.Model], move: Callable[[list[int]], list[int]], ids: list[int]
) -> tuple[list[int], dict[int, str]]:
    """Move them all; where one stands in the way of the rest (a constraint, what follows from the move), halve until it is named."""
    try:
        with transaction.atomic():
            return move(ids), {}
    except IntegrityError:
        sentence = actions.clash(model)
    except Refused as refusal:
        sentence = refusal.sentence
    if len(ids) == 1:
        return [], {ids[0]: sentence}
    middle = len(ids) // 2
    done, refused = _those_that_go(model, move, ids[:middle])
    more, others = _those_that_go(model, move, ids[middle:])
    return done + more, refused | others


def chunks_of(queryset: models.QuerySet) -> list[list[int]]:
    """Keys of the rows in key order, cut into what one transaction takes."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True))
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]


# -- who may and who may not ---------------------------------------------------------------------------------------------


def _sort(
    model: type[models.Model], ids: list[int], verb: Verb, by: Any
) -> tuple[dict[_Group, list[int]], dict[int, str]]:
    """Group the rows that may move; the rest with their reasons. Rules are worked out afresh only where they may have changed."""
    if not by.has_perm(permits.permission(model, "review")):
        raise NotAllowed("您没有审核该事务的功能，请联系学校管理员在「功能分配」中开通。")
    if verb == Verb.APPROVE:
        _refresh_rules(model, ids)
    closed = archived(model)
    groups: dict[_Group, list[int]] = defaultdict(list)
    refused: dict[int, str] = {}
    # The database sorts the rows into kinds, of which there are few; each kind is judged once.
    own = models.Q(submitted_by=by.pk) | models.Q(**{model.subject_path: by.pk})
    blocked = models.Q(worst=rules.BLOCKED) if verb == Verb.APPROVE else models.Q(pk__in=[])
    frozen = models.Q(frozen=True) if issubclass(model, Confirmed) else models.Q(pk__in=[])
    rows = by.scope_of(_those(model, ids)).order_by()
    rows = rows.annotate(own=_holds(own), blocked=_holds(blocked), still=_holds(frozen))
    kinds = rows.values_list("status", "levels", "org_path", "own", "blocked", "still", "cohort_id").annotate(
        keys=Keys("pk")
    )
    for *kind, keys in kinds:
        members = sorted(map(int, keys.split(",")))
        verdict = _judge(model, verb, by, *kind, closed=closed)
        if isinstance(verdict, Permit):
            groups[_Group(*kind[:2], verdict)] += members
        else:
            refused |= dict.fromkeys(members, verdict)
    for members in groups.values():
        members.sort()
    if verb == Verb.APPROVE:
        _name_findings(model, refused)
    return groups, refused


class Keys(models.Aggregate):
    """The keys of a group as "1,2,3"."""

    function = "GROUP_CONCAT"
    output_field = models.TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STRING_AGG(%(expressions)s::text, ',')", **context)


def _holds(condition: models.Q) -> models.Case:
    return models.Case(models.When(condition, then=True), default=False, output_field=models.BooleanField())


BLOCKED_BY_RULES = "规则检查未通过"


def _judge(
    model: type[models.Model],
    verb: Verb,
    by: Any,
    status: str,
    levels: str,
    org_path: str,
    own: bool,
    blocked: bool,
    still: bool,
    cohort_id: int,
    *,
    closed: set[int],
) -> Permit | str:
    """Permit or sentence for one kind of row: the very checks of `permits.check`, on a stand-in with what they look at."""
    row = model(org_path=org_path, levels=levels, cohort_id=cohort_id, submitted_by_id=by.pk if own else None)
    row.__dict__["status"] = status
    if still:
        row.frozen = True
    try:
        permit = permits.check_staff(row, verb, by, is_subject=False)
        if cohort_id in closed:
            raise Closed("所在毕业届已归档，不能再办理。")
        target(verb, status, row.level_list())
    except Refused as refusal:
        return refusal.sentence
    except (LookupError, ValueError):
        return WrongState(f"当前状态为「{Status(status).label}」，不能{verb.label}。").sentence
    return BLOCKED_BY_RULES if blocked else permit


def archived(model: type[models.Model]) -> set[int]:
    """Keys of the cohorts in which nothing is done any more."""
    cohort = model._meta.get_field("cohort").related_model
    return set(cohort._base_manager.filter(closed=True).values_list("pk", flat=True))


def _those(model: type[models.Model], ids: list[int]) -> models.QuerySet:
    return bulkrows.those(model._base_manager, "id", ids)


def _refresh_rules(model: type[models.Model], ids: list[int]) -> None:
    stamp = rules.stamp_of(model)
    stale = _those(model, ids).exclude(rules_stamp=stamp)
    if related := getattr(model, "rules_need", (model.scope_source,)):
        stale = stale.select_related(*related)
    rows = list(stale)
    rules.refresh_many(rows)
    bulkrows.update(
        model,
        {row.pk: {"findings": row.findings, "worst": row.worst, "rules_stamp": row.rules_stamp} for row in rows},
        touch=False,
    )


def _name_findings(model: type[models.Model], refused: dict[int, str]) -> None:
    blocked = [pk for pk, sentence in refused.items() if sentence == BLOCKED_BY_RULES]
    if not blocked:
        return
    for pk, findings in _those(model, blocked).values_list("pk", "findings"):
        errors = [f"{f['rule']} {f['sentence']}" for f in findings if f["severity"] == rules.Severity.ERROR]
        refused[pk] = "规则检查未通过：" + "；".join(errors)


def enter_many(
    model: type[models.Model], ids: list[int], levels: tuple[str, ...], *, by: Any, text: str, submitted_by: Any
) -> list[int]:
    """`actions.enter` of many drafts or returned records at once, in the caller's transaction; the keys that went."""
    now, entered = timezone.now(), []
    to_status = PENDING[levels[0]]
    sets = {"levels": ",".join(levels), "entry_point": levels[0], "last_reason": "", "submitted_at": now, "submitted_by_id": submitted_by.pk if submitted_by else None,
            "decided_at": now, "updated_at": now}  # fmt: skip
    for status in (Status.DRAFT, Status.RETURNED):
        done = _update(model, ids, status, to_status, sets, counts_return=False)
        bulkrows.write_history(model, done, by=by, reason=str(Verb.SUBMIT.label))
        _write_log(model, done, Verb.SUBMIT, _Group(status, "", Permit()), to_status, None, text, [], None)
        event = {"ids": done, "verb": str(Verb.SUBMIT), "from_status": status, "to_status": str(to_status), "by": None, "text": text,
                 "reasons": [], "corrections": {}}  # fmt: skip
        if done:
            moving.send(sender=model, **event)
            transaction.on_commit(partial(moved.send_robust, sender=model, **event))
        entered += done
    return sorted(entered)


# -- moving them ---------------------------------------------------------------------------------------------------------


def _move(
    model: type[models.Model],
    verb: Verb,
    group: _Group,
    ids: list[int],
    by: Any,
    text: str,
    reasons: list[str],
    origin: str | None,
) -> list[int]:
    row = model(levels=group.levels)
    row.__dict__["status"] = group.status
    to_status = target(verb, group.status, row.level_list())
    now = timezone.now()
    sets: dict[str, Any] = {"decided_at": now, "updated_at": now}
    if verb == Verb.RETURN:
        sets["returned_by_level"] = LEVEL_OF.get(Status(group.status)) or permits.last_level(row)
        sets["last_reason"] = "；".join([*reasons, text] if text else reasons)
    if model.rules_follow_status:
        sets["rules_stamp"] = ""
    done = _update(model, ids, group.status, to_status, sets, counts_return=verb == Verb.RETURN)
    bulkrows.write_history(model, done, by=by, reason=str(verb.label))
    _write_log(model, done, verb, group, to_status, by, text, reasons, origin)
    event = {
        "ids": done,
        "verb": str(verb),
        "from_status": group.status,
        "to_status": str(to_status),
        "by": by,
        "text": text,
        "reasons": reasons,
        "corrections": {},
    }
    if done:
        moving.send(sender=model, **event)
        transaction.on_commit(lambda: moved.send_robust(sender=model, **event))
    level = LEVEL_OF.get(to_status)
    if verb == Verb.APPROVE and done and level and model.review.automatic(level):
        clean = list(_those(model, done).filter(worst=rules.CLEAN).order_by("pk").values_list("pk", flat=True))
        if clean:
            _move(
                model,
                verb,
                _Group(to_status, group.levels, Permit(level=level)),
                clean,
                None,
                "规则检查全部通过",
                [],
                None,
            )
    return done


def _update(
    model: type[models.Model],
    ids: list[int],
    from_status: str,
    to_status: str,
    sets: dict[str, Any],
    *,
    counts_return: bool,
) -> list[int]:
    """The guarded UPDATE: only rows still in `from_status`; returns the pks that moved."""
    assignments = ["status = %s", "version = version + 1", *(f"{name} = %s" for name in sets)]
    parameters: list[Any] = [str(to_status), *(_adapt(model, name, value) for name, value in sets.items())]
    if to_status == Status.APPROVED:
        assignments.append("baseline_version = version + 1")
    if counts_return:
        assignments.append("returns = returns + 1")
    condition, parameter = bulkrows.among(ids)
    sql = (
        f"UPDATE {bulkrows.table(model)} SET {', '.join(assignments)} WHERE id {condition} AND status = %s RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, parameter, str(from_status)])
        return sorted(row[0] for row in cursor.fetchall())


def _adapt(model: type[models.Model], name: str, value: Any) -> Any:
    return model._meta.get_field(name).get_db_prep_save(value, connection)


def _write_log(
    model: type[models.Model],
    ids: list[int],
    verb: Verb,
    group: _Group,
    to_status: str,
    by: Any,
    text: str,
    reasons: list[str],
    origin: str | None,
) -> None:
    constants = {
        "matter": policy.label(model),
        "verb": str(verb),
        "level": group.permit.level,
        "acting_for": group.permit.acting_for,
        "from_status": str(group.status),
        "to_status": str(to_status),
        "actor_id": by.pk if by else None,
        "actor_name": by.name if by else "",
        "held_path": group.permit.held_path,
        "opinion": text,
        "reasons": reasons,
        "corrections": {},
        "ip": origin or None,
        "at": timezone.now(),
    }
    bulkrows.insert_select(
        ReviewLog, {"org_path": "org_path", "object_id": "id", "seq": "version"}, constants, model, ids
    )
