"""python -m benchmarks --size 10k|100k|1m|tiny [--only P4 P7] [--rounds 5] [--fresh] [--report]

DATABASE_URL picks the engine (see `benchmarks.place`). Prints a table and, last, one JSON object per row.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from benchmarks.place import SIZES, Place

BUDGET = {"tiny": 0.5, "10k": 2, "100k": 20, "1m": 20}


def main(argv: list[str] | None = None) -> int:
    """Measure what was asked for; exit code 0 even where a target is missed (the row says so)."""
    asked = parse(argv)
    url = os.environ.get("DATABASE_URL", "")
    place = Place.of(asked.size, url)
    if asked.report:
        return show_kept(place)
    place.create(url, fresh=asked.fresh)
    place.enter()

    import django

    django.setup()
    from benchmarks import measure, report
    from benchmarks.ops import ALL

    report.say(f"· {place.engine} {place.size}: {place.folder}")
    measure.aside(Filling(place).fill)
    rows = []
    for kind in ALL:
        for operation in kind.variants(place):
            if asked.only and not any(operation.code.startswith(code) for code in asked.only):
                continue
            started = time.perf_counter()
            found = [
                report.row(operation, part, timings)
                for part, timings in measure.measure(
                    operation, asked.rounds, asked.budget or BUDGET[asked.size]
                ).items()
            ]
            rows += found
            for row in found:
                report.say(f"· {row['op']:<16} {time.perf_counter() - started:6.1f} s  {report.span(row['ours_s'])}")
            report.keep(place.folder, found)
    print(report.table(rows))
    for row in rows:
        print(
            json.dumps({key: value for key, value in row.items() if key not in ("title", "rounds")}, ensure_ascii=False)
        )
    return 0


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), default="10k")
    parser.add_argument("--only", nargs="*", help="operations, by the beginning of their code (P4, P5 …)")
    parser.add_argument("--rounds", type=int, default=5, help="at most so many rounds each")
    parser.add_argument("--budget", type=float, help="seconds after which a way of an operation gets no further round")
    parser.add_argument("--fresh", action="store_true", help="drop the benchmark's own database first")
    parser.add_argument("--report", action="store_true", help="show what earlier runs have kept, measure nothing")
    return parser.parse_args(argv)


def show_kept(place: Place) -> int:
    """Tables of everything kept."""
    from benchmarks import report

    for name, rows in report.kept(place.folder.parent).items():
        print(f"\n### {name}\n\n{report.table(rows)}")
    return 0


class Filling:
    """The filling of the database as something `aside` can call."""

    code = "data"

    def __init__(self, place: Place) -> None:
        self.place = place

    def fill(self) -> None:
        self.place.fill()


if __name__ == "__main__":
    sys.exit(main())
