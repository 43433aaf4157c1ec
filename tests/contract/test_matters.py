"""What every matter owes, whoever wrote it: walked over `workflows.chain.matters()`, so that a new one is covered at once."""

from __future__ import annotations

import random
from copy import copy

import pytest
from django.db.models import Max

from tests.contract.world import rolled_back
from tests.factories import matters as make
from tests.factories import people
from workflows import diff, fields, permits
from workflows.actions import perform, save_fields
from workflows.batch import BATCH_VERBS, perform_many
from workflows.chain import TABLE, TARGETS, matters
from workflows.errors import Absent, NotAllowed, Refused
from workflows.levels import LEVEL_OF, LEVELS, Status, Verb
from workflows.models import ReviewLog

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everything")]

MATTERS = [pytest.param(model, id=model._meta.label_lower) for model in matters()]
each_matter = pytest.mark.parametrize("model", MATTERS)


@pytest.fixture
def world():
    made = people.school()
    made.staff = people.reviewers(made)
    return made


def reload(record):
    return type(record).objects.get(pk=record.pk)


def advance(record, world, to: Status):
    """Bring a fresh record to `to` by legal moves."""
    if to == Status.DRAFT:
        return reload(record)
    perform(record, Verb.SUBMIT, by=make.subject_user(record))
    if to == Status.RETURNED:
        perform(record, Verb.RETURN, by=world.staff.school, text="请核对")
        return reload(record)
    if to == Status.VOIDED and ends_for_good(record):
        perform(record, Verb.VOID, by=world.staff.school, text="作废")
        return reload(record)
    while reload(record).status != to and LEVEL_OF.get(Status(reload(record).status)):
        level = LEVEL_OF[Status(reload(record).status)]
        perform(record, Verb.APPROVE, by=getattr(world.staff, level))
    if to == Status.VOIDED:
        perform(record, Verb.VOID, by=world.staff.school, text="作废")
    return reload(record)


def ends_for_good(record) -> bool:
    """Whether nothing voids the record once it is approved (an ended agreement)."""
    done = copy(record)
    done.__dict__["status"] = Status.APPROVED
    return bool(done.state_refusal(Verb.VOID))


def reachable(model) -> list[Status]:
    """Statuses a record of the default chain can rest in."""
    waiting = [Status(f"pending_{level}") for level in model.review.levels if not model.review.automatic(level)]
    return [Status.DRAFT, *waiting, Status.APPROVED, Status.RETURNED, Status.VOIDED]


def attempt(record, verb, by) -> str | None:
    """None when it went through, else the sentence that refused it."""
    try:
        perform(record, verb, by=by, text="请核对")
    except Refused as refusal:
        return refusal.sentence
    return None


@each_matter
def test_the_declaration_is_whole(model):
    assert all((model.subject_path, model.scope_source, model.columns, model.field_groups, model.search_paths))
    shown = {name for _title, names in model.field_groups for name in names}
    assert set(model.subject_fields) <= shown
    assert set(model.required_fields) <= set(model.subject_fields)
    assert set(model.key_fields) <= shown
    for name in (*model.columns, *shown, *model.masked_fields):
        assert fields.native(model, name).label
    assert "status" not in model.subject_fields
    for verb in TABLE:
        assert callable(getattr(model, f"move_{verb.value}"))


@each_matter
def test_every_role_in_every_state_does_what_the_table_says_and_no_more(model, world):
    """perform() succeeds exactly for the verbs permits.allowed() offers; buttons and door cannot disagree."""
    logs = ReviewLog.objects.filter(matter=model._meta.label_lower)
    for status in reachable(model):
        pk = advance(make.record(model, world), world, status).pk
        log = logs.filter(object_id=pk)
        subject = make.subject_user(model.objects.get(pk=pk))
        for role, by in {"subject": subject, **{level: getattr(world.staff, level) for level in LEVELS}}.items():
            offered = set(permits.allowed(model.objects.get(pk=pk), by))
            for verb in TABLE:
                with rolled_back():  # each try begins at the same record
                    record, before = model.objects.get(pk=pk), log.count()
                    refused = attempt(record, verb, by)
                    now = reload(record)
                    assert (refused is None) == (verb in offered), (status, role, verb)
                    if refused is None:
                        assert now.status in {*TARGETS[verb], Status.APPROVED}
                        assert log.count() > before
                    else:
                        assert any("\u4e00" <= char <= "\u9fff" for char in refused)
                        assert (now.status, log.count()) == (status, before)


