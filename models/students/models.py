"""Students on the roll, what happens to their place on it, and 生源信息 (models.students.profile)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.accounts.names import OrderedNameField
from models.codes.fields import CodeField
from models.organisation.models import Cohort, Major, OrgUnit, School
from models.students.names import NameEnding
from models.students.places import follow, is_on_roll
from models.students.profile import GraduateProfile
from workflows.histories import HistoricalRecords
from workflows.scoping import OrderedCharField, PathField, ScopedManager
from workflows.years import MonthField, YearField

__all__ = ["GraduateProfile", "MajorTransfer", "NameEnding", "RollChange", "Student"]


class Student(models.Model):
    """学生：the person on the roll (学籍). These facts come from the registry and are locked for the student.

    Sizes follow the ministry's lists where known (考生号 ≤ 30, 姓名 ≤ 40); months are "YYYYMM".
    """

    school = models.ForeignKey(
        School, on_delete=models.PROTECT, related_name="students", db_index=False, verbose_name=_("学校")
    )
    cohort = models.ForeignKey(
        Cohort, on_delete=models.PROTECT, related_name="students", db_index=False, verbose_name=_("毕业届")
    )
    major = models.ForeignKey(Major, on_delete=models.PROTECT, related_name="students", verbose_name=_("专业"))
    unit = models.ForeignKey(OrgUnit, on_delete=models.PROTECT, related_name="students", verbose_name=_("班级"))
    org_path = PathField(_("路径"), editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="student",
        editable=False,
        verbose_name=_("账号"),
    )
    number = OrderedCharField(_("学号"), max_length=30)
    name = OrderedNameField(_("姓名"), max_length=60)
    sex = CodeField(_("性别"), table="gender")
    id_type = CodeField(_("证件类型"), table="id_type", default="1")
    id_number = OrderedCharField(_("身份证号"), max_length=30)
    birth_date = models.DateField(_("出生日期"), null=True, blank=True)
    exam_number = models.CharField(_("考生号"), max_length=30, blank=True)
    nation = CodeField(_("民族"), table="nation")
    degree = CodeField(_("学历"), table="degree_level")
    study_length = CodeField(_("学制"), table="study_length", blank=True)
    training_mode = CodeField(_("培养方式"), table="training_mode", blank=True)
    sponsor = models.CharField(_("定向或委培单位"), max_length=100, blank=True)
    enrol_year = YearField(_("入学年份"), null=True, blank=True)
    grad_year = YearField(_("毕业年份"))
    grad_month = MonthField(
        _("毕业时间"),
        max_length=6,
        blank=True,
        validators=[RegexValidator(r"^\d{4}(0[1-9]|1[0-2])$", _("毕业时间填 6 位年月，例如 202706。"))],
    )
    roll_status = CodeField(_("学籍状态"), table="roll_status", default="01")
    version = models.PositiveIntegerField(_("版本"), default=0, editable=False)
    created_at = models.DateTimeField(_("建立时间"), auto_now_add=True)
    updated_at = models.DateTimeField(_("更新时间"), auto_now=True)

    scope_path = "org_path"
    subject_path = "user_id"
    objects = ScopedManager()
    history = HistoricalRecords(no_db_index=["school", "cohort", "major", "unit", "user"])

    columns = (
        "number",
        "name",
        "sex",
        "id_number",
        "exam_number",
        "nation",
        "major.college.name",
        "major.name",
        "unit.name",
        "degree",
        "study_length",
        "training_mode",
        "enrol_year",
        "grad_year",
        "grad_month",
        "roll_status",
    )
    list_order = "number"
    list_columns = (
        "name",
        "number",
        "major.college.name",
        "major.name",
        "unit.name",
        "sex",
        "id_number",
        "degree",
        "roll_status",
    )
    masked_fields = {"id_number": "id"}
    search_paths = {"number": "number", "name": "name", "id_number": "id_number", "exam_number": "exam_number"}
    subject_fields: tuple[str, ...] = ()
    required_fields: tuple[str, ...] = ()
    field_groups = (
        (_("学籍信息"), ("number", "name", "sex", "id_type", "id_number", "birth_date", "exam_number", "nation")),
        (
            _("培养信息"),
            (
                "major",
                "unit",
                "degree",
                "study_length",
                "training_mode",
                "sponsor",
                "enrol_year",
                "grad_year",
                "grad_month",
                "roll_status",
            ),
        ),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("学生")
        ordering = ("number",)
        default_permissions = ("view", "add", "change", "delete", "export", "import")
        permissions = [("change_roll", "学籍异动"), ("move_cohort", "换届")]
        constraints = [
            models.UniqueConstraint(
                fields=("school", "number"), name="student_number", violation_error_message=_("本校已有该学号的学生。")
            ),
            models.UniqueConstraint(
                fields=("cohort", "id_number"),
                condition=~Q(id_number=""),
                name="student_id_number",
                violation_error_message=_("本届已有该证件号的学生。"),
            ),
            models.CheckConstraint(
                condition=Q(enrol_year__isnull=True) | Q(grad_year__gte=models.F("enrol_year")),
                name="student_years",
                violation_error_message=_("毕业年份不能早于入学年份。"),
            ),
        ]
        indexes = [
            models.Index(fields=("cohort", "org_path", "roll_status", "number", "id"), name="student_cohort_path"),
            models.Index(fields=("cohort", "number", "roll_status", "id"), name="student_cohort_number"),
            models.Index(fields=("org_path",), name="student_path"),
            models.Index(fields=("number",), name="student_number_only"),
            models.Index(fields=("cohort", "name"), name="student_cohort_name"),
            models.Index(fields=("id_number",), name="student_id"),
            models.Index(fields=("exam_number",), name="student_exam_number"),
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.number}）"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save with the scope columns of the unit; a change of facts makes stored rule findings of the student's matters stale."""
        self.org_path, self.school_id = self.unit.path, self.unit.school_id
        new = self.pk is None  # nothing can be about a student who was not there: forty statements less
        super().save(*args, **kwargs)
        if not new:
            follow(self)

    @property
    def on_roll(self) -> bool:
        """Whether the roll status keeps the student in work lists (休学, 退学 … do not)."""
        return is_on_roll(self.roll_status)


