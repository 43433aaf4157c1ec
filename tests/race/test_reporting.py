"""Reporting while others are at work: a batch is built once and of one moment, answers add up, a comparison is carried out once.

Each with its control: without the guard the same storm breaks it. PostgreSQL only: SQLite has one writer at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections, transaction
from django.utils import timezone

from exports.reporting import answers, batches, plans, reconcile, rows
from models.accounts.functions import sync_groups
from models.accounts.models import User
from models.audit.models import Action, AuditEntry
from models.outcomes.models import Outcome
from models.reporting.models import Channel, EmploymentPlan, Kind, PlanRow, Reconciliation, ReportBatch, ReportItem
from models.students.models import GraduateProfile
from tests.factories import people
from tests.race.killing import verified
from tests.race.test_signing import storm
from workflows.errors import Refused
from workflows.levels import SCHOOL, Status
from workflows.scoping import acting, system

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

THREADS, GRADUATES = 8, 12


@pytest.fixture
def made(settings, tmp_path):
    """A dozen graduates whose destinations may be reported; `.person` of the school's office."""
    default = {**settings.STORAGES["default"], "OPTIONS": {"location": tmp_path}}
    settings.STORAGES, settings.MEDIA_ROOT = {**settings.STORAGES, "default": default}, tmp_path
    with system("a test sets up rows"):
        sync_groups()
        found = people.school(colleges=1, classes=1)
        found.students = [people.student(found, account=False) for _ in range(GRADUATES)]
        Outcome.objects.bulk_create(
            Outcome(
                student=one, school_id=one.school_id, cohort_id=one.cohort_id, org_path=one.org_path, category="701", status="approved",
                decided_at=timezone.now(), is_current=True,
            )
            for one in found.students
        )  # fmt: skip
        GraduateProfile.objects.update(status=Status.APPROVED)
        found.person = people.staff(SCHOOL, found.center)
    return found


def office(made: SimpleNamespace) -> User:
    """The person of the office, as each request has its own."""
    return User.objects.get(pk=made.person.pk)


def each(made: SimpleNamespace, work: Callable[[int, User], Any], threads: int = THREADS) -> list[Any]:
    """Everybody at once, each signed in."""

    def one(number: int) -> Any:
        user = office(made)
        with acting(user):
            return work(number, user)

    return storm(one, threads)


def ordered(made: SimpleNamespace, by: User, **options: Any) -> ReportBatch:
    wanted = {"changes_only": False, "channel": Channel.FILE, **options}
    return batches.order(made.cohort, Kind.EMPLOYMENT, by=by, **wanted)


def sent(made: SimpleNamespace) -> ReportBatch:
    """A batch of everybody, reported."""
    with acting(office(made)):
        batch = batches.build(ordered(made, made.person))
        return batches.mark_sent(batch, by=made.person)


def elsewhere(deed: Callable[[], Any]) -> None:
    """Do it in another connection and commit, before the caller goes on."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            with system("somebody else at work"):
                deed()
        except BaseException as error:
            faults.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not faults, faults


# -- one batch ---------------------------------------------------------------------------------------------------------------


def test_the_same_order_from_everywhere_is_one_batch_and_built_once(made):
    orders = each(made, lambda number, user: ordered(made, user))
    assert len({batch.pk for batch in orders}) == 1
    built = each(made, lambda number, user: batches.build(orders[number]))
    assert {batch.state for batch in built} == {ReportBatch.State.READY}
    with system("a test looks"):
        assert ReportItem.objects.count() == GRADUATES
        assert AuditEntry.objects.filter(action=Action.REPORT).count() == 1
    verified("reporting.")


def test_control_without_the_lock_there_are_many_orders(made, monkeypatch):
    """The same storm, with the cohort read instead of locked."""
    monkeypatch.setattr(type(made.cohort)._base_manager._queryset_class, "select_for_update", lambda rows, **how: rows)
    barrier = threading.Barrier(THREADS)
    real = batches.layout_for
    monkeypatch.setattr(batches, "layout_for", lambda *args: (barrier.wait(20), real(*args))[1])
    found = each(made, lambda number, user: ordered(made, user))
    assert len({batch.pk for batch in found}) > 1


def test_two_who_build_the_same_batch_fill_it_once(made):
    with acting(made.person):
        batch = ordered(made, made.person)
    built = each(made, lambda number, user: batches.build(ReportBatch.objects.get(pk=batch.pk)))
    assert {(one.count, one.digest) for one in built} == {(GRADUATES, built[0].digest)}
    with system("a test looks"):
        assert ReportItem.objects.filter(batch=batch).count() == GRADUATES
        assert len(_files()) == 1
    verified("reporting.", "files.")


def _files() -> list[str]:
    return [str(path) for path in Path(default_storage.path("reporting")).rglob("*") if path.is_file()]


# -- of one moment -----------------------------------------------------------------------------------------------------------


def changed_between(monkeypatch: Any, deed: Callable[[], Any]) -> None:
    """Somebody else commits `deed` after it was decided who may go and before the rows are written."""
    real = rows.reportable
    begun: list[int] = []

    def reportable(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        if not begun:
            begun.append(1)
            elsewhere(deed)
        return found

    monkeypatch.setattr(batches, "reportable", reportable)


def returned(made: SimpleNamespace) -> None:
    """Half of them go back for correction, with another category on the draft."""
    half = [one.pk for one in made.students[::2]]
    Outcome.objects.filter(student__in=half).update(status=Status.RETURNED, category="71")


def categories(model: type, **which: Any) -> set[str]:
    """What was written in the column of the category's code."""
    with system("a test looks"):
        return {value for values in model.objects.filter(**which).values_list("values", flat=True) for value in values if value in ("701", "71")}  # fmt: skip


