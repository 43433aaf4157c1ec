"""What is set for a place: a school keeps its own row, everybody of the school sees it, only who holds the place changes it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.decorators import display

from admin_site.forms import FullCheckForm
from admin_site.scoped import ScopedAdmin
from models.audit.models import Action
from workflows.levels import SCHOOL


def may_set(person: Any, school_id: int | None) -> bool:
    """Whether `person` may set what holds for a whole school (None: for all schools)."""
    if person.scope.everything:
        return True
    return school_id is not None and f"{school_id}/" in person.level_paths(SCHOOL)


class OfSchoolForm(FullCheckForm):
    """Forms with a school: who has just one is not asked for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("school")
        if isinstance(field, forms.ModelChoiceField) and not self.instance.pk:
            schools = list(field.queryset[:2])
            if len(schools) == 1:
                field.initial, field.empty_label = schools[0].pk, None


class SettingForm(OfSchoolForm):
    """A setting for a school or, by who sees everything, for all schools; for one cohort or for each."""

    everywhere = False  # set by the admin: may leave the school empty

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "school" in self.fields:
            self.fields["school"].required = not self.everywhere
            self.fields["school"].help_text = "不选表示对所有学校生效。" if self.everywhere else ""
        if "cohort" in self.fields:
            self.fields["cohort"].help_text = "不选表示对各届都生效；选了毕业届，则以该届的设置为准。"


class GuardedAdmin(ScopedAdmin):
    """Rows that more people see than may change: `writable` says who may, before the form and again after it.

    `outside` is the sentence for somebody whose row would not be theirs any more once it is saved.
    """

    outside = "没有保存：这条{name}超出了您的任职范围，请联系学校管理员。"

    def writable(self, request: HttpRequest, obj: Any) -> bool:
        """Whether the person may write this row."""
        raise NotImplementedError

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, obj: Any) -> bool:
        return obj is None or obj._state.adding or self.writable(request, obj)

    def check_saved(self, request: HttpRequest, obj: Any) -> None:
        super().check_saved(request, obj)
        if not self.writable(request, obj):
            self.refuse(self.outside.format(name=self.opts.verbose_name))


class PlaceAdmin(GuardedAdmin):
    """What everybody of a school sees but only those change who hold the place it stands for: a college's clerk is no school's.

    `place_of` gives the org path of that place, by default the whole school's.
    """

    def place_of(self, obj: Any) -> str:
        return f"{obj.school_id}/"

    def writable(self, request: HttpRequest, obj: Any) -> bool:
        return request.user.scope.covers(self.place_of(obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        scope = request.user.scope
        whole = scope.everything or any(scope.covers(f"{school_id}/") for school_id in scope.school_ids)
        return super().has_add_permission(request) and whole


class SettingAdmin(GuardedAdmin):
    """A setting with a reach: a school sees its own rows and those for everybody, and edits its own."""

    audit_action = Action.SETTING_CHANGE
    form = SettingForm
    list_select_related = ("school", "cohort")
    outside = "没有保存：这项设置的适用范围超出了您的任职，请选择本人任职的学校。"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"everywhere": request.user.scope.everything})

    def writable(self, request: HttpRequest, obj: Any) -> bool:
        return may_set(request.user, obj.school_id)

    @display(description="适用范围", ordering="school")
    def reach(self, row: Any) -> str:
        place = str(row.school) if row.school_id else "所有学校"
        return f"{place} · {row.cohort}" if row.cohort_id else f"{place} · 各届"
