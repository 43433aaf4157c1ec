"""The one door through which records leave: `order_export` (page: now or in the background), `export` (command, test: now).

Nothing leaves before it is on record: the ExportRecord and the audit row are written, with who, what, how many and why, in the
transaction that precedes the first cell. Scope and masks are applied here, whatever page the order came from.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.db.models import Max, Min
from django.http import HttpRequest
from django.utils import timezone

from exports.exporting.approval import ask, is_needed, make_later
from exports.exporting.order import Order
from exports.exporting.rows import blocks, ordered_keys
from exports.exporting.tables import TableRows
from exports.selection import Selection
from models.audit.masking import mask_text
from models.audit.models import Action, Result
from models.audit.services import record as audit
from models.jobs.files import safe_filename, store_private
from models.organisation.models import Cohort
from models.releases.models import ExportRecord, State, keep_until
from models.releases.upkeep import FOLDER
from workflows.errors import Invalid, NotAllowed
from workflows.levels import Status
from workflows.scoping import acting

DIRECT_ROWS = 3000  # more than this is made in the background
Progress = Callable[[int], None]


def order_export(
    selection: Selection | TableRows, user: Any, order: Order, request: HttpRequest | None = None
) -> ExportRecord:
    """Put an export on record and make it: at once up to DIRECT_ROWS, else by a job of `user`. Raises a Refused.

    What needs a second person comes back WAITING, without a file (exports.exporting.approval).
    """
    record, keys = _open(selection, user, order, request)
    if record.state == State.WAITING:
        return record
    if len(keys) <= DIRECT_ROWS:
        return write(record, user, order, keys)
    with transaction.atomic():
        make_later(record)
    return record


def export(
    selection: Selection,
    user: Any,
    columns: Sequence[str] = (),
    codes: str = "name",
    reveal: bool = False,
    purpose: str = "",
    layout: str = "",
    format: str = "xlsx",
) -> ExportRecord:
    """Export here and now, whatever the size; the file is `record.file`, unless the record waits for a second person. Raises a Refused."""
    order = Order(tuple(columns), codes, layout, format, reveal, purpose)
    record, keys = _open(selection, user, order, None)
    return record if record.state == State.WAITING else write(record, user, order, keys)


# -- putting it on record ----------------------------------------------------------------------------------------------------


def _open(
    selection: Selection | TableRows, user: Any, order: Order, request: HttpRequest | None
) -> tuple[ExportRecord, list[int]]:
    """The record of the export, and the keys of its rows in order."""
    model = selection.model
    try:
        order.check(model, user)
    except NotAllowed as refusal:
        audit(Action.EXPORT, request=request, actor=user, obj=model, result=Result.DENIED, reason=refusal.sentence)
        raise
    if order.reveal and not order.hides(model, user):
        order = replace(order, reveal=False)  # nothing in it is masked: it is an ordinary export
    with acting(user):
        rows, template = selection.queryset(user), order.template(model)
        keys = ordered_keys(rows, template.kind.sorted_by if template else ())
        if not keys:
            raise Invalid({"selection": "没有可导出的记录，请调整筛选条件。"})
        words = in_words(selection, user)
        school_id = template.place(rows)[0] if template else _school_of(rows)
    waits = is_needed(school_id, len(keys), reveal=order.reveal)
    with transaction.atomic():
        record = ExportRecord(
            owner=user, school_id=school_id, model_label=model._meta.label_lower, title=order.title(model),
            described=words, layout=order.layout, columns=order.names(model), codes=order.codes, format=order.format, revealed=order.reveal,
            purpose=order.purpose.strip(), selection=_frozen(selection, keys, exactly=waits), asked=len(keys),
            state=State.WAITING if waits else State.RUNNING,
        )  # fmt: skip
        record.save(force_insert=True)
        audit(
            Action.EXPORT, request=request, actor=user, obj=model, purpose=record.purpose, school_id=school_id, record=record.pk,
            count=len(keys), columns=[column.label for column in order.chosen(model, user)], layout=record.title if order.layout else "", waits=waits,
            codes=order.codes, format=order.format, revealed=order.reveal, range=words,
        )  # fmt: skip
        if waits:
            ask(record)
    return record, keys


def in_words(selection: Selection | TableRows, user: Any) -> list[str]:
    """What is exported, for log and sheet: cohort, status and conditions. Numbers of people that were typed in are masked."""
    if isinstance(selection, TableRows):
        return [mask_text(text) for text in selection.in_words(user)]
    status = {"waiting": "待我办理"}.get(selection.status) or dict(Status.choices).get(selection.status, "")
    parts = []
    if selection.cohort_ids and not selection.ids:
        years = (
            Cohort.objects.filter(pk__in=selection.cohort_ids)
            .order_by("year")
            .values_list("year", flat=True)
            .distinct()
        )
        parts.append(f"毕业届：{'、'.join(f'{year}届' for year in years)}")
    if status:
        parts.append(f"状态：{status}")
    return [mask_text(text) for text in (*parts, *(f"{part.label}：{part.text}" for part in selection.describe(user)))]


def _frozen(selection: Selection | TableRows, keys: Sequence[int], *, exactly: bool) -> dict[str, Any]:
    """The selection as the job finds it again: keys in the place of what was typed, which may name people and soon lapses.

    `exactly`: keys in any case, because somebody agrees to these rows and to no others.
    """
    typed = exactly or selection.ids or selection.query or selection.pasted
    return {"keys": list(keys)} if typed else {"selection": selection.as_json()}


def _school_of(rows: models.QuerySet) -> int | None:
    """The school whose rows these are; None when they are of several."""
    found = rows.order_by().aggregate(first=Min("school_id"), last=Max("school_id"))
    return found["first"] if found["first"] == found["last"] else None


def keys_again(record: ExportRecord, user: Any) -> list[int]:
    """The keys of a record that waits for its job."""
    if "keys" in record.selection:
        return record.selection["keys"]
    return ordered_keys(Selection.from_json(record.selection["selection"]).queryset(user))


# -- making the file ---------------------------------------------------------------------------------------------------------


def order_of(record: ExportRecord) -> Order:
    """The order a record was made for."""
    return Order(tuple(record.columns), record.codes, record.layout, record.format, record.revealed, record.purpose)


def write(
    record: ExportRecord, user: Any, order: Order, keys: Sequence[int], progress: Progress | None = None,
    ended: Callable[[], None] = lambda: None,
) -> ExportRecord:  # fmt: skip
    """Write the file of a record, keep it privately and mark the record done; FAILED, with nothing left behind, on any error.

    `ended` (who is told, the end of the job) stands or falls with the record being done.
    """
    began = time.perf_counter()
    model = model_of(record)
    # The workbook library takes long to load: not before the first export of a process.
    write_rows = import_module("exports.sheets.writer").write_rows
    order = replace(order, reveal=record.revealed)
    try:
        with acting(user), tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"export.{record.format}"
            made = order.plan(model, user, keys)
            rows = made.rows(blocks(model, user, keys, made.sources, progress))
            count = write_rows(
                path, made.header_rows, rows, made.formats, sheet_name=record.title, notes=notes_of(record, user)
            )
            size = path.stat().st_size
            with path.open("rb") as file:
                stored = store_private(path.name, file, FOLDER)
    except BaseException:
        ExportRecord._base_manager.filter(pk=record.pk, state=State.RUNNING).update(state=State.FAILED)
        raise
    record.rows, record.file, record.file_size = count, stored, size
    record.file_name = file_name(record)
    record.state, record.expires_at, record.seconds = State.DONE, keep_until(), round(time.perf_counter() - began, 2)
    with transaction.atomic():
        record.save()
        ended()
    return record


def model_of(record: ExportRecord) -> type[models.Model]:
    """The model whose rows are exported."""
    return apps.get_model(record.model_label)


def file_name(record: ExportRecord) -> str:
    """ "生源信息_3000条_20261122-1030.xlsx": says what it is, and whether full numbers are in it."""
    full = "_含完整证件号" if record.revealed else ""
    moment = timezone.localtime(record.created_at)
    return safe_filename(f"{record.title}_{record.rows}条{full}_{moment:%Y%m%d-%H%M}.{record.format}")


def notes_of(record: ExportRecord, user: Any) -> list[tuple[str, str]]:
    """The second sheet: who took the data, when and what for."""
    hidden = "完整" if record.revealed else "已遮盖中间各位"
    return [
        ("导出人", f"{user.name}（{user.get_username()}）"),
        ("导出时间", f"{timezone.localtime(record.created_at):%Y-%m-%d %H:%M}"),
        ("用途", record.purpose or "未填写"),
        ("内容", record.title),
        ("范围", "；".join(record.described) or "所管辖的全部记录"),
        ("证件号和手机号", hidden),
        ("导出编号", str(record.pk)),
        ("使用要求", RULE),
    ]


RULE = "仅限本次用途使用，用后及时删除；未经省级主管部门同意，不得把就业数据提供给校内其他部门或校外单位。"
