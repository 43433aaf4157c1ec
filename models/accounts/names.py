"""What a person's name is written with: the one rule for imports, forms and comparisons (`normalise.name` tidies before it is asked)."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from workflows.scoping import OrderedCharField

# Letters, numbers, punctuation; marks that belong to a letter, signs of a keyboard, spaces. 艾力·买买提, J. Smith, O'Brien; an office writes
# 张伟2 and 赵六（转） to keep two apart, and a roll that has it so is not held up. Pictures (emoji, ★) and what cannot be seen are no writing.
WRITTEN = frozenset("LNP")
SIGNS = frozenset({"Mn", "Mc", "Sm", "Sc", "Sk", "Zs"})
# Ideographs that this Python's tables do not know yet (planes 2 and 3), and those that offices wrote into the private area of
# their own fonts before they had a number: letters to whoever bears the name.
IDEOGRAPHS = (range(0x20000, 0x40000), range(0xE000, 0xF900))


def strange(text: str) -> str:
    """The characters of a name that no name is written with, each once and in their order; "" for a name."""
    return "".join(dict.fromkeys(one for one in text if not _written(one)))


def _written(one: str) -> bool:
    kind = unicodedata.category(one)
    return kind[0] in WRITTEN or kind in SIGNS or _ideograph(one)


def _letter(one: str) -> bool:
    kind = unicodedata.category(one)
    return kind[0] == "L" or kind == "Nl" or _ideograph(one)  # Nl: 〇


def _ideograph(one: str) -> bool:
    return any(ord(one) in block for block in IDEOGRAPHS)


def refusal(text: str) -> str:
    """What is wrong with a name and what to do, "" when nothing is."""
    found = strange(text)
    if found:
        return f"姓名中有“{found[:5]}”，不是姓名用字，请按证件填写（可用间隔号“·”）。"
    if text and not any(map(_letter, text)):
        return "姓名中没有文字，请按证件填写。"
    return ""


def person_name(text: str) -> None:
    """Validator of fields that hold a person's name."""
    if sentence := refusal(text):
        raise ValidationError(sentence, code="name_format")


class _Name:
    default_validators = [person_name]
    in_migrations = ""

    def deconstruct(self) -> Any:
        """As the field it extends: to the database the rule is nothing."""
        name, _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return name, self.in_migrations, args, kwargs


class NameField(_Name, models.CharField):
    """A person's name."""

    in_migrations = "django.db.models.CharField"


class OrderedNameField(_Name, OrderedCharField):
    """A person's name that is searched by how it begins."""

    in_migrations = "workflows.scoping.OrderedCharField"
