"""Fields of a matter as people meet them: one description for forms, review page, list, filter, export, API and history.

A name is a field of the matter ("phone"), a dotted path through its relations ("student.number"), or "extra.key" for a
school's own field. What the subject may do with it is its mode: the matter's default, overridden by FieldPolicy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property
from operator import attrgetter
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from workflows import policy
from workflows.errors import Invalid
from workflows.years import YearField, possible_year

HIDDEN, LOCKED, EDITABLE, REQUIRED = "hidden", "locked", "editable", "required"


@dataclass(frozen=True)
class FieldSpec:
    """One field. `kind`: text, textarea, number, date, datetime, choice, code, yesno, file, email, relation, status."""

    name: str
    label: str
    kind: str
    mode: str = LOCKED
    help_text: str = ""
    group: str = ""
    code_table: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    max_length: int | None = None
    mask: str = ""
    model_field: models.Field | None = field(default=None, compare=False, repr=False)

    @cached_property
    def is_extra(self) -> bool:
        """Whether this is a school's own field."""
        return self.name.startswith("extra.")

    @cached_property
    def is_plain(self) -> bool:
        """Whether a text of this field is shown as it stands."""
        return not self.choices and self.kind not in ("file", "datetime") and not hasattr(self.model_field, "name_of")

    @property
    def lookup(self) -> str:
        """ORM look-up path of the stored value ("student__number", "extra__key")."""
        return self.name.replace(".", "__")

    @property
    def is_writable(self) -> bool:
        """Whether the subject may fill it in."""
        return self.mode in (EDITABLE, REQUIRED)

    @property
    def limits(self) -> dict[str, int]:
        """Room for free text, from the validators of its field: {"lines", "width", "characters"}; a form counts while somebody types."""
        found: dict[str, int] = {}
        for validator in getattr(self.model_field, "validators", ()):
            found |= getattr(validator, "counted", {})
        return found

    @property
    def limits_sentence(self) -> str:
        """The limits in words, "" without any."""
        room = self.limits
        parts = [f"最多 {room['lines']} 行"] if "lines" in room else []
        parts += [f"每行最多 {room['width']} 个字"] if room.get("width") else []
        parts += [f"最多 {room['characters']} 个字"] if "characters" in room else []
        return "，".join(parts)

    def value(self, record: Any) -> Any:
        """The stored value, following relations; None where a relation is empty."""
        if self.is_extra:
            return record.extra.get(self.name[6:])
        try:
            return self._read(record)
        except AttributeError:
            return self._through_gaps(record)

    @cached_property
    def _read(self) -> Any:
        return attrgetter(self.name)

    def _through_gaps(self, record: Any) -> Any:
        for part in self.name.split("."):
            if record is None:
                return None
            record = getattr(record, part)
        return record

    def display(self, record: Any, *, reveal: bool = True) -> str:
        """The value as people read it: names for codes, 是/否, dates; masked unless `reveal`."""
        text = self.present(self.value(record))
        return text if reveal or not self.mask else mask(text, self.mask)

    def present(self, value: Any) -> str:
        """A stored value of this field as text, wherever it comes from (record, history, request)."""
        if value is None or value == "":
            return ""
        if isinstance(value, str) and self.is_plain:
            return value
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, Decimal) and value == value.to_integral_value():
            return str(int(value))  # 3 years, not 3.0
        if self.kind == "datetime" and isinstance(value, str):  # as the log and the change list keep it (`jsonable`)
            value = parse_datetime(value) or value
        if isinstance(value, datetime):
            return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
        if isinstance(value, date):
            return f"{value:%Y-%m-%d}"
        if self.kind == "file":
            return value.get("name", "") if isinstance(value, dict) else str(value)
        namer = getattr(self.model_field, "name_of", None)  # CodeField: code → name
        if namer is not None:
            return namer(value)
        return str(dict(self.choices).get(value, value))


