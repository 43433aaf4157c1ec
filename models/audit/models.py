"""The audit trail: who did what, for whom, from where, to which object, with what result (security rows F1, F4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models.audit import door
from workflows.scoping import Scope, ScopedManager, ScopedQuerySet
from workflows.scoping import current as current_scope

PURGE_CHUNK = 10_000


class AppendOnlyError(RuntimeError):
    """Code tried to change or delete an audit row: a programming error, never a person's."""

    def __init__(self) -> None:
        super().__init__("审计日志只能追加，不能修改或删除；过期记录只能由 purge_audit 清理。")


class Action(models.TextChoices):
    """What can be recorded. A new kind of deed gets a line here; the value is stored, so it is never renamed."""

    LOGIN = "login", _("登录")
    LOGOUT = "logout", _("退出登录")
    LOGIN_FAILED = "login_failed", _("登录失败")
    DENIED = "denied", _("访问被拒绝")
    REVEAL = "reveal", _("查看完整证件号或手机号")
    SEARCH_BY_ID = "search_by_id", _("按证件号查询")
    VIEW_FILE = "view_file", _("下载文件")
    EXPORT = "export", _("导出")
    IMPORT = "import", _("导入")
    UNDO_IMPORT = "undo_import", _("撤销导入")
    REVIEW = "review", _("审核")
    BATCH_REVIEW = "batch_review", _("批量审核")
    BATCH_EDIT = "batch_edit", _("批量修改")
    ROLL_CHANGE = "roll_change", _("学籍异动")
    MOVE_COHORT = "move_cohort", _("换届")
    MAJOR_TRANSFER = "major_transfer", _("专业转移")
    RIGHTS_CHANGE = "rights_change", _("权限变更")
    IMPERSONATE_START = "impersonate_start", _("开始以学生身份查看")
    IMPERSONATE_STOP = "impersonate_stop", _("结束以学生身份查看")
    SETTING_CHANGE = "setting_change", _("设置变更")
    PASSWORD_CHANGE = "password_change", _("修改密码")
    PASSWORD_RESET = "password_reset", _("重置密码")
    UNLOCK = "unlock", _("解除锁定")
    ACTIVATION = "activation", _("学生激活")
    CONTACT_CHANGE = "contact_change", _("联系方式变更")
    ISSUE = "issue", _("签发文件")
    STUDENT_LOOKUP = "student_lookup", _("单位查找学生")
    AGREEMENT_NUMBER = "agreement_number", _("协议书编号管理")
    FORCED_TERMINATION = "forced_termination", _("强制解约")
    DESTINATION_DISPUTE = "destination_dispute", _("去向不属实处理")
    BLACKLIST = "blacklist", _("不受信单位管理")
    ACCOUNT_APPEAL = "account_appeal", _("单位账号申诉处理")
    EMPLOYER_REGISTRATION = "employer_registration", _("单位注册")
    REPORT = "report", _("上报")
    RECONCILE = "reconcile", _("数据比对")
    SNAPSHOT = "snapshot", _("生成统计快照")
    PURGE = "purge", _("清理过期日志")
    VERIFY = "verify", _("数据核验")
    BACKUP = "backup", _("备份")
    RESTORE = "restore", _("恢复备份")


class Result(models.TextChoices):
    """How it ended."""

    OK = "ok", _("成功")
    DENIED = "denied", _("被拒绝")
    FAILED = "failed", _("失败")


