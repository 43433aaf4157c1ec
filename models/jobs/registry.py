"""Kinds of long work. A handler declares itself in `<app>/job_handlers.py`; that module is imported when first needed, not at start.

@job_handler("import.run", title="导入", max_attempts=3)
def run_import(job: RunningJob) -> dict:
    for chunk in chunks(after=job.state.get("row", 0)):
        with transaction.atomic():
            write(chunk)
            job.checkpoint({"row": chunk.last})     # same transaction: a killed worker repeats or skips nothing
        job.progress(chunk.last, total, "正在写入")
    return {"created": 12}                          # or job.finish(result, file=stored_name, file_name="结果.xlsx")
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import autodiscover_modules

if TYPE_CHECKING:
    from models.jobs.running import RunningJob

Handler = Callable[["RunningJob"], "dict[str, Any] | None"]


@dataclass(frozen=True)
class Kind:
    """One kind of job: its name, what it is called, what does it, how often a killed one is begun again."""

    name: str
    title: str
    handler: Handler
    max_attempts: int = 3
    patience: int = 600
    as_system: bool = False


class UnknownKind(LookupError):
    """No handler of that name: a programming error."""


_kinds: dict[str, Kind] = {}


def job_handler(
    kind: str, *, title: str, max_attempts: int = 3, patience: int = 600, as_system: bool = False
) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of `kind`.

    title         what the owner reads, Chinese
    max_attempts  how often the job is taken up in all when workers are killed under it; 1 means never again
    patience      seconds without a progress() or checkpoint() after which a silent handler counts as hung
    as_system     run without the owner's row scope (workflows.scoping); the default sees exactly what the owner sees
    """

    def register(function: Handler) -> Handler:
        known = _kinds.get(kind)
        if known and (known.handler.__module__, known.handler.__qualname__) != (
            function.__module__,
            function.__qualname__,
        ):
            raise ValueError(
                f"Job kind {kind!r} is already handled by {known.handler.__module__}.{known.handler.__qualname__}"
            )
        _kinds[kind] = Kind(kind, title, function, max_attempts, patience, as_system)
        return function

    return register


def load() -> None:
    """Import `job_handlers` of every installed app, once."""
    autodiscover_modules("job_handlers")


def find(kind: str) -> Kind:
    """The registered kind; UnknownKind if nobody handles it."""
    if kind not in _kinds:
        load()
    try:
        return _kinds[kind]
    except KeyError:
        raise UnknownKind(f"No job handler for {kind!r}; declared are {sorted(_kinds)}") from None
