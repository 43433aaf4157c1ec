"""教职工: accounts of staff with their appointments and functions."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.html import format_html_join
from django.views.decorators.http import require_POST
from unfold.decorators import action, display
from unfold.widgets import UnfoldBooleanWidget

from admin_site import functions_page
from admin_site.accounts.appointments import AppointmentInline
from admin_site.accounts.base import AccountAdmin, masked_phone
from admin_site.exports.tables import TableExportMixin
from admin_site.filters import ChoiceFilter
from admin_site.forms import FullCheckForm
from admin_site.rows import rows_for
from models.accounts import services
from models.accounts.appointing import appointable_levels, may_manage
from models.accounts.models import StaffAppointment, User
from models.accounts.signals import contact_changed
from models.audit.models import Action
from models.audit.services import record

Level = StaffAppointment.Level


class StaffForm(FullCheckForm):
    """A member of staff. The phone that is there is not shown in full: the field starts empty, and empty means as it is."""

    clear_phone = forms.BooleanField(label="清空手机号码", required=False, widget=UnfoldBooleanWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "phone" in self.fields and self.instance.phone:
            self.kept = self.instance.phone
            self.initial["phone"] = ""
            self.fields["phone"].widget.attrs["placeholder"] = masked_phone(self.kept)
            self.fields["phone"].help_text = f"现为 {masked_phone(self.kept)}，留空表示不修改。"

    def clean(self) -> dict[str, Any]:
        """What was left empty stays, unless its box says that it shall go."""
        cleaned = super().clean() or {}
        if cleaned.get("phone") and cleaned.get("clear_phone"):
            self.add_error("phone", "填写新号码和清空只能选一项。")
        elif "phone" in cleaned and not cleaned["phone"]:
            cleaned["phone"] = "" if cleaned.get("clear_phone") else getattr(self, "kept", "")
        return cleaned


class LevelFilter(ChoiceFilter):
    """职级."""

    title, parameter_name, options = "职级", "level", Level.choices

    def narrow(self, queryset: models.QuerySet, value: str) -> models.QuerySet:
        return queryset.filter(pk__in=StaffAppointment.objects.filter(level=value).values("user"))


@admin.register(User)
class StaffAdmin(TableExportMixin, AccountAdmin):
    """教职工: one's own place downwards; who is appointed above or beside is seen, if at all, but not touched."""

    export_kind = "staff"
    form = StaffForm
    inlines = (AppointmentInline,)
    list_display = ("username", "name", "places", "phone_masked", "state", "last_login")
    list_display_links = ("username", "name")
    list_filter = (LevelFilter, "is_active")
    search_fields = ("username", "name")
    search_help_text = "账号或姓名"
    fields = ("username", "name", "phone", "email")
    actions = ("assign_functions", "unlock_selected")
    actions_detail = ("reset_password", "switch", "unlock_one")
    change_form_show_cancel_button = True

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = super().get_queryset(request).filter(kind=User.Kind.STAFF)
        return rows if request.user.is_superuser else rows.exclude(is_superuser=True)

    def exported_of(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        """Their appointments within one's own scope: what a row of the template is."""
        return rows_for(StaffAppointment, request.user).filter(user__in=rows.order_by().values("pk"))

    def _appointments_of(self, rows: list[User]) -> dict[int, list[StaffAppointment]]:
        found: dict[int, list[StaffAppointment]] = {}
        for held in StaffAppointment.objects.filter(user__in=rows).select_related("unit"):
            found.setdefault(held.user_id, []).append(held)
        return found

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Appointments of the rows on the page, in one query."""
        listing = super().get_changelist_instance(request)
        held = self._appointments_of(list(listing.result_list))
        for account in listing.result_list:
            account.shown_appointments = held.get(account.pk, [])
        return listing

    def manages(self, request: HttpRequest, account: User | None) -> bool:
        """Whether the person may change this very account (asked once per request)."""
        if account is None or account._state.adding:
            return True
        known = request.__dict__.setdefault("_manages", {})
        if account.pk not in known:
            known[account.pk] = may_manage(request.user, account)
        return known[account.pk]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.manages(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and bool(appointable_levels(request.user))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("username", "phone_masked") if obj else ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Who may only look sees the phone masked, as in the list."""
        if obj is None or self.has_change_permission(request, obj):
            return (
                ("username", "name", "phone", "clear_phone", "email") if obj is not None and obj.phone else self.fields
            )
        return tuple("phone_masked" if name == "phone" else name for name in self.fields)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.kind = User.Kind.STAFF
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if change and "email" in form.changed_data:
            old = form.initial.get("email") or ""
            transaction.on_commit(lambda: contact_changed.send_robust(sender=User, user=obj, old_email=old))

    def save_related(self, request: HttpRequest, form: Any, formsets: list[Any], change: bool) -> None:
        """A new account gets its initial password in the same transaction; it is shown once, on the answer, and stored nowhere."""
        super().save_related(request, form, formsets, change)
        if not change:
            request._initial_password = services.give_initial_password(form.instance, request=request)
        for formset in formsets:
            self._audit_appointments(request, form.instance, formset)

    @staticmethod
    def _audit_appointments(request: HttpRequest, account: User, formset: Any) -> None:
        words = [("新增任职", row) for row in formset.new_objects]
        words += [("修改任职", row) for row, _fields in formset.changed_objects] + [
            ("撤销任职", row) for row in formset.deleted_objects
        ]
        for deed, row in words:
            record(
                Action.RIGHTS_CHANGE,
                request=request,
                obj=account,
                deed=deed,
                to=f"{row.get_level_display()} · {row.unit or '全省'}",
            )

    def response_add(self, request: HttpRequest, obj: User, post_url_continue: Any = None) -> HttpResponse:
        return self._show_password(request, obj, request._initial_password, "账号已建立")

    def _show_password(self, request: HttpRequest, account: User, password: str, title: str) -> HttpResponse:
        return self.page(request, "admin_site/password_once.html", title=title, account=account, password=password)

    # -- deeds ---------------------------------------------------------------------------------------------------------

    def _managed(self, request: HttpRequest, object_id: Any, code: str) -> User:
        account = self.object_or_404(request, object_id)
        self.require(request, code)
        if not self.manages(request, account):
            raise PermissionDenied
        return account

    def _asked(
        self, request: HttpRequest, account: User, title: str, sentence: str, button: str, danger: bool = False
    ) -> HttpResponse:
        return self.page(
            request, "admin_site/confirm.html", title=title, sentence=sentence, button=button, danger=danger,
            back=reverse("admin:accounts_user_change", args=[account.pk]),
        )  # fmt: skip

    @action(description="重置密码", url_path="reset-password")
    def reset_password(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        account = self._managed(request, object_id, "accounts.reset_password")
        if request.method != "POST":
            return self._asked(
                request,
                account,
                f"重置「{account}」的密码",
                "将生成随机的初始密码，只显示一次；该账号的所有登录立即失效，下次登录必须修改密码。",
                "重置密码",
            )
        return self._show_password(
            request, account, services.give_initial_password(account, request=request), "密码已重置"
        )

    @action(description="停用／启用", url_path="switch")
    def switch(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        account = self._managed(request, object_id, "accounts.change_user")
        word = "停用" if account.is_active else "启用"
        if request.method != "POST":
            sentence = (
                "停用后该账号立即退出登录，不能再登录；任职和办理记录保留。"
                if account.is_active
                else "启用后该账号可以重新登录，任职照旧。"
            )
            return self._asked(request, account, f"{word}账号「{account}」", sentence, f"{word}账号", account.is_active)
        services.set_enabled(account, not account.is_active, request=request)
        messages.success(request, f"已{word}账号「{account}」。")
        return redirect("admin:accounts_user_change", account.pk)

    @action(description="解除锁定", url_path="unlock")
    def unlock_one(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        account = self._managed(request, object_id, "accounts.unlock_user")
        if request.method != "POST":
            return self._asked(
                request, account, f"解除「{account}」的锁定", "清除登录失败记录，该账号可以立即重新登录。", "解除锁定"
            )
        services.unlock([account], request=request)
        messages.success(request, f"已解除「{account}」的登录锁定。")
        return redirect("admin:accounts_user_change", account.pk)

    @admin.action(description="功能分配", permissions=["assign"])
    def assign_functions(self, request: HttpRequest, queryset: models.QuerySet) -> HttpResponse:
        ids = ",".join(map(str, queryset.order_by("pk").values_list("pk", flat=True)[: functions_page.MOST]))
        return redirect(f"{reverse('admin:accounts_functions')}?ids={ids}")

    def has_assign_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.assign_functions")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        account = self.get_object(request, str(object_id))
        if account is None or not self.manages(request, account):
            return []
        needed = {"reset_password": "reset_password", "switch": "change_user", "unlock_one": "unlock_user"}
        found = super().get_actions_detail(request, object_id)
        return [
            one
            for one in found
            if request.user.has_perm(f"accounts.{needed[one.action_name.removeprefix('accounts_user_')]}")
        ]

    def get_urls(self) -> list[Any]:
        return [
            path("functions/", self.admin_site.admin_view(self.functions_view), name="accounts_functions"),
            path(
                "functions/apply/",
                self.admin_site.admin_view(require_POST(self.functions_apply)),
                name="accounts_functions_apply",
            ),
            *super().get_urls(),
        ]

    def functions_view(self, request: HttpRequest) -> HttpResponse:
        self.require(request, "accounts.assign_functions")
        return functions_page.show(self, request)

    def functions_apply(self, request: HttpRequest) -> HttpResponse:
        self.require(request, "accounts.assign_functions")
        return functions_page.apply(self, request)

    # -- columns -------------------------------------------------------------------------------------------------------

    @display(description="任职")
    def places(self, account: Any) -> str:
        held = getattr(account, "shown_appointments", [])
        return (
            format_html_join("", "<div>{} · {}</div>", ((row.get_level_display(), row.unit or "全省") for row in held))
            or "—"
        )