class RollChange(models.Model):
    """学籍异动：a change of the roll status, with its reason; the student's history has the values."""

    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="roll_changes", verbose_name=_("学生"))
    old_status = CodeField(_("原学籍状态"), table="roll_status")
    new_status = CodeField(_("新学籍状态"), table="roll_status")
    reason = models.CharField(_("变更原因"), max_length=200)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("办理人")
    )
    at = models.DateTimeField(_("办理时间"), default=timezone.now)

    scope_path = "student__org_path"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("学籍异动")
        ordering = ("-at",)
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.student} {self.get_old_status_display()} → {self.get_new_status_display()}"


class MajorTransfer(models.Model):
    """专业转移：the leaving college asks, the receiving college accepts; then the student and every record of theirs move."""

    class State(models.TextChoices):
        WAITING = "waiting", _("待接收")
        ACCEPTED = "accepted", _("已接收")
        REFUSED = "refused", _("未接收")
        CANCELLED = "cancelled", _("已撤销")

    student = models.ForeignKey(Student, on_delete=models.PROTECT, related_name="transfers", verbose_name=_("学生"))
    from_major = models.ForeignKey(Major, on_delete=models.PROTECT, related_name="+", verbose_name=_("转出专业"))
    from_path = PathField(_("转出路径"))
    to_major = models.ForeignKey(Major, on_delete=models.PROTECT, related_name="+", verbose_name=_("转入专业"))
    to_unit = models.ForeignKey(
        OrgUnit, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("转入班级")
    )
    to_path = PathField(_("转入路径"), db_index=True)
    to_cohort = models.ForeignKey(
        Cohort, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("转入毕业届")
    )
    reason = models.CharField(_("原因"), max_length=200)
    state = models.CharField(_("状态"), max_length=10, choices=State.choices, default=State.WAITING)
    opinion = models.CharField(_("处理意见"), max_length=200, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("申请人")
    )
    asked_at = models.DateTimeField(_("申请时间"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("处理人"),
    )
    decided_at = models.DateTimeField(_("处理时间"), null=True, blank=True)

    scope_path = "from_path"
    scope_paths = ("from_path", "to_path")  # both colleges see it
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("专业转移")
        ordering = ("-asked_at",)
        constraints = [
            models.UniqueConstraint(
                fields=("student",),
                condition=Q(state="waiting"),
                name="one_waiting_transfer",
                violation_error_message=_("该学生已有一份专业转移申请正在等待接收。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.student} {self.from_major} → {self.to_major}"
