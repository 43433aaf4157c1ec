"""用人单位库, 不受信单位 and 账号申诉 in the back office. 单位审核 and 单位入驻 are matters and have their pages from the engine."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from admin_site import revealing
from admin_site.exports.tables import TableExportMixin
from admin_site.filters import ChoiceFilter
from admin_site.forms import FullCheckForm
from admin_site.rows import rows_for
from admin_site.scoped import DELETE, ReadOnlyAdmin, ScopedAdmin
from admin_site.templatetags.qihang import badge
from models.audit.models import Action
from models.audit.services import record
from models.codes.lookup import table
from models.employers import appeals, blacklisting, uscc
from models.employers.models import AccountAppeal, Blacklist, Employer, EmployerAdmission, EmployerVerification
from models.evidence.services import files_of
from models.jobs.files import PrivateDownload
from models.organisation.models import School
from workflows.errors import Invalid, Refused
from workflows.fields import mask


class EmployerForm(FullCheckForm):
    """A row of the library; the code however it is typed, the mobile never shown in full."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = self.instance.mobile
        if self.stored and "mobile" in self.fields:
            self.initial["mobile"] = ""
            self.fields["mobile"].help_text = f"现为 {mask(self.stored, 'phone')}，不填则不变。"

    def clean_mobile(self) -> str:
        """A new one, or the one that is stored."""
        return self.cleaned_data["mobile"] or self.stored

    def clean_uscc(self) -> str:
        """Tidied; the model checks the digit."""
        return uscc.tidy(self.cleaned_data["uscc"])


