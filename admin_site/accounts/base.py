"""What the lists of accounts share: state, phone, unlocking; accounts are disabled, never deleted."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest
from unfold.decorators import display

from admin_site.scoped import DELETE, ScopedAdmin
from admin_site.templatetags.qihang import badge
from models.accounts import services
from models.accounts.models import User
from models.audit.models import Action
from workflows import fields


def masked_phone(number: str) -> str:
    """A phone as lists and forms show it."""
    return fields.mask(number, "phone") or "—"


class AccountAdmin(ScopedAdmin):
    """What both kinds of accounts share."""

    audit_action = Action.RIGHTS_CHANGE
    never: tuple[str, ...] = (DELETE,)  # accounts are disabled: records name them
    sortable_by = ("username", "name", "last_login")
    ordering = ("username",)

    @display(description="手机号码")
    def phone_masked(self, account: User) -> str:
        return masked_phone(account.phone)

    @display(description="状态", ordering="is_active")
    def state(self, account: User) -> str:
        if not account.is_active:
            return badge("已停用", "red")
        return badge(
            account.get_password_state_display(),
            {"own": "green", "initial": "amber", "none": "grey"}[account.password_state],
        )

    def manages(self, request: HttpRequest, account: User | None) -> bool:
        """Whether the person may change this very account, who sees it."""
        return True

    def has_unlock_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.unlock_user")

    @admin.action(description="解除锁定", permissions=["unlock"])
    def unlock_selected(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        people = [account for account in queryset if self.manages(request, account)]
        freed = services.unlock(people, request=request)
        messages.success(request, f"已检查 {len(people)} 个账号，其中 {freed} 个有登录失败记录，已清除。")
