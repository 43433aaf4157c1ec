"""`manage.py print_recommendations --school CODE --cohort YEAR --out DIR`: the approved 推荐表 of a year as PDF files."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from exports.documents import printing
from exports.documents.kinds import ONE_FILE, too_many
from exports.documents.recommendation import FORM
from models.audit.models import Action
from models.audit.services import record as audit
from models.jobs.files import FileNotStored
from models.organisation.models import Cohort
from models.recommendations.models import RecommendationForm
from workflows.scoping import system


class Command(BaseCommand):
    """The same as 打印 PDF in the back office; forms that were printed before and still hold are not made again."""

    help = "Print the approved recommendation forms of a school's cohort: DIR/college/class/name.pdf, or one file with --one-file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--school", required=True, help="code of the school, e.g. 19901")
        parser.add_argument("--cohort", required=True, type=int, help="graduation year, e.g. 2027")
        parser.add_argument("--out", required=True, type=Path, help="folder to write into; made if it is not there")
        parser.add_argument("--one-file", action=argparse.BooleanOptionalAction, default=False, help="all in one PDF")

    def handle(self, *args: Any, school: str, cohort: int, out: Path, one_file: bool, **options: Any) -> None:
        with system("whoever runs commands on the server prints for the whole school"):
            found = Cohort.objects.select_related("school").filter(school__code=school, year=cohort).first()
            if found is None:
                raise CommandError(f"没有找到学校 {school} 的 {cohort} 届，请核对学校代码和年份。")
            rows = RecommendationForm.objects.filter(cohort=found, status__in=FORM.statuses, on_roll=True)
            chosen = printing.choose(FORM, rows)
            if not chosen.ids:
                raise CommandError(f"{found.school.name}{cohort}届还没有审核通过的推荐表，没有可打印的。")
            if one_file and (problem := too_many(ONE_FILE, len(chosen.ids))):
                raise CommandError(problem)
            try:
                out.mkdir(parents=True, exist_ok=True)
                written = self._together(out, found, chosen.ids) if one_file else self._separately(out, chosen.ids)
            except FileNotStored as error:
                raise CommandError(error.sentence) from error
            except OSError as error:
                raise CommandError(f"不能写入 {out}：{error.strerror}。请检查磁盘空间和权限。") from error
            audit(Action.ISSUE, obj=RecommendationForm, school_id=found.school_id, form=FORM.kind, printed=written)
        self.stdout.write(f"已打印 {written} 份推荐表到 {out}。")

    def _separately(self, out: Path, ids: list[int]) -> int:
        done = 0
        for record, document in printing.separately(FORM, RecommendationForm, ids, by=None):
            target = out / printing.place_in(FORM, record)
            target.parent.mkdir(parents=True, exist_ok=True)
            with default_storage.open(document.stored.name, "rb") as pdf:
                target.write_bytes(pdf.read())
            done += 1
        return done

    def _together(self, out: Path, cohort: Cohort, ids: list[int]) -> int:
        printed = printing.together(FORM, RecommendationForm, ids)
        (out / f"{cohort.school.code}_{cohort.year}届_{FORM.title}_{len(printed.placed)}份.pdf").write_bytes(
            printed.content
        )
        with transaction.atomic():
            printing.note(FORM, printed, by=None)
        return len(printed.placed)
