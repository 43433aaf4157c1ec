"""Lists of signing: settings, exclusions, numbers, invitations, exceptions. Agreements and terminations are matters of the engine."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from admin_site.places import SettingAdmin, SettingForm
from admin_site.scoped import CHANGE, DELETE, ReadOnlyAdmin, ScopedAdmin
from admin_site.signing import desk
from admin_site.templatetags.qihang import badge
from models.agreements.models import (
    AgreementNumber,
    NumberApplication,
    SigningExclusion,
    SigningInvitation,
    SigningSetting,
    TerminationException,
)
from models.agreements.policy import forget
from models.agreements.telling import tell_student
from models.audit.models import Action
from models.students.models import Student

INVITATION_COLOURS = {
    "sent": "blue", "considering": "blue", "concluded": "green", "refused": "amber", "recalled": "grey", "expired": "grey",
    "lapsed": "grey", "retracted": "amber",
}  # fmt: skip
NUMBER_COLOURS = {"free": "grey", "issued": "blue", "used": "green", "spoilt": "red"}


class SigningSettingForm(SettingForm):
    """签约设置."""

    material_kinds = forms.MultipleChoiceField(
        label="须交材料的申请类型",
        required=False,
        choices=[pair for pair in NumberApplication.Kind.choices if pair[0] != "first"],
        widget=forms.CheckboxSelectMultiple,
        help_text="勾选的类型，学生再次申请协议书时必须上传材料。",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.material_kinds:
            self.initial["material_kinds"] = self.instance.material_kinds.split(",")

    def clean_material_kinds(self) -> str:
        """Stored as one text."""
        return ",".join(self.cleaned_data["material_kinds"])


@admin.register(SigningSetting)
class SigningSettingAdmin(SettingAdmin):
    """签约设置: one row for a school, another for a cohort that differs; what is not set here follows the defaults."""

    form = SigningSettingForm
    list_display = (
        "reach",
        "online_open",
        "offline_open",
        "stamping",
        "number_issue",
        "validity_days",
        "consideration_hours",
    )
    fieldsets = (
        ("适用范围", {"fields": ("school", "cohort")}),
        ("签约方式", {"fields": ("online_open", "offline_open", "stamping", "validity_days", "consideration_hours", "notice_text")}),
        ("签约资格", {"fields": ("need_profile", "need_roll", "need_phone", "exclude_directed", "exclude_further_study")}),
        ("协议书编号", {"fields": ("number_issue", "number_source", "number_prefix", "later_needs_application", "material_kinds")}),
        ("解约", {"fields": ("termination_month", "termination_day", "terminate_once", "employer_must_consent")}),
    )  # fmt: skip

    def check_saved(self, request: HttpRequest, obj: Any) -> None:
        super().check_saved(request, obj)
        forget()


class ExclusionForm(forms.ModelForm):
    """A student by 学号: no list of thousands to choose from."""

    number = forms.CharField(label="学号", max_length=30)

    class Meta:
        model = SigningExclusion
        fields = ("kind", "reason")

    def clean_number(self) -> str:
        """One student of one's scope."""
        found = list(Student.objects.filter(number=self.cleaned_data["number"].strip())[:2])
        if len(found) != 1:
            raise forms.ValidationError(
                "没有找到该学号的学生，或不在您的管辖范围内。" if not found else "有多名学生使用该学号，请联系管理员。"
            )
        if SigningExclusion._base_manager.filter(student=found[0], lifted_at=None).exists():
            raise forms.ValidationError("该学生已有一条有效的签约限制。")
        self.instance.student = found[0]
        return found[0].number


