"""The background worker: django-tasks-db's, with upkeep between jobs, a pulse for /readyz, and patience with the database."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
import uuid
from types import FrameType
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker as QueueWorker
from django_tasks_db.models import DBTaskResult

from models.jobs.models import WorkerBeat
from models.jobs.registry import load
from models.jobs.runner import Pulse
from models.jobs.schedule import tick

logger = logging.getLogger(__name__)

BEAT_EVERY = 20.0  # seconds; /readyz calls a worker dead after two minutes
TICK_EVERY = 5.0
SECOND_SIGNAL_AFTER = (
    2.0  # Ctrl-C reaches a whole process group, and the parent's TERM follows at once: that is one request
)


class Worker(QueueWorker):
    """Takes one message at a time, so that upkeep has its turn between two jobs.

    SIGTERM or Ctrl-C: finishes the job at hand, then ends; a second one ends at once, and the job is begun again elsewhere.
    """

    def __init__(self, *, interval: float = 0.5, upkeep: bool = True) -> None:
        super().__init__(
            queue_names=["default"],
            interval=0,
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=1,
            worker_id=f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:8]}",
            excluded_queue_names=[],
        )
        self.pause = interval
        self.upkeep = upkeep
        self._signalled = 0.0
        self._ran = False
        self._next_tick = 0.0

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Signal handler."""
        now = time.monotonic()
        if not self.running and now - self._signalled < SECOND_SIGNAL_AFTER:
            return
        self._signalled = self._signalled or now
        super().shutdown(signum, frame)

    def run_task(self, db_task_result: DBTaskResult) -> None:
        """Run one message."""
        self._ran = True
        super().run_task(db_task_result)

    def serve(self, *, once: bool = False) -> None:
        """Work until told to stop; with `once`, until nothing is waiting."""
        load()
        # Each round of the queue worker logs its start and end; a round is half a second here.
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        self.beat()
        try:
            with Pulse(BEAT_EVERY, self.beat):
                while self.running:
                    if not self._round() and once:
                        return
        finally:
            WorkerBeat.objects.filter(worker=self.worker_id).delete()

    def _round(self) -> bool:
        """One message and the upkeep that is due; True if there was a message. Outlives a database that is away for a while."""
        self._ran = False
        try:
            self.run()
            if self.upkeep and time.monotonic() >= self._next_tick:
                self._between_jobs()
        except (OperationalError, InterfaceError) as error:
            logger.warning("database unavailable, trying again: %s", error)
            connections.close_all()
            time.sleep(2)
        if self.running and not self._ran:
            time.sleep(self.pause)
        return self._ran

    def _between_jobs(self) -> None:
        self.running_task = True  # a signal waits for the end of the upkeep as it does for a job
        try:
            tick()
        finally:
            self.running_task = False
            self._next_tick = time.monotonic() + TICK_EVERY

    def beat(self) -> bool:
        """Say that this process lives."""
        WorkerBeat.objects.update_or_create(worker=self.worker_id, defaults={"beat_at": timezone.now()})
        return True

    def configure_signals(self) -> None:
        """As the base class, for the signals a supervisor or a terminal sends."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.shutdown)


def newest_beat() -> Any:
    """Time of the newest beat of any worker, None if there is none."""
    return WorkerBeat.objects.order_by("-beat_at").values_list("beat_at", flat=True).first()
