"""A form of a record's own fields, made from their descriptions: for correcting while approving, and for staff edits."""

from __future__ import annotations

from typing import Any

from django import forms

from models.codes.fields import CodeField
from models.evidence import uploads
from workflows import fields
from workflows.fields import FieldSpec

PREFIX = "v"
YES_NO = (("", "未填写"), ("true", "是"), ("false", "否"))
LEFT_OUT = {"file", "relation", "status"}  # of what many records can be given at once
CLEAR, SHOWN = ".clear", ".shown"


def editable(specs: list[FieldSpec]) -> list[FieldSpec]:
    """Those a form can edit: a file where it is a school's own field."""
    return [
        spec
        for spec in specs
        if spec.mode != fields.HIDDEN and (spec.kind not in LEFT_OUT or (spec.kind == "file" and spec.is_extra))
    ]


class RecordForm(forms.Form):
    """Fields of one record. A masked field and a file start empty: what is left empty stays as it is, and is emptied by its own box.

    `values()` are what was really changed, for `perform(values=)` and `save_fields`; errors of the engine are put beside
    the fields by `refuse`.
    """

    def __init__(
        self, record: Any, specs: list[FieldSpec], data: Any = None, files: Any = None, *, reveal: bool = False
    ) -> None:
        self.record, self.specs = record, {spec.name: spec for spec in editable(specs)}
        masked = {name for name, spec in self.specs.items() if spec.mask and spec.value(record)}
        shown = {name for name in masked if reveal or (data is not None and data.get(f"{PREFIX}-{name}{SHOWN}"))}
        self.hidden = (masked - shown) | {name for name, spec in self.specs.items() if spec.kind == "file"}
        initial = {name: _initial(spec, record) for name, spec in self.specs.items() if name not in self.hidden}
        super().__init__(data, files, prefix=PREFIX, initial=initial)
        for name, spec in self.specs.items():
            self._add(name, spec)
        for name in shown:
            self.fields[name + SHOWN] = forms.CharField(required=False, initial="1", widget=forms.HiddenInput)

    def _add(self, name: str, spec: FieldSpec) -> None:
        field = self.fields[name] = form_field(spec)
        field.required, field.label, field.help_text = False, spec.label, spec.help_text
        field.widget.attrs["data-label"] = spec.label
        if spec.kind == "file":
            field.help_text = f"{uploads.HELP}{spec.help_text}"
        now = fields.mask(spec.present(spec.value(self.record)), spec.mask) if spec.mask else spec.display(self.record)
        if name not in self.hidden or not now:
            return
        field.help_text = f"现为 {now}，{'不选文件' if spec.kind == 'file' else '留空'}表示不修改。{field.help_text}"
        if spec.kind != "file":
            field.widget.attrs["placeholder"] = now
        box = forms.CheckboxInput(attrs={"data-label": spec.label, "data-old": now})
        self.fields[name + CLEAR] = forms.BooleanField(required=False, label=f"清空{spec.label}", widget=box)

    def clean(self) -> dict[str, Any]:
        """Either a new value or none, not both."""
        cleaned = super().clean() or {}
        for name in self.hidden:
            if cleaned.get(name + CLEAR) and cleaned.get(name):
                self.add_error(name, f"{self.specs[name].label}：填写新内容和清空只能选一项。")
        return cleaned

    def values(self, *, store: bool = True) -> dict[str, Any]:
        """{name: value} of the changed fields; only after `is_valid`. Files are checked and stored, or left out without `store`.

        Raises Invalid where a file cannot be taken.
        """
        found: dict[str, Any] = {}
        for name in self.fields:
            if name.endswith((CLEAR, SHOWN)):
                continue
            value = self.cleaned_data[name]
            is_file = name in self.specs and self.specs[name].kind == "file"
            if name in self.hidden and not value:
                if self.cleaned_data.get(name + CLEAR):
                    found[name] = None if is_file else ""
            elif is_file:
                found |= {name: uploads.accept(value, name)} if store else {}
            elif name in self.changed_data:
                found[name] = value
        return found

    def refuse(self, errors: dict[str, str]) -> None:
        """Put the engine's sentences beside the fields they are about, the rest on top."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)

    def by_group(self) -> list[tuple[str, list[forms.BoundField]]]:
        """(title, fields) in the order of the declaration."""
        found: dict[str, list[forms.BoundField]] = {}
        for name, spec in self.specs.items():
            bound = self[name]
            bound.clear = self[name + CLEAR] if name + CLEAR in self.fields else None
            bound.shown = self[name + SHOWN] if name + SHOWN in self.fields else None
            found.setdefault(spec.group, []).append(bound)
        return list(found.items())


def _initial(spec: FieldSpec, record: Any) -> Any:
    value = spec.value(record)
    if spec.kind == "yesno":
        return "" if value is None else "true" if value else "false"
    return "" if value is None else value


def form_field(spec: FieldSpec) -> forms.Field:
    """The form field of a description, blank allowed."""
    if spec.kind == "yesno":
        return forms.ChoiceField(choices=YES_NO)
    if spec.is_extra:
        if spec.kind == "file":
            return forms.FileField(widget=forms.FileInput(attrs={"accept": uploads.ACCEPT}))
        if spec.kind == "choice":
            return forms.ChoiceField(choices=[("", "请选择"), *spec.choices])
        if spec.kind == "date":
            return forms.DateField(widget=_date())
        return forms.CharField(max_length=spec.max_length)
    if isinstance(spec.model_field, CodeField):
        return spec.model_field.formfield(select_widget=forms.Select, text_widget=forms.TextInput)
    if spec.kind == "date":
        return spec.model_field.formfield(widget=_date())
    return spec.model_field.formfield()


def _date() -> forms.DateInput:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
