"""学生账号: passwords and locks in bulk, and looking at the pages as one student."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html
from unfold.decorators import display

from admin_site import cohorts
from admin_site.accounts.base import AccountAdmin
from admin_site.scoped import ADD, CHANGE, DELETE
from models.accounts import impersonation, services
from models.accounts.models import StudentAccount, User


class ReasonForm(forms.Form):
    """Why somebody looks at the pages of a student."""

    reason = forms.CharField(
        label="查看原因", min_length=4, max_length=200, widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
        error_messages={"required": "请填写查看原因。", "min_length": "请写明原因，至少 4 个字。"},
    )  # fmt: skip


@admin.register(StudentAccount)
class StudentAccountAdmin(AccountAdmin):
    """学生账号(会员管理): passwords and locks in bulk, and looking at the pages as one student."""

    never = (ADD, CHANGE, DELETE)  # made with the student
    list_display = ("number", "student_name", "place", "state", "last_login", "look")
    list_display_links = None
    list_filter = ("password_state", "is_active")
    list_select_related = ("student__unit", "student__school")
    search_fields = ("student__number__startswith", "student__name__startswith")
    search_help_text = "学号或姓名"
    fields = readonly_fields = ("username", "name", "phone_masked", "state", "last_login")
    actions = ("reset_selected", "unlock_selected")
    sortable_by = ("number", "student_name", "last_login")
    ordering = ("student__number",)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).filter(kind=User.Kind.STUDENT)
        return rows.select_related("student__unit", "student__school")

    def narrow_list(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        return rows.filter(student__cohort_id__in=cohorts.cohort_ids(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.view_user")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("accounts.view_user") and self.in_scope(request, obj)

    def has_reset_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.reset_password")

    @admin.action(description="重置密码", permissions=["reset"])
    def reset_selected(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse | None:
        people = list(queryset.select_related("student__school"))
        if request.POST.get("confirmed") != "yes":
            return self.page(
                request, "admin_site/confirm_many.html", title=f"重置 {len(people)} 名学生的密码", people=people[:20], more=max(0, len(people) - 20),
                action="reset_selected", button=f"重置 {len(people)} 人的密码", back=reverse("admin:accounts_studentaccount_changelist"),
                selected=request.POST.getlist("_selected_action"), across=request.POST.get("select_across", "0"), query=request.GET.urlencode(),
                sentence="这些学生的登录立即失效。采用学生激活的学校，学生须重新激活；采用初始密码的学校，密码恢复为证件号后六位，首次登录必须修改。",
            )  # fmt: skip
        done = services.reset_students(people, request=request)
        messages.success(request, f"已重置 {done} 名学生的密码，请提醒学生重新激活或登录后修改密码。")
        return None

    def get_urls(self) -> list[Any]:
        return [
            path(
                "<int:object_id>/impersonate/",
                self.admin_site.admin_view(self.impersonate_view),
                name="accounts_studentaccount_impersonate",
            ),
            *super().get_urls(),
        ]

    def impersonate_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask why, write it down, then look: twenty minutes, read-only, visible to the student."""
        account = self.object_or_404(request, object_id)
        self.require(request, "accounts.impersonate_student")
        if not account.is_active:
            raise PermissionDenied
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            impersonation.start(request, account, form.cleaned_data["reason"])
            return redirect("/student/")
        return self.page(
            request, "admin_site/impersonate.html", title=f"以学生身份查看：{account.student}", account=account, form=form, minutes=impersonation.MINUTES,
            back=reverse("admin:accounts_studentaccount_changelist"),
        )  # fmt: skip

    def get_list_display(self, request: HttpRequest) -> list[str]:
        shown = list(super().get_list_display(request))
        return (
            shown
            if request.user.has_perm("accounts.impersonate_student")
            else [name for name in shown if name != "look"]
        )

    @display(description="学号", ordering="student__number")
    def number(self, account: User) -> str:
        return account.student.number

    @display(description="姓名", ordering="student__name")
    def student_name(self, account: User) -> str:
        return account.student.name

    @display(description="班级")
    def place(self, account: User) -> str:
        return str(account.student.unit)

    @display(description="")
    def look(self, account: User) -> str:
        if not account.is_active:
            return ""
        url = reverse("admin:accounts_studentaccount_impersonate", args=[account.pk])
        return format_html('<a class="qh-link" href="{}">以学生身份查看</a>', url)
