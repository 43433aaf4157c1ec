"""Forms and widgets of the back office."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.widgets import (
    INPUT_CLASSES,
    SELECT_CLASSES,
    TEXTAREA_CLASSES,
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from models.codes.fields import CodeField
from workflows import posted
from workflows.chain import matters
from workflows.errors import Invalid

# For `formfield_overrides` and for forms outside the admin's own machinery: `field.formfield(**CODE_WIDGETS)`.
CODE_WIDGETS = {"select_widget": UnfoldAdminSelectWidget, "text_widget": UnfoldAdminTextInputWidget}
OVERRIDES = {CodeField: {**CODE_WIDGETS, "widget": None}}


# The looks of widgets by their Django class; the admin itself dresses only what comes from a column of the model.
LOOKS = (
    (forms.Textarea, TEXTAREA_CLASSES),
    (forms.Select, SELECT_CLASSES),
    (forms.TextInput, INPUT_CLASSES),
)


def dressed(form: type[forms.BaseForm]) -> type[forms.BaseForm]:
    """The form with a visible box around every field it declares or adds itself: without one a field is there, but nobody sees where to write."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        form.__init__(self, *args, **kwargs)
        for field in self.fields.values():
            classes = next((found for kind, found in LOOKS if isinstance(field.widget, kind)), None)
            if classes and not field.widget.is_hidden and not field.widget.attrs.get("class"):
                field.widget.attrs["class"] = " ".join(classes)

    return type(form.__name__, (form,), {"__init__": __init__, "__module__": form.__module__})


def expected(request: HttpRequest) -> int:
    """The version the page showed; a form without one is refused as stale rather than believed."""
    found = posted.version(request.POST.get("expected", ""))
    return -1 if found is None else found


def valid(form: Any) -> Any:
    """The form if it holds; Invalid with a sentence per field otherwise."""
    if not form.is_valid():
        raise Invalid({name: errors[0] for name, errors in form.errors.items()})
    return form


class FullCheckForm(forms.ModelForm):
    """Runs every constraint of the model, also those over columns that are not in the form: the answer is then a sentence, not a 500."""

    def prepare(self, instance: Any) -> None:
        """Set what the form does not ask for, before constraints are checked."""

    def _post_clean(self) -> None:
        super()._post_clean()
        if self.errors:
            return
        self.prepare(self.instance)
        if foreign := _foreign_cohort(self.instance):
            self.add_error("cohort" if "cohort" in self.fields else None, foreign)
            return
        try:
            self.instance.validate_constraints()
        except ValidationError as error:
            self._update_errors(error)


def _foreign_cohort(instance: Any) -> str:
    """What is wrong when a row names a school and the cohort of another one; "" otherwise."""
    if not {"school", "cohort"} <= {field.name for field in instance._meta.concrete_fields}:
        return ""
    if instance.cohort_id is None or instance.school_id is None or instance.cohort.school_id == instance.school_id:
        return ""
    return "所选毕业届不属于该学校，请重新选择。"


class LinesField(forms.CharField):
    """A list of texts, one per line."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> list[str]:
        return [line.strip() for line in (super().to_python(value) or "").splitlines() if line.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data)


class ChosenLevels(forms.MultipleChoiceField):
    """Several of a list as check boxes; stored as one text joined with commas, in the order of the list."""

    widget = UnfoldAdminCheckboxSelectMultipleWidget

    def prepare_value(self, value: Any) -> Any:
        return [part for part in value.split(",") if part] if isinstance(value, str) else value

    def clean(self, value: Any) -> str:
        chosen = super().clean(value)
        return ",".join(key for key, _label in self.choices if key in chosen)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or "") != ",".join(key for key, _label in self.choices if key in (data or []))


def matter_choices() -> list[tuple[str, str]]:
    """(label, Chinese name) of every reviewed matter."""
    return [(model._meta.label_lower, str(model._meta.verbose_name)) for model in matters()]


def described_changes(form: forms.ModelForm) -> dict[str, list[str]]:
    """{label of the field: [old, new]} of what a form has changed, in words, for the audit trail."""
    changes = {}
    for name in form.changed_data:
        field = form.fields[name]
        old, new = form.get_initial_for_field(field, name), form.cleaned_data.get(name)
        changes[str(field.label or name)] = [_in_words(field, old), _in_words(field, new)]
    return changes


def _in_words(field: forms.Field, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(field, forms.ModelChoiceField) and not hasattr(value, "pk"):
        value = field.queryset.filter(pk=value).first() or value
    elif isinstance(field, forms.ChoiceField) and not isinstance(value, list):
        value = dict(field.flatchoices if hasattr(field, "flatchoices") else field.choices).get(value, value)
    return "、".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
