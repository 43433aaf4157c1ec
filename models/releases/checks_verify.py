"""What left the system is on record, with its file as it was made."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.storage import default_storage

from models.audit.masking import mask_text
from models.releases.models import ExportRecord, State
from workflows.checks import Fault, check


@check("exports.files", "导出文件的大小与记录一致，过期的已删除")
def files() -> Iterator[Fault]:
    """A file that was changed after it was made is no longer what was put on record. That it exists at all: files.exist."""
    for record in ExportRecord._base_manager.filter(state=State.DONE).exclude(file=""):
        if default_storage.exists(record.file.name) and default_storage.size(record.file.name) != record.file_size:
            yield Fault(f"导出 {record.pk}", f"文件大小与记录的 {record.file_size} 字节不同。")


@check("exports.private", "导出记录的范围和用途中没有证件号和手机号")
def private() -> Iterator[Fault]:
    """The log of exports is itself a log."""
    for pk, described, purpose in ExportRecord._base_manager.values_list("pk", "described", "purpose").iterator(
        chunk_size=2000
    ):
        text = "\n".join([purpose, *described])
        if mask_text(text) != text:
            yield Fault(f"导出 {pk}", "范围或用途中有证件号或手机号。")
