"""`CodeField`: a column that stores an official code, e.g. `nation = CodeField("民族", table="nation")`."""

from functools import partialmethod
from pathlib import Path

from django import forms
from django.core import checks
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from models.codes import lookup

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures" / "codes"


class InTable:
    """Validator: the value is a code of the table. A switched-off or former code passes here; `valid()` is asked by the rules."""

    code = "unknown_code"

    def __init__(self, table: str):
        self.table = table

    def __call__(self, value):
        found = lookup.table(self.table)
        if not found.exists:
            raise ValidationError(
                _("代码表“%(table)s”尚未载入，请管理员先载入系统代码。"), self.code, {"table": self.table}
            )
        if value not in found:
            raise ValidationError(unknown(found.title, value), self.code)

    def __eq__(self, other):
        return isinstance(other, InTable) and other.table == self.table

    def __hash__(self):
        return hash(self.table)


def unknown(title: str, value: object) -> str:
    """The sentence that refuses a value that is in no way a code of the table."""
    return _("“%(table)s”代码 %(value)s 不存在，请填写系统代码“%(table)s”中的代码或名称。") % {
        "table": title,
        "value": value,
    }


class CodeWidget(forms.Widget):
    """A list for a small table; for a big one a text box with `data-code-table`, which a script completes and plain HTML bears.

    Which of the two is decided when it is drawn. `select` and `text` are the widget classes to draw with.
    """

    def __init__(self, table, attrs=None, select=forms.Select, text=forms.TextInput):
        self.table, self.select, self.text = table, select, text
        super().__init__(attrs)

    def get_context(self, name, value, attrs):
        found = lookup.table(self.table)
        if found.is_big:
            widget = self.text(attrs=self.attrs)
            extra = {"data-code-table": self.table, "autocomplete": "off"}
            if value:
                extra["data-code-label"] = found.path_name(str(value))
            context = widget.get_context(name, value, {**(attrs or {}), **extra})
        else:
            blank = [] if self.is_required and value else [("", _("请选择"))]
            widget = self.select(attrs=self.attrs, choices=blank + found.choices(include=str(value) if value else None))
            widget.is_required = self.is_required
            context = widget.get_context(name, value, attrs)
        return context

    def render(self, name, value, attrs=None, renderer=None):
        context = self.get_context(name, value, attrs)
        return self._render(context["widget"]["template_name"], context, renderer)


class CodeFormField(forms.CharField):
    """Takes a code, or what `resolve` understands (name, full name, alias), and gives the code."""

    def __init__(self, *, table, **kwargs):
        self.table = table
        super().__init__(**kwargs)

    def widget_attrs(self, widget):
        """No `maxlength`: it is the code that has a length, and a full name may be typed."""
        return {name: value for name, value in super().widget_attrs(widget).items() if name != "maxlength"}

    def to_python(self, value):
        value = super().to_python(value)
        if value in self.empty_values:
            return value
        found = lookup.table(self.table)
        code = found.resolve(value)
        if code is None and found.exists:
            raise ValidationError(unknown(found.title, value), InTable.code)
        return value if code is None else code


class CodeField(models.CharField):
    """Stores a code of `table`. Nothing is read at import; validation, choices and names come from the cached lookup.

    Model gets `get_<field>_display()` → name ("" for blank). A code that is not in the table is refused by every door that runs
    the model's validators (model, form, serializer); one that is switched off is refused for a new record by `full_clean`.
    Admin: `formfield_overrides = {CodeField: {"select_widget": …, "text_widget": …}}`.
    """

    description = _("系统代码")

    def __init__(self, *args, table: str = "", **kwargs):
        self.table = table
        kwargs.setdefault("max_length", 12)
        super().__init__(*args, **kwargs)

    @property
    def code_table(self) -> str:
        """Key of the table; what the review engine, which knows no code tables, recognises a coded field by."""
        return self.table

    def name_of(self, value) -> str:
        """How a stored code is shown: its name, in a tree with those above it (重庆市渝中区); an unknown code as it stands."""
        return lookup.table(self.table).path_name(str(value)) or str(value)

    def deconstruct(self):
        # Migrations see a plain CharField: which table a column draws on is nothing to the database, and a path that starts with
        # "models." could not be written into a migration, where `models` is Django's.
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def clone(self):
        _name, _path, args, kwargs = self.deconstruct()
        return self.__class__(*args, table=self.table, **kwargs)

    def check(self, **kwargs):
        return [*super().check(**kwargs), *self._check_table()]

    def _check_table(self):
        if self.table and (FIXTURES / f"{self.table}.csv").exists():
            return []
        hint = f"Add fixtures/codes/{self.table}.csv and its line in fixtures/codes/tables.csv."
        return [checks.Error(f"CodeField names no code table: {self.table!r}.", hint=hint, obj=self, id="codes.E001")]

    @cached_property
    def validators(self):
        return [*super().validators, InTable(self.table)]

    def validate(self, value, model_instance):
        super().validate(value, model_instance)
        entry = lookup.table(self.table).get(value) if value else None
        if entry and not entry.active and model_instance is not None and model_instance._state.adding:
            raise ValidationError(
                _("代码 %(code)s %(name)s 已停用，请改选其他代码。"),
                "inactive_code",
                {"code": value, "name": entry.name},
            )

    def contribute_to_class(self, cls, name, **kwargs):
        super().contribute_to_class(cls, name, **kwargs)
        display = f"get_{self.name}_display"
        if display not in cls.__dict__:
            setattr(cls, display, partialmethod(_display, field=self))

    def formfield(self, select_widget=None, text_widget=None, widget=None, **kwargs):
        given = widget if widget is None or isinstance(widget, type) else type(widget)
        if given is None or not issubclass(given, forms.HiddenInput):
            if given and issubclass(given, forms.Select):
                select_widget = select_widget or given
            elif given:
                text_widget = text_widget or given
            attrs = dict(widget.attrs) if isinstance(widget, forms.Widget) else None
            widget = CodeWidget(self.table, attrs, select_widget or forms.Select, text_widget or forms.TextInput)
        return super().formfield(**{"form_class": CodeFormField, "table": self.table, "widget": widget, **kwargs})


def _display(self, field):
    return lookup.table(field.table).name(getattr(self, field.attname))
