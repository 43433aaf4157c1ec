"""Code tables 系统代码: the official lists (民族, 学历, 毕业去向, 行政区划 …) and what is known about each of their rows.

A coded field elsewhere stores the official code itself (`CodeField`), never a key to these rows; names, validity and grouping
flags are read through `models.codes.lookup`. Rows are written through `models.codes.services` only.
Codes are public knowledge: there is no row scope here.
"""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from workflows.histories import HistoricalRecords
from workflows.years import YearField


class Sureness(models.TextChoices):
    """How well a row is founded. What is not official belongs in an editable, dated table, and here it says so."""

    OFFICIAL = "official", _("官方原文")
    DOCUMENT = "document", _("文件转载")
    CODE = "code", _("系统代码佐证")
    MEMORY = "memory", _("待核实")


class CodeTable(models.Model):
    """One list of codes, found by `key`, e.g. "nation"."""

    class Kind(models.TextChoices):
        FLAT = "flat", _("平铺")
        TREE = "tree", _("分级")

    key = models.CharField(_("标识"), max_length=40, unique=True, help_text=_("程序中引用的标识，建立后不再修改"))
    name = models.CharField(_("名称"), max_length=40)
    description = models.TextField(_("说明"), blank=True)
    source = models.CharField(_("来源"), max_length=300, blank=True)
    kind = models.CharField(_("结构"), max_length=8, choices=Kind.choices, default=Kind.FLAT)
    editable = models.BooleanField(_("允许学校维护"), default=True, help_text=_("关闭后，后台只能查看此表"))
    order = models.PositiveIntegerField(_("排序"), default=0)
    locally_edited = models.BooleanField(_("已在本地修改"), default=False, editable=False)
    history = HistoricalRecords(verbose_name=_("代码表修改历史"), verbose_name_plural=_("代码表修改历史"))

    class Meta:
        verbose_name = _("代码表")
        verbose_name_plural = _("代码表")
        ordering = ["order", "key"]

    def __str__(self):
        return self.name


class Code(models.Model):
    """One row of a table.

    `valid_from_year`/`valid_to_year` are cohort years 毕业届, both inclusive, empty = open. A `former` code is one that its
    authority has abolished; `successor` is the code in force that replaced it (empty: divided up, or not known).
    """

    table = models.ForeignKey(
        CodeTable,
        on_delete=models.PROTECT,
        to_field="key",
        db_column="table_key",
        related_name="codes",
        verbose_name=_("代码表"),
    )
    code = models.CharField(_("代码"), max_length=20)
    name = models.CharField(_("名称"), max_length=100)
    parent_code = models.CharField(
        _("上级代码"), max_length=20, blank=True, help_text=_("分级代码表中上一级的代码，最高一级留空")
    )
    aliases = models.JSONField(_("别名"), default=list, blank=True, help_text=_("导入时同样认得的写法，如“汉”“本科生”"))
    flags = models.JSONField(
        _("分组标记"), default=dict, blank=True, help_text=_("统计与规则使用的标记，如 is_employed")
    )
    valid_from_year = YearField(_("启用毕业届"), null=True, blank=True, help_text=_("含该届；留空表示不限"))
    valid_to_year = YearField(_("停用毕业届"), null=True, blank=True, help_text=_("含该届；留空表示不限"))
    former = models.BooleanField(_("已废止"), default=False)
    successor = models.CharField(_("现行代码"), max_length=20, blank=True, help_text=_("废止后由哪个代码代替"))
    source = models.CharField(_("来源"), max_length=300, blank=True)
    sureness = models.CharField(_("可靠程度"), max_length=10, choices=Sureness.choices, default=Sureness.MEMORY)
    order = models.PositiveIntegerField(_("排序"), default=0)
    is_active = models.BooleanField(_("启用"), default=True)
    locally_edited = models.BooleanField(_("已在本地修改"), default=False, editable=False)
    history = HistoricalRecords(verbose_name=_("代码修改历史"), verbose_name_plural=_("代码修改历史"))

    class Meta:
        verbose_name = _("代码")
        verbose_name_plural = _("代码")
        ordering = ["table", "order", "code"]
        indexes = [
            models.Index(fields=["table", "parent_code"], name="codes_code_parent"),
            models.Index(fields=["table", "name"], name="codes_code_name"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["table", "code"],
                name="codes_code_unique",
                violation_error_message=_("这个代码表中已有相同的代码。"),
            ),
            models.CheckConstraint(
                condition=~Q(code="") & ~Q(name=""),
                name="codes_code_named",
                violation_error_message=_("代码和名称都不能为空。"),
            ),
            models.CheckConstraint(
                condition=~Q(code=F("parent_code")),
                name="codes_code_own_parent",
                violation_error_message=_("上级代码不能是它自己。"),
            ),
            models.CheckConstraint(
                condition=Q(valid_from_year__isnull=True)
                | Q(valid_to_year__isnull=True)
                | Q(valid_from_year__lte=F("valid_to_year")),
                name="codes_code_years",
                violation_error_message=_("启用毕业届不能晚于停用毕业届。"),
            ),
        ]

    def __str__(self):
        return f"{self.code} {self.name}"


class CodesVersion(models.Model):
    """The one row that says which state the code tables are in; every process compares it with what it has cached."""

    token = models.CharField(_("版本"), max_length=32)

    class Meta:
        verbose_name = _("代码版本")
        verbose_name_plural = _("代码版本")

    def __str__(self):
        return self.token
