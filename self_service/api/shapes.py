"""What goes in and out of the API. Every key is written down here; nothing is taken from a model's field list.

The serializers check what comes in and document both ways; what goes out is built by `of_sheet`, which is a good deal faster.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from self_service.evidence import Block, blocks
from self_service.sheets import Entry, Sheet
from workflows import policy
from workflows.diff import described
from workflows.levels import Status
from workflows.story import Entry as LogEntry
from workflows.way import Milestone


@extend_schema_field({"description": "文字、数字、是否或空"})
class Scalar(serializers.Field):
    """Text, number, true/false or null; a list or an object is refused."""

    default_error_messages = {"scalar": "填写的格式不正确。"}

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str | int | float | bool):
            self.fail("scalar")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Values(serializers.DictField):
    """Field name → value; null empties a field."""

    child = Scalar(allow_null=True)


class Draft(serializers.Serializer):
    """保存草稿."""

    version = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="读取时得到的版本号；已被他人修改时返回 409。"
    )
    values = Values(help_text="要保存的字段。")


class Version(serializers.Serializer):
    """提交、撤回."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class Dispute(serializers.Serializer):
    """提出异议."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    text = serializers.CharField(max_length=500, help_text="哪里与事实不符。")


class ChangeWish(serializers.Serializer):
    """申请修改."""

    values = Values()
    reason = serializers.CharField(max_length=500)


class Upload(serializers.Serializer):
    """上传附件."""

    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1)
    file = serializers.FileField()


class Proof(serializers.Serializer):
    """上传证明材料."""

    kind = serializers.CharField(max_length=40, help_text="材料种类，见记录的 evidence。")
    file = serializers.FileField()
    crop = serializers.CharField(
        max_length=80,
        required=False,
        help_text="证件照的裁剪范围：左、上、宽、高各占图片的比例，例如 0.1,0.05,0.8,0.9。",
    )


class CodeStatus(serializers.Serializer):
    code = serializers.CharField()
    label = serializers.CharField()


class FieldOut(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()
    group = serializers.CharField()
    kind = serializers.CharField()
    mode = serializers.ChoiceField(choices=["locked", "editable", "required"])
    writable = serializers.BooleanField(help_text="现在是否可以填写。")
    help = serializers.CharField()
    value = Scalar(allow_null=True)
    text = serializers.CharField(help_text="供显示的文字。")
    choices = serializers.ListField(child=serializers.ListField(child=serializers.CharField()), required=False)
    limits = serializers.DictField(
        child=serializers.IntegerField(),
        required=False,
        help_text="文字的上限：lines 行数、width 每行字数、characters 总字数。",
    )
    code_table = serializers.CharField(required=False, help_text="选项较多时，从 /api/codes/<表>/ 查询。")


class ProofOut(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    pages = serializers.IntegerField()
    content_type = serializers.CharField()
    uploaded_at = serializers.DateTimeField()


class ProofKindOut(serializers.Serializer):
    kind = serializers.CharField()
    label = serializers.CharField()
    required = serializers.BooleanField()
    many = serializers.BooleanField()
    help = serializers.CharField()
    limits = serializers.CharField()
    writable = serializers.BooleanField(help_text="现在是否可以上传和删除。")
    files = ProofOut(many=True)


class StepOut(serializers.Serializer):
    level = serializers.CharField()
    label = serializers.CharField()
    state = serializers.ChoiceField(choices=["done", "now", "todo"])
    automatic = serializers.BooleanField()
    people = serializers.ListField(child=serializers.CharField())


class FindingOut(serializers.Serializer):
    rule = serializers.CharField()
    severity = serializers.CharField()
    sentence = serializers.CharField()
    field = serializers.CharField()
    fix = serializers.CharField()


class WindowOut(serializers.Serializer):
    is_open = serializers.BooleanField()
    opens_at = serializers.DateTimeField(allow_null=True)
    closes_at = serializers.DateTimeField(allow_null=True)
    deadline = serializers.CharField()
    days_left = serializers.IntegerField(allow_null=True)
    sentence = serializers.CharField()


class ChangeOut(serializers.Serializer):
    name = serializers.CharField()
    label = serializers.CharField()
    old = serializers.CharField()
    new = serializers.CharField()


class RequestOut(serializers.Serializer):
    reason = serializers.CharField()
    asked_at = serializers.DateTimeField()
    changes = ChangeOut(many=True)


class RecordOut(serializers.Serializer):
    """One record of the person, whole."""

    id = serializers.IntegerField()
    matter = serializers.CharField()
    title = serializers.CharField()
    version = serializers.IntegerField()
    status = CodeStatus()
    actions = serializers.ListField(
        child=serializers.CharField(), help_text="现在可以做的：submit、withdraw、ask_change。"
    )
    next = serializers.CharField(help_text="接下来由谁办理。")
    returned_reason = serializers.CharField()
    window = WindowOut()
    fields = FieldOut(many=True)
    missing = serializers.DictField(child=serializers.CharField())
    findings = FindingOut(many=True)
    progress = StepOut(many=True)
    request = RequestOut(allow_null=True)
    evidence = ProofKindOut(many=True)
    to_confirm = ChangeOut(many=True, help_text="老师填写或更正、等待本人确认的内容。")


class LogOut(serializers.Serializer):
    at = serializers.DateTimeField()
    who = serializers.CharField()
    verb = serializers.CharField()
    occasion = serializers.CharField()
    status = CodeStatus()
    reasons = serializers.ListField(child=serializers.CharField())
    opinion = serializers.CharField()
    changes = serializers.ListField(child=serializers.CharField(), help_text="每项改动一句话。")


class ErrorOut(serializers.Serializer):
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(child=serializers.CharField(), required=False)
    details = serializers.ListField(required=False)


class ConflictOut(ErrorOut):
    """Both versions: what was changed meanwhile, the record as it is now, and what was sent."""

    current = RecordOut(required=False)
    yours = Values(required=False)


def of_sheet(sheet: Sheet) -> dict[str, Any]:
    """A record as `RecordOut` says."""
    record = sheet.record
    return {
        "id": record.pk,
        "matter": policy.label(sheet.model),
        "title": str(sheet.model._meta.verbose_name),
        "version": record.version,
        "status": {"code": str(sheet.status), "label": str(sheet.status.label)},
        "actions": [str(verb) for verb in sheet.verbs],
        "next": sheet.next_sentence,
        "returned_reason": record.last_reason,
        "window": {
            "is_open": sheet.window.is_open,
            "opens_at": _iso(sheet.window.opens_at),
            "closes_at": _iso(sheet.window.closes_at),
            "deadline": sheet.deadline,
            "days_left": sheet.days_left,
            "sentence": sheet.closed_sentence,
        },
        "fields": [of_entry(entry) for entry in sheet.entries.values()],
        "missing": sheet.missing,
        "findings": [{key: value for key, value in f.as_dict().items() if key != "source"} for f in sheet.findings],
        "progress": [of_milestone(m) for m in sheet.way],
        "request": of_request(sheet) if sheet.request else None,
        "evidence": [of_block(block) for block in blocks(sheet)],
        "to_confirm": sheet.staff_changes,
    }


def of_entry(entry: Entry) -> dict[str, Any]:
    """A field as `FieldOut` says."""
    spec = entry.spec
    value = entry.value
    out = {
        "name": spec.name,
        "label": spec.label,
        "group": spec.group,
        "kind": spec.kind,
        "mode": spec.mode,
        "writable": entry.writable,
        "help": spec.help_text,
        "value": value if isinstance(value, str | int | float | bool) else entry.text or None,
        "text": entry.text,
    }
    if spec.limits:
        out["limits"] = spec.limits
    if entry.choices:
        out["choices"] = entry.choices
    elif spec.kind == "code" and spec.is_writable:
        out["code_table"] = spec.code_table
    return out


def of_block(block: Block) -> dict[str, Any]:
    """A kind of file as `ProofKindOut` says."""
    return {
        "kind": block.kind.key,
        "label": block.kind.label,
        "required": block.kind.required,
        "many": block.kind.many,
        "help": block.kind.help_text,
        "limits": block.kind.limits,
        "writable": block.writable,
        "files": [
            {
                "id": file.pk,
                "name": file.name,
                "size": file.size,
                "pages": file.pages,
                "content_type": file.content_type,
                "uploaded_at": _iso(file.uploaded_at),
            }
            for file in block.files
        ],
    }


def of_milestone(step: Milestone) -> dict[str, Any]:
    """A step as `StepOut` says."""
    return {**vars(step), "people": list(step.people)}


def of_request(sheet: Sheet) -> dict[str, Any]:
    """The waiting 申请修改 as `RequestOut` says."""
    return {
        "reason": sheet.request.reason,
        "asked_at": _iso(sheet.request.asked_at),
        "changes": described(sheet.record, sheet.request.values),
    }


def of_log(entry: LogEntry) -> dict[str, Any]:
    """A line of the log as `LogOut` says."""
    return {
        "at": _iso(entry.at),
        "who": entry.who,
        "verb": entry.verb,
        "occasion": entry.occasion,
        "status": {"code": entry.to_status, "label": str(Status(entry.to_status).label)},
        "reasons": list(entry.reasons),
        "opinion": entry.opinion,
        "changes": [change.sentence for change in entry.changes],
    }


def _iso(moment: Any) -> str | None:
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else None
