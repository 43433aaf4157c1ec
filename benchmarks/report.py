"""Rows, the table, and what is kept of a run for docs/performance.md."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.measure import Operation, Timing
from benchmarks.targets import TARGETS

Row = dict[str, Any]


def row(operation: Operation, part: str, timings: dict[str, Timing]) -> Row:
    """One row of the report: seconds are medians, ratios those of the medians."""
    place, share = operation.place, operation.stock_share
    ours = timings["ours"].median
    stock = timings["stock"].median / share if "stock" in timings else None
    floor = timings["floor"].median if "floor" in timings else None
    op = f"{operation.code} {part}".strip()
    found: Row = {
        "op": op, "title": operation.parts[part].format(n=f"{getattr(operation, 'count', 0):,}"), "size": place.size, "db": place.engine,
        "stock_s": _short(stock), "ours_s": _short(ours), "floor_s": _short(floor), "vs_stock": _ratio(stock, ours), "vs_floor": _ratio(ours, floor),
        "peak_mb": round(timings["ours"].peak_mb), "queries": timings["ours"].queries, "cpu": {way: _short(statistics.median(timing.cpu)) for way, timing in timings.items()},
        "stock_queries": round(timings["stock"].queries / share) if "stock" in timings else None,
        "stock_peak_mb": round(timings["stock"].peak_mb) if "stock" in timings else None,
        "scaled": share < 1 and stock is not None, "rounds": {way: len(timing.seconds) for way, timing in timings.items()},
    }  # fmt: skip
    return judged(found)


def judged(found: Row) -> Row:
    """The row with "target": whether it was met (None: none was set for it), and "missed": what was not."""
    target = TARGETS.get(found["op"])
    applies = target and found["size"] != "tiny" and (not target.sizes or found["size"] in target.sizes)
    missed = target.missed(found) if target else []
    return {**found, "target": not missed if applies else None, "missed": missed}


def _short(seconds: float | None) -> float | None:
    return None if seconds is None else float(f"{seconds:.4g}")


def _ratio(above: float | None, below: float | None) -> float | None:
    return None if not above or not below else float(f"{above / below:.3g}")


def span(seconds: float | None) -> str:
    """Seconds for people: 3.1 ms, 2.45 s."""
    if seconds is None:
        return "–"
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def table(rows: Iterable[Row]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| # | operation | stock | Qihang | floor | times stock | times floor | peak | target |",
        "|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for one in rows:
        stock = span(one["stock_s"]) + ("*" if one["scaled"] else "")
        faster = f"{one['vs_stock']:g}×" if one["vs_stock"] else "–"
        above = f"{one['vs_floor']:g}×" if one["vs_floor"] else "–"
        verdict = {True: "met", False: "**missed**: " + "; ".join(one["missed"]), None: "–"}[one["target"]]
        lines.append(
            f"| {one['op']} | {one['title']} | {stock} | {span(one['ours_s'])} | {span(one['floor_s'])} | {faster} | {above} | "
            f"{one['peak_mb']} MB | {verdict} |"
        )
    return "\n".join(lines)


def keep(folder: Path, rows: list[Row]) -> None:
    """Keep the rows with the place they were measured at; rows of operations measured again replace the old."""
    path = folder / "results.json"
    old = {one["op"]: one for one in json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}
    old |= {one["op"]: one for one in rows}
    path.write_text(json.dumps(list(old.values()), ensure_ascii=False, indent=1), encoding="utf-8")


def kept(root: Path) -> dict[str, list[Row]]:
    """{"sqlite-10k": rows} of every place that has results; verdicts by today's targets."""
    return {
        path.parent.name: [judged(one) for one in json.loads(path.read_text(encoding="utf-8"))]
        for path in sorted(root.glob("*/results.json"))
    }


def say(text: str) -> None:
    """One line of progress, on standard error: standard output is the report's."""
    print(text, file=sys.stderr, flush=True)