class AuditQuerySet(ScopedQuerySet):
    """Rows can be added and read. Only `purge` removes, and never a row younger than the retention period."""

    def within(self, scope: Scope) -> AuditQuerySet:
        """Staff see the rows of their schools; a student only who looked at the system as that student."""
        if scope.subject_id is not None:
            return self.filter(on_behalf_of_id=scope.subject_id)
        return scope.limit(self)  # type: ignore[return-value]

    def visible_to(self, user: Any) -> AuditQuerySet:
        """The rows `user` may see, whoever is acting."""
        return self.within(user.scope)

    def update(self, **kwargs: Any) -> int:
        raise AppendOnlyError

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise AppendOnlyError

    def delete(self) -> tuple[int, dict[str, int]]:
        raise AppendOnlyError

    delete.queryset_only = True  # type: ignore[attr-defined]  # as Django's own: not offered on the manager
    delete.alters_data = True  # type: ignore[attr-defined]

    def _raw_delete(self, using: str | None) -> int:
        raise AppendOnlyError  # the door that Django's cascade and fast delete would use

    def about(self, obj: models.Model) -> AuditQuerySet:
        """Rows whose object is `obj`, newest first."""
        return self.filter(object_type=obj._meta.label_lower, object_id=str(obj.pk)).order_by("-at", "-pk")

    def purge(self, before: datetime | None = None) -> int:
        """Delete the rows of this queryset older than `before`, and return how many.

        `before` is never later than now minus settings.AUDIT_RETENTION_DAYS, nor than six months ago, whatever is passed or set:
        网络安全法第 23 条. In chunks, so that SQLite's write lock is free again soon.
        """
        floor = timezone.now() - timedelta(days=max(settings.AUDIT_RETENTION_DAYS, door.SIX_MONTHS))
        before = min(before, floor) if before else floor
        removed = 0
        while keys := list(self.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:PURGE_CHUNK]):
            with transaction.atomic(using=self.db):
                removed += door.remove(keys, self.db)
        return removed


class AuditManager(ScopedManager.from_queryset(AuditQuerySet)):  # type: ignore[misc]
    """As every scoped manager: raises when nobody is acting."""

    def get_queryset(self) -> AuditQuerySet:
        scope = current_scope()
        if scope is None:
            return super().get_queryset()  # raises UnscopedQuery
        return AuditQuerySet(self.model, using=self._db).within(scope)


class AuditEntry(models.Model):
    """One deed of one person. Written by `models.audit.services.record`, never changed.

    The person is kept by id without a database constraint and by name as text, so that neither deleting nor renaming an account
    touches the trail. No ID number, phone or password ever gets in: `record` masks.
    """

    scope_school = "school_id"

    at = models.DateTimeField(_("时间"), default=timezone.now, editable=False)
    action = models.CharField(_("动作"), max_length=24, choices=Action.choices)
    result = models.CharField(_("结果"), max_length=8, choices=Result.choices, default=Result.OK)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        verbose_name=_("操作人"),
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    actor_label = models.CharField(_("操作账号"), max_length=150, blank=True)
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        verbose_name=_("被代入的账号"),
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
    )
    ip = models.GenericIPAddressField(_("来源地址"), null=True, blank=True, unpack_ipv4=True)
    request_id = models.CharField(_("请求编号"), max_length=64, blank=True)
    school_id = models.BigIntegerField(_("学校"), null=True, blank=True)
    object_type = models.CharField(_("对象类型"), max_length=80, blank=True)
    object_id = models.CharField(_("对象编号"), max_length=64, blank=True)
    object_label = models.CharField(_("对象"), max_length=200, blank=True)
    purpose = models.CharField(_("用途"), max_length=500, blank=True)
    detail = models.JSONField(_("详情"), default=dict, blank=True)

    objects = AuditManager()
    unscoped = AuditQuerySet.as_manager()

    class Meta:
        verbose_name = _("审计日志")
        verbose_name_plural = _("审计日志")
        base_manager_name = "unscoped"
        default_permissions = ("view",)
        permissions = [("purge_auditentry", _("清理过期审计日志"))]
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=["object_type", "object_id", "at"], name="audit_object_at"),
            models.Index(fields=["actor", "at"], name="audit_actor_at"),
            models.Index(fields=["action", "at"], name="audit_action_at"),
            models.Index(fields=["school_id", "at"], name="audit_school_at"),
            models.Index(fields=["at"], name="audit_at"),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%Y-%m-%d %H:%M} {self.get_action_display()} {self.object_label}".strip()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; changing one is refused."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused."""
        raise AppendOnlyError


class AuditSeal(models.Model):
    """One link of the chain over the trail, written by `models.audit.seals`. It outlives its entry, so that a purge leaves the chain whole."""

    number = models.BigIntegerField(_("序号"), primary_key=True)
    entry_id = models.BigIntegerField(_("日志编号"), unique=True, error_messages={"unique": _("这条日志已经封存。")})
    at = models.DateTimeField(_("日志时间"))
    row = models.CharField(_("日志摘要"), max_length=64)
    digest = models.CharField(_("链摘要"), max_length=64)

    class Meta:
        verbose_name = _("审计封存")
        verbose_name_plural = _("审计封存")
        default_permissions = ()
        ordering = ("number",)

    def __str__(self) -> str:
        return str(self.number)
