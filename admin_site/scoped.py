"""ScopedAdmin: the base of every screen of the back office.

Django's admin is not multi-tenant by a scoped `get_queryset` alone (design/security, finding 1). This base closes each of the
other doors: permissions ask the row, choices of foreign keys are scoped, look-ups in the query string are an allow-list, what was
saved is looked at again before it is committed, history and deletion pages look first, and there is no log of "recent actions".
"""

from __future__ import annotations

from typing import Any, NoReturn

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline

from admin_site import stale
from admin_site.changelist import ScopedChangeList
from admin_site.forms import OVERRIDES, FullCheckForm, described_changes, dressed
from admin_site.history import entries, steps
from admin_site.rows import rows_for
from models.audit.models import Action, AuditEntry
from models.audit.services import record
from models.organisation.models import Cohort
from workflows import posted
from workflows.fields import in_reason, possible

ADD, CHANGE, DELETE = "add", "change", "delete"
SUFFIXES = ("", "__exact", "__id__exact", "__isnull", "__in", "_from", "_to")


class OutOfScope(Exception):
    """What was just saved lies outside the scope of the person who saved it; the transaction is undone."""


class ScopedFieldsMixin:
    """Choices of a form: only what the person may see, and only where they may look at that kind of thing at all."""

    formfield_overrides = OVERRIDES

    def choices_for(self, db_field: models.Field, request: HttpRequest) -> models.QuerySet:
        """Rows offered, and accepted, for a relation. Override to narrow further; never to widen."""
        related = db_field.remote_field.model
        code = f"{related._meta.app_label}.{get_permission_codename('view', related._meta)}"
        rows = rows_for(related, request.user)
        return rows if request.user.has_perm(code) else rows.none()

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        kwargs["queryset"] = self.choices_for(db_field, request)
        if db_field.remote_field.model is Cohort:
            kwargs["queryset"] = kwargs["queryset"].select_related("school")
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.remote_field.model is Cohort and request.user.scope.everything:
            field.label_from_instance = lambda cohort: f"{cohort.school} {cohort}"
        return field

    def formfield_for_manytomany(
        self, db_field: models.ManyToManyField, request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        kwargs["queryset"] = self.choices_for(db_field, request)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        widget = getattr(field, "widget", None)
        for door in ("can_add_related", "can_change_related", "can_delete_related", "can_view_related"):
            if hasattr(widget, door):
                setattr(widget, door, False)  # no pop-up windows: each kind of thing has its own page
        if isinstance(field, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField):
            field.validators = [*field.validators, possible]
        if isinstance(field, forms.IntegerField):
            field.validators = [*field.validators, *in_reason(db_field)]
        return field


class ScopedInline(ScopedFieldsMixin, TabularInline):
    """Rows of a related model inside a form."""

    extra = 0
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = rows_for(self.model, request.user)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows


class ScopedAdmin(ScopedFieldsMixin, ModelAdmin, SimpleHistoryAdmin):
    """Base of every registered admin; the site takes no other.

    `probe_fields`   look-ups allowed in the query string besides those of `list_filter`
    `empty_text`     what an empty list says besides "还没有…": what applies meanwhile, or where its rows come from
    `audit_action`   Action written to the audit trail for every add, change and deletion here (None: history alone)
    `never`          what nobody does on this screen, whatever their functions: of ADD, CHANGE, DELETE
    """

    is_scoped = True
    form = FullCheckForm
    probe_fields: frozenset[str] = frozenset()
    empty_text = ""
    audit_action: Action | None = None
    never: tuple[str, ...] = ()
    actions: Any = ()
    show_full_result_count = False
    list_per_page = 50
    list_filter_sheet = True
    list_fullwidth = True
    warn_unsaved_form = True
    save_as = False
    view_on_site = False
    compressed_fields = True
    change_form_before_template = "admin_site/seen.html"

    # -- rows ------------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows = rows_for(self.model, request.user)
        ordering = self.get_ordering(request)
        return rows.order_by(*ordering) if ordering else rows

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> models.Model | None:
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self._seen(request)[found.pk] = True
        return found

    def _seen(self, request: HttpRequest) -> dict[Any, bool]:
        return request.__dict__.setdefault("_rows_seen", {}).setdefault(self.model, {})

    def in_scope(self, request: HttpRequest, obj: models.Model | None) -> bool:
        """Whether the stored row of `obj` is one the person may see; one query per row and request. A new object is."""
        if obj is None or obj.pk is None or obj._state.adding:
            return True
        seen = self._seen(request)
        if obj.pk not in seen:
            seen[obj.pk] = self.get_queryset(request).filter(pk=obj.pk).exists()
        return seen[obj.pk]

    def object_or_404(self, request: HttpRequest, object_id: Any) -> Any:
        """The row, or the same 404 whether it is foreign or missing."""
        found = self.get_object(request, unquote(str(object_id)))
        if found is None:
            raise Http404
        return found

    def viewed_or_404(self, request: HttpRequest, object_id: Any, *joins: str) -> Any:
        """The row, with what its page reaches; 403 for who looks at none of its kind, else the same 404 whether it is foreign or missing."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request)
        found = (rows.select_related(*joins) if joins else rows).filter(pk=posted.key(object_id)).first()
        if found is None:
            raise Http404
        return found

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        raise Http404

    # -- rights ----------------------------------------------------------------------------------------------------

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return super().has_view_permission(request, obj) and self.in_scope(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return ADD not in self.never and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        if CHANGE in self.never:
            return False
        return super().has_change_permission(request, obj) and self.in_scope(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        if DELETE in self.never:
            return False
        return super().has_delete_permission(request, obj) and self.in_scope(request, obj)

    def require(self, request: HttpRequest, code: str) -> None:
        """PermissionDenied (a 403 with a way back) unless the person has the function "app.action_model"."""
        if not request.user.has_perm(code):
            raise PermissionDenied

    # -- lists -----------------------------------------------------------------------------------------------------

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ScopedChangeList]:
        return ScopedChangeList

    def narrow_list(self, request: HttpRequest, rows: models.QuerySet) -> models.QuerySet:
        """What the list shows of the person's rows, before filters; override to keep to the cohort in view."""
        return rows

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_sortable_by(self, request: HttpRequest) -> Any:
        masked = getattr(self.model, "masked_fields", {})
        return [name for name in super().get_sortable_by(request) if name not in masked]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """Deny by default: any look-up left open on a masked column gives the column away character by character (finding 2)."""
        allowed = set(self.probe_fields)
        for spec in self.get_list_filter(request):
            first = spec[0] if isinstance(spec, list | tuple) else spec
            name = first if isinstance(first, str) else getattr(first, "parameter_name", "")
            allowed |= {f"{name}{suffix}" for suffix in SUFFIXES}
        return lookup in allowed

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return to_field == self.opts.pk.name

    # -- forms -----------------------------------------------------------------------------------------------------

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return dressed(super().get_form(request, obj, change, **kwargs))

    # -- saving ----------------------------------------------------------------------------------------------------

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {"show_save_and_add_another": False, **(extra_context or {})}
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, context)
        try:
            with transaction.atomic():
                stale_form = stale.answer(self, request, object_id) if object_id is not None else None
                return stale_form or super().changeform_view(request, object_id, form_url, context)
        except OutOfScope as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], add: bool = False, change: bool = False,
        form_url: str = "", obj: Any = None,
    ) -> HttpResponse:  # fmt: skip
        """The page carries what it was filled in against; a refused form what it was first filled in against."""
        if change and obj is not None:
            posted = request.POST.get(stale.SEEN)
            context["seen"] = posted if posted is not None else stale.token(stale.digests_of(self, request, obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def save_model(self, request: HttpRequest, obj: models.Model, form: forms.ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        request._described = described_changes(form)

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: list[Any], change: bool) -> None:
        super().save_related(request, form, formsets, change)
        self.check_saved(request, form.instance)

    def save_formset(self, request: HttpRequest, form: forms.ModelForm, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        saved = [*formset.new_objects, *(row for row, _fields in formset.changed_objects)]
        if rows_for(formset.model, request.user).filter(pk__in=[row.pk for row in saved]).count() != len(saved):
            raise OutOfScope("没有保存：所填的下级内容超出了您的管辖范围。")

    def check_saved(self, request: HttpRequest, obj: models.Model) -> None:
        """Look again at what was written, in the same transaction (checklist A6)."""
        if not rows_for(self.model, request.user).filter(pk=obj.pk).exists():
            raise OutOfScope(
                f"没有保存：保存后这条{self.opts.verbose_name}将超出您的管辖范围，请检查学校、部门的选择。"
            )

    def refuse(self, sentence: str) -> NoReturn:
        """Undo the save in progress and tell the person why."""
        raise OutOfScope(sentence)

    def log_addition(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        self.audit(request, obj, "新增")

    def log_change(self, request: HttpRequest, obj: models.Model, message: Any) -> None:
        if getattr(request, "_described", None) or message:
            self.audit(request, obj, "修改")

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.audit(request, obj, "删除")

    def audit(self, request: HttpRequest, obj: models.Model, deed: str, **detail: Any) -> None:
        """A row in the audit trail where this screen keeps one; there is no other log that could leak names."""
        if self.audit_action:
            changes = getattr(request, "_described", None) or {}
            record(
                self.audit_action,
                request=request,
                obj=obj,
                deed=deed,
                **({"changes": changes} if changes else {}),
                **detail,
            )

    # -- deletion and history -----------------------------------------------------------------------------------------

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Kinds and numbers only: names below the object may lie outside what the person may see."""
        _tree, counts, lacking, protected = super().get_deleted_objects(objs, request)
        blocked = {}
        for item in protected:
            kind = str(item).split("：")[0].split(":")[0]
            blocked[kind] = blocked.get(kind, 0) + 1
        own = {str(self.opts.verbose_name_plural), str(self.opts.verbose_name)}
        counts = {name: number for name, number in counts.items() if not self._is_history(name)}
        sentences = [f"{kind}：{number} 条" for kind, number in blocked.items()]
        return (
            [str(obj) for obj in objs],
            counts,
            {name for name in lacking if name not in own and not self._is_history(name)},
            sentences,
        )

    @staticmethod
    def _is_history(name: str) -> bool:
        return str(name).startswith("historical ")

    def get_urls(self) -> list[Any]:
        """Without simple-history's form of an old version: the list has old and new values, and going back would skip every check."""
        return [url for url in super().get_urls() if not (getattr(url, "name", "") or "").endswith("_simple_history")]

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        obj = self.object_or_404(request, object_id)
        if not self.has_view_or_change_permission(request, obj):
            raise PermissionDenied
        if hasattr(self.model, "history"):
            rows = (
                self.model.history.filter(**{self.opts.pk.attname: obj.pk})
                .select_related("history_user")
                ._select_related_history_tracked_objs()
            )
            page = Paginator(rows, 50).get_page(request.GET.get("p"))
            masked = tuple(getattr(self.model, "masked_fields", {}))
            before = rows[page.end_index() : page.end_index() + 1].first() if page.has_next() else None
            found = steps(list(page), self.model, masked=masked, before=before)
        else:
            page = Paginator(AuditEntry.objects.about(obj).select_related("actor"), 50).get_page(request.GET.get("p"))
            found = entries(page)
        return self.page(
            request,
            "admin_site/object_history.html",
            title=f"修改记录：{obj}",
            steps=found,
            page=page,
            original=obj,
        )

    def revert_disabled(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return True

    # -- pages of our own ------------------------------------------------------------------------------------------------

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page in the frame of the back office; `context` needs a `title`."""
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            template,
            {**self.admin_site.each_context(request), "opts": self.opts, "model_admin": self, **context},
        )


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that come about elsewhere and are only looked at here."""

    never = (ADD, CHANGE, DELETE)
    list_display_links = None
