"""Functions as an office reads them: Django's permissions with Chinese names, in groups, as 菜单项目 (see) and 功能项目 (do)."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.contrib.auth.models import Permission

VERBS = {
    "view": "查看",
    "add": "新增",
    "change": "修改",
    "delete": "删除",
    "review": "审核",
    "export": "导出",
    "import": "导入",
}
GROUPS = {
    "students": "学生信息", "recommendations": "就业推荐表", "agreements": "签约与解约", "outcomes": "毕业去向", "dispatch": "派遣与档案", "rates": "统计分析", "reporting": "方案与上报",
    "employers": "用人单位", "organisation": "组织机构", "accounts": "账号与权限", "codes": "系统代码", "workflows": "审核设置",
    "notices": "通知", "transfer": "数据", "releases": "导出", "audit": "审计", "jobs": "后台任务",
}  # fmt: skip


@dataclass(frozen=True)
class Function:
    """One function: `code` is Django's "app.action_model"; `is_menu` tells what is only seen from what is done."""

    pk: int
    code: str
    label: str
    group: str
    is_menu: bool


def describe(permission: Permission) -> Function | None:
    """The function behind a permission (with its content type at hand); None for what no screen of ours asks for."""
    kind = permission.content_type
    group = GROUPS.get(kind.app_label)
    model = apps.all_models.get(kind.app_label, {}).get(kind.model)
    if group is None or model is None or hasattr(model, "instance_type"):
        return None
    action = permission.codename.removesuffix(f"_{kind.model}")
    if action in VERBS and permission.codename != action:
        label = f"{VERBS[action]}{model._meta.verbose_name}"
    else:
        label = str(permission.name)
    return Function(permission.pk, f"{kind.app_label}.{permission.codename}", label, group, action == "view")


def functions() -> list[Function]:
    """Every function of the product, grouped in the order of GROUPS, what is seen before what is done."""
    rows = Permission.objects.select_related("content_type").order_by(
        "content_type__app_label", "content_type__model", "codename"
    )
    found = [function for permission in rows if (function := describe(permission))]
    order = list(GROUPS.values())
    return sorted(found, key=lambda function: (order.index(function.group), not function.is_menu))
