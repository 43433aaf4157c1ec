"""The vocabulary every matter shares: levels, statuses and verbs, so that counts and queues are the same everywhere."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

COUNSELOR = "counselor"
COLLEGE = "college"
SCHOOL = "school"
PROVINCE = "province"

LEVELS = (COUNSELOR, COLLEGE, SCHOOL, PROVINCE)
LEVEL_NAMES = {COUNSELOR: _("辅导员"), COLLEGE: _("院系"), SCHOOL: _("学校"), PROVINCE: _("省级")}


class Status(models.TextChoices):
    """The one list of statuses (domain: review chains)."""

    DRAFT = "draft", _("未提交")
    PENDING_COUNSELOR = "pending_counselor", _("辅导员待审")
    PENDING_COLLEGE = "pending_college", _("院系待审")
    PENDING_SCHOOL = "pending_school", _("学校待审")
    PENDING_PROVINCE = "pending_province", _("省级待审")
    APPROVED = "approved", _("审核通过")
    RETURNED = "returned", _("退回修改")
    VOIDED = "voided", _("已作废")


PENDING = {level: Status(f"pending_{level}") for level in LEVELS}
LEVEL_OF = {status: level for level, status in PENDING.items()}

# Tailwind-independent colour names; each front door maps them to its own classes. Colour never stands alone: the word is always there.
COLOURS = {
    Status.DRAFT: "grey",
    Status.PENDING_COUNSELOR: "blue",
    Status.PENDING_COLLEGE: "blue",
    Status.PENDING_SCHOOL: "blue",
    Status.PENDING_PROVINCE: "blue",
    Status.APPROVED: "green",
    Status.RETURNED: "amber",
    Status.VOIDED: "red",
}


class Verb(models.TextChoices):
    """What can be done to a matter; each but the last four moves the status."""

    SUBMIT = "submit", _("提交审核")
    WITHDRAW = "withdraw", _("撤回")
    APPROVE = "approve", _("通过")
    RETURN = "return", _("退回修改")
    VOID = "void", _("作废")
    REOPEN = "reopen", _("恢复办理")
    AMEND = "amend", _("修改资料")
    ASK_CHANGE = "ask_change", _("申请修改")
    ACCEPT_CHANGE = "accept_change", _("同意修改申请")
    REFUSE_CHANGE = "refuse_change", _("不同意修改申请")
    CONFIRM = "confirm", _("确认无误")
    DISPUTE = "dispute", _("提出异议")
    SETTLE = "settle", _("处理异议")
    CREATE = "create", _("建立")
