"""What the screens of 上报 share: the cohort in view, who answers for a whole school, cells as they may be shown, files on record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from admin_site import cohorts
from exports.columns import choose
from exports.ministry.layouts import Layout
from exports.reporting.rows import MODELS
from models.audit.models import Action
from models.audit.services import record
from models.jobs.files import PrivateDownload
from models.organisation.models import Cohort
from models.students.models import Student
from workflows import fields


class CohortForm(forms.Form):
    """Begins with the cohort in view; who has one school is not asked."""

    cohort = forms.ModelChoiceField(None, label="毕业届", empty_label=None)

    def __init__(self, request: HttpRequest, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        rows = (
            Cohort.objects.filter(pk__in=cohorts.cohort_ids(request)).select_related("school").order_by("school__code")
        )
        field = self.fields["cohort"]
        field.queryset, field.label_from_instance = rows, lambda row: f"{row.school} {row}"
        found = list(rows[:2])
        if len(found) == 1:
            field.initial, field.widget = found[0].pk, forms.HiddenInput()
        self.has_cohort = bool(found)


def whole(request: HttpRequest, school: int) -> bool:
    """Whether the person's scope is the whole school: files hold everybody's data."""
    return request.user.scope.covers(f"{school}/")


def require_whole(request: HttpRequest, row: Any, code: str) -> None:
    """PermissionDenied without the function or for a part of the school only."""
    if not request.user.has_perm(code) or not whole(request, row.school_id):
        raise PermissionDenied


def masks(kind: str, layout: Layout) -> list[str]:
    """How each column of a layout is hidden ("id", "phone", "")."""
    found = {column.name: column.mask for column in choose(MODELS[kind], layout.sources())}
    return [found.get(cell.source, "") for cell in layout.cells]


def masked(values: Sequence[str], hidden: Sequence[str]) -> list[str]:
    """Cells of a row as shown on a page."""
    return [fields.mask(value, kind) if kind else value for value, kind in zip(values, hidden, strict=False)]


def left_out_in_scope(rows: Iterable[dict[str, str]], cohort: Cohort) -> list[dict[str, str]]:
    """Those left out whom the person may see; one query."""
    rows = list(rows)
    seen = set(
        Student.objects.filter(cohort=cohort, number__in=[row["number"] for row in rows]).values_list(
            "number", flat=True
        )
    )
    return [row for row in rows if row["number"] in seen]


def stored_file(request: HttpRequest, row: Any, name: str) -> HttpResponse:
    """A stored file as an attachment, on record."""
    answer = PrivateDownload(row.file.name, name)
    record(Action.VIEW_FILE, request=request, obj=row, file=name, rows=getattr(row, "count", None), revealed=True)
    return answer


Sentence = Callable[[], str]