@contextmanager
def every_statement_its_own_moment():
    """What `rows.snapshot` is without its isolation."""
    with transaction.atomic():
        yield


def test_a_batch_is_of_one_moment_however_records_change(made, monkeypatch):
    changed_between(monkeypatch, lambda: returned(made))
    with acting(made.person):
        batch = batches.build(ordered(made, made.person))
        assert batch.count == GRADUATES
        assert categories(ReportItem, batch=batch) == {"701"}
        batches.mark_sent(batch, by=made.person)
        # What changed meanwhile is the business of the next batch: those sent back are not in it and are named.
        after = batches.build(ordered(made, made.person, changes_only=True))
        assert (after.count, after.unchanged, len(after.left_out)) == (0, GRADUATES // 2, GRADUATES // 2)
    verified("reporting.")


def test_control_without_the_snapshot_a_returned_record_is_reported(made, monkeypatch):
    changed_between(monkeypatch, lambda: returned(made))
    monkeypatch.setattr(batches, "snapshot", every_statement_its_own_moment)
    with acting(made.person):
        batch = batches.build(ordered(made, made.person))
    assert "71" in categories(ReportItem, batch=batch)


def test_a_plan_is_frozen_of_one_moment(made, monkeypatch):
    changed_between(monkeypatch, lambda: returned(made))
    with acting(made.person):
        plan = plans.make(made.cohort, "方案", by=made.person)
        assert plan.count == GRADUATES
        assert categories(PlanRow, plan=plan) == {"701"}
        assert plans.faults(plan) == []
    verified("reporting.")


def test_control_a_plan_without_the_snapshot_holds_what_nobody_approved(made, monkeypatch):
    changed_between(monkeypatch, lambda: returned(made))
    monkeypatch.setattr(batches, "snapshot", every_statement_its_own_moment)
    with acting(made.person):
        plan = plans.make(made.cohort, "方案", by=made.person)
    assert "71" in categories(PlanRow, plan=plan)


def test_plans_and_batches_are_made_while_records_change_all_the_time(made):
    """Every row that left was approved at some moment together with all others of its batch: a flip changes all of them at once."""
    # Two statements that write the same rows in any order would stop each other; no door of ours writes so.
    flipping = threading.Lock()

    def work(number: int, user: User) -> None:
        for turn in range(4):
            if number % 4:
                with flipping, system("somebody else at work"):
                    Outcome.objects.update(category="701" if (turn + number) % 2 else "71")
            elif number:
                plans.make(made.cohort, f"方案{number}{turn}", by=user)
            else:
                batches.build(ordered(made, user, changes_only=bool(turn % 2)))

    each(made, work)
    with system("a test looks"):
        held = [(ReportItem, {"batch": b}) for b in ReportBatch.objects.all()] + [(PlanRow, {"plan": p}) for p in EmploymentPlan.objects.all()]  # fmt: skip
    assert len(held) > 4
    assert all(len(categories(model, **which)) <= 1 for model, which in held)
    verified("reporting.")


# -- answers -----------------------------------------------------------------------------------------------------------------


def sheet_of(students: list[Any], result: str) -> SimpleUploadedFile:
    book = openpyxl.Workbook()
    book.active.append(["学号", "结果", "反馈"])
    for one in students:
        book.active.append([one.number, result, "已核对"])
    out = BytesIO()
    book.save(out)
    return SimpleUploadedFile("反馈.xlsx", out.getvalue())


def test_answers_uploaded_at_once_add_up(made):
    """Everybody uploads a part, two by two the same part: the batch counts each graduate once."""
    batch = sent(made)

    def work(number: int, user: User) -> None:
        part = made.students[number // 2 * 3 : number // 2 * 3 + 3]
        answers.answer(ReportBatch.objects.get(pk=batch.pk), sheet_of(part, "接收" if number < 6 else "退回"), by=user)

    each(made, work)
    with system("a test looks"):
        batch.refresh_from_db()
        assert (batch.state, batch.accepted, batch.rejected) == (ReportBatch.State.DONE, 9, 3)
    verified("reporting.")


def test_control_without_the_lock_the_counts_are_wrong(made, monkeypatch):
    batch = sent(made)
    monkeypatch.setattr(ReportBatch.objects._queryset_class, "select_for_update", lambda rows, **how: rows)
    barrier = threading.Barrier(4)
    real = ReportBatch.save
    monkeypatch.setattr(ReportBatch, "save", lambda row, *args, **how: (barrier.wait(20), real(row, *args, **how))[1])

    def work(number: int, user: User) -> None:
        part = {one.pk: (True, "") for one in made.students[number * 3 : number * 3 + 3]}
        batches.take_answers(ReportBatch.objects.get(pk=batch.pk), part)

    each(made, work, 4)
    with pytest.raises(AssertionError, match="上报批次"):
        verified("reporting.counted")


# -- reconciliation ----------------------------------------------------------------------------------------------------------


def compared(made: SimpleNamespace) -> Reconciliation:
    """Their sheet says another category for three graduates and lacks one; ours is right for one of the three."""
    batch = sent(made)
    book = openpyxl.load_workbook(default_storage.open(batch.file.name))
    sheet = book["就业信息"]
    columns = {sheet.cell(2, column).value: column for column in range(1, sheet.max_column + 1)}
    for row in (3, 4, 5):
        sheet.cell(row, columns["毕业去向代码"]).value = "71"
        sheet.cell(row, columns["毕业去向"]).value = None
    sheet.delete_rows(6)
    out = BytesIO()
    book.save(out)
    with acting(office(made)):
        upload = SimpleUploadedFile("省厅.xlsx", out.getvalue())
        found = reconcile.compare(reconcile.begin(made.cohort, Kind.EMPLOYMENT, upload, by=made.person))
        keys = list(found.differences.filter(column="毕业去向").order_by("pk").values_list("pk", flat=True))
        assert reconcile.choose(found, keys[:2], "theirs", by=made.person) == 2
        assert reconcile.choose(found, keys[2:], "ours", by=made.person) == 1
        assert reconcile.choose_column(found, "", "ours", by=made.person) == 1
    return found


def test_a_comparison_is_carried_out_once(made):
    found = compared(made)
    results = each(made, lambda number, user: reconcile.apply(Reconciliation.objects.get(pk=found.pk), by=user))
    won = [one for one in results if isinstance(one, ReportBatch)]
    assert len(won) == 1
    assert all(isinstance(one, Refused) for one in results if one is not won[0])
    with system("a test looks"):
        assert won[0].items.count() == 2
        assert ReportBatch.objects.count() == 2
        assert Outcome.objects.filter(category="71").count() == 2
        assert Outcome.history.filter(history_change_reason=reconcile.REASON).count() == 2
        assert sorted(found.differences.values_list("result", flat=True)) == ["列入上报批次"] * 2 + ["已采用"] * 2
    verified("reporting.")


def test_control_without_the_lock_there_are_several_batches(made, monkeypatch):
    found = compared(made)
    monkeypatch.setattr(reconcile, "_open", lambda one, by: one)
    results = each(made, lambda number, user: reconcile.apply(Reconciliation.objects.get(pk=found.pk), by=user))
    assert len([one for one in results if isinstance(one, ReportBatch)]) > 1


def test_a_decision_made_while_it_is_carried_out_is_carried_out_or_refused(made, monkeypatch):
    found = compared(made)
    with acting(office(made)):
        key = found.differences.filter(column="毕业去向").order_by("pk").values_list("pk", flat=True)[0]
        reconcile.choose(found, [key], "", by=made.person)
    real, late = batches.gather, []

    def gather(*args: Any, **options: Any) -> Any:
        if not late:
            late.append(1)
            elsewhere(lambda: reconcile.choose(found, [key], "ours", by=made.person))
        return real(*args, **options)

    monkeypatch.setattr(batches, "gather", gather)
    with acting(office(made)):
        batch = reconcile.apply(Reconciliation.objects.get(pk=found.pk), by=made.person)
        assert batch.items.count() == 3
        assert not found.differences.filter(result="").exclude(choice="").exists()
