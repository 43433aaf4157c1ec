"""签约工作台: what the office does beside reviewing: numbers, batch printing, exceptions, forced terminations, material of terminations.

Every block is a form that posts `deed`; the services of `models.agreements` check function and scope themselves. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from admin_site.cohorts import cohort_ids
from exports.documents.signing import application_forms
from models.agreements import applying, materials, numbers, terminations
from models.agreements.models import Agreement, AgreementNumber, NumberApplication
from models.audit.request import client_ip
from models.organisation.models import Cohort, OrgUnit
from models.students.models import Student
from workflows.errors import Invalid, Refused
from workflows.levels import PENDING

FORCE, MANAGE, EXCEPT = terminations.FORCE, numbers.MANAGE, "agreements.add_terminationexception"
REVIEW_NUMBERS, EXPORT = "agreements.review_numberapplication", "agreements.export_termination"
MOST = 500


class GenerateForm(forms.Form):
    """生成编号."""

    cohort = forms.ModelChoiceField(None, label="毕业届", empty_label=None)
    count = forms.IntegerField(label="数量", min_value=1, max_value=numbers.MOST)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cohort"].queryset = Cohort.objects.filter(closed=False).select_related("school")
        self.fields["cohort"].label_from_instance = lambda row: f"{row.school} {row}"


class AllotForm(forms.Form):
    """分配到院系."""

    college = forms.ModelChoiceField(None, label="院系", empty_label="请选择")
    first = forms.CharField(label="起始编号", max_length=30)
    count = forms.IntegerField(label="数量", min_value=1, max_value=numbers.MOST)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        colleges = OrgUnit.objects.filter(kind=OrgUnit.Kind.COLLEGE, is_active=True).select_related("school")
        self.fields["college"].queryset = colleges


class PrintForm(forms.Form):
    """批量审核打印."""

    first = forms.CharField(label="协议书起始号", max_length=30, help_text="从此号起连续，号数与人数相同。")
    tag = forms.CharField(label="识别号", max_length=30, required=False, help_text="批次标记，仅用于查找。")


class ResetForm(forms.Form):
    """重置编号."""

    number = forms.CharField(label="要重置的编号", max_length=30)
    why = forms.CharField(label="原因", max_length=200)
    new = forms.CharField(label="新编号", max_length=30, required=False, help_text="不填则取下一个可用编号。")


class ExceptForm(forms.Form):
    """解约例外."""

    student = forms.CharField(label="学号", max_length=30)
    reason = forms.CharField(label="批准原因", max_length=200)


class ForceForm(forms.Form):
    """强制解约."""

    number = forms.CharField(label="协议书编号或学号", max_length=30)
    reason = forms.CharField(label="原因", max_length=1000, widget=forms.Textarea({"rows": 3}))
    proof = forms.FileField(label="纸质解约证明（照片或扫描件）", required=False)
    sure = forms.BooleanField(label="我已核对，确认强制解约，协议书随即作废")


class MaterialForm(forms.Form):
    """导出解约材料."""

    status = forms.ChoiceField(label="范围", choices=(("approved", "已解约"), ("all", "全部申请")))


FORMS: dict[str, tuple[str, type[forms.Form], str]] = {
    "generate": ("生成编号", GenerateForm, MANAGE),
    "allot": ("分配编号到院系", AllotForm, MANAGE),
    "reset": ("重置协议书编号", ResetForm, REVIEW_NUMBERS),
    "except": ("批准解约例外", ExceptForm, EXCEPT),
    "force": ("强制解约", ForceForm, FORCE),
    "materials": ("导出解约材料", MaterialForm, EXPORT),
}


def view(admin: Any, request: HttpRequest) -> HttpResponse:
    """The desk (GET) and its deeds (POST)."""
    allowed = {deed for deed, (_title, _form, code) in FORMS.items() if request.user.has_perm(code)}
    if request.user.has_perm(REVIEW_NUMBERS):
        allowed.add("print")
    if not allowed:
        raise PermissionDenied
    if request.method != "POST":
        return _page(admin, request, allowed)
    deed = request.POST.get("deed", "")
    if deed not in allowed:
        raise PermissionDenied
    form = (PrintForm if deed == "print" else FORMS[deed][1])(request.POST, request.FILES or None, prefix=deed)
    if not form.is_valid():
        return _page(admin, request, allowed, {deed: form}, status=400)
    try:
        return _DEEDS[deed](request, form)
    except Invalid as refusal:
        for name, sentence in refusal.errors.items():
            form.add_error(name if name in form.fields else None, sentence)
        return _page(admin, request, allowed, {deed: form}, status=400)
    except Refused as refusal:
        form.add_error(None, refusal.sentence)
        return _page(admin, request, allowed, {deed: form}, status=refusal.status)


def _done(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return HttpResponseRedirect(reverse("admin:signing_desk"))


def _generate(request: HttpRequest, form: forms.Form) -> HttpResponse:
    cohort, count = form.cleaned_data["cohort"], form.cleaned_data["count"]
    made = numbers.generate(cohort.school, cohort, count, by=request.user, request=request)
    return _done(request, f"已生成 {len(made)} 个编号：{made[0]} 至 {made[-1]}。")


def _allot(request: HttpRequest, form: forms.Form) -> HttpResponse:
    college, first, count = (form.cleaned_data[name] for name in ("college", "first", "count"))
    wanted = numbers.between(college.school, numbers.tidy(first), count)
    numbers.allot(wanted, college, by=request.user, request=request)
    return _done(request, f"已把 {wanted[0]} 至 {wanted[-1]} 共 {count} 个编号分配给{college}。")


def _print(request: HttpRequest, form: forms.Form) -> HttpResponse:
    """Approve the chosen applications with consecutive numbers and answer with their forms, in the order of the numbers."""
    keys = [int(key) for key in request.POST.getlist("chosen")[:MOST] if key.isdecimal() and len(key) < 18]
    rows = list(_waiting(request).filter(pk__in=keys))
    applying.approve_many(
        rows,
        first=form.cleaned_data["first"],
        tag=form.cleaned_data["tag"],
        by=request.user,
        origin=client_ip(request),
        request=request,
    )
    fresh = NumberApplication.objects.select_related("student__major__college", "number", "school").filter(pk__in=keys)
    content = application_forms(list(fresh.order_by("number__number")))
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = (
        "attachment; filename*=UTF-8''%E5%8D%8F%E8%AE%AE%E4%B9%A6%E7%94%B3%E8%AF%B7%E8%A1%A8.pdf"
    )
    return response


def _reset(request: HttpRequest, form: forms.Form) -> HttpResponse:
    row = NumberApplication.objects.filter(number__number=form.cleaned_data["number"].strip().upper()).first()
    if row is None:
        raise Invalid({"number": "没有发放过这个编号的协议书申请，或不在您的管辖范围内。"})
    wanted = numbers.tidy(form.cleaned_data["new"]) if form.cleaned_data["new"] else ""
    made = applying.reset(row, form.cleaned_data["why"], by=request.user, number=wanted, request=request)
    return _done(request, f"原编号已作废，新编号为 {made.number}。")


def _except(request: HttpRequest, form: forms.Form) -> HttpResponse:
    student = Student.objects.filter(number=form.cleaned_data["student"].strip()).first()
    if student is None:
        raise Invalid({"student": "没有找到该学号的学生，或不在您的管辖范围内。"})
    terminations.allow_again(student, form.cleaned_data["reason"], by=request.user, request=request)
    return _done(request, f"已批准 {student.name} 再办理一次解约。")


def _force(request: HttpRequest, form: forms.Form) -> HttpResponse:
    key = form.cleaned_data["number"].strip()
    rows = Agreement.objects.filter(in_force=True)
    row = rows.filter(number=key.upper()).first() or rows.filter(student__number=key).first()
    if row is None:
        raise Invalid({"number": "没有找到有效的协议书，或不在您的管辖范围内。"})
    terminations.force(row, form.cleaned_data["reason"], form.cleaned_data["proof"], by=request.user, request=request)
    return _done(request, f"{row.student.name} 与「{row.employer_name}」的协议书已强制解约。")


def _materials(request: HttpRequest, form: forms.Form) -> HttpResponse:
    job = materials.start_export(cohort_ids(request), form.cleaned_data["status"], by=request.user, request=request)
    messages.success(request, "正在打包解约材料，完成后可在任务页面下载。")
    return HttpResponseRedirect(reverse("admin:jobs_job_change", args=[job.pk]))


_DEEDS: dict[str, Callable[[HttpRequest, Any], HttpResponse]] = {
    "generate": _generate,
    "allot": _allot,
    "print": _print,
    "reset": _reset,
    "except": _except,
    "force": _force,
    "materials": _materials,
}


def _waiting(request: HttpRequest) -> Any:
    """Applications that wait for a level the person acts at."""
    rows = NumberApplication.objects.filter(status__in=PENDING.values(), on_roll=True)
    return rows.select_related("student__major__college", "student__unit", "school").order_by("student__number")


def _page(
    admin: Any,
    request: HttpRequest,
    allowed: set[str],
    bound: dict[str, forms.Form] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    bound = bound or {}
    blocks = [
        {"deed": deed, "title": title, "form": bound.get(deed) or form(prefix=deed), "open": deed in bound}
        for deed, (title, form, _code) in FORMS.items()
        if deed in allowed
    ]
    counts = {
        state: AgreementNumber.objects.filter(state=state).count() for state, _label in AgreementNumber.State.choices
    }
    response = admin.page(
        request, "admin/signing/desk.html", title="签约工作台", subtitle=None, blocks=blocks,
        waiting=list(_waiting(request)[:MOST]) if "print" in allowed else None, print_form=bound.get("print") or PrintForm(prefix="print"),
        states=[(label, counts[state]) for state, label in AgreementNumber.State.choices],
        numbers_list=reverse("admin:agreements_agreementnumber_changelist"), chosen=request.POST.getlist("chosen"),
    )  # fmt: skip
    response.status_code = status
    return response
