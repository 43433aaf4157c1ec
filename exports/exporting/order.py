"""What somebody asks to take out, and whether they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from exports import columns as vocabulary
from exports.columns import Column
from exports.exporting import plan, tables
from exports.exporting.template import TemplateColumn, TemplateLayout, template_layout
from exports.ministry.layouts import Layout, all_layouts
from models.releases.models import Codes
from workflows.errors import Invalid, NotAllowed
from workflows.permits import permission

REVEAL = "accounts.export_identity"
FORMATS = {"xlsx": "Excel 工作簿（.xlsx）", "csv": "文本表格（.csv）"}
SHORTEST_PURPOSE = 4
LONGEST_PURPOSE = 200


@dataclass(frozen=True)
class Order:
    """How records are to be exported: columns by name, or an official layout, and the rest of the choices on the page."""

    columns: tuple[str, ...] = ()
    codes: str = Codes.NAME
    layout: str = ""
    format: str = "xlsx"
    reveal: bool = False
    purpose: str = ""

    def chosen_layout(self, model: type[models.Model]) -> Layout | None:
        """The official layout; Invalid when there is none of that name for this kind of record."""
        if not self.layout or self.template(model):
            return None
        layout = all_layouts().get(self.layout)
        if layout is None or layout.model_label != model._meta.label_lower:
            raise Invalid({"layout": "没有这种官方格式，请重新选择。"})
        return layout

    def template(self, model: type[models.Model]) -> TemplateLayout | None:
        """The template of an import whose layout is asked for; Invalid when it is none for this kind of record."""
        layout = template_layout(self.layout)
        return layout if layout is not None and layout.model is model else None

    def names(self, model: type[models.Model]) -> list[str]:
        """Names of the columns that are read; of a template its headings."""
        if template := self.template(model):
            return [column.label for column in template.columns()]
        layout = self.chosen_layout(model)
        return layout.sources() if layout else list(dict.fromkeys(self.columns))

    def title(self, model: type[models.Model]) -> str:
        """What the sheet is called."""
        layout = self.template(model) or self.chosen_layout(model)
        return layout.title if layout else str(model._meta.verbose_name)

    def chosen(self, model: type[models.Model], user: Any) -> Sequence[Column | TemplateColumn]:
        """The columns that are read; Invalid for a name that `user` is not offered."""
        if template := self.template(model):
            return template.columns()
        return vocabulary.choose(model, self.names(model), schools_of(user))

    def hides(self, model: type[models.Model], user: Any) -> bool:
        """Whether any of the columns is masked for who does not reveal."""
        return any(column.mask for column in self.chosen(model, user))

    def plan(self, model: type[models.Model], user: Any, keys: Sequence[int]) -> plan.Plan:
        """The sheet this order describes, for these rows."""
        if template := self.template(model):
            return template.plan(user, keys, reveal=self.reveal)
        layout = self.chosen_layout(model)
        if layout:
            return plan.of_layout(model, layout, reveal=self.reveal)
        return plan.of_columns(self.chosen(model, user), self.codes, reveal=self.reveal)

    def check(self, model: type[models.Model], user: Any) -> None:
        """Raises NotAllowed without the function, Invalid for a choice that cannot be; each with a sentence."""
        table = tables.is_table(model)
        if not (tables.may_export(model, user) if table else user.has_perm(permission(model, "export"))):
            raise NotAllowed(f"您没有导出{model._meta.verbose_name}的功能，请联系学校管理员在「功能分配」中开通。")
        if self.codes not in Codes.values:
            raise Invalid({"codes": "请选择代码列写名称、代码还是两者。"})
        if self.format not in FORMATS:
            raise Invalid({"format": "请选择文件格式。"})
        if table and not self.template(model):
            raise Invalid({"layout": "这类数据只能按导入模板导出。"})
        self.chosen(model, user)
        if self.reveal:
            self._check_reveal(user)

    def _check_reveal(self, user: Any) -> None:
        if not user.has_perm(REVEAL):
            raise NotAllowed("您没有导出完整证件号和手机号的功能；不勾选该项可以导出遮盖后的数据。")
        length = len(self.purpose.strip())
        if length < SHORTEST_PURPOSE:
            raise Invalid(
                {"purpose": "导出完整证件号和手机号必须写明用途，例如：向省就业主管部门报送 2027 届生源信息。"}
            )
        if length > LONGEST_PURPOSE:
            raise Invalid({"purpose": f"用途最多 {LONGEST_PURPOSE} 个字。"})
        if self.format != "xlsx":
            raise Invalid({"format": "含完整证件号和手机号的数据只能导出为 Excel 工作簿，其中附有导出人、时间和用途。"})


def schools_of(user: Any) -> tuple[int, ...] | None:
    """Schools whose own fields the person is offered; None for all."""
    return None if user.scope.everything else user.scope.school_ids
