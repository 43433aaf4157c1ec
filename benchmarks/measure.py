"""Measuring: the ways of doing one operation take turns, each in a process of its own, so that load and caches hit all alike.

Every way is forked from one warm parent. A round is: reset (not timed), garbage collection, the call (timed). The peak is that of
the calls alone: the kernel's high-water mark is reset before each where it allows (Linux).
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import statistics
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

WAYS = ("stock", "ours", "floor")


class Operation:
    """One operation to measure. Subclasses say what is done in each way; a way that is None does not exist.

    code, title   "P4", "batch approve 5,000"
    parts         {part: title}: variants measured one after the other with the same set-up; the ways get the part
    stock_share   the stock way does this share of the work and its time is scaled up; the row then says "scaled"
    warm          run each way once before counting (not for those that write a lot)
    repeat        a call of a way is so many of the operation; figures are of one
    """

    code = ""
    title = ""
    parts: dict[str, str] = {"": ""}
    stock_share = 1.0
    warm = True
    repeat = 1
    floor: Any = None
    stock: Any = None

    def __init__(self, place: Any) -> None:
        self.place = place

    @classmethod
    def variants(cls, place: Any) -> list[Operation]:
        """The operations of this class at this size: one, unless a larger one belongs to larger sizes."""
        return [cls(place)]

    def setup(self, way: str) -> None:
        """Once in the process of each way."""

    def teardown(self, way: str) -> None:
        """At the end of the process of each way."""

    def timed(self, result: Any, seconds: float) -> float:
        """The figure of a round that took `seconds` and returned `result`."""
        return seconds

    def prepare(self) -> None:
        """Once before the ways start, in a process of its own (write what they need)."""

    def finish(self) -> None:
        """Once after all, in a process of its own (remove it again)."""

    def reset(self, way: str, part: str) -> None:
        """Before each call, not timed."""

    def ours(self, part: str) -> Any:
        """The operation as the project does it; what it returns must be what the other ways return."""
        raise NotImplementedError

    def same(self, way: str, result: Any, ours: Any) -> bool:
        """Whether another way came to the same result."""
        return result == ours


@dataclass
class Timing:
    """Rounds of one way of one operation."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # of this process and its children; a database server's is not in it
    spent: float = 0.0
    peak_mb: float = 0.0
    queries: int = 0
    result: Any = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure(operation: Operation, most: int = 5, budget: float = 4.0) -> dict[str, dict[str, Timing]]:
    """{part: {way: Timing}}. Raises RuntimeError when a way fails or comes to another result than ours.

    Each way gets `most` rounds, fewer once it has taken `budget` seconds.
    """
    aside(operation.prepare)
    try:
        found = {}
        for part in operation.parts:
            ways = [way for way in WAYS if getattr(operation, way) is not None]
            found[part] = _alternate(operation, part, ways, most, budget)
        return found
    finally:
        aside(operation.finish)


def _alternate(operation: Operation, part: str, ways: list[str], most: int, budget: float) -> dict[str, Timing]:
    children = {way: Child(operation, way, part) for way in ways}
    timings = {way: Timing() for way in ways}
    try:
        left = dict.fromkeys(ways, most)
        while any(left.values()):
            for way in [way for way in ways if left[way]]:
                seconds, cpu, peak, queries, result = children[way].run()
                timing = timings[way]
                queries //= operation.repeat
                timing.cpu.append(cpu / operation.repeat)
                timing.seconds.append(operation.timed(result, seconds) / operation.repeat)
                timing.spent += seconds
                timing.peak_mb, timing.result = max(timing.peak_mb, peak), result
                # Settings that a process remembers for five seconds are read again in some rounds.
                timing.queries = min(queries, timing.queries) if len(timing.seconds) > 1 else queries
                left[way] = most - len(timing.seconds) if timing.spent < budget else 0
        for way in ways:
            if way != "ours" and not operation.same(way, timings[way].result, timings["ours"].result):
                raise RuntimeError(
                    f"{operation.code} {part} {way}: {timings[way].result!r}, ours: {timings['ours'].result!r}"
                )
        return timings
    finally:
        for child in children.values():
            child.end()


class Child:
    """A forked process that runs one way of one operation on request."""

    def __init__(self, operation: Operation, way: str, part: str) -> None:
        from django.db import connections

        connections.close_all()  # a forked child must not share the parent's connection
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.name = f"{operation.code} {part} {way}"
        self.process = context.Process(target=_serve, args=(theirs, operation, way, part), daemon=False)
        self.process.start()
        theirs.close()

    def run(self) -> tuple[float, float, float, int, Any]:
        """One round: seconds, seconds of CPU, peak in MB, statements, result."""
        with suppress(OSError):  # it may have failed in its set-up; then the reason is waiting
            self.pipe.send("run")
        try:
            kind, value = self.pipe.recv()
        except (EOFError, OSError):
            raise RuntimeError(f"{self.name}: the process ended") from None
        if kind == "error":
            raise RuntimeError(f"{self.name}\n{value}")
        return value

    def end(self) -> None:
        """Let it go."""
        with suppress(OSError):
            self.pipe.send("end")
        self.process.join(20)
        if self.process.is_alive():
            self.process.terminate()


def aside(call: Any) -> None:
    """Run `call` in a forked process, so that it leaves nothing in this one's memory."""
    from django.db import connections

    connections.close_all()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=call)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{call.__self__.code} {call.__name__} failed")


def _serve(pipe: Connection, operation: Operation, way: str, part: str) -> None:
    try:
        operation.setup(way)
        call = getattr(operation, way)
        if operation.warm:
            operation.reset(way, part)
            call(part)
        while _next(pipe) == "run":
            operation.reset(way, part)
            pipe.send(("done", _once(call, part)))
    except EOFError:
        pass
    except BaseException:
        with suppress(OSError):
            pipe.send(("error", traceback.format_exc()))
    finally:
        operation.teardown(way)


def _next(pipe: Connection) -> str:
    """What the parent wants; "end" when it has died (a sibling's copy of the pipe keeps it open)."""
    parent = multiprocessing.parent_process()
    while not pipe.poll(2):
        if parent is None or os.getppid() != parent.pid:
            return "end"
    return pipe.recv()


def _once(call: Any, part: str) -> tuple[float, float, float, int, Any]:
    from django.db import connection

    counter = Counter()
    gc.collect()
    _reset_peak()
    with connection.execute_wrapper(counter):
        worked, started = cpu_seconds(), time.perf_counter()
        result = call(part)
        seconds, cpu = time.perf_counter() - started, cpu_seconds() - worked
    return seconds, cpu, peak_mb(), counter.count, result


def cpu_seconds() -> float:
    """CPU used so far by this process and its ended children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Counter:
    """Counts statements, BEGIN left out (only SQLite's goes this way); the cost of counting is the same for every way."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        self.count += not sql.startswith("BEGIN")
        return execute(sql, params, many, context)


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Highest memory of this process since the reset (or since it began), in MB."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if os.uname().sysname == "Linux" else 1024**2)
