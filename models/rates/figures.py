"""Counting: a Question (who, counted how) becomes figures by one statement a breakdown, and each figure becomes the list behind it.

The figure and its list are made from the same conditions (`joined`, `in_cell`), so that they cannot disagree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, FilteredRelation, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.dateparse import parse_date

from models.codes.lookup import table
from models.rates.dimensions import BLANK, CURRENT, DIMENSIONS, Dimension
from models.rates.formulas import FORMULAS, UNREGISTERED, Formula, percent, version_for
from models.rates.models import Basis, Population, RateSetting
from models.students.models import Student
from models.students.places import off_roll_codes
from workflows.fields import YEARS
from workflows.levels import PENDING, Status
from workflows.scoping import below

ALL, COUNTED, NOT_COUNTED = "all", "counted", "open"
STATUSES = {Basis.APPROVED: [Status.APPROVED], Basis.REGISTERED: [Status.APPROVED, *PENDING.values()]}


class BadQuestion(ValueError):
    """A question that cannot be answered; `str()` is a Chinese sentence. Answer 400."""


@dataclass(frozen=True)
class Question:
    """What is asked: cohorts (keys; none: all in scope), the unit below which to count, and how to count."""

    cohort_ids: tuple[int, ...]
    formula: str
    basis: str = Basis.APPROVED
    population: str = Population.GRADUATED
    cutoff: date | None = None
    unit: str = ""

    @property
    def version(self) -> Formula:
        """The formula itself."""
        return FORMULAS[self.formula]

    def checked(self) -> Question:
        """Itself, if each word is known; BadQuestion otherwise."""
        if self.formula not in FORMULAS:
            raise BadQuestion("没有这个公式版本，请选择 2020、2021 或 2024 版。")
        if self.basis not in Basis.values or self.population not in Population.values:
            raise BadQuestion("统计口径无法识别，请重新选择。")
        return self

    def as_dict(self) -> dict[str, Any]:
        """What a kept report stores: everything but the cohort, which is the one in view."""
        found = asdict(self)
        found.pop("cohort_ids")
        return found | {"cutoff": self.cutoff.isoformat() if self.cutoff else ""}


@dataclass
class Line:
    """Figures of one bucket (or of all): number of graduates and of each part."""

    bucket: str = ALL
    name: str = "合计"
    code: str = ""
    denominator: int = 0
    codes: Counter[str] = field(default_factory=Counter)  # destination code → number; "" where none is registered
    parts: Counter[str] = field(default_factory=Counter)
    numerator: int = 0

    @property
    def rate(self) -> Decimal:
        """Per cent, two decimals."""
        return percent(self.numerator, self.denominator)

    def share(self, part: str) -> Decimal:
        """A part in per cent of the graduates."""
        return percent(self.parts[part], self.denominator)

    def add(self, code: str, number: int, version: Formula, group: str) -> None:
        """Count `number` graduates with this destination code, which belongs to `group`."""
        self.codes[code] += number
        self.denominator += number
        self.parts[group] += number
        if group in version.counted:
            self.numerator += number


def default_question(school_id: int | None, cohort: Any, *, cohort_ids: Iterable[int] = ()) -> Question:
    """The question as the school's settings put it for a cohort: formula of the year, approved destinations, unless set otherwise."""
    rows = list(RateSetting.objects.filter(school_id=school_id).filter(Q(cohort=cohort) | Q(cohort=None)))
    found = next((row for row in rows if row.cohort_id), rows[0] if rows else RateSetting())
    return Question(
        cohort_ids=tuple(cohort_ids) or (cohort.pk,),
        formula=found.formula or version_for(cohort.year),
        basis=found.basis,
        population=found.population,
    )


def asked(question: Question, params: Any) -> Question:
    """`question` with what a query string changes of it. BadQuestion for a word or date that is not understood."""
    changes: dict[str, Any] = {
        key: params[key].replace("\x00", "") for key in ("formula", "basis", "population", "unit") if params.get(key)
    }
    if text := params.get("cutoff", ""):
        try:
            changes["cutoff"] = parse_date(text)
        except ValueError:
            changes["cutoff"] = None
        if changes["cutoff"] is None or changes["cutoff"].year not in YEARS:
            raise BadQuestion("截止日期无法识别，请按 2026-08-31 的格式填写。")
    return replace(question, **changes).checked()


def not_graduated_codes() -> list[str]:
    """Degree codes of those who leave without the qualification (结业, 肄业)."""
    known = table("degree_level")
    return [*known.codes_with("outcome", "completed"), *known.codes_with("outcome", "incomplete")]


