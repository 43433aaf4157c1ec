"""The targets, per row: at least so many times faster than stock, at most so many times the floor, and absolute limits.

A pair is (SQLite, PostgreSQL). They hold at the size they name (performance figures of a design are no use at another one).
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[float, float]


@dataclass(frozen=True)
class Target:
    """What a row should reach; None: nothing was set. `sizes` () is every size but tiny."""

    vs_stock: Pair | None = None
    vs_floor: Pair | None = None
    seconds: float | None = None
    peak_mb: float | None = None
    queries: int | None = None
    sizes: tuple[str, ...] = ()

    def missed(self, row: dict) -> list[str]:
        """What of it `row` does not reach, in words; [] when all of it is reached or it is not meant for this size."""
        if row["size"] == "tiny" or (self.sizes and row["size"] not in self.sizes):
            return []
        place = 1 if row["db"] == "postgres" else 0
        found = []
        if self.vs_stock and row["vs_stock"] is not None and row["vs_stock"] < self.vs_stock[place]:
            found.append(f"{row['vs_stock']}x stock, target {self.vs_stock[place]:g}x")
        if self.vs_floor and row["vs_floor"] is not None and row["vs_floor"] > self.vs_floor[place]:
            found.append(f"{row['vs_floor']}x the floor, target {self.vs_floor[place]:g}x")
        if self.seconds and row["ours_s"] > self.seconds:
            found.append(f"{row['ours_s']} s, target {self.seconds:g} s")
        if self.peak_mb and row["peak_mb"] > self.peak_mb:
            found.append(f"{row['peak_mb']} MB, target {self.peak_mb:g} MB")
        if self.queries and row["queries"] > self.queries:
            found.append(f"{row['queries']} statements, target {self.queries}")
        return found


LARGE = ("1m",)
TARGETS: dict[str, Target] = {
    "P1": Target(vs_stock=(15, 15), vs_floor=(3, 3), seconds=5),
    "P1 50k": Target(vs_stock=(15, 15), vs_floor=(3, 3), peak_mb=300),
    "P2": Target(vs_floor=(2, 2)),
    "P3": Target(vs_stock=(20, 20), seconds=0.2),
    "P3 100k": Target(vs_stock=(20, 20), peak_mb=250),
    "P4": Target(vs_stock=(30, 70), vs_floor=(3, 4)),
    "P5 first": Target(vs_stock=(10, 10), queries=6, sizes=LARGE),
    "P5 middle": Target(queries=6),
    "P5 deep": Target(vs_stock=(50, 100), queries=6, sizes=LARGE),
    "P6 number": Target(vs_stock=(50, 50), sizes=LARGE),
    "P6 name": Target(vs_stock=(50, 50), sizes=LARGE),
    "P6 inside": Target(vs_stock=(50, 50), sizes=LARGE),
    "P6 query number": Target(seconds=0.003),
    "P6 query name": Target(seconds=0.003),
    "P6 query inside": Target(seconds=0.003),
    "P7": Target(vs_stock=(150, 250), vs_floor=(1.3, 1.3)),
    "P8 counselor": Target(vs_floor=(1.2, 1.2), sizes=LARGE),
    "P8 college": Target(vs_floor=(1.2, 1.2), sizes=LARGE),
    "P9 one": Target(vs_floor=(3, 3), queries=1),
    "P9 all": Target(vs_stock=(10, 10), vs_floor=(3, 3), queries=1, sizes=LARGE),
    "P10 one": Target(vs_floor=(3, 3), queries=2),
    "P10 all": Target(vs_stock=(10, 30), vs_floor=(3, 3), queries=2, sizes=LARGE),
    "P11": Target(seconds=0.1),
    "P11 1000": Target(seconds=100, sizes=("100k", "1m")),
    "P12 read": Target(vs_stock=(15, 15), queries=2),
    "P12 save": Target(vs_stock=(4, 4), queries=4),
    **{f"P12 {n} read": Target(vs_stock=(15, 15)) for n in (16, 64)},
    **{f"P12 {n} save": Target(vs_stock=(4, 4)) for n in (16, 64)},
    "P15 start": Target(seconds=0.6),
}
