"""The engine's own invariants, for every matter: the log tells the status, every step was legal and done by somebody permitted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import connection, models
from django.db.models import F, Q

from workflows import policy
from workflows.chain import TABLE, TARGETS, matters
from workflows.checks import Fault, check, rows
from workflows.confirming import CONFIRMING
from workflows.levels import COLLEGE, COUNSELOR, LEVEL_NAMES, LEVEL_OF, LEVELS, PENDING, PROVINCE, Status, Verb
from workflows.models import ReviewLog
from workflows.permits import STAFF_VERBS

LOG = connection.ops.quote_name(ReviewLog._meta.db_table)
CHANGE_VERBS = (Verb.ASK_CHANGE, Verb.ACCEPT_CHANGE, Verb.REFUSE_CHANGE)


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _where(model: type[models.Model], pk: int) -> str:
    return f"{model._meta.verbose_name} {pk}"


def _word(status: str) -> str:
    return str(dict(Status.choices).get(status, status or "（无）"))


def _listed(values: Any) -> str:
    """SQL list of our own constants; they hold no quotes."""
    return ", ".join(f"'{value}'" for value in values)


# -- the log and the record ------------------------------------------------------------------------------------------------


@check("review.status", "状态等于审核记录推出的状态")
def status_is_folded() -> Iterator[Fault]:
    """Domain invariant 1; a record without a log is a draft."""
    for model in matters():
        sql = f"""
            WITH ends AS (SELECT object_id, MAX(seq) AS seq FROM {LOG} WHERE matter = %s GROUP BY object_id)
            SELECT m.id, m.status, COALESCE(l.to_status, 'draft') FROM {_table(model)} m
            LEFT JOIN ends ON ends.object_id = m.id
            LEFT JOIN {LOG} l ON l.matter = %s AND l.object_id = ends.object_id AND l.seq = ends.seq
            WHERE m.status <> COALESCE(l.to_status, 'draft')"""
        for pk, status, folded in rows(sql, policy.label(model), policy.label(model)):
            yield Fault(_where(model, pk), f"状态是「{_word(status)}」，但审核记录推出的是「{_word(folded)}」。")


@check("review.version", "版本不小于最后一条审核记录，审核记录的对象存在")
def version_covers_log() -> Iterator[Fault]:
    """The version that was judged is a version the record has had."""
    for model in matters():
        sql = f"""
            WITH ends AS (SELECT object_id, MAX(seq) AS seq FROM {LOG} WHERE matter = %s GROUP BY object_id)
            SELECT ends.object_id, ends.seq, m.version FROM ends LEFT JOIN {_table(model)} m ON m.id = ends.object_id
            WHERE m.id IS NULL OR m.version < ends.seq"""
        for pk, seq, version in rows(sql, policy.label(model)):
            yield Fault(
                _where(model, pk),
                "审核记录还在，记录已不存在。"
                if version is None
                else f"版本是 {version}，小于最后一条审核记录的 {seq}。",
            )


@check("review.chain", "每一步从上一步的结果开始")
def steps_follow() -> Iterator[Fault]:
    """from = previous to, in the order of the versions; the first step starts from a draft."""
    for model in matters():
        sql = f"""
            SELECT object_id, seq, from_status, COALESCE(previous, 'draft') FROM (
                SELECT object_id, seq, from_status, LAG(to_status) OVER (PARTITION BY object_id ORDER BY seq) AS previous
                FROM {LOG} WHERE matter = %s AND verb <> 'create') steps
            WHERE from_status <> COALESCE(previous, 'draft')"""
        for pk, seq, came_from, previous in rows(sql, policy.label(model)):
            yield Fault(
                _where(model, pk), f"版本 {seq} 从「{_word(came_from)}」开始，而上一步的结果是「{_word(previous)}」。"
            )


def _is_legal(verb: str, came_from: str, to: str) -> bool:
    if verb in CONFIRMING:
        return came_from == to
    if verb in CHANGE_VERBS:
        return came_from == to == Status.APPROVED
    if verb == Verb.CREATE:
        return to == Status.DRAFT
    if verb not in TABLE or came_from not in TABLE[Verb(verb)] or to not in TARGETS[Verb(verb)]:
        return False
    if verb == Verb.APPROVE and to != Status.APPROVED:
        return LEVELS.index(LEVEL_OF[Status(to)]) > LEVELS.index(LEVEL_OF[Status(came_from)])
    return True


@check("review.legal", "每一步都是审核流程允许的")
def steps_are_legal() -> Iterator[Fault]:
    """Each edge is one of chain.TABLE; an approval leads upwards."""
    for model in matters():
        kinds = f"SELECT DISTINCT verb, from_status, to_status FROM {LOG} WHERE matter = %s"
        for verb, came_from, to in list(rows(kinds, policy.label(model))):
            if _is_legal(verb, came_from, to):
                continue
            named = f"SELECT object_id, seq FROM {LOG} WHERE matter = %s AND verb = %s AND from_status = %s AND to_status = %s"
            for pk, seq in rows(named, policy.label(model), verb, came_from, to):
                word = dict(Verb.choices).get(verb, verb)
                yield Fault(_where(model, pk), f"版本 {seq}：「{word}」不能从「{_word(came_from)}」到「{_word(to)}」。")


# -- who did it --------------------------------------------------------------------------------------------------------------


@check("review.actor", "每一次办理都有办理人，其层级和任职范围当时有权办理")
def decisions_were_permitted() -> Iterator[Fault]:
    """Domain invariant 2: what the row itself says about actor, level and scope at that time.

    Nobody acts at an automatic level, and in what follows from another matter's decision, which names its cause (actions.consequence).
    作废 and 恢复办理 are the school's, wherever the record waits (permits.needed_level).
    """
    for model in matters():
        automatic = [level for level in LEVELS if model.review.automatic(level)]
        pending = " OR ".join(f"from_status = '{PENDING[level]}' AND level = '{level}'" for level in LEVELS)
        below = f"from_status IN ('{PENDING[COUNSELOR]}', '{PENDING[COLLEGE]}') AND level = 'school' AND from_status = 'pending_' || acting_for"
        settled = f"from_status NOT IN ({_listed(PENDING.values())}) AND level IN ({_listed(LEVELS)})"
        sql = f"""
            SELECT object_id, seq, verb, level, acting_for, from_status, actor_id, held_path, org_path FROM {LOG}
            WHERE matter = %s AND verb IN ({_listed(sorted(STAFF_VERBS - CONFIRMING))}) AND NOT (
                actor_id IS NULL AND verb = 'approve' AND level IN ({_listed(automatic)}) AND from_status = 'pending_' || level
                OR actor_id IS NULL AND level = '' AND verb IN ('return', 'void', 'reopen') AND opinion <> ''
                OR actor_id IS NOT NULL
                AND (held_path <> '' OR level = '{PROVINCE}')
                AND SUBSTR(org_path, 1, LENGTH(held_path)) = held_path
                AND (verb IN ('void', 'reopen') AND level = 'school' AND acting_for = ''
                     OR verb NOT IN ('void', 'reopen') AND (acting_for = '' AND ({pending}) OR {below} OR {settled})))"""
        for pk, seq, *row in rows(sql, policy.label(model)):
            yield Fault(_where(model, pk), f"版本 {seq}：{_why_not(*row)}")


def _why_not(verb: str, level: str, acting_for: str, came_from: str, actor: int | None, held: str, path: str) -> str:
    word = dict(Verb.choices).get(verb, verb)
    if actor is None:
        return f"「{word}」没有办理人，而{LEVEL_NAMES.get(level, level or '未注明层级')}不是自动办理的层级。"
    if level not in LEVELS:
        return f"「{word}」没有注明办理层级。"
    if (not held and level != PROVINCE) or not path.startswith(held):
        return f"「{word}」的办理人任职范围 {held or '（空）'} 不包含该记录 {path}。"
    return f"「{_word(came_from)}」时由{LEVEL_NAMES[level]}办理「{word}」，层级不符。"


@check("review.own", "没有人审核本人提交的记录")
def nobody_judged_themselves() -> Iterator[Fault]:
    """Only the person a record is about submits it or asks for a change; that person never decides on it."""
    verbs = _listed((Verb.APPROVE, Verb.RETURN, Verb.ACCEPT_CHANGE, Verb.REFUSE_CHANGE))
    for model in matters():
        sql = f"""
            SELECT DISTINCT d.object_id, d.seq FROM {LOG} d JOIN {LOG} s
            ON s.matter = d.matter AND s.object_id = d.object_id AND s.actor_id = d.actor_id AND s.seq < d.seq
            WHERE d.matter = %s AND d.verb IN ({verbs}) AND s.verb IN ('submit', 'ask_change')"""
        for pk, seq in rows(sql, policy.label(model)):
            yield Fault(_where(model, pk), f"版本 {seq}：办理人就是提交人。")


@check("review.passed", "审核通过的记录经过了它的每一级")
def approved_passed_every_level() -> Iterator[Fault]:
    """Since the last submission: one approval at each level from where it entered to the last one it was submitted under."""
    bits = " + ".join(
        f"MAX(CASE WHEN l.verb = 'approve' AND l.from_status = '{status}' THEN {1 << place} ELSE 0 END)"
        for place, status in enumerate(PENDING.values())
    )
    for model in matters():
        sql = f"""
            WITH begun AS (SELECT object_id, MAX(seq) AS seq FROM {LOG} WHERE matter = %s AND verb = 'submit' GROUP BY object_id)
            SELECT m.id, m.levels, m.entry_point, COALESCE({bits}, 0) FROM {_table(model)} m
            LEFT JOIN begun ON begun.object_id = m.id
            LEFT JOIN {LOG} l ON l.matter = %s AND l.object_id = m.id AND l.seq > begun.seq
            WHERE m.status = 'approved' GROUP BY m.id, m.levels, m.entry_point"""
        needed: dict[tuple[str, str], int] = {}
        for pk, levels, entry, passed in rows(sql, policy.label(model), policy.label(model)):
            if (levels, entry) not in needed:
                needed[levels, entry] = _needed(levels, entry)
            missing = needed[levels, entry] & ~passed
            if missing or not levels:
                names = "、".join(str(LEVEL_NAMES[level]) for place, level in enumerate(LEVELS) if missing >> place & 1)
                yield Fault(
                    _where(model, pk),
                    f"已审核通过，但没有经过：{names}。" if names else "已审核通过，但没有记下要经过哪几级。",
                )


def _needed(levels: str, entry: str) -> int:
    passes = levels.split(",") if levels else []
    passes = passes[passes.index(entry) :] if entry in passes else passes
    return sum(1 << LEVELS.index(level) for level in passes if level in LEVELS)


# -- copies --------------------------------------------------------------------------------------------------------------------


@check("review.scope", "记录的学校、届别和路径与本人一致")
def scope_copies_are_true() -> Iterator[Fault]:
    """Security 3.6, row 9: what a record is found by is what its subject says now."""
    for model in matters():
        source = model.scope_source
        if not source or not model.by_cohort:  # what belongs to no year has a place of its own
            continue
        differs = Q()
        for name in ("org_path", "school_id", "cohort_id"):
            differs |= ~Q(**{name: F(f"{source}__{name}")})
        found = model._base_manager.filter(differs).values_list("pk", "org_path", f"{source}__org_path")
        for pk, path, true in found.iterator(chunk_size=2000):
            yield Fault(_where(model, pk), f"学校、届别或路径（{path}）与本人（{true}）不一致。")
