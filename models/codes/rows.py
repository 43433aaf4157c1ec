"""A row of a code table as text: the columns of `fixtures/codes/*.csv`, of an import and of an export, and how they are read."""

import json

from django.utils.translation import gettext as _

from models.codes.models import Code, Sureness

# key in the CSV header → (field of Code, header for people)
COLUMNS = {
    "code": ("code", "代码"),
    "name": ("name", "名称"),
    "parent": ("parent_code", "上级代码"),
    "aliases": ("aliases", "别名"),
    "flags": ("flags", "分组标记"),
    "valid_from": ("valid_from_year", "启用毕业届"),
    "valid_to": ("valid_to_year", "停用毕业届"),
    "former": ("former", "已废止"),
    "successor": ("successor", "现行代码"),
    "source": ("source", "来源"),
    "sureness": ("sureness", "可靠程度"),
    "order": ("order", "排序"),
    "active": ("is_active", "启用"),
}
_TRUE, _FALSE = {"1", "是", "true", "yes", "y"}, {"", "0", "否", "false", "no", "n"}
_SURENESS = {str(label): value for value, label in Sureness.choices} | {value: value for value in Sureness.values}


def parse(raw: dict[str, str]) -> tuple[dict, list[tuple[str, str]]]:
    """Turn {column key: text} into ({field: value}, [(column key, what is wrong)]); only the columns that are there are set."""
    values, errors = {}, []
    for key, (field, _header) in COLUMNS.items():
        if key not in raw:
            continue
        text = str(raw[key] if raw[key] is not None else "").strip()
        try:
            values[field] = _READ.get(key, _text)(text)
        except ValueError as error:
            errors.append((key, str(error)))
    errors += [(key, _("不能为空。")) for key in ("code", "name") if key in raw and not values.get(key)]
    for key in ("code", "name", "parent", "successor", "source"):
        field = COLUMNS[key][0]
        limit = Code._meta.get_field(field).max_length
        if len(values.get(field, "")) > limit:
            errors.append((key, _("最多 %(limit)s 个字。") % {"limit": limit}))
    first, last = values.get("valid_from_year"), values.get("valid_to_year")
    if first and last and first > last:
        errors.append(("valid_to", _("停用毕业届早于启用毕业届。")))
    return values, errors


def write(code: Code) -> dict[str, str]:
    """The reverse of `parse`: {column key: text}."""
    texts = {}
    for key, (field, _header) in COLUMNS.items():
        value = getattr(code, field)
        if key == "aliases":
            value = "|".join(value)
        elif key == "flags":
            value = json.dumps(value, ensure_ascii=False) if value else ""
        elif isinstance(value, bool):
            value = "1" if value else "0"
        texts[key] = "" if value is None else str(value)
    return texts


def _text(text):
    return text


def _aliases(text):
    return [part.strip() for part in text.replace("｜", "|").split("|") if part.strip()]


def _flags(text):
    if not text:
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise ValueError(_('应为 JSON 对象，例如 {"is_employed": true}。'))
    return value


def _year(text):
    if not text:
        return None
    text = text.removesuffix(".0").removesuffix("届")
    if not (text.isdecimal() and 1900 <= int(text) <= 2200):
        raise ValueError(_("应为四位年份，例如 2027。"))
    return int(text)


def _flag(text):
    word = text.lower().removesuffix(".0")
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(_("应填“是”或“否”。"))


def _active(text):
    return True if not text else _flag(text)


def _order(text):
    text = text.removesuffix(".0") or "0"
    if not text.isdecimal():
        raise ValueError(_("应为整数。"))
    return int(text)


def _sureness(text):
    if not text:
        return Sureness.MEMORY.value
    if text not in _SURENESS:
        raise ValueError(
            _("应为以下之一：%(labels)s。") % {"labels": "、".join(str(label) for label in Sureness.labels)}
        )
    return _SURENESS[text]


_READ = {
    "aliases": _aliases,
    "flags": _flags,
    "valid_from": _year,
    "valid_to": _year,
    "former": _flag,
    "active": _active,
    "order": _order,
    "sureness": _sureness,
}
