"""Finding the account a person means, and the initial-password rule."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.utils.crypto import constant_time_compare

from models.accounts.models import User


def student_username(school_code: str, number: str) -> str:
    """Account name of a student: student numbers repeat between schools, account names must not."""
    return f"{school_code}-{number}"


def find_username(entered: str, school_id: int | None = None) -> str:
    """Account name for what was typed: of the chosen school's student with this 学号, else an account name (an employer's is its
    统一社会信用代码), else a 学号 that is unique.

    Returns the typed text when nothing fits or several do, so that the failed log-in is counted against it.
    """
    entered = unicodedata.normalize("NFKC", entered).strip()
    if not entered or "\x00" in entered:
        return ""
    numbered = User.objects.filter(kind=User.Kind.STUDENT, student__number=entered)
    if school_id and (name := numbered.filter(student__school_id=school_id).values_list("username", flat=True).first()):
        return name
    if User.objects.filter(username=entered).exists():
        return entered
    code = "".join(entered.split()).upper()
    if code != entered and User.objects.filter(username=code, kind=User.Kind.EMPLOYER).exists():
        return code  # 统一社会信用代码 is stored in capitals, however it is typed
    names = list(numbered.values_list("username", flat=True)[:2]) if not school_id else []
    return names[0] if len(names) == 1 else entered[:150]


def axes_username(request: Any, credentials: dict[str, Any] | None) -> str:
    """Name under which django-axes counts failures: the resolved account, so that 学号 and account name share one count."""
    if credentials and credentials.get("username"):
        return credentials["username"]
    return getattr(request, "POST", {}).get("username", "")


def initial_password_matches(user: User, password: str) -> bool:
    """Whether `password` is the initial one of the student's school: the last six characters of the ID number, X in capitals."""
    student = getattr(user, "student", None)
    if student is None or student.school.first_login != student.school.FirstLogin.ID_TAIL or len(student.id_number) < 6:
        return False
    return constant_time_compare(password.upper(), student.id_number[-6:].upper())