def mask(text: str, kind: str) -> str:
    """Hide the middle: "id" keeps six and two characters, "phone" three and four, anything else the first one."""
    if not text:
        return ""
    head, tail = {"id": (6, 2), "phone": (3, 4)}.get(kind, (1, 0))
    if len(text) <= head + tail:
        return "*" * len(text)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]


def resolve(model: type[models.Model], name: str) -> models.Field:
    """The model field at the end of a dotted name; FieldDoesNotExist when there is none."""
    target: models.Field | None = None
    for part in name.split("."):
        if target is not None:
            model = target.related_model
        target = model._meta.get_field(part)
    if target is None:
        raise FieldDoesNotExist(name)
    return target


def kind_of(target: models.Field) -> str:
    """FieldSpec.kind of a model field, but for a status."""
    if hasattr(target, "code_table"):
        return "code"
    if target.is_relation:
        return "relation"
    for cls, kind in (
        (models.BooleanField, "yesno"),
        (models.DateTimeField, "datetime"),
        (models.DateField, "date"),
        (models.EmailField, "email"),
        (models.TextField, "textarea"),
        (models.IntegerField, "number"),
        (models.DecimalField, "number"),
        (models.FileField, "file"),
    ):
        if isinstance(target, cls):
            return kind
    return "choice" if target.choices else "text"


def label_of(model: type[models.Model], name: str) -> str:
    """What people call a field. The name of a thing reached through a relation is called after the relation (学院, 专业, 班级, not 名称);
    the name of the subject itself stays what it is (姓名)."""
    owner, _dot, last = name.rpartition(".")
    if last == "name" and owner and owner != getattr(model, "scope_source", ""):
        return str(resolve(model, owner).verbose_name)
    return str(resolve(model, name).verbose_name)


@cache
def native(model: type[models.Model], name: str) -> FieldSpec:
    """Description of a declared field, before any school's policy."""
    target = resolve(model, name)
    kind = "status" if name == "status" else kind_of(target)
    mode = REQUIRED if name in model.required_fields else EDITABLE if name in model.subject_fields else LOCKED
    group = next((str(title) for title, names in model.field_groups if name in names), "")
    return FieldSpec(
        name=name,
        label=label_of(model, name),
        kind=kind,
        mode=mode,
        help_text=str(target.help_text or ""),
        group=group,
        code_table=getattr(target, "code_table", ""),
        choices=tuple((k, str(v)) for k, v in (target.choices or ())),
        max_length=getattr(target, "max_length", None),
        mask=model.masked_fields.get(name, ""),
        model_field=target,
    )


def of_extra(row: Any) -> FieldSpec:
    """Description of a school's own field."""
    return FieldSpec(
        name=f"extra.{row.key}",
        label=row.label,
        kind=row.kind,
        mode=row.mode,
        help_text=row.help_text,
        group="其他信息",
        choices=tuple((choice, choice) for choice in row.choice_list()) if row.kind == "choice" else (),
        max_length=200,
    )


def specs(model: type[models.Model], school_id: int | None, cohort_id: int | None) -> list[FieldSpec]:
    """Every field shown for a school and cohort, grouped in the matter's order, extras last, with the mode in force."""
    return policy.derived(_specs, model, school_id, cohort_id).copy()


def _specs(model: type[models.Model], school_id: int | None, cohort_id: int | None) -> list[FieldSpec]:
    policies = policy.policies_for(model, school_id, cohort_id)
    found = [native(model, name) for _title, names in model.field_groups for name in names]
    found += [of_extra(row) for row in policy.extras_for(model, school_id, cohort_id)]
    result = []
    for spec in found:
        if row := policies.get(spec.name):
            # A field that is not the subject's by nature (roll data) is never opened by a policy, only hidden.
            mode = row.mode if "." not in spec.name or spec.is_extra or row.mode == HIDDEN else spec.mode
            spec = replace(spec, mode=mode, help_text=row.help_text or spec.help_text)
        result.append(spec)
    return result


