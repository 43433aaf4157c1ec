"""A whole matter in forty lines. Nothing else in the project knows it; the contract tests find it like any other."""

from django.db import models

from models.codes.fields import CodeField
from workflows.chain import Chain, Step
from workflows.levels import COLLEGE, COUNSELOR
from workflows.matter import ReviewedMatter
from workflows.rules import Rule, Severity


def _hours(record):
    if record.hours and record.hours > 100:
        yield "hours", f"时长 {record.hours} 小时超过 100 小时。", "请核对时长。"


class Specimen(ReviewedMatter):
    """试验申请：a made-up application, reviewed by counsellor and college."""

    student = models.ForeignKey("students.Student", on_delete=models.PROTECT, verbose_name="学生")
    title = models.CharField("题目", max_length=50, blank=True)
    hours = models.PositiveIntegerField("时长", null=True, blank=True)
    region = CodeField("地点", table="region", blank=True)
    indoors = models.BooleanField("室内", null=True, blank=True)
    phone = models.CharField("联系手机", max_length=11, blank=True)

    review = Chain(Step(COUNSELOR), Step(COLLEGE))
    scope_source = "student"
    subject_path = "student__user_id"
    columns = (
        "student.number",
        "student.name",
        "student.major.college.name",
        "title",
        "hours",
        "region",
        "indoors",
        "phone",
        "status",
    )
    list_columns = ("student.name", "student.number", "title", "hours", "status")
    field_groups = (
        ("学生", ("student.number", "student.name")),
        ("申请", ("title", "hours", "region", "indoors", "phone")),
    )
    subject_fields = ("title", "hours", "region", "indoors", "phone")
    required_fields = ("title",)
    key_fields = ("title",)
    masked_fields = {"phone": "phone"}
    search_paths = {"number": "student__number", "name": "student__name"}
    rules = (Rule("T01", Severity.ERROR, "时长合理", "测试", _hours),)

    class Meta(ReviewedMatter.Meta):
        verbose_name = verbose_name_plural = "试验申请"
