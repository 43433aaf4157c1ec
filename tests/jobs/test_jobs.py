"""Jobs: started through one door, seen by their owner, ended with a result or a sentence, and given up only by the reaper."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from models.jobs.errors import Cancelled, JobError, LeaseLost
from models.jobs.models import Job, Status, WorkerBeat
from models.jobs.reaper import reap
from models.jobs.registry import UnknownKind, find, job_handler
from models.jobs.runner import Pulse, execute
from models.jobs.running import RunningJob
from models.jobs.services import cancel, latest, start
from models.jobs.signals import job_finished
from models.jobs.worker import Worker, newest_beat
from workflows.scoping import current

pytestmark = pytest.mark.django_db

DATABASE_QUEUE = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}
SEEN: list[object] = []


@job_handler("test.count", title="数数")
def count(job):
    """Count to `upto`, remembering how far it came; `trip` names a way to go wrong at 3."""
    for number in range(job.state.get("at", 0) + 1, job.payload["upto"] + 1):
        with transaction.atomic():
            SEEN.append(number)
            job.checkpoint({"at": number})
        job.progress(number, job.payload["upto"], f"第 {number} 个")
        if number == 3:
            trip(job)
    return {"counted": job.payload["upto"]}


def trip(job):
    """Go wrong in the way the payload asks for."""
    match job.payload.get("trip"):
        case "sentence":
            raise JobError("第 3 行没有学号，请补上后重新导入。")
        case "validation":
            raise ValidationError(["甲", "乙"])
        case "bug":
            raise KeyError("990101200501011234")
        case "database":
            if job.attempt == 1:
                raise OperationalError("server closed the connection")
        case "exit":
            if job.attempt == 1:
                raise SystemExit(1)
        case "cancel":
            cancel(job.row)
        case "stolen":
            Job.objects.filter(pk=job.row.pk).update(worker="another")


@job_handler("test.scope", title="看范围")
def look(job):
    """Say what the handler may see."""
    return {"everything": current().everything, "reason": current().reason}


@job_handler("test.system", title="看全部", as_system=True)
def look_at_all(job):
    """The same, declared to need no limits."""
    return look(job)


@pytest.fixture(autouse=True)
def nothing_seen():
    SEEN.clear()


@pytest.fixture
def owner():
    return get_user_model().objects.create_user("wang")


def counting(owner, **payload):
    return start("test.count", owner=owner, payload={"upto": 5, **payload})


def dead(owner, *, attempts=1, max_attempts=3, **fields):
    """A job whose worker has gone silent a minute ago."""
    return Job.objects.create(
        kind="test.count",
        title="数数",
        owner=owner,
        payload={"upto": 5},
        status=Status.RUNNING,
        worker="gone:1:x",
        lease_until=timezone.now() - timedelta(seconds=60),
        attempts=attempts,
        max_attempts=max_attempts,
        **fields,
    )


class TestEnds:
    """Every way a job can end."""

    def test_well(self, owner, run_jobs):
        job = counting(owner)
        assert (job.status, job.title, job.percent, job.status_label) == (Status.QUEUED, "数数", None, "排队中")
        (job,) = run_jobs()
        assert (job.status, job.result, job.percent, job.attempts) == (Status.DONE, {"counted": 5}, 100, 1)
        assert (job.done, job.total, job.error, job.worker, job.lease_until) == (5, 5, "", "", None)
        assert job.started_at <= job.finished_at
        assert SEEN == [1, 2, 3, 4, 5]

    def test_at_once(self, owner):
        assert start("test.count", owner=owner, payload={"upto": 2}, immediately=True).status == Status.DONE

    def test_on_commit(self, owner, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            job = counting(owner)
            assert SEEN == []
        job.refresh_from_db()
        assert (job.status, SEEN) == (Status.DONE, [1, 2, 3, 4, 5])

    @pytest.mark.parametrize(
        ("trip", "sentence"),
        [("sentence", "第 3 行没有学号，请补上后重新导入。"), ("validation", "甲；乙")],
    )
    def test_with_a_sentence_of_the_handler(self, owner, run_jobs, trip, sentence):
        counting(owner, trip=trip)
        (job,) = run_jobs()
        assert (job.status, job.error, job.attempts, SEEN) == (Status.FAILED, sentence, 1, [1, 2, 3])

    def test_with_a_bug_the_owner_reads_a_number_and_no_data(self, owner, run_jobs, caplog):
        counting(owner, trip="bug")
        (job,) = run_jobs()
        assert job.status == Status.FAILED
        assert "990101" not in job.error
        number = job.error.split("错误编号 ")[1][:8]
        assert number in caplog.text

    def test_cancelled_while_running(self, owner, run_jobs):
        counting(owner, trip="cancel")
        (job,) = run_jobs()
        assert (job.status, job.status_label) == (Status.CANCELLED, "已取消")
        assert SEEN == [1, 2, 3, 4]  # 4 was rolled back with its checkpoint
        assert job.state == {"at": 3}

    def test_cancelled_while_waiting(self, owner, run_jobs):
        job = counting(owner)
        assert cancel(job)
        assert run_jobs() == []
        job.refresh_from_db()
        assert (job.status, SEEN) == (Status.CANCELLED, [])
        assert not cancel(job)

    def test_not_for_a_disabled_account(self, owner, run_jobs):
        counting(owner)
        type(owner).objects.filter(pk=owner.pk).update(is_active=False)
        (job,) = run_jobs()
        assert (job.status, SEEN) == (Status.FAILED, [])
        assert "停用" in job.error

    def test_handler_that_is_gone_fails_the_job(self, owner, run_jobs):
        Job.objects.create(kind="test.gone", title="旧任务", owner=owner)
        (job,) = run_jobs()
        assert job.status == Status.FAILED

    @pytest.mark.parametrize("trip", [None, "sentence", "cancel"])
    def test_is_told_once(self, owner, run_jobs, trip, django_capture_on_commit_callbacks):
        told = []

        def listen(sender, job, **kwargs):
            told.append((job.pk, job.status))

        job_finished.connect(listen)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                job = counting(owner, trip=trip)
        finally:
            job_finished.disconnect(listen)
        job.refresh_from_db()
        assert told == [(job.pk, job.status)]

    def test_a_receiver_that_fails_does_not_hurt_the_job(self, owner, django_capture_on_commit_callbacks):
        def broken(sender, job, **kwargs):
            raise RuntimeError("mail server away")

        job_finished.connect(broken)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                job = counting(owner)
        finally:
            job_finished.disconnect(broken)
        job.refresh_from_db()
        assert job.status == Status.DONE


class TestDoor:
    """start() and who sees what."""

    def test_unknown_kind_is_refused(self, owner):
        with pytest.raises(UnknownKind, match="test\\.nothing"):
            start("test.nothing", owner=owner)
        assert not Job.objects.exists()

    def test_a_kind_has_one_handler(self):
        with pytest.raises(ValueError, match="already handled"):
            job_handler("test.count", title="另一个")(lambda job: None)
        assert find("test.count").handler is count

    def test_one_active_job_per_key(self, owner, run_jobs):
        first = start("test.count", owner=owner, payload={"upto": 1}, key="import:7")
        assert start("test.count", owner=owner, payload={"upto": 9}, key="import:7") == first
        run_jobs()
        assert start("test.count", owner=owner, payload={"upto": 1}, key="import:7") != first

    def test_the_database_holds_the_key(self, owner):
        for status in (Status.DONE, Status.DONE, Status.QUEUED):
            Job.objects.create(kind="test.count", title="数数", key="k", status=status)
        with pytest.raises(IntegrityError), transaction.atomic():
            Job.objects.create(kind="test.count", title="数数", key="k")

    def test_a_person_sees_own_jobs_only(self, owner):
        other = get_user_model().objects.create_user("li", is_superuser=True)
        mine = counting(owner)
        assert list(Job.visible_to(owner)) == [mine]
        assert list(latest(owner)) == [mine]
        assert list(Job.visible_to(other)) == []
        assert list(Job.visible_to(AnonymousUser())) == []

    def test_school_is_an_id_or_an_object(self, owner):
        assert start("test.count", owner=owner, payload={"upto": 1}, school=owner).school_id == owner.pk
        assert start("test.count", owner=owner, payload={"upto": 1}, school=4).school_id == 4

    def test_handler_sees_what_the_owner_sees(self, owner, run_jobs):
        start("test.scope", owner=owner)
        start("test.scope", owner=None)
        start("test.system", owner=owner)
        mine, system_own, declared = run_jobs()
        assert mine.result == {"everything": owner.scope.everything, "reason": ""}
        assert system_own.result["everything"]
        assert declared.result["everything"]
        assert "test.system" in declared.result["reason"]


class TestLease:
    """Only who holds the lease writes; who lost it stops; the reaper gives it to somebody else."""

    def running(self, owner):
        row = dead(owner)
        Job.objects.filter(pk=row.pk).update(lease_until=timezone.now() + timedelta(seconds=60))
        return RunningJob(row)

    def test_progress_writes_twice_a_second_at_most(self, owner, django_assert_num_queries, monkeypatch):
        now = 1000.0
        monkeypatch.setattr("models.jobs.running.time", SimpleNamespace(monotonic=lambda: now))
        job = self.running(owner)
        with django_assert_num_queries(4):  # at 0, 0.5, 1 and 1.5 seconds
            for number in range(16):
                job.progress(number, 100, "写入")
                now += 0.125
        with django_assert_num_queries(1):
            job.progress(100, 100)
        job.row.refresh_from_db()
        assert (job.row.done, job.row.total, job.row.message, job.row.percent) == (100, 100, "写入", 99)

    def test_progress_renews_the_lease(self, owner):
        job = self.running(owner)
        before = job.row.lease_until
        job.progress(1, 2)
        job.row.refresh_from_db()
        assert job.row.lease_until > before

    def test_who_lost_the_lease_writes_nothing(self, owner):
        job = self.running(owner)
        Job.objects.update(worker="another")
        for write in (
            lambda: job.progress(1, 2),
            lambda: job.checkpoint({"at": 1}),
            lambda: job.finish({"a": 1}),
            lambda: job.fail("不行"),
        ):
            with pytest.raises(LeaseLost):
                write()
        assert not job.renew()
        row = Job.objects.get()
        assert (row.done, row.state, row.result, row.status) == (0, {}, {}, Status.RUNNING)

    def test_cancel_is_heard_at_progress_and_checkpoint(self, owner):
        job = self.running(owner)
        assert cancel(job.row)
        assert Job.objects.get().status_label == "正在取消"
        with pytest.raises(Cancelled):
            job.progress(1, 2)
        with pytest.raises(Cancelled):
            job.checkpoint({})

    def test_runner_leaves_a_stolen_job_alone(self, owner, run_jobs):
        counting(owner, trip="stolen")
        (job,) = run_jobs()
        assert (job.status, job.worker, job.error) == (Status.RUNNING, "another", "")

    def test_second_delivery_does_nothing(self, owner, run_jobs):
        job = counting(owner)
        run_jobs()
        execute(job.pk)
        execute(10**9)
        assert SEEN == [1, 2, 3, 4, 5]

    def test_dead_worker_is_replaced_and_the_job_continues(self, owner, run_jobs):
        job = dead(owner, state={"at": 3})
        assert str(reap()) == "重新排队 1，判为失败 0，取消 0"
        run_jobs()
        job.refresh_from_db()
        assert (job.status, job.attempts, SEEN) == (Status.DONE, 2, [4, 5])

    def test_after_the_last_attempt_a_sentence(self, owner):
        job = dead(owner, attempts=3)
        assert str(reap()) == "重新排队 0，判为失败 1，取消 0"
        job.refresh_from_db()
        assert job.status == Status.FAILED
        assert "中断了 3 次" in job.error

    def test_cancelled_with_its_worker_gone(self, owner):
        job = dead(owner, cancel_requested=True)
        assert str(reap()) == "重新排队 0，判为失败 0，取消 1"
        job.refresh_from_db()
        assert job.status == Status.CANCELLED

    def test_living_jobs_are_left_alone(self, owner):
        self.running(owner)
        counting(owner)
        assert str(reap()) == "重新排队 0，判为失败 0，取消 0"

    @pytest.mark.parametrize("trip", ["database", "exit"])
    def test_job_is_given_back_when_the_ground_goes(self, owner, run_jobs, trip):
        job = counting(owner, trip=trip)
        if trip == "exit":
            with pytest.raises(SystemExit):
                run_jobs()
        else:
            run_jobs()
        assert Job.objects.get().status == Status.RUNNING
        assert reap().requeued == 1
        run_jobs()
        job.refresh_from_db()
        assert (job.status, job.attempts, SEEN) == (Status.DONE, 2, [1, 2, 3, 4, 5])

    def test_pulse_stops_for_a_silent_handler(self):
        beats = []
        with Pulse(0.01, lambda: beats.append(1) or len(beats) < 2) as pulse:
            pulse._thread.join(5)
        assert beats == [1, 1]

    def test_running_job_without_lease_cannot_be_stored(self, owner):
        with pytest.raises(IntegrityError), transaction.atomic():
            Job.objects.create(kind="test.count", title="数数", status=Status.RUNNING)


class TestQueue:
    """With the real queue in the database."""

    @pytest.fixture(autouse=True)
    def database_queue(self, settings, monkeypatch):
        settings.TASKS = DATABASE_QUEUE
        # The queue's worker drops connections between two messages; here it would be the one that holds the test's transaction.
        monkeypatch.setattr("django_tasks_db.management.commands.db_worker.close_old_connections", lambda: None)
        monkeypatch.setattr("models.jobs.worker.signal.signal", lambda number, handler: None)

    def test_worker_runs_what_waits_and_then_ends(self, owner, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            jobs = [counting(owner) for _ in range(3)]
        assert [message.status for message in DBTaskResult.objects.all()] == ["READY"] * 3
        assert [job.task_id for job in Job.objects.all()] != ["", "", ""]
        Worker(interval=0, upkeep=False).serve(once=True)
        assert set(Job.objects.values_list("status", flat=True)) == {Status.DONE}
        assert len(jobs) * [1, 2, 3, 4, 5] == SEEN
        assert [message.status for message in DBTaskResult.objects.all()] == ["SUCCESSFUL"] * 3

    def test_message_of_a_dead_worker_is_buried(self, owner, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            job = counting(owner)
        DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now())
        Job.objects.update(status=Status.RUNNING, worker="gone", lease_until=timezone.now() - timedelta(seconds=1))
        assert reap().requeued == 1
        assert sorted(DBTaskResult.objects.values_list("status", flat=True)) == ["FAILED", "READY"]
        Worker(interval=0, upkeep=False).serve(once=True)
        job.refresh_from_db()
        assert job.status == Status.DONE

    @pytest.mark.parametrize("how", ["never sent", "taken by a dead worker"])
    def test_lost_message_is_sent_again_after_a_minute(self, owner, how, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=how != "never sent"):
            job = counting(owner)
        DBTaskResult.objects.update(status="RUNNING", started_at=timezone.now())
        assert reap().requeued == 0
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert reap().requeued == 1
            Worker(interval=0, upkeep=False).serve(once=True)
        job.refresh_from_db()
        assert job.status == Status.DONE

    def test_waiting_message_is_not_sent_twice(self, owner, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            counting(owner)
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            assert reap().requeued == 0

    def test_worker_says_that_it_lives_and_when_it_goes(self, owner, monkeypatch):
        beats = []
        monkeypatch.setattr("models.jobs.worker.tick", lambda: beats.append(newest_beat()))
        call_command("worker", "--once", "--interval=0", verbosity=0)
        assert len(beats) == 1
        assert beats[0] is not None
        assert not WorkerBeat.objects.exists()

    def test_worker_outlives_the_database(self, monkeypatch):
        worker = Worker(interval=0, upkeep=False)
        calls = []

        def run():
            calls.append(1)
            if len(calls) == 1:
                raise OperationalError("the database system is shutting down")
            worker.running = False

        monkeypatch.setattr(worker, "run", run)
        monkeypatch.setattr("models.jobs.worker.connections.close_all", lambda: None)
        monkeypatch.setattr("models.jobs.worker.time.sleep", lambda seconds: None)
        worker.serve()
        assert len(calls) == 2

    def test_first_signal_waits_and_its_echo_is_ignored(self):
        worker = Worker(interval=0, upkeep=False)
        worker.running_task = True
        worker.shutdown(2, None)
        worker.shutdown(15, None)
        assert not worker.running
        worker._signalled -= 5
        with pytest.raises(SystemExit):
            worker.shutdown(15, None)


def test_starting_and_running_takes_few_queries(owner, django_assert_max_num_queries):
    with django_assert_max_num_queries(30):
        start("test.count", owner=owner, payload={"upto": 5}, immediately=True)
    assert connection.in_atomic_block
