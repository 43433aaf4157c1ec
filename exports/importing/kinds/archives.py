"""档案转递：where archives were sent and when, by 学号: what the archive office's list of parcels says (G10, G11).

Posting data are facts of the office and may be written in any state; where the papers go is the student's, so it follows the locks
of the review like every import. A student without a record gets a draft to check.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from exports.importing import normalise
from exports.importing.columns import Cell
from exports.importing.kinds.base import Entry, same
from exports.importing.kinds.by_number import OPEN, Columns, RecordKind
from models.dispatch import bulk
from models.dispatch.models import ARCHIVE_FIELDS, Dispatch
from models.students.models import Student
from workflows.levels import Status

LOCKED = "该生的派遣与档案信息状态为“{status}”，导入不能改动档案去向。请退回后再导入、在匹配列时不导入该列，或由有权人员勾选“同时更正已提交的记录”。"

_in = Columns("dispatch")


class ArchiveKind(RecordKind):
    """档案转递."""

    name = "archives"
    title = "档案转递"
    about = "按学号登记档案的去向、寄出日期和邮件号，供学生查询。还没有派遣信息的学生生成草稿，请其核对。"
    permissions = ("dispatch.import_dispatch",)
    rows_of = Dispatch
    owner = "dispatch"
    bulk = bulk

    archive_transfer = _in.code("档案转递类型", "archive_transfer", "archive_transfer", "档案转递类别")
    archive_unit = _in.text(
        "档案转递单位名称", "archive_unit", "档案转递单位", "档案接收单位", "接收单位", example="示例区人才服务中心"
    )
    archive_unit_code = _in.text("档案转递单位代码", "archive_unit_code", length=18)
    archive_region = _in.code("档案转递单位所在地", "archive_region", "region")
    archive_address = _in.text("档案转递单位地址", "archive_address", "档案邮寄地址", "邮寄地址", length=200)
    archive_department = _in.text("收件部门", "archive_department", length=60)
    archive_contact = _in.text("收件人", "archive_contact", "档案接收人", length=40)
    archive_phone = _in.text("收件电话", "archive_phone", "收件人电话", "联系电话", read=normalise.landline)
    archive_postcode = _in.text("档案转递单位邮编", "archive_postcode", "邮编", read=normalise.postcode)
    posted_on = _in.of(
        "寄出日期", "posted_on", Cell(normalise.full_date), "档案寄出日期", "转递日期", "寄送日期", example="2027-07-05"
    )
    parcel_number = _in.text(
        "快递单号", "parcel_number", "档案邮件号", "邮件号", "EMS单号", "机要号", length=40, example="1099000000012"
    )
    parcel_carrier = _in.text("寄递方式", "parcel_carrier", "快递公司", "转递方式", length=40, example="EMS 标准快递")
    transfer_number = _in.text("转递编号", "transfer_number", length=40)
    verify_number = _in.text("核验编号", "verify_number", length=40)

    def check(self, entry: Entry) -> None:
        """Nothing is posted tomorrow, nor carried by its owner."""
        day = entry.values.get("dispatch.posted_on")
        if isinstance(day, date) and day > timezone.localdate():
            entry.fail("寄出日期", "future", "寄出日期不能晚于今天，请核对。")

    def compare(self, entry: Entry, student: dict[str, Any], row: Dispatch | None) -> Dispatch | None:
        wanted, fresh = self.wanted(entry), row is None
        if row is None:
            names = {field.attname for field in Student._meta.concrete_fields}
            row = bulk.new_draft(Student(**{name: student[name] for name in names}))
        before = {name: getattr(row, name) for name in wanted}
        new = {name: value for name, value in wanted.items() if not same(before[name], value)}
        if not new:
            return None
        for name in new:
            if not fresh and (sentence := self._locked(row, name)):
                entry.fail(self.header_of(name), "under_review", sentence)
        for name, value in new.items():
            setattr(row, name, value)
        self.plan_for(entry, row, new, before, fresh=fresh)
        return row

    def _locked(self, row: Dispatch, name: str) -> str:
        """Why this field is not changed by a sheet, "" when it is."""
        if row.status == Status.VOIDED:
            return "该生的派遣与档案信息已作废，请先由学校恢复后再导入。"
        if name not in ARCHIVE_FIELDS or row.status in OPEN:
            return ""
        may = self.context.reviewed and self.context.may("dispatch.change_dispatch")
        return "" if may else LOCKED.format(status=Status(row.status).label)
