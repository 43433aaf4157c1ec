"""People who log in, where staff are appointed and what they may do."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Permission, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from models.accounts.counters import MailCode, Tally
from models.accounts.names import NameField
from models.organisation.models import OrgUnit, School
from workflows.histories import HistoricalRecords
from workflows.levels import COLLEGE, COUNSELOR, PROVINCE, SCHOOL
from workflows.scoping import EVERYTHING, Scope, ScopedManager, below, outermost

__all__ = ["FunctionOverride", "MailCode", "OrgStaff", "SchoolOf", "StaffAppointment", "Tally", "User"]


class UserManager(BaseUserManager):
    """Accounts are looked up before anybody is acting, so this manager is not scoped; screens that list accounts use `in_scope_of`."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """Make an account; without a password it cannot log in until it is activated."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> User:
        """The break-glass account: sees everything, meant for set-up and emergencies only."""
        return self.create_user(username, password, kind=User.Kind.STAFF, is_superuser=True, **fields)

    def in_scope_of(self, person: User) -> models.QuerySet[User]:
        """Accounts of the students and staff below `person`'s appointments, and the person's own."""
        scope = person.scope
        if scope.everything:
            return self.all()
        return self.filter(
            Q(pk=person.pk)
            | Q(pk__in=OrgStaff.objects_below(scope.prefixes).values("user"))
            | Q(kind=User.Kind.STUDENT) & below("student__org_path", scope.prefixes)
        )


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Staff log in by account name (usually 工号), students by 学号; `username` is unique over all schools."""

    class Kind(models.TextChoices):
        STAFF = "staff", _("教职工")
        STUDENT = "student", _("学生")
        EMPLOYER = "employer", _("用人单位")

    class PasswordState(models.TextChoices):
        OWN = "own", _("自设密码")
        INITIAL = "initial", _("初始密码（首次登录必须修改）")
        NONE = "none", _("未激活")

    username = models.CharField(_("账号"), max_length=60, unique=True)
    name = NameField(_("姓名"), max_length=60)
    kind = models.CharField(_("类别"), max_length=10, choices=Kind.choices, default=Kind.STAFF)
    phone = models.CharField(_("手机号码"), max_length=20, blank=True)
    email = models.EmailField(_("电子邮箱"), blank=True)
    password_state = models.CharField(
        _("密码状态"), max_length=8, choices=PasswordState.choices, default=PasswordState.OWN
    )
    is_active = models.BooleanField(_("启用"), default=True)
    # Part of the session hash: raising it ends every session of the account.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    preferences = models.JSONField(default=dict, blank=True, editable=False)
    date_joined = models.DateTimeField(_("建立时间"), default=timezone.now, editable=False)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    objects = UserManager()

    class Meta:
        verbose_name = verbose_name_plural = _("账号")
        permissions = [
            ("impersonate_student", "以学生身份查看"),
            ("reset_password", "重置密码"),
            ("unlock_user", "解锁账号"),
            ("assign_functions", "功能分配"),
            ("reveal_identity", "查看完整证件号和手机号"),
            ("export_identity", "导出完整证件号和手机号"),
        ]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def is_staff(self) -> bool:
        """Whether the back office opens for this account."""
        return self.is_active and self.kind == self.Kind.STAFF

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name

    def _get_session_auth_hash(self, secret=None):
        return super()._get_session_auth_hash(secret=secret) + f"-{self.session_epoch}"

    # -- scope -----------------------------------------------------------------------------------------------------

    @cached_property
    def appointments(self) -> list[StaffAppointment]:
        """Appointments in force today; read once per request, so that a change takes effect at the next one."""
        if self.kind != self.Kind.STAFF:
            return []
        return [a for a in StaffAppointment._base_manager.filter(user=self).select_related("unit") if a.in_force()]

    @cached_property
    def scope(self) -> Scope:
        """The rows this person may see; every door asks here."""
        if not self.is_active:
            return Scope()
        if self.is_superuser or any(a.level == PROVINCE for a in self.appointments):
            return EVERYTHING
        if self.kind == self.Kind.STAFF:
            return Scope(
                prefixes=outermost(a.path for a in self.appointments),
                school_ids=tuple(sorted({a.unit.school_id for a in self.appointments})),
                person_id=self.pk,
            )
        school_id = self.school_id
        return Scope(school_ids=(school_id,) if school_id else (), subject_id=self.pk)

    @cached_property
    def school_id(self) -> int | None:
        """The school of a student, or of a member of staff who has just one; None for province and unattached accounts."""
        if self.kind == self.Kind.STUDENT:
            student = getattr(self, "student", None)
            return student.school_id if student else None
        schools = {a.unit.school_id for a in self.appointments if a.unit_id}
        return schools.pop() if len(schools) == 1 else None

    def scope_of(self, queryset: models.QuerySet, path: str | None = None) -> models.QuerySet:
        """`queryset` narrowed to the rows this person may see; `path` overrides the model's own `scope_path`."""
        return self.scope.limit(queryset, path)

    def level_paths(self, level: str) -> tuple[str, ...]:
        """Org path prefixes over which this person holds `level`; ("",) means everywhere."""
        return outermost(a.path for a in self.appointments if a.level == level)

    def holds(self, level: str, over: Any) -> bool:
        """Whether this person is appointed at `level` over the org unit of `over` (anything with an `org_path`)."""
        return any(over.org_path.startswith(path) for path in self.level_paths(level))

    @cached_property
    def levels(self) -> frozenset[str]:
        """The levels of all appointments in force."""
        return frozenset(a.level for a in self.appointments)


