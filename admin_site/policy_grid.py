"""字段设置 as one page: all fields of a matter in rows, what the subject may do with each in columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from admin_site import cohorts, stale
from models.audit.models import Action
from models.audit.services import record
from models.organisation.models import Cohort, School
from workflows import holding, policy
from workflows.chain import matter_by_label, matters
from workflows.fields import EDITABLE, HIDDEN, LOCKED, REQUIRED, FieldSpec, native
from workflows.models import FieldPolicy

DEFAULT = ""
MODES = {mode: str(label) for mode, label in FieldPolicy.Mode.choices}


def _said(mode: str, text: str) -> str:
    """A setting of a field in words."""
    return MODES.get(mode, "默认") + (f"；说明：{text}" if text else "")


@dataclass(frozen=True)
class Row:
    """One field: what holds without a setting here, what is set here, which modes it may have at all."""

    spec: FieldSpec
    inherited: str
    mode: str
    help_text: str
    modes: tuple[str, ...]

    @property
    def inherited_word(self) -> str:
        return MODES[self.inherited]

    @property
    def options(self) -> list[tuple[str, bool, bool]]:
        """(mode, may be chosen, is chosen) for the four columns."""
        return [(mode, mode in self.modes, mode == self.mode) for mode in (HIDDEN, LOCKED, EDITABLE, REQUIRED)]


class PolicyGrid:
    """The page for one request."""

    def __init__(self, model_admin: Any, request: HttpRequest) -> None:
        self.admin, self.request = model_admin, request
        if not model_admin.has_view_or_change_permission(request):
            raise PermissionDenied

    def of(self, row: FieldPolicy) -> HttpResponse:
        """Lead from one stored row to the page that shows it."""
        return redirect(self._url(row.matter, row.school_id, row.cohort_id))

    @staticmethod
    def _url(matter: str, school_id: int | None, cohort_id: int | None) -> str:
        query = urlencode({"matter": matter, "school": school_id or "", "cohort": cohort_id or ""})
        return f"{reverse('admin:workflows_fieldpolicy_changelist')}?{query}"

    def _chosen(self, schools: list[School]) -> tuple[type, School | None, Cohort | None]:
        """Matter, school and cohort of the query string; sensible ones where it says nothing; 404 for what is out of scope."""
        asked = self.request.GET
        try:
            model = matter_by_label(asked["matter"]) if asked.get("matter") else next(matters())
        except (LookupError, StopIteration):
            raise Http404 from None
        everything = self.request.user.scope.everything
        school = None
        if value := asked.get("school", ""):
            school = next((one for one in schools if str(one.pk) == value), None)
            if school is None:
                raise Http404
        elif not everything and schools:
            school = schools[0]
        cohort = None
        if (value := asked.get("cohort", "")) and school:
            cohort = Cohort.objects.filter(school=school, pk=value if value.isdecimal() else None).first()
            if cohort is None:
                raise Http404
        return model, school, cohort

    def answer(self) -> HttpResponse:
        """The page, or what became of what was posted."""
        schools = list(School.objects.order_by("code"))
        model, school, cohort = self._chosen(schools)
        here = FieldPolicy(matter=model._meta.label_lower, school=school, cohort=cohort)
        may_edit = self.admin.has_change_permission(self.request) and self.admin.writable(self.request, here)
        rows = self._rows(model, school, cohort)
        if self.request.method == "POST":
            if not may_edit:
                raise PermissionDenied
            return self._posted(here, model)
        return self.admin.page(
            self.request, "admin_site/policy_grid.html", title="字段设置", matters=[(m._meta.label_lower, m._meta.verbose_name) for m in matters()],
            matter=here.matter, schools=schools, school=school, cohort=cohort, may_edit=may_edit, rows=rows, everything=self.request.user.scope.everything,
            cohorts=Cohort.objects.filter(school=school).order_by("-year") if school else [], modes=[MODES[m] for m in (HIDDEN, LOCKED, EDITABLE, REQUIRED)],
            year=cohorts.current_year(self.request), seen=stale.token(self._digests(here, rows)),
        )  # fmt: skip

    @staticmethod
    def _digests(here: FieldPolicy, rows: list[Row]) -> dict[str, str]:
        what = f"{here.matter}/{here.school_id}/{here.cohort_id}"
        return stale.digests(what, {row.spec.name: (row.mode, row.help_text) for row in rows})

    def _posted(self, here: FieldPolicy, model: Any) -> HttpResponse:
        """Save what was filled in, unless somebody else saved this page meanwhile: then both versions and nothing written."""
        try:
            with transaction.atomic():
                rows = self._rows(model, here.school, here.cohort, lock=True)
                others = stale.changed(self.request.POST.get(stale.SEEN, ""), self._digests(here, rows))
                if not others:
                    self._save(here, rows)
        except (IntegrityError, ValidationError):  # both made the first row of a field in the same moment
            rows = self._rows(model, here.school, here.cohort)
            others = {row.spec.name for row in rows}
        if not others:
            return redirect(self._url(here.matter, here.school_id, here.cohort_id))
        return stale.page(
            self.admin, self.request, self._differences(rows, others), title="没有保存：字段设置刚刚被他人修改"
        )

    def _differences(self, rows: list[Row], others: set[str]) -> list[stale.Line]:
        """What holds now and what was filled in, of the fields that somebody else changed or the person wants otherwise."""
        found = []
        for row in rows:
            wanted = self._wanted(row)
            if row.spec.name in others or wanted != (row.mode, row.help_text):
                now, mine = (_said(*pair) for pair in ((row.mode, row.help_text), wanted))
                if now != mine:
                    found.append(stale.Line(str(row.spec.label), now, mine, row.spec.name in others))
        return found

    def _wanted(self, row: Row) -> tuple[str, str]:
        """Mode and help text as posted for a field; what is stored where the field cannot be so."""
        mode = self.request.POST.get(f"mode__{row.spec.name}", DEFAULT)
        text = self.request.POST.get(f"help__{row.spec.name}", "").strip()[:200]
        if mode and mode not in row.modes:
            return row.mode, row.help_text
        return (mode or row.inherited if text else mode), text  # a help text of its own needs a row to stand in

    def _rows(self, model: Any, school: School | None, cohort: Cohort | None, *, lock: bool = False) -> list[Row]:
        settings = FieldPolicy.objects.filter(matter=model._meta.label_lower, school=school, cohort=cohort)
        stored = {row.field: row for row in (holding.locking(settings) if lock else settings)}
        # What holds without a setting here: that of the school for a cohort, that of everybody for a school, else the matter's own.
        wider = policy.policies_for(model, school.pk if cohort else None, None) if school else {}
        specs = [native(model, name) for _title, names in model.field_groups for name in names]
        found = []
        for spec in specs:
            row, above = stored.get(spec.name), wider.get(spec.name)
            # Facts of the roll are never opened for the subject, only hidden (workflows.fields.specs).
            modes = (HIDDEN, LOCKED) if "." in spec.name else (HIDDEN, LOCKED, EDITABLE, REQUIRED)
            inherited = above.mode if above and above.mode in modes else spec.mode
            found.append(Row(spec, inherited, row.mode if row else DEFAULT, row.help_text if row else "", modes))
        return found

    def _save(self, here: FieldPolicy, rows: list[Row]) -> None:
        changes = {}
        stored = {
            row.field: row
            for row in FieldPolicy.objects.filter(matter=here.matter, school=here.school, cohort=here.cohort)
        }
        for row in rows:
            mode, text = self._wanted(row)
            if (mode, text) == (row.mode, row.help_text):
                continue
            changes[str(row.spec.label)] = [_said(row.mode, row.help_text), _said(mode, text)]
            self._write(here, row.spec.name, mode, text, stored.get(row.spec.name))
        if changes:
            label = str(matter_by_label(here.matter)._meta.verbose_name)
            record(
                Action.SETTING_CHANGE, request=self.request, obj=here.school or FieldPolicy, school_id=here.school_id,
                deed=f"字段设置：{label}{here.cohort or ''}", changes=changes,
            )  # fmt: skip
        if changes:
            messages.success(self.request, f"已保存 {len(changes)} 个字段的设置，学生下次打开页面时生效。")
        else:
            messages.info(self.request, "没有改动。")

    def _write(self, here: FieldPolicy, name: str, mode: str, text: str, row: FieldPolicy | None) -> None:
        if not mode:
            if row is not None:
                row._history_user = self.request.user
                row.delete()
            return
        row = row or FieldPolicy(matter=here.matter, school=here.school, cohort=here.cohort, field=name)
        row.mode, row.help_text, row._history_user = mode, text, self.request.user
        row.full_clean()
        row.save()
