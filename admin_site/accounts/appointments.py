"""任职: who is appointed where, in the form of an account and as a list over all accounts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold.decorators import display

from admin_site.forms import FullCheckForm
from admin_site.rows import rows_for
from admin_site.scoped import ReadOnlyAdmin, ScopedInline
from models.accounts.appointing import appointable_levels, may_appoint
from models.accounts.models import StaffAppointment, User
from models.organisation.models import OrgUnit

Level = StaffAppointment.Level


class AppointmentForm(FullCheckForm):
    """One appointment: a level and a place that the person editing may give."""

    person: User  # who edits; set by the admin

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "level" in self.fields:
            allowed = {*appointable_levels(self.person), self.instance.level}
            self.fields["level"].choices = [
                ("", "请选择"),
                *((level, label) for level, label in Level.choices if level in allowed),
            ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        level, unit = data.get("level", self.instance.level), data.get("unit", self.instance.unit)
        if self.instance.pk and self.has_changed():
            before = StaffAppointment.objects.select_related("unit").get(pk=self.instance.pk)
            if not may_appoint(self.person, before.level, before.unit):
                raise forms.ValidationError("这项任职超出您的管辖范围，不能修改。")
        if level and self.has_changed() and not may_appoint(self.person, level, unit):
            raise forms.ValidationError(
                f"您不能任命{Level(level).label}于{unit or '全省'}：只能任命本人管辖范围内、不高于本人职级的人员。"
            )
        return data


class AppointmentFormSet(forms.BaseInlineFormSet):
    """At least one appointment: an account without a place belongs to nobody and is seen by nobody."""

    def clean(self) -> None:
        super().clean()
        left = [form for form in self.forms if form.has_changed() or form.instance.pk]
        kept = [form for form in left if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if not any(self.errors) and not kept and not self.instance.is_superuser:
            raise forms.ValidationError("请至少填写一项任职；不再任职的人员请停用账号。")


def of_person(form: type[forms.ModelForm], person: Any) -> type[forms.ModelForm]:
    """The form class for the person who edits."""
    return type(form.__name__, (form,), {"person": person})


class AppointmentChoices:
    """Only places where the person may appoint, shared by the inline and the list of appointments."""

    def choices_for(self, db_field: models.Field, request: HttpRequest) -> models.QuerySet:
        rows = super().choices_for(db_field, request)  # type: ignore[misc]
        if db_field.name == "unit":
            return rows if request.user.scope.everything else request.user.scope_of(rows)
        return rows


class AppointmentInline(AppointmentChoices, ScopedInline):
    """任职 of one account."""

    model = StaffAppointment
    form = AppointmentForm
    formset = AppointmentFormSet
    fields = ("level", "unit", "starts_on", "ends_on")
    autocomplete_fields = ("unit",)
    verbose_name_plural = "任职与管辖"

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        kwargs["form"] = of_person(self.form, request.user)
        return super().get_formset(request, obj, **kwargs)

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:
        return 0 if obj else 1


@admin.register(StaffAppointment)
class AppointmentAdmin(AppointmentChoices, ReadOnlyAdmin):
    """任职: who is appointed where, over all accounts; edited with the account."""

    list_display = ("person", "account", "level", "unit_path", "starts_on", "ends_on")
    list_display_links = ("person",)
    list_filter = ("level",)
    list_select_related = ("user", "unit__parent__parent")
    search_fields = ("user__name", "user__username", "unit__name")
    search_help_text = "姓名、账号或部门"
    ordering = ("unit__path", "level", "user__username")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        held = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, held):
            raise PermissionDenied
        if not rows_for(User, request.user).filter(pk=held.user_id).exists():
            raise Http404
        return redirect("admin:accounts_user_change", held.user_id)

    @display(description="姓名", ordering="user__name")
    def person(self, held: StaffAppointment) -> str:
        return held.user.name

    @display(description="账号", ordering="user__username")
    def account(self, held: StaffAppointment) -> str:
        return held.user.username

    @display(description="任职部门")
    def unit_path(self, held: StaffAppointment) -> str:
        unit: OrgUnit | None = held.unit
        names = []
        while unit is not None:
            names.append(unit.name)
            unit = unit.parent if "parent" in unit._state.fields_cache else None
        return " / ".join(reversed(names)) or "全省"