class ExcludeForm(forms.Form):
    """列入不受信单位: which school, and why."""

    school = forms.ModelChoiceField(None, label="学校", empty_label=None)
    reason = forms.CharField(
        label="列入原因",
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        help_text="只在本校老师之间可见；单位只会看到本校暂停其招聘业务。",
    )

    def __init__(self, schools: models.QuerySet, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools


# Fields of the library as they are read where they cannot be changed.
SHOWN_AS = {"employer_type": "type_text", "industry": "industry_text", "region": "region_text", "mobile": "mobile_text"}


@admin.register(Employer)
class EmployerAdmin(TableExportMixin, ScopedAdmin):
    """The library: common to all schools. What an employer with an account says of itself is changed by the employer."""

    export_kind = "employers"
    form = EmployerForm
    audit_action = Action.SETTING_CHANGE
    never = (DELETE,)
    list_display = ("name", "uscc", "type_text", "industry_text", "region_text", "account_text", "source", "checked_at")
    list_filter = ("source", "checked_at")
    list_select_related = ("account",)
    search_fields = ("name__icontains", "uscc__istartswith")
    search_help_text = "单位名称或统一社会信用代码"
    sortable_by = ("name", "uscc", "checked_at")
    fieldsets = (
        ("单位信息", {"fields": ("name", "uscc", "employer_type", "industry", "region", "address", "postcode", "website", "description")}),
        ("联系方式", {"fields": ("contact", "phone", "mobile", "email", "fax")}),
    )  # fmt: skip
    change_form_after_template = "admin/employers/about.html"

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/blacklist/", wrap(self.blacklist_view), name="employers_employer_blacklist"),
            *super().get_urls(),
        ]

    @display(description="单位性质")
    def type_text(self, row: Employer) -> str:
        return row.get_employer_type_display()

    @display(description="单位行业")
    def industry_text(self, row: Employer) -> str:
        return row.get_industry_display()

    @display(description="所在地")
    def region_text(self, row: Employer) -> str:
        return table("region").path_name(row.region)

    @display(description="账号")
    def account_text(self, row: Employer) -> str:
        if row.account_id is None:
            return "—"
        return badge("已注册" if row.is_checked else "待审核", "green" if row.is_checked else "blue")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and obj.account_id is not None:
            return False  # an employer with an account keeps its own data; changes are reviewed (单位审核)
        return super().has_change_permission(request, obj)

    @display(description="联系手机")
    def mobile_text(self, row: Employer) -> str:
        return mask(row.mobile, "phone")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return tuple(SHOWN_AS.values())

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who only looks sees names instead of codes, and the mobile masked."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        return [
            (title, {"fields": tuple(SHOWN_AS.get(name, name) for name in parts["fields"])})
            for title, parts in self.fieldsets
        ]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.checked_at, obj.checked_by = timezone.now(), request.user
        super().save_model(request, obj, form, change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        employer = self.object_or_404(request, object_id)
        return super().change_view(
            request, object_id, form_url, {**self._about(request, employer), **(extra_context or {})}
        )

    def _about(self, request: HttpRequest, employer: Employer) -> dict[str, Any]:
        """What this person may know of the employer besides the library: its review, its admissions, exclusions at own schools."""
        user = request.user
        found: dict[str, Any] = {"employer": employer}
        for name, model, code in (
            ("verifications", EmployerVerification, "employers.view_employerverification"),
            ("admissions", EmployerAdmission, "employers.view_employeradmission"),
            ("exclusions", Blacklist, "employers.view_blacklist"),
        ):
            rows = rows_for(model, user).filter(employer=employer).select_related("school")
            found[name] = list(rows) if user.has_perm(code) else []
        for row in found["verifications"]:
            row.licences = [one for one in files_of(row) if one.kind == "licence"]
        found["may_exclude"] = user.has_perm(blacklisting.PLACE) and self._schools(request, employer).exists()
        return found

    def _schools(self, request: HttpRequest, employer: Employer) -> models.QuerySet:
        """The schools for which this person may exclude the employer now."""
        ids = [int(p[:-1]) for p in request.user.level_paths("school") if p]
        every = "" in request.user.level_paths("province")
        rows = rows_for(School, request.user) if every else rows_for(School, request.user).filter(pk__in=ids)
        excluded = (
            rows_for(Blacklist, request.user).filter(employer=employer, lifted_at__isnull=True).values("school_id")
        )
        return rows.exclude(pk__in=excluded)

    def blacklist_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """列入不受信单位, with the reason."""
        employer = self.object_or_404(request, object_id)
        schools = self._schools(request, employer)
        if not request.user.has_perm(blacklisting.PLACE) or not schools.exists():
            raise PermissionDenied
        form = ExcludeForm(schools, request.POST or None, initial={"school": schools.first()})
        back = reverse("admin:employers_employer_change", args=[employer.pk])
        refusal = None
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                blacklisting.place(employer, given["school"], given["reason"], by=request.user, request=request)
            except Refused as refused:
                refusal = refused
            else:
                messages.success(request, f"{employer.name} 已列入{given['school']}的不受信单位名单。")
                return HttpResponseRedirect(back)
        return self.page(
            request, "admin/employers/exclude.html", title=f"列入不受信单位：{employer.name}", subtitle=None, employer=employer, form=form, back=back,
            refusal=refusal,
        )  # fmt: skip


class InForce(ChoiceFilter):
    """Exclusions in force, or lifted."""

    title, parameter_name, options = "状态", "state", (("on", "生效中"), ("off", "已解除"))

    def narrow(self, queryset: models.QuerySet, value: str) -> models.QuerySet:
        return queryset.filter(lifted_at__isnull=value == "on")


@admin.register(Blacklist)
class BlacklistAdmin(ReadOnlyAdmin):
    """不受信单位: who is excluded, why and since when; lifting one. Placing is on the employer's page."""

    list_display = ("who", "school", "reason", "state_text", "placed_by", "placed_at", "lifted_at")
    list_filter = (InForce,)
    list_select_related = ("employer", "school", "placed_by", "lifted_by")
    search_fields = ("employer__name__icontains", "employer__uscc__istartswith")
    search_help_text = "单位名称或统一社会信用代码"
    sortable_by = ("placed_at", "lifted_at")

    @display(description="单位")
    def who(self, row: Blacklist) -> str:
        url = reverse("admin:employers_blacklist_change", args=[row.pk])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, row.employer)

    @display(description="状态")
    def state_text(self, row: Blacklist) -> str:
        return badge("已解除", "grey") if row.lifted_at else badge("生效中", "red")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row, refusal = self.object_or_404(request, object_id), None
        if not self.has_view_permission(request, row):
            raise Http404
        if request.method == "POST":
            try:
                blacklisting.lift(row, request.POST.get("reason", ""), by=request.user, request=request)
            except Refused as refused:
                refusal = refused
            else:
                messages.success(request, f"{row.employer} 已解除，可以恢复在本校的业务。")
                return HttpResponseRedirect(reverse("admin:employers_blacklist_changelist"))
        response = self.page(
            request, "admin/employers/exclusion.html", title=f"不受信单位：{row.employer}", subtitle=None, row=row, refusal=refusal,
            may_lift=row.lifted_at is None and request.user.has_perm(blacklisting.LIFT),
        )  # fmt: skip
        response.status_code = refusal.status if refusal else 200
        return response


