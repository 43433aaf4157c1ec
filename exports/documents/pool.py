"""Laying out in several processes at once: a page of Chinese text is a tenth of a second of pure Python, and Python has one lock.

The children are started fresh (spawn), know the templates and the fonts, and never touch the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import Any

import django
from django.conf import settings

from exports.documents import engine

INLINE = 20  # forms up to which starting processes takes longer than laying out
AHEAD = 2  # pieces of work that wait ready for each process

Piece = tuple[str, dict[str, Any]]  # template and its context


def begin() -> None:
    """What a child does first."""
    django.setup()
    engine.prepare()


def lay_out(piece: Piece) -> bytes:
    """The PDF of one piece of work, in whatever process this is."""
    return engine.render(*piece)


@contextmanager
def layouts(count: int) -> Iterator[Any]:
    """A function from pieces of work to their PDFs, in order, for `count` forms in all: `with layouts(900) as lay_out_all: …`."""
    workers = settings.PDF_WORKERS
    if count <= INLINE or workers < 2:
        yield lambda pieces: map(lay_out, pieces)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=begin) as pool:
        yield lambda pieces: _in_order(pool, pieces, workers * AHEAD)


def _in_order(pool: ProcessPoolExecutor, pieces: Iterable[Piece], ahead: int) -> Iterator[bytes]:
    """Results in the order of the work, with only so much of it in memory."""
    work = iter(pieces)
    waiting: list[Future[bytes]] = [pool.submit(lay_out, piece) for piece in islice(work, ahead)]
    while waiting:
        yield waiting.pop(0).result()
        waiting += [pool.submit(lay_out, piece) for piece in islice(work, 1)]