class StudentAccount(User):
    """学生账号：the accounts of students, as their own list in the back office; functions are those of the account."""

    class Meta:
        proxy = True
        default_permissions = ()
        verbose_name = verbose_name_plural = _("学生账号")


class StaffAppointment(models.Model):
    """任职/管辖：user × org unit × level. It is the row scope, and it brings the level's default functions."""

    class Level(models.TextChoices):
        COUNSELOR = COUNSELOR, _("辅导员/班主任")
        COLLEGE = COLLEGE, _("院系")
        SCHOOL = SCHOOL, _("校级")
        PROVINCE = PROVINCE, _("省级")
        DATA = "data", _("数据员")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staff_appointments", verbose_name=_("账号")
    )
    level = models.CharField(_("职级"), max_length=10, choices=Level.choices)
    unit = models.ForeignKey(
        OrgUnit,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="appointments",
        verbose_name=_("任职部门"),
        help_text=_("校级管理员任职于就业中心，管辖全校；省级不填。"),
    )
    starts_on = models.DateField(_("开始日期"), null=True, blank=True)
    ends_on = models.DateField(_("结束日期"), null=True, blank=True)

    scope_path = "unit__path"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("任职与管辖")
        ordering = ("user", "level")
        constraints = [
            models.UniqueConstraint(
                "user",
                "level",
                Coalesce("unit", Value(0)),  # on SQLite too NULL must equal NULL
                name="one_appointment",
                violation_error_message=_("该账号已有相同的任职。"),
            ),
            models.CheckConstraint(
                condition=Q(level=PROVINCE, unit__isnull=True) | ~Q(level=PROVINCE) & Q(unit__isnull=False),
                name="appointment_unit",
                violation_error_message=_("省级任职不选部门；其他职级必须选择任职部门。"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_level_display()} · {self.unit or '全省'}"

    def clean(self) -> None:
        """School level belongs to the 就业中心 (000 §1.4.1); nobody below can be appointed above it."""
        if self.level == SCHOOL and self.unit_id and self.unit.kind != OrgUnit.Kind.CENTER:
            raise ValidationError({"unit": _("校级管理员必须任职于本校唯一的就业中心。")})
        if self.level in {COUNSELOR, COLLEGE} and self.unit_id and self.unit.kind == OrgUnit.Kind.CENTER:
            raise ValidationError({"unit": _("院系和辅导员须任职于学院、专业或班级。")})

    @property
    def path(self) -> str:
        """The org path prefix this appointment opens: all for province, the school for the 就业中心, else the unit's subtree."""
        if self.level == PROVINCE:
            return ""
        return f"{self.unit.school_id}/" if self.unit.kind == OrgUnit.Kind.CENTER else self.unit.path

    def in_force(self, day: date | None = None) -> bool:
        """Whether the appointment holds on `day` (default today)."""
        day = day or timezone.localdate()
        return (self.starts_on is None or self.starts_on <= day) and (self.ends_on is None or day <= self.ends_on)


class OrgStaff:
    """Look-ups of staff by place."""

    @staticmethod
    def objects_below(prefixes: tuple[str, ...]) -> models.QuerySet[StaffAppointment]:
        """Appointments below any of the path prefixes."""
        return StaffAppointment._base_manager.filter(below("unit__path", prefixes))

    @staticmethod
    def responsible(level: str, org_path: str) -> models.QuerySet[StaffAppointment]:
        """Appointments of `level` on the way from the school down to `org_path`: who has a record next."""
        ids = [int(part) for part in org_path.strip("/").split("/")]
        found = StaffAppointment._base_manager.filter(level=level, user__is_active=True).select_related("user")
        if level == PROVINCE:
            return found
        if level == SCHOOL:
            return found.filter(unit__school_id=ids[0])
        return found.filter(unit_id__in=ids[1:])


class FunctionOverride(models.Model):
    """功能分配：one function given to, or taken from, one person, against the default of the level."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="function_overrides", verbose_name=_("账号")
    )
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE, verbose_name=_("功能"))
    granted = models.BooleanField(_("给予"), help_text=_("不勾选表示收回默认功能。"))

    scope_path = "user__staff_appointments__unit__path"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("功能分配")
        constraints = [models.UniqueConstraint(fields=("user", "permission"), name="one_override")]

    def __str__(self) -> str:
        return f"{self.user} {'+' if self.granted else '−'} {self.permission.name}"


class SchoolOf:
    """Small look-ups used at log-in, before anybody is acting."""

    @staticmethod
    def active() -> models.QuerySet[School]:
        """Schools a student can choose on the log-in page."""
        return School._base_manager.filter(is_active=True).order_by("code")
