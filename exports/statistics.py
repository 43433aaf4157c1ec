"""The list behind a figure: a filter "rate" on students, made from the question that the figure answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Q

from exports.filters import BadFilter, Filter, extend
from models.codes.lookup import table
from models.rates.dimensions import DIMENSIONS
from models.rates.figures import ALL, COUNTED, NOT_COUNTED, BadQuestion, Question, asked, in_cell
from models.rates.formulas import FORMULAS
from models.students.models import Student

NAME = "rate"
_KEYS = ("formula", "basis", "population", "cutoff", "unit", "dimension", "bucket", "part")
_NAMES = {ALL: "毕业生", COUNTED: "已落实", NOT_COUNTED: "未落实"}


@dataclass(frozen=True)
class Cell:
    """One figure of one question: which line of which breakdown, which part of it."""

    question: Question
    dimension: str = ""
    bucket: str = ""
    part: str = ALL

    def token(self) -> str:
        """The cell as the value of a filter; the cohorts are those in view."""
        found = self.question.as_dict() | {"dimension": self.dimension, "bucket": self.bucket, "part": self.part}
        return "|".join(str(found[key]) for key in _KEYS)

    @classmethod
    def read(cls, token: str) -> Cell:
        """The reverse of `token`; BadQuestion for anything else."""
        values = token.split("|")
        if len(values) != len(_KEYS):
            raise BadQuestion("统计项无法识别，请回到统计页重新选择。")
        named: dict[str, Any] = dict(zip(_KEYS, values, strict=True))
        question = asked(Question((), named["formula"]), named)
        return cls(question, named["dimension"], named["bucket"], named["part"])

    def condition(self) -> Q:
        """The students of the figure, of whatever cohorts the list shows."""
        return Q(pk__in=in_cell(self.question, self.dimension, self.bucket, self.part).values("pk"))

    def text(self) -> str:
        """The cell in words."""
        words = [FORMULAS[self.question.formula].title]
        if self.dimension:
            name = DIMENSIONS[self.dimension].described([self.bucket]).get(self.bucket, ((), self.bucket, ""))[1]
            words.append(f"{DIMENSIONS[self.dimension].label}：{name}")
        part = self.part
        words.append(
            _NAMES.get(part) or (table("outcome_category").name(part[5:]) if part.startswith("code:") else part)
        )
        if self.question.cutoff:
            words.append(f"截至 {self.question.cutoff:%Y-%m-%d}")
        return "，".join(words)

    def at(self, **changes: Any) -> Cell:
        """Another cell of the same question."""
        return replace(self, **changes)


def _condition(values: list[str]) -> Q:
    try:
        return Cell.read(values[0]).condition()
    except BadQuestion as error:
        raise BadFilter(str(error)) from error


def _text(values: list[str]) -> str:
    try:
        return Cell.read(values[0]).text()
    except BadQuestion:
        return ""


extend(Student, Filter(NAME, "统计项", "hidden", condition=_condition, words=_text))