@admin.register(SigningExclusion)
class SigningExclusionAdmin(ScopedAdmin):
    """签约限制: 推免名单 and the like; lifted, never deleted."""

    empty_text = "推荐免试、定向等不应签约的学生登记在这里，解除前不能签约。"
    form = ExclusionForm
    audit_action = Action.SETTING_CHANGE
    never = (CHANGE, DELETE)
    list_display = ("student", "kind", "reason", "by", "at", "state_text")
    list_filter = ("kind",)
    list_select_related = ("student", "by")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    fields = ("number", "kind", "reason")
    actions = ("lift_chosen",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.by = request.user
        super().save_model(request, obj, form, change)

    @admin.action(description="解除所选限制", permissions=["add"])
    def lift_chosen(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        """解除: the rows stay, with who lifted them and when."""
        rows = list(queryset.filter(lifted_at=None).select_related("student"))
        for row in rows:
            row.lifted_at, row.lifted_by = timezone.now(), request.user
            row.save()
            self.audit(request, row, "解除")
            tell_student(row.student, "签约限制已解除", "学校已解除您的签约限制，可以办理签约。", request.user)
        messages.success(request, f"已解除 {len(rows)} 条签约限制。")

    @display(description="状态")
    def state_text(self, row: SigningExclusion) -> str:
        return badge("已解除", "grey") if row.lifted_at else badge("限制中", "amber")


@admin.register(AgreementNumber)
class AgreementNumberAdmin(ReadOnlyAdmin):
    """协议书编号库: looked at here, made and handed out at the desk."""

    empty_text = "编号在「签约工作台」生成、分配和发放，也可以用「导入」中的协议书编号模板导入。"
    fields = (
        "number",
        "state",
        "source",
        "cohort",
        "college",
        "student",
        "issued_at",
        "used_at",
        "spoilt_at",
        "spoilt_why",
    )
    list_display = ("number", "state_text", "college", "student", "issued_at", "used_at", "source", "cohort")
    list_filter = ("state", "source")
    list_select_related = ("college", "student", "cohort")
    search_fields = ("number__startswith", "student__number__startswith", "student__name__startswith")
    search_help_text = "编号、学号或姓名"
    sortable_by = ("number", "issued_at", "used_at")
    list_before_template = "admin/signing/numbers_before.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [path("desk/", wrap(partial(desk.view, self)), name="signing_desk"), *super().get_urls()]

    @display(description="状态", ordering="state")
    def state_text(self, row: AgreementNumber) -> str:
        return badge(row.get_state_display(), NUMBER_COLOURS[row.state])


@admin.register(SigningInvitation)
class SigningInvitationAdmin(ReadOnlyAdmin):
    """应约邀请: the office sees how online signing goes; only the two who sign act."""

    fields = (
        "student", "employer", "job_title", "job_category", "work_place", "starts_on", "household_reception", "archive_reception", "state",
        "sent_at", "expires_at", "read_at", "answered_at", "refusal",
    )  # fmt: skip
    list_display = ("who", "employer", "job_title", "state_text", "sent_at", "expires_at", "answered_at")
    list_filter = ("state",)
    list_select_related = ("student", "employer")
    search_fields = ("student__number__startswith", "student__name__startswith", "employer__name__startswith")
    search_help_text = "学号、姓名或单位名称"
    sortable_by = ("sent_at", "expires_at", "answered_at")

    @display(description="学生")
    def who(self, row: SigningInvitation) -> str:
        return format_html("{}", row.student)

    @display(description="状态", ordering="state")
    def state_text(self, row: SigningInvitation) -> str:
        return badge(row.get_state_display(), INVITATION_COLOURS[row.state])


@admin.register(TerminationException)
class TerminationExceptionAdmin(ReadOnlyAdmin):
    """解约例外: granted at the desk."""

    empty_text = "学生的解约次数用完后确需再次解约的，在「签约工作台」批准例外，批准后列在这里。"
    fields = ("student", "reason", "by", "at")
    list_display = ("student", "reason", "by", "at", "used")
    list_select_related = ("student", "by", "termination")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"

    @display(description="使用情况")
    def used(self, row: TerminationException) -> str:
        done = getattr(row, "termination", None)
        return badge(done.get_status_display(), "blue") if done else badge("未使用", "grey")