@each_matter
def test_nobody_outside_the_scope_can_touch_or_find_it(model, world):
    record = advance(make.record(model, world), world, Status(f"pending_{model.review.levels[0]}"))
    other = people.school(code="19902", name="缙云学院")
    strangers = [
        people.staff("counselor", world.classes[-1]), people.staff("college", world.colleges[1]), people.staff("school", other.center),
        people.student(other).user, people.student(world).user,
    ]  # fmt: skip
    for stranger in strangers:
        assert not stranger.scope_of(model.objects.filter(pk=record.pk)).exists()
        for verb in TABLE:
            with pytest.raises((Absent, NotAllowed)):
                perform(record, verb, by=stranger, text="请核对")
        with pytest.raises(Absent):
            save_fields(record, {}, by=stranger)


@each_matter
def test_only_the_subjects_own_fields_can_be_written_by_the_subject(model, world):
    record = make.record(model, world)
    for field in model._meta.concrete_fields:
        if field.name in model.subject_fields:
            continue
        with pytest.raises(Refused):
            save_fields(record, {field.name: "1"}, by=make.subject_user(record))
    assert diff.changes_since(reload(record), record.version) == {}


@each_matter
def test_random_histories_keep_status_log_and_version_together(model, world):
    """Mostly legal moves through both doors by everybody; afterwards the status is the fold of the log, row by row."""
    rng = random.Random(model._meta.label)
    records = [make.record(model, world) for _ in range(4)]
    staff = [getattr(world.staff, level) for level in LEVELS]
    for _ in range(60):
        record = reload(rng.choice(records))
        by = rng.choice([make.subject_user(record)] * 2 + staff)
        offered = permits.allowed(record, by)
        verb = rng.choice([v for v in offered if v in TABLE] or list(TABLE))
        try:
            if verb in BATCH_VERBS and by.kind == "staff" and rng.random() < 0.5:
                perform_many(model.objects.filter(pk__in=[r.pk for r in records]), verb, by=by, text="请核对")
            else:
                perform(record, verb, by=by, text="请核对")
        except Refused:
            continue
    for record in records:
        now = reload(record)
        log = list(ReviewLog.objects.filter(matter=model._meta.label_lower, object_id=record.pk).order_by("seq"))
        assert now.status == (log[-1].to_status if log else Status.DRAFT)
        assert [row.from_status for row in log] == [Status.DRAFT, *[row.to_status for row in log[:-1]]][: len(log)]
        assert len({row.seq for row in log}) == len(log)
        assert now.version == max([row.seq for row in log], default=now.version)
        kept = model.history.filter(id=record.pk).aggregate(last=Max("version"))["last"]
        assert kept == now.version


@each_matter
def test_a_rule_that_fails_stops_both_doors_alike(model, world):
    if not any(rule.severity == "error" for rule in model.rules):
        pytest.skip("no blocking rule declared")
    record = advance(make.record(model, world), world, Status(f"pending_{model.review.levels[0]}"))
    blocked = reload(record)
    findings = [{"rule": "X", "severity": "error", "sentence": "测试", "field": "", "fix": "", "source": ""}]
    model._base_manager.filter(pk=blocked.pk).update(findings=findings, worst=2, rules_stamp=model.rules_stamp_now())
    result = perform_many(
        model.objects.filter(pk=blocked.pk), Verb.APPROVE, by=getattr(world.staff, model.review.levels[0])
    )
    assert result.done == []
    assert "X 测试" in result.refused[blocked.pk]
