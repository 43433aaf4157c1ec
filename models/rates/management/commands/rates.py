"""`manage.py rates`: 毕业去向落实率 of one school and cohort, with every part, by college and major."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models.organisation.models import Cohort, Major, School
from models.rates.dimensions import BLANK, DIMENSIONS
from models.rates.figures import BadQuestion, Line, Question, as_json, asked, breakdown, default_question, total
from models.rates.formulas import FORMULAS
from models.rates.models import Basis, Population
from workflows.scoping import system


class Command(BaseCommand):
    """Print the figures; exit code 1 with a sentence when there is no such school or cohort."""

    help = "统计一所学校一届的毕业去向落实率：分子、分母和各组成部分，按学院和专业列出。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--school", required=True, metavar="CODE", help="学校代码（5 位）")
        parser.add_argument("--cohort", required=True, type=int, metavar="YEAR", help="毕业届，例如 2027")
        parser.add_argument("--formula", choices=sorted(FORMULAS), help="公式版本，默认按毕业届选用")
        parser.add_argument("--basis", choices=Basis.values, help="计入范围：审核通过的，或已提交的去向")
        parser.add_argument("--population", choices=Population.values, help="毕业生总数是否含结业、肄业")
        parser.add_argument("--cutoff", metavar="YYYY-MM-DD", help="截止日期（含当日）")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with system("manage.py rates: figures of a whole school for whoever runs the server"):
            cohort = Cohort.objects.filter(school__code=options["school"], year=options["cohort"]).first()
            if cohort is None:
                if not School.objects.filter(code=options["school"]).exists():
                    raise CommandError(f"没有代码为 {options['school']} 的学校。")
                raise CommandError(f"学校 {options['school']} 没有 {options['cohort']}届。")
            question = default_question(cohort.school_id, cohort)
            try:
                question = asked(
                    question, {key: options[key] or "" for key in ("formula", "basis", "population", "cutoff")}
                )
            except BadQuestion as error:
                raise CommandError(str(error)) from error
            found = answer(cohort, question)
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self._print(found)

    def _print(self, found: dict[str, Any]) -> None:
        self.stdout.write(f"{found['school_name']} {found['cohort']}届  {found['title']}")
        self.stdout.write(
            f"{found['sentence']}（{found['source']}）；{found['population_rule']}；{found['basis_rule']}"
        )
        self._line("合计", found)
        for college in found["colleges"]:
            self._line(college["name"], college)
            for major in college["majors"]:
                self._line(f"　{major['name']}", major)

    def _line(self, name: str, line: dict[str, Any]) -> None:
        parts = "，".join(
            f"{part['name']} {part['count']}（{part['rate']:.2f}%）" for part in line["parts"] if part["count"]
        )
        self.stdout.write(f"{name}：{line['numerator']}/{line['denominator']} = {line['rate']:.2f}%　{parts}")


def answer(cohort: Cohort, question: Question) -> dict[str, Any]:
    """Everything `--json` prints: how it was counted, the whole, colleges with their majors."""
    version = question.version
    majors = breakdown(question, DIMENSIONS["major"])
    college_of = dict(
        Major.objects.filter(pk__in=[line.bucket for line in majors if line.bucket != BLANK]).values_list(
            "pk", "college_id"
        )
    )
    below: dict[str, list[Line]] = {}
    for line in majors:
        below.setdefault(str(college_of.get(int(line.bucket), BLANK)) if line.bucket != BLANK else BLANK, []).append(
            line
        )
    colleges = breakdown(question, DIMENSIONS["college"])
    return {
        "school": cohort.school.code, "school_name": cohort.school.name, "cohort": cohort.year, "formula": version.version,
        "title": version.title, "sentence": version.sentence, "source": version.source, "basis": question.basis,
        "basis_rule": str(Basis(question.basis).label), "population": question.population,
        "population_rule": str(Population(question.population).label), "cutoff": question.cutoff.isoformat() if question.cutoff else None,
        **as_json(total(question), version),
        "colleges": [
            {"name": line.name, "code": line.code, **as_json(line, version),
             "majors": [{"name": one.name, "code": one.code, **as_json(one, version)} for one in below.get(line.bucket, [])]}
            for line in colleges
        ],
    }  # fmt: skip
