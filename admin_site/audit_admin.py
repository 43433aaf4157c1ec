"""审计日志: read only, for those who may see it, the rows of their schools."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import display

from admin_site.filters import ChoiceFilter
from admin_site.scoped import ReadOnlyAdmin
from admin_site.templatetags.qihang import badge
from models.audit.models import Action, AuditEntry, Result

RESULT_COLOURS = {Result.OK: "green", Result.DENIED: "amber", Result.FAILED: "red"}


class ActionFilter(ChoiceFilter):
    """动作."""

    title, parameter_name, options = "动作", "action", Action.choices


class ResultFilter(ChoiceFilter):
    """结果."""

    title, parameter_name, options = "结果", "result", Result.choices


@admin.register(AuditEntry)
class AuditAdmin(ReadOnlyAdmin):
    """审计日志。"""

    list_display = ("at", "deed", "person", "object_label", "outcome", "ip")
    list_display_links = ("at",)
    list_filter = (ActionFilter, ResultFilter, ("at", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("actor",)
    search_fields = ("actor_label", "actor__name", "object_label")
    search_help_text = "操作账号、姓名或对象"
    sortable_by = ("at",)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied
        entry = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, entry):
            raise PermissionDenied
        return self.page(
            request, "admin_site/audit_entry.html", title="审计记录", entry=entry, details=in_words(entry.detail)
        )

    @display(description="动作", ordering="action")
    def deed(self, entry: AuditEntry) -> str:
        return entry.detail.get("deed") or entry.get_action_display()

    @display(description="操作人")
    def person(self, entry: AuditEntry) -> str:
        return (
            f"{entry.actor.name}（{entry.actor_label}）" if entry.actor_id and entry.actor else entry.actor_label or "—"
        )

    @display(description="结果")
    def outcome(self, entry: AuditEntry) -> str:
        return badge(entry.get_result_display(), RESULT_COLOURS[Result(entry.result)])


WORDS = {
    "deed": "操作", "changes": "变更", "given": "给予的功能", "taken": "收回的功能", "to": "新的上级", "parent": "上级", "classes": "班级数",
    "students": "学生数", "file": "文件", "username": "尝试的账号", "method": "请求方式", "path": "地址", "count": "数量", "rows": "行数",
    "done": "完成", "refused": "未通过", "columns": "列", "kind": "种类", "created": "新增", "updated": "更新", "unchanged": "无变化",
    "failed": "有误", "how": "方式", "until": "截止", "verb": "操作", "matter": "事务", "number": "数量",
    "field": "项目", "fields": "项目", "column": "列", "query": "查找内容", "found": "找到", "pasted": "粘贴的名单", "new_major": "新专业", "majors": "专业",
    "revealed": "含完整号码", "answers": "回执条数", "strangers": "名单外的条数", "layout": "格式", "changes_only": "只含有变化的", "sent": "报送条数",
    "title": "标题", "left_out": "未列入", "everywhere": "退出全部设备", "outcome": "处理结果", "faults": "发现的问题", "checks": "检查项", "cohort": "毕业届",
    "old": "原来", "new": "现在",
}  # fmt: skip


def in_words(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """The details of a row as label and text."""
    lines = []
    for key, value in detail.items():
        if key == "changes" and isinstance(value, dict):
            for name, pair in value.items():
                old, new = pair if isinstance(pair, list) and len(pair) == 2 else ("", pair)
                lines.append((name, f"{old or '（空）'} → {new or '（空）'}"))
        elif isinstance(value, list):
            lines.append((WORDS.get(key, key), "、".join(map(str, value)) or "（无）"))
        elif isinstance(value, bool) or value is None:
            lines.append((WORDS.get(key, key), "—" if value is None else "是" if value else "否"))
        else:
            lines.append((WORDS.get(key, key), str(value)))
    return lines
