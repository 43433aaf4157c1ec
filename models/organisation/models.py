"""Schools, their tree of units, cohorts, campuses and majors."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from models.codes.fields import CodeField
from workflows.histories import HistoricalRecords
from workflows.scoping import PathField, ScopedManager
from workflows.years import YearField


class School(models.Model):
    """学校。One deployment serves one school or a whole province of them; `code` is the ministry's five-digit school code."""

    class FirstLogin(models.TextChoices):
        ACTIVATION = "activation", _("学生激活（推荐）：核对身份信息后自设密码")
        ID_TAIL = "id_tail", _("初始密码为证件号后六位，首次登录必须修改")

    code = models.CharField(
        _("学校代码"), max_length=5, unique=True, validators=[RegexValidator(r"^\d{5}$", _("学校代码为 5 位数字。"))]
    )
    name = models.CharField(_("学校名称"), max_length=100, unique=True)
    short_name = models.CharField(_("简称"), max_length=20, blank=True)
    region = CodeField(_("所在地"), table="region", blank=True)
    first_login = models.CharField(
        _("学生首次登录"), max_length=12, choices=FirstLogin.choices, default=FirstLogin.ACTIVATION
    )
    contact = models.CharField(
        _("就业中心联系方式"), max_length=200, blank=True, help_text=_("学生需要帮助时看到的电话、地点。")
    )
    is_active = models.BooleanField(_("启用"), default=True)

    scope_school = "pk"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("学校")
        ordering = ("code",)

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """Prefix of the org path of everything in this school."""
        return f"{self.pk}/"


class Campus(models.Model):
    """校区。"""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="campuses", verbose_name=_("学校"))
    name = models.CharField(_("校区"), max_length=50)

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("校区")
        ordering = ("school", "name")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "name"), name="campus_name", violation_error_message=_("该校区已存在。")
            )
        ]

    def __str__(self) -> str:
        return self.name


class Cohort(models.Model):
    """毕业届：one graduation year of one school. It selects windows, review levels, codes and rules."""

    school = models.ForeignKey(School, on_delete=models.CASCADE, related_name="cohorts", verbose_name=_("学校"))
    year = YearField(_("毕业年份"))
    closed = models.BooleanField(_("已归档"), default=False, help_text=_("归档的毕业届只能查询，不能再办理。"))

    scope_school = "school_id"
    objects = ScopedManager()

    class Meta:
        verbose_name = verbose_name_plural = _("毕业届")
        ordering = ("-year", "school")
        constraints = [
            models.UniqueConstraint(
                fields=("school", "year"), name="cohort_year", violation_error_message=_("该校已有这一届。")
            )
        ]

    def __str__(self) -> str:
        return f"{self.year}届"


class OrgUnit(models.Model):
    """院系/部门：a node of a school's tree. `path` is "school/…/self/" of primary keys; rows of students copy it."""

    class Kind(models.TextChoices):
        CENTER = "center", _("就业中心")
        COLLEGE = "college", _("学院")
        MAJOR = "major", _("专业")
        CLASS = "class", _("班级")
        OTHER = "other", _("其他教学部门")

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="units", verbose_name=_("学校"))
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级部门")
    )
    kind = models.CharField(_("部门类型"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("名称"), max_length=100)
    code = models.CharField(_("部门编号"), max_length=30, blank=True)
    order = models.PositiveIntegerField(_("排序"), default=0)
    path = PathField(_("路径"), editable=False, default="", db_index=True)
    is_active = models.BooleanField(_("启用"), default=True)

    scope_path = "path"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("院系与班级")
        ordering = ("school", "order", "name")
        constraints = [
            models.UniqueConstraint(
                fields=("school",),
                condition=Q(kind="center"),
                name="one_center_per_school",
                violation_error_message=_("每所学校只能有一个就业中心，请选择其他部门类型。"),
            ),
            models.UniqueConstraint(
                "school",
                Coalesce("parent", Value(0)),
                "kind",
                "name",
                name="unit_name",  # on SQLite too NULL must equal NULL
                condition=~Q(kind="major"),  # the same major may exist twice, e.g. for bachelors and masters
                violation_error_message=_("同一上级下已有同名部门。"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save and keep `path` true, here and everywhere below when the parent has changed."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            base = self.parent.path if self.parent_id else f"{self.school_id}/"
            path = f"{base}{self.pk}/"
            if path != self.path:
                old, self.path = self.path, path
                type(self)._base_manager.filter(pk=self.pk).update(path=path)
                if old:
                    from models.organisation.tree import repath  # tree looks at every model

                    repath(old, path)

    def clean(self) -> None:
        """Refuse a parent in another school or below this very node."""
        if self.parent_id and self.parent.school_id != self.school_id:
            raise ValidationError({"parent": _("上级部门属于另一所学校，请重新选择。")})
        if self.pk and self.parent_id and self.parent.path.startswith(self.path):
            raise ValidationError({"parent": _("不能把部门移动到它自己的下级，请选择其他上级部门。")})


class Major(models.Model):
    """专业设置：a school's major as the ministry knows it. Its node in the tree is made with it."""

    school = models.ForeignKey(School, on_delete=models.PROTECT, related_name="majors", verbose_name=_("学校"))
    college = models.ForeignKey(OrgUnit, on_delete=models.PROTECT, related_name="majors", verbose_name=_("学院"))
    unit = models.OneToOneField(
        OrgUnit, on_delete=models.PROTECT, related_name="major", editable=False, verbose_name=_("部门节点")
    )
    campus = models.ForeignKey(Campus, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("校区"))
    name = models.CharField(_("专业名称"), max_length=100)
    code = models.CharField(
        _("专业代码"),
        max_length=10,
        validators=[RegexValidator(r"^\d{4,6}[A-Z]{0,2}\d?$", _("专业代码为 4～6 位数字，可带 T、K、TK 等后缀。"))],
    )
    direction = models.CharField(_("专业方向"), max_length=100, blank=True)
    degree = CodeField(_("学历"), table="degree_level")
    study_length = CodeField(_("学制"), table="study_length")
    category = CodeField(_("专业类别"), table="major_category", blank=True)
    is_active = models.BooleanField(_("启用"), default=True)

    scope_school = "school_id"
    objects = ScopedManager()
    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = _("专业设置")
        ordering = ("school", "college", "code")
        constraints = [
            models.UniqueConstraint(
                "school",
                "college",
                "name",
                "direction",
                "degree",
                Coalesce("campus", Value(0)),
                name="major_identity",
                violation_error_message=_("该学院已有相同名称、方向、学历和校区的专业。"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name}（{self.direction}）" if self.direction else self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save together with the node of the tree, so that neither exists without the other."""
        with transaction.atomic():
            self.school_id = self.college.school_id
            if self.unit_id is None:
                self.unit = OrgUnit(
                    school_id=self.school_id, parent=self.college, kind=OrgUnit.Kind.MAJOR, name=str(self)
                )
                self.unit.save()
                self.unit_id = self.unit.pk
            elif self.unit.parent_id != self.college_id or self.unit.name != str(self):
                self.unit.parent, self.unit.name = self.college, str(self)
                self.unit.save()
            super().save(*args, **kwargs)