def of_record(record: Any) -> list[FieldSpec]:
    """The fields in force for one record: those of its school and cohort, as the record itself adapts them."""
    return record.adapt_fields(specs(type(record), record.school_id, record.cohort_id))


def clear_hidden(record: Any) -> dict[str, list[Any]]:
    """Empty own fields that do not belong to the record as it stands (`adapt_fields` hides them); {name: [old, new]} of what was emptied.

    What a school's policy hides keeps its value.
    """
    offered = {s.name for s in specs(type(record), record.school_id, record.cohort_id) if s.mode != HIDDEN}
    changed = {}
    for spec in of_record(record):
        if spec.mode != HIDDEN or spec.name not in offered or "." in spec.name:
            continue
        old = spec.value(record)
        if old in (None, ""):
            continue
        empty = None if spec.model_field.null else spec.model_field.get_default()
        setattr(record, spec.name, empty)
        changed[spec.name] = [jsonable(old), jsonable(empty)]
    return changed


def column(model: type[models.Model], name: str, extras: dict[str, Any] | None = None) -> FieldSpec:
    """Description of one column of a list or sheet; extras by key where the name is a school's own field."""
    if name.startswith("extra."):
        row = (extras or {}).get(name[6:]) or next((r for r in policy.all_extras(model) if r.key == name[6:]), None)
        if row is None:
            raise FieldDoesNotExist(name)
        return of_extra(row)
    return native(model, name)


class StoredFile(dict):
    """{"name", "stored", "size"} of a file that an upload has checked and put into the private store.

    Only this class fills a file field: a request that spells such a dict out could otherwise name any stored file as its own.
    """


YES, NO = {"1", "true", "on", "yes", "是"}, {"0", "false", "off", "no", "否"}
SCALARS = (str, int, float, bool, Decimal, date, StoredFile, type(None))


def clean_value(spec: FieldSpec, raw: Any, record: Any) -> Any:
    """The value to store for what was entered; ValidationError with a Chinese sentence when it cannot be."""
    if isinstance(raw, str):
        raw = raw.strip()
        if "\x00" in raw:
            raise ValidationError(f"{spec.label}：含有无法保存的字符，请重新输入。")
    elif not isinstance(raw, SCALARS):
        raise ValidationError(f"{spec.label}：填写的格式不正确。")
    if spec.is_extra:
        return _clean_extra(spec, raw)
    target = spec.model_field
    if raw in (None, ""):
        if not target.null and not target.blank and spec.mode == REQUIRED:
            raise ValidationError(please(spec.label, spec.kind))
        return None if target.null else False if spec.kind == "yesno" else ""
    if spec.kind == "yesno" and isinstance(raw, str):
        if raw.lower() not in YES | NO:
            raise ValidationError(f"{spec.label}：请选择是或否。")
        raw = raw.lower() in YES
    try:
        return stored(target, raw, record)
    except ValidationError as error:
        raise _quoting_little(error) from None


# A year outside of these is a slip of the finger; later on it would also overflow where times are computed.
YEARS = range(1900, 2101)
QUOTED = 20


def possible(value: Any) -> Any:
    """The value; ValidationError for a date that cannot be meant. Also a validator of form fields."""
    if isinstance(value, date) and value.year not in YEARS:
        raise ValidationError(f"日期的年份应在 {YEARS[0]}～{YEARS[-1]} 年之间，请检查。")
    return value


# Yuan, days, heads, a place in an order: more than this is a slip of the finger. What an engine can hold at most differs, and is
# nothing to tell anybody.
LARGEST = {"PositiveSmallIntegerField": 9_999, "SmallIntegerField": 9_999}
LARGEST_ELSE = 99_999_999


def in_reason(target: models.Field) -> list[Callable[[Any], None]]:
    """Validators for what is entered into a field of whole numbers, none for another: the same limit on every engine."""
    if not isinstance(target, models.IntegerField):
        return []
    if isinstance(target, YearField):
        return [possible_year]
    most = LARGEST.get(target.get_internal_type(), LARGEST_ELSE)
    return [MaxValueValidator(most, f"数字太大，最多填 {most}，请检查是否多填了位数。")]


