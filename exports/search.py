"""The search box: what was typed is told by its shape, and each shape is one index look-up.

    18 characters of an ID number   exactly that number          (masked column: exact or not at all, and audited)
    11 digits from 13…19            exactly that phone           (masked, likewise), else the beginning of a number
    digits, or letters with digits  the beginning of a number, else the whole 考生号
    anything else                   the beginning of a name, from two characters on also any part of it

There is no search for the last digits of an ID number: it would give the hidden digits away by trying them out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models

from models.students.models import Student
from models.students.names import matching, starting, tidy
from workflows.scoping import system

LONGEST = 60
ID_NUMBER, PHONE, NUMBER, EXAM_NUMBER, NAME = "id_number", "phone", "number", "exam_number", "name"
_WORDS = {NUMBER: "学号", NAME: "姓名", EXAM_NUMBER: "考生号", ID_NUMBER: "完整身份证号", PHONE: "完整手机号"}
_UNSEEN = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2060\ufeff]")
_GROUPED = re.compile(r"[\d\s-]+[\dxX]")


@dataclass(frozen=True)
class Question:
    """One way to understand what was typed."""

    kind: str
    text: str


def clean(text: str) -> str:
    """What was typed without invisible characters, half width, at most LONGEST characters; figures written in groups are joined."""
    text = tidy(_UNSEEN.sub("", text))[:LONGEST].strip()
    return re.sub(r"[\s-]", "", text) if _GROUPED.fullmatch(text) else text


def questions(model: type[models.Model], text: str) -> list[Question]:
    """The ways to understand `text` on this model, the likeliest first; [] for nothing."""
    text = clean(text)
    if not text:
        return []
    if re.fullmatch(r"\d{17}[\dXx]", text):
        kinds = (ID_NUMBER,) if ID_NUMBER in model.search_paths else (NUMBER,)  # a 统一社会信用代码 may be all figures
    elif re.fullmatch(r"1[3-9]\d{9}", text):
        kinds = (PHONE, NUMBER)
    elif text.isascii() and text.isdigit():
        kinds = (NUMBER, EXAM_NUMBER) if len(text) >= 14 else (NUMBER,)
    elif re.fullmatch(r"(?=.*\d)[A-Za-z0-9]+", text):
        kinds = (NUMBER, ID_NUMBER) if len(text) >= 8 else (NUMBER,)
    else:
        kinds = (NAME,)
    found = [
        Question(kind, text.upper() if kind == ID_NUMBER else text) for kind in kinds if kind in model.search_paths
    ]
    return found


def is_sensitive(model: type[models.Model], text: str) -> bool:
    """Whether this search looks into a masked column, so that it is to be audited."""
    return any(question.kind in (ID_NUMBER, PHONE) for question in questions(model, text))


def placeholder(model: type[models.Model]) -> str:
    """What the box takes on this model; it promises nothing that is not there."""
    words = {**_WORDS, **getattr(model, "search_words", {})}
    return "、".join(word for kind, word in words.items() if kind in model.search_paths)


def narrow(queryset: models.QuerySet, text: str, cohort_ids: Sequence[int] | None = None) -> models.QuerySet:
    """The rows of `queryset` that `text` asks for: by the first way of understanding it that finds any.

    `cohort_ids` are those `queryset` is narrowed to; the search then begins there.
    """
    model = queryset.model
    asked = questions(model, text)
    if not asked:
        return queryset.none() if text.strip() else queryset
    for question in asked[:-1]:
        found = queryset.filter(**condition(model, question, cohort_ids))
        if found.order_by().exists():
            return found
    return queryset.filter(**condition(model, asked[-1], cohort_ids))


def condition(model: type[models.Model], question: Question, cohort_ids: Sequence[int] | None = None) -> dict[str, Any]:
    """The filter for one way of understanding; what stands on the student is found there first, and the records by its key."""
    owner, _dot, column = model.search_paths[question.kind].rpartition("__")
    if owner != "student" and model is not Student:  # employers: few enough to be looked through
        look_up = {NAME: "__icontains", NUMBER: "__istartswith"}.get(question.kind, "")
        return {f"{model.search_paths[question.kind]}{look_up}": question.text}
    if question.kind != NAME and not owner:
        return starting(column, question.text) if question.kind == NUMBER else {column: question.text}
    with system("candidates of a search; the records themselves are narrowed by the person's scope"):
        students = Student.objects.all()
        if question.kind == NAME:
            return {f"{owner or 'pk'}__in": matching(students, question.text, cohort_ids)}
        if cohort_ids is not None:
            students = students.filter(cohort_id__in=cohort_ids)
        exact = starting(column, question.text) if question.kind == NUMBER else {column: question.text}
        return {f"{owner}__in": students.filter(**exact).values("pk")}
