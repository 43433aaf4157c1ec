"""What a batch asks for before it can be previewed: reasons, a text, a field and its value, a graduation year."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest

from admin_site.matters.edit_form import LEFT_OUT, editable, form_field
from exports.batches import Operation
from models.organisation.models import Cohort
from models.students.facts import SHARED
from models.students.models import Student
from workflows import batch_edit, fields, policy


class BatchForm(forms.Form):
    """Base: no question. `args()` is what the operation is given, plain JSON."""

    def __init__(self, rows: models.QuerySet, request: HttpRequest, data: Any = None) -> None:
        self.rows, self.request = rows, request
        super().__init__(data)
        self.prepare()

    def prepare(self) -> None:
        """Fill in choices."""

    @classmethod
    def is_complete(cls, data: Any) -> bool:
        """Whether every question was on the page that was posted."""
        return True

    def args(self) -> dict[str, Any]:
        """The answers; only after `is_valid`."""
        return dict(self.cleaned_data)

    def refuse(self, errors: dict[str, str]) -> None:
        """Put the service's sentences beside the questions they are about, the rest on top."""
        for name, sentence in errors.items():
            self.add_error(name if name in self.fields else None, sentence)


class ReturnForm(BatchForm):
    """Common reasons as check boxes, and free text; one of them at least."""

    reasons = forms.MultipleChoiceField(label="常用原因", required=False, widget=forms.CheckboxSelectMultiple)
    text = forms.CharField(label="补充说明", required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def prepare(self) -> None:
        places = list(self.rows.order_by().values_list("school_id", "cohort_id").distinct()[:50])
        texts = dict.fromkeys(text for place in places for text in policy.reasons_for(self.rows.model, *place))
        self.fields["reasons"].choices = [(text, text) for text in texts]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("reasons") and not (cleaned.get("text") or "").strip():
            raise forms.ValidationError("请选择或填写退回原因，学生会看到。")
        return cleaned


class RemindForm(BatchForm):
    """The text people read."""

    text = forms.CharField(label="提醒内容", max_length=500, widget=forms.Textarea(attrs={"rows": 3}))

    def prepare(self) -> None:
        name = self.rows.model._meta.verbose_name
        subject = f"请登录系统核对并提交{name}。" if hasattr(self.rows.model, "review") else ""
        self.fields["text"].initial = subject


class CohortForm(BatchForm):
    """The graduation year to move to, and why."""

    cohort = forms.TypedChoiceField(label="转入毕业届", coerce=int)
    reason = forms.CharField(label="原因", max_length=100, help_text="会记入修改记录，并告知学生。")

    def prepare(self) -> None:
        places = set(self.rows.order_by().values_list("school_id", "cohort_id").distinct()[:50])
        schools, years = {school for school, _year in places}, {year for _school, year in places}
        open_years = Cohort.objects.filter(school__in=schools, closed=False).select_related("school")
        if len(years) == 1:
            open_years = open_years.exclude(pk__in=years)
        many = len(schools) > 1
        choices = [(row.pk, f"{row.school} {row}" if many else str(row)) for row in open_years]
        self.fields["cohort"].choices = [("", "请选择"), *choices]


class EditForm(BatchForm):
    """One field and the value every record gets. The field is chosen first; then its own input appears."""

    field = forms.ChoiceField(label="要修改的字段")

    def prepare(self) -> None:
        self.specs = self._specs()
        self.fields["field"].choices = [("", "请选择"), *((name, spec.label) for name, spec in self.specs.items())]
        name = self.request.POST.get("field", "")
        self.initial["field"] = name
        chosen = self.specs.get(name)
        if chosen is not None:
            value = form_field(chosen)
            value.label, value.required = f"改为（{chosen.label}）", False
            value.help_text = chosen.help_text or "留空表示清空这一项。"
            self.fields["value"] = value

    def _specs(self) -> dict[str, fields.FieldSpec]:
        model = self.rows.model
        if model is Student:
            return {name: fields.native(Student, name) for name in SHARED}
        places = list(self.rows.order_by().values_list("school_id", "cohort_id").distinct()[:50])
        found: dict[str, fields.FieldSpec] = {}
        for place in places:
            found |= batch_edit.editable_specs(model, *place)
        return {spec.name: spec for spec in editable(list(found.values())) if spec.kind not in LEFT_OUT}

    @classmethod
    def is_complete(cls, data: Any) -> bool:
        return "value" in data or not data.get("field")

    def args(self) -> dict[str, Any]:
        return {"field": self.cleaned_data["field"], "value": fields.jsonable(self.cleaned_data.get("value"))}


FORMS: dict[str, type[BatchForm]] = {
    "return": ReturnForm,
    "remind": RemindForm,
    "edit": EditForm,
    "move_cohort": CohortForm,
}


def form_for(doing: Operation, rows: models.QuerySet, request: HttpRequest, data: Any = None) -> BatchForm:
    """The form of an operation; not yet filled in where a question was still missing from what was posted."""
    form = FORMS.get(doing.name, BatchForm)
    return form(rows, request, data if data is not None and form.is_complete(data) else None)
