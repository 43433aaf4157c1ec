"""上报设置: when, in which layouts and where to a school reports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from admin_site.places import OfSchoolForm, PlaceAdmin
from exports.ministry.layouts import layouts_for
from exports.reporting.client import door_of
from exports.reporting.rows import MODELS
from models.audit.models import Action
from models.reporting.models import Kind, ReportSetting
from workflows.errors import WrongState


def layout_choices(kind: str) -> list[tuple[str, str]]:
    """The layouts that hold a kind of record."""
    return [(layout.key, layout.title) for layout in layouts_for(MODELS[kind]._meta.label_lower)]


class ReportSettingForm(OfSchoolForm):
    """The layouts by name; an address that the server may not call is refused at once."""

    basic_layout = forms.ChoiceField(label="基本信息格式", widget=UnfoldAdminSelectWidget)
    endpoint = forms.URLField(
        label="接口地址",
        required=False,
        assume_scheme="https",
        help_text="留空表示只生成文件。",
        widget=UnfoldAdminTextInputWidget,
    )
    employment_layout = forms.ChoiceField(
        label="就业信息格式",
        widget=UnfoldAdminSelectWidget,
        help_text="所选格式不适用于某一届时，自动改用同一格式中适用于该届的版本。",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, kind in (("basic_layout", Kind.BASIC), ("employment_layout", Kind.EMPLOYMENT)):
            if name in self.fields:
                self.fields[name].choices = layout_choices(kind)
                self.fields[name].initial = ReportSetting._meta.get_field(name).default

    def clean(self) -> dict[str, Any]:
        """The endpoint is on the server's list."""
        data = super().clean() or {}
        if data.get("endpoint"):
            try:
                door_of(data["endpoint"], data.get("token_name", ""))
            except WrongState as refusal:
                self.add_error("endpoint", ValidationError(refusal.sentence))
        elif data.get("token_name"):
            self.add_error("token_name", "填写了接口地址才需要令牌名称。")
        return data


@admin.register(ReportSetting)
class ReportSettingAdmin(PlaceAdmin):
    """One row per school, or per cohort of it."""

    form = ReportSettingForm
    audit_action = Action.SETTING_CHANGE
    list_display = ("school", "which", "trigger", "basic", "employment", "endpoint")
    list_select_related = ("school", "cohort")
    fields = ("school", "cohort", "trigger", "basic_layout", "employment_layout", "endpoint", "token_name")

    def _title(self, kind: str, key: str) -> str:
        return dict(layout_choices(kind)).get(key, key)

    @display(description="毕业届")
    def which(self, setting: ReportSetting) -> str:
        return str(setting.cohort) if setting.cohort_id else "各届通用"

    @display(description="基本信息格式")
    def basic(self, setting: ReportSetting) -> str:
        return self._title(Kind.BASIC, setting.basic_layout)

    @display(description="就业信息格式")
    def employment(self, setting: ReportSetting) -> str:
        return self._title(Kind.EMPLOYMENT, setting.employment_layout)
