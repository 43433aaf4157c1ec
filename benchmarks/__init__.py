"""Benchmarks: every operation of docs/performance.md beside the usual Django way and beside its floor, in one run.

`python -m benchmarks --size 10k` (make bench). Data live in a database of their own, see `benchmarks.place`.
"""
