"""The form of the first step: what, into which school and cohort, and the file."""

from __future__ import annotations

from typing import Any

from django import forms

from models.organisation.models import Cohort, School


class UploadForm(forms.Form):
    """Upload of a workbook. `kinds`: what the person may import; `year`: the graduation year in view."""

    kind = forms.ChoiceField(label="导入内容", widget=forms.RadioSelect)
    school = forms.ModelChoiceField(School.objects.none(), label="学校")
    cohort_year = forms.TypedChoiceField(label="毕业届", coerce=int, required=False, empty_value=None)
    file = forms.FileField(
        label="文件",
        error_messages={"required": "请选择要上传的文件。", "empty": "文件是空的。请确认选对了文件，保存后重新上传。"},
    )
    blank_erases = forms.BooleanField(
        label="空白单元格清空系统中原有的内容", required=False, help_text="默认保留原有内容。"
    )
    reviewed = forms.BooleanField(
        label="同时更正已提交的记录",
        required=False,
        help_text="审核中和已通过的生源信息也按文件更正，改动会显示在审核页面上；不勾选时这些行不导入。",
    )

    def __init__(self, *args: Any, user: Any, kinds: dict[str, Any], year: int | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds, self.year = kinds, year
        self.schools = list(School.objects.filter(is_active=True).order_by("code"))
        self.fields["kind"].choices = [(name, kind.title) for name, kind in kinds.items()]
        self.fields["school"].queryset = School.objects.filter(is_active=True)
        self.fields["school"].initial = self.schools[0].pk if self.schools else None
        years = sorted(set(Cohort.objects.filter(closed=False).values_list("year", flat=True)), reverse=True)
        self.fields["cohort_year"].choices = [(one, f"{one}届") for one in years]
        self.fields["cohort_year"].initial = year if year in years else None
        self.may_correct = user.has_perm("students.change_graduateprofile")
        if not self.may_correct:
            del self.fields["reviewed"]

    def school_for(self, text: str) -> School | None:
        """The school with this key, or the only or first one."""
        return next(
            (one for one in self.schools if str(one.pk) == text), self.schools[0] if self.schools and not text else None
        )

    @staticmethod
    def cohort_for(school: School, year: int | None) -> Cohort | None:
        """The cohort of that year."""
        return Cohort.objects.filter(school=school, year=year).first() if year else None

    def clean(self) -> dict[str, Any]:
        """The cohort belongs to the school, and is there for kinds that need one."""
        data = super().clean() or {}
        data.setdefault("reviewed", False)
        kind, school, year = self.kinds.get(data.get("kind", "")), data.get("school"), data.get("cohort_year")
        data["cohort"] = None
        if kind and school:
            data["cohort"] = self.cohort_for(school, year)
            if kind.needs_cohort and data["cohort"] is None:
                self.add_error(
                    "cohort_year",
                    f"{school}没有{f'{year}届' if year else '可导入的毕业届'}，请先在“毕业届”中建立，或重新选择。",
                )
            elif not kind.needs_cohort:
                data["cohort"] = None
        return data
