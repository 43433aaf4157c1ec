"""The benchmarks measure what they say: each way must come to the same result, and never on the user's own data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from benchmarks import report
from benchmarks.measure import Operation, Timing, measure
from benchmarks.place import Place
from benchmarks.targets import TARGETS, Target

KEYS = {"op", "size", "db", "stock_s", "ours_s", "floor_s", "vs_stock", "vs_floor", "peak_mb", "scaled", "target"}


class Counting(Operation):
    """Something without a database that takes three ways."""

    code = "X1"
    parts = {"": "count to {n}"}
    count = 50_000
    stock_share = 0.5

    def ours(self, part: str) -> int:
        return sum(range(self.count))

    def floor(self, part: str) -> int:
        return self.count * (self.count - 1) // 2

    def stock(self, part: str) -> int:
        return sum(range(int(self.count * self.stock_share)))

    def same(self, way: str, result: int, ours: int) -> bool:
        return result == ours if way == "floor" else 0 < result < ours


class Wrong(Counting):
    """A way that does not do the same work."""

    def floor(self, part: str) -> int:
        return 1


class Failing(Counting):
    """A way that breaks."""

    def stock(self, part: str) -> int:
        raise ValueError("broken on purpose")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.of("10k", root=tmp_path)


def test_a_row_scales_the_stock_sample_and_says_so(place: Place) -> None:
    timings = measure(Counting(place), most=3)[""]
    row = report.row(Counting(place), "", timings)
    assert len(timings["ours"].seconds) == 3
    assert row["scaled"] is True
    assert row["stock_s"] == pytest.approx(timings["stock"].median * 2, rel=0.01)
    assert row["vs_stock"] == pytest.approx(row["stock_s"] / row["ours_s"], rel=0.02)
    assert row["title"] == "count to 50,000"
    assert row.keys() >= KEYS


def test_a_way_with_another_result_is_no_measurement(place: Place) -> None:
    with pytest.raises(RuntimeError, match="X1  floor"):
        measure(Wrong(place), most=1)


def test_a_failing_way_stops_the_run_with_its_reason(place: Place) -> None:
    with pytest.raises(RuntimeError, match="broken on purpose"):
        measure(Failing(place), most=1)


def test_slow_ways_get_fewer_rounds(place: Place) -> None:
    timings = measure(Counting(place), most=5, budget=0.0)[""]
    assert {way: len(timing.seconds) for way, timing in timings.items()} == {"stock": 1, "ours": 1, "floor": 1}


@pytest.mark.parametrize(
    ("url", "engine", "ends"),
    [
        ("", "sqlite", "sqlite-10k/bench.sqlite3"),
        ("sqlite:////srv/qihang/qihang.sqlite3", "sqlite", "sqlite-10k/bench.sqlite3"),
        ("postgres://somebody:word@127.0.0.1:5432/qihang", "postgres", "/qihang_bench_10k"),
        ("postgres://127.0.0.1/qihang?sslmode=require", "postgres", "/qihang_bench_10k?sslmode=require"),
    ],
)
def test_the_database_is_never_the_users(tmp_path: Path, url: str, engine: str, ends: str) -> None:
    found = Place.of("10k", url, tmp_path)
    assert (found.engine, found.url != url) == (engine, True)
    assert found.url.endswith(ends)
    assert "/srv/qihang" not in found.url


def test_targets_are_judged_by_engine_and_size() -> None:
    row = {
        "op": "P4",
        "size": "10k",
        "db": "sqlite",
        "vs_stock": 40.0,
        "vs_floor": 3.5,
        "ours_s": 0.2,
        "peak_mb": 90,
        "queries": 8,
    }
    target = TARGETS["P4"]
    assert target.missed(row) == ["3.5x the floor, target 3x"]
    assert target.missed({**row, "db": "postgres"}) == ["40.0x stock, target 70x"]
    assert target.missed({**row, "size": "tiny"}) == []
    assert report.judged({**row, "op": "P5 deep"})["target"] is None  # set for a million rows only
    assert Target(seconds=0.1, queries=6).missed(row) == ["0.2 s, target 0.1 s", "8 statements, target 6"]


def test_results_of_a_place_are_kept_by_operation(tmp_path: Path, place: Place) -> None:
    place.folder.mkdir()
    timings = {"ours": Timing([0.2], [0.1], 0.2, 90.0, 3, None)}
    row = report.row(Counting(place), "", timings)
    report.keep(place.folder, [row])
    report.keep(place.folder, [{**row, "ours_s": 0.3}])
    assert [one["ours_s"] for one in report.kept(tmp_path)["sqlite-10k"]] == [0.3]
    assert "| X1 | count to 50,000 | – | 200 ms |" in report.table([row])


@pytest.mark.nightly
def test_smoke_run(tmp_path: Path) -> None:
    """Every operation, once, at the smallest size: the ways agree, and the report is what was promised."""
    environ = {**os.environ, "BENCH_DIR": str(tmp_path), "DATABASE_URL": ""}
    environ.pop("DJANGO_SETTINGS_MODULE", None)
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--size", "tiny", "--rounds", "1"],
        cwd=settings.BASE_DIR, env=environ, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert {row["op"].split()[0] for row in rows} == {
        "P1",
        "P2",
        "P3",
        "P4",
        "P5",
        "P6",
        "P7",
        "P8",
        "P9",
        "P12",
        "P15",
    }
    assert all(row.keys() >= KEYS and row["ours_s"] > 0 and row["size"] == "tiny" for row in rows)
    assert run.stdout.splitlines()[-1].startswith("{")
    assert TARGETS.keys() - {"P1 50k", "P3 100k"} <= {row["op"] for row in rows}
