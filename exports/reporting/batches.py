"""上报批次: build the rows (all, or only what changed since the last batch), write the file, take in the answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from exports.ministry.layouts import all_layouts
from exports.reporting.rights import require
from exports.reporting.rows import (
    LeftOut,
    Progress,
    Row,
    digest_of_all,
    layout_for,
    reportable,
    setting_of,
    snapshot,
    written,
)
from exports.sheets.writer import write_rows
from models.audit.models import Action
from models.audit.services import record
from models.jobs.files import safe_filename, store_private
from models.organisation.models import Cohort
from models.reporting.models import FOLDER, Channel, EmploymentPlan, Kind, ReportBatch, ReportItem
from workflows import holding
from workflows.errors import Invalid, WrongState

BATCH = 2000
TWICE = timedelta(minutes=1)  # the same order again within this time is a doubled click
REPORTED = (ReportItem.State.SENT, ReportItem.State.ACCEPTED)


def last_reported(kind: str, cohort: Cohort) -> dict[int, tuple[str, list[str]]]:
    """Student → (digest, cells) of what was last sent and not sent back; one statement."""
    items = ReportItem.objects.filter(batch__kind=kind, batch__cohort=cohort, state__in=REPORTED)
    newest = items.filter(student=OuterRef("student")).order_by("-batch").values("pk")[:1]
    rows = items.filter(pk=Subquery(newest)).values_list("student_id", "digest", "values", "batch__layout")
    return {student: (digest, values) for student, digest, values, _layout in rows.iterator(BATCH)}


def just_made(model: type[ReportBatch | EmploymentPlan], cohort: Cohort) -> QuerySet:
    """What was ordered of a cohort a moment ago, for whoever orders now to find their own doubled click; only in a transaction.

    One order at a time in a cohort: the row is locked, by NO KEY UPDATE, so that rows that point at it are written meanwhile.
    """
    holding.locking(Cohort._base_manager.all()).get(pk=cohort.pk)
    return model.objects.filter(cohort=cohort, made_at__gt=timezone.now() - TWICE)


def order(cohort: Cohort, kind: str, *, changes_only: bool, channel: str, by: Any, request: Any = None) -> ReportBatch:
    """Put a batch on record, to be built; one that was ordered a moment ago and is not built yet answers for both orders.

    Raises NotAllowed and Invalid.
    """
    require(by, "add_reportbatch", cohort.school_id, "上报")
    if kind not in Kind.values or channel not in Channel.values:
        raise Invalid({"kind": "请选择上报内容和方式。"})
    setting = setting_of(cohort)
    if channel == Channel.HTTP and not setting.endpoint:
        raise Invalid({"channel": "还没有填写接口地址，请先在「上报设置」中填写，或改为生成文件。"})
    key = setting.basic_layout if kind == Kind.BASIC else setting.employment_layout
    layout = layout_for(kind, key, cohort.year)
    wanted = {"cohort": cohort, "kind": kind, "layout": layout.key, "changes_only": changes_only, "channel": channel}
    with transaction.atomic():
        waiting = just_made(ReportBatch, cohort).filter(state=ReportBatch.State.BUILDING)
        if (same := waiting.filter(**wanted).first()) is not None:
            return same
        batch = ReportBatch.objects.create(school=cohort.school, made_by=by, **wanted)
        record(Action.REPORT, request=request, obj=batch, kind=kind, layout=layout.key, changes_only=changes_only)
    return batch


@dataclass(frozen=True)
class Gathered:
    """What a batch will hold: its rows, who stays behind, and how many are as they were last reported."""

    rows: list[Row]
    left: list[LeftOut]
    unchanged: int = 0


def gather(
    cohort: Cohort, kind: str, layout: str, *, changes_only: bool = False, students: set[int] | None = None,
    progress: Progress | None = None,
) -> Gathered:  # fmt: skip
    """Read a batch's rows, all as they stood at one moment: who may go and what is written are of the same state."""
    with snapshot():
        keys, left = reportable(kind, cohort, setting_of(cohort).trigger, progress, students)
        before = last_reported(kind, cohort) if changes_only else {}
        rows = list(written(kind, all_layouts()[layout], keys))
    changed = [row for row in rows if row.student_id not in before or before[row.student_id][0] != row.digest]
    return Gathered(changed, left, len(rows) - len(changed))


def build(batch: ReportBatch, progress: Progress | None = None) -> ReportBatch:
    """Fill a batch that is BUILDING, all or nothing; built again after a kill, it is the same (security E8)."""
    if batch.state != ReportBatch.State.BUILDING:
        return batch
    found = gather(batch.cohort, batch.kind, batch.layout, changes_only=batch.changes_only, progress=progress)
    with transaction.atomic():
        locked = holding.locking(ReportBatch.objects.all()).get(pk=batch.pk)
        if locked.state == ReportBatch.State.BUILDING:  # nobody else built it meanwhile
            _fill(locked, found)
    return locked