def stored(target: models.Field, raw: Any, record: Any) -> Any:
    """The value of a model field for an entry, within what people can mean; ValidationError otherwise."""
    for validate in in_reason(target):
        validate(target.to_python(raw))
    return possible(target.clean(raw, record))


def _quoting_little(error: ValidationError) -> ValidationError:
    """The same sentences, without the whole of a long entry that they quote."""
    for one in error.error_list:
        quoted = (one.params or {}).get("value")
        if isinstance(quoted, str) and len(quoted) > QUOTED:
            one.params = {**one.params, "value": f"{quoted[:QUOTED]}…"}
    return error


def _clean_extra(spec: FieldSpec, raw: Any) -> Any:
    if spec.kind == "file":
        if raw not in (None, "") and not isinstance(raw, StoredFile):
            raise ValidationError(f"{spec.label}：请上传文件，不能直接填写。")
        return raw or None
    if raw in (None, "") or isinstance(raw, StoredFile):
        return None
    if spec.kind == "number":
        try:
            number = Decimal(str(raw))
        except InvalidOperation:
            number = None
        # Beyond fifteen digits JSON keeps no exact number, and 1e999999 would fill the memory.
        if number is None or not number.is_finite() or abs(number) >= 10**15:
            raise ValidationError(f"{spec.label}：「{str(raw)[:QUOTED]}」不是数字，请只填数字。")
        return int(number) if number == number.to_integral_value() else float(number)
    if spec.kind == "date":
        try:
            day = parse_date(str(raw))
        except ValueError:
            day = None
        if day is None:
            raise ValidationError(f"{spec.label}：请按 2026-11-22 的格式填写日期。")
        possible(day)
        return day.isoformat()
    raw = str(raw)
    if spec.kind == "choice" and raw not in dict(spec.choices):
        raise ValidationError(f"{spec.label}：「{raw[:QUOTED]}」不在选项中，请重新选择。")
    if spec.kind == "text" and len(raw) > (spec.max_length or 200):
        raise ValidationError(f"{spec.label}：最多填写 {spec.max_length} 个字。")
    return raw


def assign(record: Any, values: dict[str, Any], allowed: dict[str, FieldSpec]) -> dict[str, list[Any]]:
    """Put cleaned `values` on the record (not saved); returns {name: [old, new]} of what really changed.

    Raises Invalid with a sentence per field; then nothing has been assigned.
    """
    errors, cleaned = {}, {}
    for name, raw in values.items():
        spec = allowed.get(name)
        if spec is None:
            errors[name] = "该字段不能修改。"
            continue
        try:
            cleaned[name] = clean_value(spec, raw, record)
        except ValidationError as error:
            errors[name] = error.messages[0]
    if errors:
        raise Invalid(errors)
    changed = {}
    for name, value in cleaned.items():
        old = allowed[name].value(record)
        if old == value or (old in (None, "") and value in (None, "")):
            continue
        changed[name] = [jsonable(old), jsonable(value)]
        if name.startswith("extra."):
            record.extra = {**record.extra, name[6:]: value}
        else:
            setattr(record, name, value)
    return changed


def jsonable(value: Any) -> Any:
    """A value as the log and the change list keep it."""
    return (
        value.isoformat() if isinstance(value, date | datetime) else str(value) if isinstance(value, Decimal) else value
    )


DEEDS = {"choice": "选择", "code": "选择", "yesno": "选择", "relation": "选择", "file": "上传"}


def please(label: str, kind: str = "text") -> str:
    """What to do about a field of this kind that is empty and must not be."""
    return f"请{DEEDS.get(kind, '填写')}{label}。"


def missing(record: Any) -> dict[str, str]:
    """Required fields that are empty: name → sentence."""
    return {
        spec.name: please(spec.label, spec.kind)
        for spec in of_record(record)
        if spec.mode == REQUIRED and spec.value(record) in (None, "", [])
    }
