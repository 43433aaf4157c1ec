"""A batch at work: in the request for a few hundred records, in the background for more; the same code either way.

The records are frozen when the person confirms. Each chunk is written in one transaction together with the place to go on from,
so that a killed worker neither repeats nor skips one: a record already approved at one level is never taken for the next.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models, transaction

from exports.batches import Deed, Operation, operation
from exports.columns import Column, presenter, vocabulary
from exports.sheets.writer import write_rows
from models.jobs.errors import JobError
from models.jobs.files import store_private
from models.jobs.registry import job_handler
from models.jobs.running import RunningJob
from workflows import bulkrows
from workflows.batch import BatchResult
from workflows.errors import Refused

CHUNK = 1000
SAMPLE = 20  # records named on the result page for each reason; the workbook has all


@job_handler("batch.run", title="批量办理")
def run_batch(job: RunningJob) -> None:
    """Do the operation of the payload {operation, model, ids, args, ip, request_id} to its records, chunk by chunk."""
    payload = job.payload
    doing, model = operation(payload["operation"]), apps.get_model(payload["model"])
    deed = Deed(job.owner, payload.get("ip", ""), payload.get("request_id", ""))
    ids: list[int] = payload["ids"]
    state: dict[str, Any] = job.state or {"at": 0, "done": 0, "unchanged": 0, "refused": {}}
    try:
        for start in range(state["at"], len(ids), CHUNK):
            with transaction.atomic():
                part = _chunk(doing, model, ids[start : start + CHUNK], payload["args"], deed)
                state = _added(state, part, start + CHUNK)
                job.checkpoint(state)
            job.progress(min(start + CHUNK, len(ids)), len(ids), f"正在{doing.label}")
    except Refused as refusal:
        raise JobError(refusal.sentence) from refusal
    _finish(job, doing, model, state, deed)


def _chunk(
    doing: Operation, model: type[models.Model], ids: Sequence[int], args: dict[str, Any], deed: Deed
) -> BatchResult:
    part = doing.run(bulkrows.those(model.objects.all(), "id", ids), args, deed)
    part.account_for(list(ids))
    return part


def _added(state: Mapping[str, Any], part: BatchResult, at: int) -> dict[str, Any]:
    refused: dict[str, list[int]] = defaultdict(
        list, {sentence: list(ids) for sentence, ids in state["refused"].items()}
    )
    for pk, sentence in part.refused.items():
        refused[sentence].append(pk)
    return {
        "at": at,
        "done": state["done"] + len(part.done),
        "unchanged": state["unchanged"] + len(part.unchanged),
        "refused": dict(refused),
    }


def _finish(job: RunningJob, doing: Operation, model: type[models.Model], state: dict[str, Any], deed: Deed) -> None:
    refused = state["refused"]
    reasons = sorted(((sentence, len(ids), ids[:SAMPLE]) for sentence, ids in refused.items()), key=lambda row: -row[1])
    result = {
        "operation": doing.name,
        "model": model._meta.label_lower,
        "done": state["done"],
        "unchanged": state["unchanged"],
        "refused": sum(count for _sentence, count, _ids in reasons),
        "reasons": reasons,
    }
    sentences = {pk: sentence for sentence, ids in refused.items() for pk in ids}
    file = _workbook(model, sentences) if sentences else ""
    with transaction.atomic():
        counted = BatchResult(range(state["done"]), sentences, range(state["unchanged"]))  # type: ignore[arg-type]
        doing.audit(model, counted, job.payload["args"], deed)
        job.finish(result, file=file, file_name=f"批量{doing.label}_未办理的{model._meta.verbose_name}.xlsx")


def _columns(model: type[models.Model]) -> list[Column]:
    """Who a record is about: the first columns of its list, never one that is masked."""
    known = vocabulary(model, ())
    names = getattr(model, "list_columns", None) or model.columns
    return [known[name] for name in names if name in known and not known[name].mask][:7]


def _workbook(model: type[models.Model], refused: Mapping[int, str]) -> str:
    """A workbook of the refused records with the reason of each; its stored name."""
    columns = _columns(model)
    rows = bulkrows.those(model.objects.all(), "id", list(refused)).order_by("pk")
    found = list(rows.values_list("pk", *(column.source for column in columns)))
    texts = [presenter(column)([row[place] for row in found]) for place, column in enumerate(columns, 1)]
    table = zip(*texts, [refused[row[0]] for row in found], strict=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "refused.xlsx")
        write_rows(path, [[*(column.label for column in columns), "未办理的原因"]], table, sheet_name="未办理")
        return store_private(path.name, path.read_bytes(), "batches")