def _fill(locked: ReportBatch, found: Gathered) -> None:
    ReportItem.objects.filter(batch=locked).delete()
    items = [ReportItem(batch=locked, student_id=r.student_id, values=r.values, digest=r.digest) for r in found.rows]
    ReportItem.objects.bulk_create(items, batch_size=BATCH)
    locked.count, locked.unchanged, locked.digest = (
        len(items),
        found.unchanged,
        digest_of_all([r.digest for r in found.rows]),
    )
    locked.left_out, locked.state = [one.as_dict() for one in found.left], ReportBatch.State.READY
    if locked.channel == Channel.FILE and items:
        _write_file(locked, items)
    locked.save()


def keep(cohort: Cohort, kind: str, layout: str, found: Gathered, *, by: Any) -> ReportBatch:
    """A batch of what was gathered, ready with its file."""
    with transaction.atomic():
        batch = ReportBatch.objects.create(
            school=cohort.school, cohort=cohort, kind=kind, layout=layout, changes_only=True, made_by=by
        )
        _fill(batch, found)
        record(Action.REPORT, obj=batch, rows=batch.count, layout=layout)
    return batch


def _write_file(batch: ReportBatch, items: Iterable[ReportItem]) -> None:
    header = all_layouts()[batch.layout].header_rows()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.xlsx"
        write_rows(path, header, (item.values for item in items), sheet_name=batch.get_kind_display())
        with path.open("rb") as file:
            batch.file = store_private(path.name, file, FOLDER)
    scope = "变动" if batch.changes_only else "全部"
    moment = timezone.localtime(batch.made_at)
    batch.file_name = safe_filename(
        f"{batch.cohort}{batch.get_kind_display()}上报_{scope}_{batch.count}条_{moment:%Y%m%d-%H%M}.xlsx"
    )


def mark_sent(batch: ReportBatch, *, by: Any, request: Any = None) -> ReportBatch:
    """The file was uploaded by hand: its rows count as reported from now on. Raises WrongState."""
    require(by, "change_reportbatch", batch.school_id, "上报")
    with transaction.atomic():
        locked = holding.locking(ReportBatch.objects.all()).get(pk=batch.pk)
        if locked.state != ReportBatch.State.READY or locked.channel != Channel.FILE or not locked.count:
            raise WrongState(f"该批次为「{locked.get_state_display()}」，不能标记为已上报。")
        ReportItem.objects.filter(batch=locked, state=ReportItem.State.WAITING).update(state=ReportItem.State.SENT)
        locked.state, locked.sent_at = ReportBatch.State.SENT, timezone.now()
        locked.save(update_fields=["state", "sent_at"])
        record(Action.REPORT, request=request, obj=locked, rows=locked.count, sent=True)
    return locked


def take_answers(batch: ReportBatch, answers: Mapping[int, tuple[bool, str]]) -> ReportBatch:
    """Write what came back, {student key: (accepted, message)}, onto the rows; the batch is done when every row has its answer."""
    now = timezone.now()
    with transaction.atomic():
        locked = holding.locking(ReportBatch.objects.all()).get(pk=batch.pk)
        items = list(ReportItem.objects.filter(batch=locked, student__in=list(answers)))
        for item in items:
            accepted, message = answers[item.student_id]
            item.state = ReportItem.State.ACCEPTED if accepted else ReportItem.State.REJECTED
            item.message, item.answered_at = message[:300], now
        ReportItem.objects.bulk_update(items, ["state", "message", "answered_at"], batch_size=500)
        counts = ReportItem.objects.filter(batch=locked).aggregate(
            accepted=Count("pk", filter=Q(state=ReportItem.State.ACCEPTED)),
            rejected=Count("pk", filter=Q(state=ReportItem.State.REJECTED)),
        )
        locked.accepted, locked.rejected = counts["accepted"], counts["rejected"]
        if locked.accepted + locked.rejected == locked.count:
            locked.state = ReportBatch.State.DONE
        locked.save()
    return locked


def repeat(batch: ReportBatch, *, by: Any) -> ReportBatch:
    """Those sent back, as they stand now, in a batch of their own with its file. Raises NotAllowed and WrongState."""
    require(by, "add_reportbatch", batch.school_id, "上报")
    rejected = ReportItem.objects.filter(batch=batch, state=ReportItem.State.REJECTED)
    students = set(rejected.values_list("student_id", flat=True))
    if not students:
        raise WrongState("该批次没有被退回的学生。")
    found = gather(batch.cohort, batch.kind, batch.layout, students=students)
    return keep(batch.cohort, batch.kind, batch.layout, found, by=by)
