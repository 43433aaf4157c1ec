"""Password rules: eight characters of at least three kinds, nothing taken from the person's own papers."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class CharacterClassValidator:
    """At least `kinds` of: capital letters, small letters, digits, other characters."""

    def __init__(self, kinds: int = 3) -> None:
        self.kinds = kinds

    def validate(self, password: str, user=None) -> None:
        """Raise ValidationError when too few kinds of characters occur."""
        found = sum(bool(re.search(pattern, password)) for pattern in (r"[A-Z]", r"[a-z]", r"\d", r"[^A-Za-z\d]"))
        if found < self.kinds:
            raise ValidationError(
                _("密码须包含大写字母、小写字母、数字、符号中的至少 %(kinds)d 种。") % {"kinds": self.kinds},
                code="password_kinds",
            )

    def get_help_text(self) -> str:
        return _("密码须包含大写字母、小写字母、数字、符号中的至少 %(kinds)d 种。") % {"kinds": self.kinds}


class NotFromIdentityValidator:
    """No six characters in a row of the ID number, phone, student number or account name (security checklist B2)."""

    length = 6

    def validate(self, password: str, user=None) -> None:
        """Raise ValidationError when the password holds a run of the person's own identifiers."""
        if user is None:
            return
        student = getattr(user, "student", None)
        sources = [user.username, user.phone]
        if student is not None:
            sources += [
                student.id_number,
                student.number,
                getattr(getattr(student, "graduateprofile", None), "phone", ""),
            ]
        lowered = password.lower()
        for source in (s.lower() for s in sources if s):
            runs = (source[i : i + self.length] for i in range(len(source) - self.length + 1))
            if any(run in lowered for run in runs):
                raise ValidationError(
                    _("密码不能包含证件号、手机号、学号或账号中的连续 6 位，请换一个密码。"), code="password_identity"
                )

    def get_help_text(self) -> str:
        return _("密码不能包含证件号、手机号、学号或账号中的连续 6 位。")