def population(question: Question) -> QuerySet[Student]:
    """The graduates a question is about, within the scope in force."""
    rows = Student.objects.exclude(roll_status__in=off_roll_codes())
    if question.cohort_ids:
        rows = rows.filter(cohort_id__in=question.cohort_ids)
    if question.unit:
        rows = rows.filter(below("org_path", [question.unit]))
    if question.population == Population.GRADUATED:
        rows = rows.exclude(degree__in=not_graduated_codes())
    return rows.order_by()


def joined(question: Question) -> QuerySet[Student]:
    """`population`, each with the current destination that counts (alias `current`), if there is one."""
    condition = Q(outcomes__is_current=True, outcomes__status__in=STATUSES[Basis(question.basis)])
    if question.cutoff:
        end = timezone.make_aware(datetime.combine(question.cutoff + timedelta(days=1), time.min))
        day = "decided_at" if question.basis == Basis.APPROVED else "submitted_at"
        condition &= Q(**{f"outcomes__{day}__lt": end})
    return population(question).alias(**{CURRENT: FilteredRelation("outcomes", condition=condition)})


CODE = Coalesce(F(f"{CURRENT}__category"), Value(""))


def total(question: Question) -> Line:
    """All graduates of the question; one statement."""
    line, version = Line(), question.version
    for code, number in joined(question).values_list(CODE).annotate(n=Count("pk")):
        line.add(code, number, version, version.group_of(code))
    return line


def breakdown(question: Question, dimension: Dimension) -> list[Line]:
    """One line per bucket, in the order of the organisation or of the code table; one statement and one for names.

    By a fact of the destination only graduates who have one are in a bucket.
    """
    version = question.version
    rows = joined(question)
    if dimension.of_outcome:
        rows = rows.filter(**{f"{CURRENT}__pk__isnull": False})
    lines: dict[str, Line] = defaultdict(Line)
    groups: dict[str, str] = {}
    for bucket, code, number in rows.values_list(dimension.value(), CODE).annotate(n=Count("pk")):
        group = groups.setdefault(code, version.group_of(code))
        lines[str(bucket or BLANK)].add(code, number, version, group)
    described = dimension.described(lines)
    for bucket, line in lines.items():
        _order, line.name, line.code = described.get(bucket, ((2,), "（不在管辖范围）", ""))
        line.bucket = bucket
    return sorted(lines.values(), key=lambda line: described.get(line.bucket, ((2,), "", ""))[0])


def in_cell(question: Question, dimension: str = "", bucket: str = "", part: str = ALL) -> QuerySet[Student]:
    """Exactly the graduates that a figure counts. BadQuestion for a cell that no table has."""
    rows, version = joined(question), question.version
    if dimension:
        if dimension not in DIMENSIONS:
            raise BadQuestion("没有这种统计维度，请重新选择。")
        try:
            rows = rows.filter(DIMENSIONS[dimension].condition(bucket))
        except ValueError as error:
            raise BadQuestion("统计项无法识别，请回到统计页重新选择。") from error
        if DIMENSIONS[dimension].of_outcome:
            rows = rows.filter(**{f"{CURRENT}__pk__isnull": False})
    if part == ALL:
        return rows
    if part.startswith("code:"):
        return rows.filter(**{f"{CURRENT}__category": part[5:]})
    counted = version.counted_codes()
    if part == COUNTED:
        return rows.filter(**{f"{CURRENT}__category__in": counted})
    if part == NOT_COUNTED:
        return rows.exclude(pk__in=joined(question).filter(**{f"{CURRENT}__category__in": counted}).values("pk"))
    if part == UNREGISTERED:
        return rows.filter(Q(**{f"{CURRENT}__pk__isnull": True}) | Q(**{f"{CURRENT}__category": ""}))
    if part not in version.groups:
        raise BadQuestion("没有这个统计项，请回到统计页重新选择。")
    return rows.filter(**{f"{CURRENT}__category__in": version.codes_of(part)})


def as_json(line: Line, version: Formula) -> dict[str, Any]:
    """A line as `manage.py rates --json` and the export give it: numbers as integers, shares in per cent."""
    return {
        "denominator": line.denominator,
        "numerator": line.numerator,
        "rate": float(line.rate),
        "parts": [
            {"name": group, "count": line.parts[group], "rate": float(line.share(group)), "counted": group in version.counted}
            for group in version.groups
        ],
        "categories": [
            {"code": code, "name": table("outcome_category").name(code), "count": number}
            for code, number in sorted(line.codes.items())
            if code
        ],
    }  # fmt: skip