class SettleForm(forms.Form):
    """How an appeal is settled."""

    outcome = forms.ChoiceField(label="处理方式", choices=AccountAppeal.Outcome.choices, widget=forms.RadioSelect)
    note = forms.CharField(
        label="处理说明",
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        help_text="选择“其他处理”时必填，例如：电话核实不是本单位人员，不予处理。",
    )


STATES = {"waiting": "blue", "done": "green"}


@admin.register(AccountAppeal)
class AccountAppealAdmin(ReadOnlyAdmin):
    """账号申诉: what was handed in beside what the account says, and the four ways to settle it."""

    list_display = ("who", "uscc", "contact", "state_text", "outcome", "created_at", "decided_by", "decided_at")
    list_filter = ("state", "outcome")
    list_select_related = ("decided_by",)
    search_fields = ("name__icontains", "uscc__istartswith")
    search_help_text = "单位名称或统一社会信用代码"
    sortable_by = ("created_at", "decided_at")

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("<path:object_id>/licence/", wrap(self.licence_view), name="employers_accountappeal_licence"),
            *super().get_urls(),
        ]

    @display(description="单位")
    def who(self, row: AccountAppeal) -> str:
        url = reverse("admin:employers_accountappeal_change", args=[row.pk])
        return format_html('<a class="qh-link" href="{}">{}</a>', url, row.name)

    @display(description="状态")
    def state_text(self, row: AccountAppeal) -> str:
        return badge(row.get_state_display(), STATES[row.state])

    def licence_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The licence that came with the appeal, with a line in the trail."""
        row = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, row) or not row.licence:
            raise Http404
        record(Action.VIEW_FILE, request=request, obj=row, field="营业执照")
        return PrivateDownload(row.licence, row.licence_name)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.object_or_404(request, object_id)
        if not self.has_view_permission(request, row):
            raise Http404
        settles = request.method == "POST" and not revealing.asked(request)
        form, refusal = SettleForm(request.POST if settles else None), None
        may = request.user.has_perm("employers.change_accountappeal") and row.state == AccountAppeal.State.WAITING
        if settles:
            if not request.user.has_perm("employers.change_accountappeal"):
                raise PermissionDenied
            if form.is_valid():
                settle = partial(appeals.settle, by=request.user, note=form.cleaned_data["note"], request=request)
                try:
                    password = settle(row, form.cleaned_data["outcome"])
                except Invalid as refused:
                    for name, sentence in refused.errors.items():
                        form.add_error(name if name in form.fields else None, sentence)
                except Refused as refused:
                    refusal = refused
                else:
                    return self._settled(request, row, password)
        response = self._page(request, row, form, may, refusal)
        if refusal or form.errors:
            response.status_code = refusal.status if refusal else 400
        return response

    def _settled(self, request: HttpRequest, row: AccountAppeal, password: str) -> HttpResponse:
        if password:
            return self.page(request, "admin/employers/password.html", title="新密码", appeal=row, password=password)
        messages.success(request, f"{row.name} 的账号申诉已处理。")
        return HttpResponseRedirect(reverse("admin:employers_accountappeal_changelist"))

    def _page(
        self, request: HttpRequest, row: AccountAppeal, form: SettleForm, may: bool, refusal: Refused | None
    ) -> HttpResponse:
        account = appeals.account_for(row)
        verification = (
            rows_for(EmployerVerification, request.user)
            .filter(employer__uscc=row.uscc)
            .select_related("employer")
            .first()
        )
        # Who decides has to call.
        look = revealing.look(request, row, people=int(may), fields=["新联系手机"])
        pairs = [
            ("单位名称", verification.name if verification else "", row.name),
            ("联系人", verification.contact if verification else "", row.contact),
            (
                "手机",
                mask(account.phone, "phone") if account else "",
                row.mobile if look.reveal else mask(row.mobile, "phone"),
            ),
            ("电子邮箱", account.email if account else "", row.email),
        ]
        answer = self.page(
            request, "admin/employers/appeal.html", title=f"账号申诉：{row.name}", subtitle=None, appeal=row, form=form, may=may, refusal=refusal,
            account=account, verification=verification, pairs=pairs, others=appeals.others_of(row), colour=STATES[row.state],
            licences=[one for one in files_of(verification) if one.kind == "licence"] if verification else (), **vars(look),
        )  # fmt: skip
        return look.upon(answer)
