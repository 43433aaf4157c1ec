"""An answer sheet (反馈表): 学号, 结果 and 反馈 of the rows of a batch, as the receiving system or the office's own clerk wrote them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from typing import Any

from exports.importing.headers import find_header, propose_sheet, split_rows
from exports.importing.reading import open_workbook
from exports.importing.refusal import UploadRefused
from exports.reporting.batches import take_answers
from exports.reporting.rights import require
from exports.reporting.theirs import tidy
from models.audit.masking import mask_text
from models.audit.models import Action
from models.audit.services import record
from models.reporting.models import ReportBatch, ReportItem
from workflows.errors import WrongState

NUMBER, RESULT, MESSAGE = "学号", "结果", "反馈"
LABELS = (NUMBER, "姓名", RESULT, MESSAGE)
ACCEPTED = frozenset({"接收", "已接收", "成功", "通过", "是", "正常", "1", "true"})
REJECTED = frozenset({"退回", "被退回", "失败", "不通过", "未通过", "错误", "拒绝", "否", "0", "false"})
OPEN = (ReportBatch.State.SENT, ReportBatch.State.SENDING, ReportBatch.State.FAILED, ReportBatch.State.DONE)


@dataclass(frozen=True)
class Taken:
    """What became of an answer sheet: rows taken, numbers that are not of the batch."""

    batch: ReportBatch
    rows: int
    strangers: int


def answer(batch: ReportBatch, upload: Any, *, by: Any, request: Any = None) -> Taken:
    """Write an uploaded answer sheet onto the batch. Raises NotAllowed, WrongState, UploadRefused; then nothing is written."""
    require(by, "change_reportbatch", batch.school_id, "上报")
    if batch.state not in OPEN:
        raise WrongState(f"该批次为「{batch.get_state_display()}」，上报以后才能登记反馈。")
    given = read(upload)
    students = dict(ReportItem.objects.filter(batch=batch).values_list("student__number", "student"))
    found = {students[number]: result for number, result in given.items() if number in students}
    if not found:
        raise UploadRefused("表中没有一个学号属于这个批次，请确认选对了批次和文件。")
    batch = take_answers(batch, found)
    record(Action.REPORT, request=request, obj=batch, answers=len(found), strangers=len(given) - len(found))
    return Taken(batch, len(found), len(given) - len(found))


def read(upload: Any) -> dict[str, tuple[bool, str]]:
    """{学号: (accepted, message)} of a sheet. Raises UploadRefused naming the row."""
    suffix = os.path.splitext(str(upload.name))[1]
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        for block in upload.chunks():
            file.write(block)
        file.flush()
        book = open_workbook(file.name, str(upload.name))
        rows = book.read(propose_sheet(book, list(LABELS)).name)
        header = find_header(rows, list(LABELS))
        places = {label: header.labels.index(label) for label in LABELS if header and label in header.labels}
        if NUMBER not in places or RESULT not in places:
            raise UploadRefused("表中需要“学号”和“结果”两列（另可有“反馈”列），请按批次页面的说明整理后重新上传。")
        found: dict[str, tuple[bool, str]] = {}
        for row in split_rows(rows, header).rows:
            cells = {label: tidy(row.cells[place]) if place < len(row.cells) else "" for label, place in places.items()}
            _take(found, row.number, cells)
    return found


def _take(found: dict[str, tuple[bool, str]], number: int, cells: dict[str, str]) -> None:
    student, word = cells[NUMBER], cells[RESULT].casefold()
    if not student and not word:
        return
    if not student:
        raise UploadRefused(f"第 {number} 行没有学号，请补上或删除该行。")
    if word not in ACCEPTED | REJECTED:
        raise UploadRefused(f"第 {number} 行的结果“{cells[RESULT][:20]}”无法识别，请填写“接收”或“退回”。")
    if student in found:
        raise UploadRefused(f"第 {number} 行的学号与前面的行重复，请只保留一行。")
    found[student] = (word in ACCEPTED, mask_text(cells.get(MESSAGE, ""))[:300])
