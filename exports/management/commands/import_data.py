"""`manage.py import_data`: the import of the wizard on the command line, as the system (no row limits)."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models.jobs.files import remove_private, store_private
from models.organisation.models import Cohort, School
from models.transfer.models import ImportRun
from workflows import years
from workflows.scoping import system

REFUSED = 2


class Command(BaseCommand):
    """Import a workbook. Exit code 0: every row has its result; 1: wrong call; 2: the file is refused, nothing was written."""

    help = "导入一个工作簿：院系、专业设置、学生、生源数据、教职工、用人单位、毕业去向、协议书编号、档案转递、系统代码。最后一行输出 JSON 结果。"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "kind",
            metavar="KIND",
            help="departments | majors | students | profiles | staff | employers | outcomes | agreement_numbers | exclusions | archives | codes",
        )
        parser.add_argument("file", metavar="FILE", type=Path, help=".xlsx、.xls 或 .csv 文件")
        parser.add_argument("--school", required=True, metavar="CODE", help="学校代码（5 位）")
        parser.add_argument("--cohort", type=int, metavar="YEAR", help="毕业届，例如 2027")
        parser.add_argument("--map", type=Path, metavar="MAP.json", help='列的对应：{"表格中的列名": "模板中的列名"}')
        parser.add_argument("--sheet", default="", help="工作表名，默认自动选择")
        parser.add_argument("--dry-run", action="store_true", help="只核对，不写入")
        parser.add_argument("--errors", type=Path, metavar="OUT.xlsx", help="有误数据另存为工作簿")
        parser.add_argument("--report", type=Path, metavar="OUT.json", help="逐行结果另存为 JSON")
        parser.add_argument("--reviewed", action="store_true", help="同时更正已提交、已通过的生源信息")
        parser.add_argument("--blank-erases", action="store_true", help="空白单元格清空原有内容（默认保留）")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        with system("manage.py import_data: started by whoever runs the server"):
            # Loaded here: readers and writers of workbooks are heavy, and every other command would pay for them.
            from exports.importing import runs
            from exports.importing.kinds import KINDS
            from exports.importing.refusal import UploadRefused

            if options["kind"] not in KINDS:
                raise CommandError(f"没有“{options['kind']}”这种导入，可用：{'、'.join(KINDS)}。")
            run = self._run(KINDS[options["kind"]], options)
            try:
                counts = (runs.check if options["dry_run"] else runs.execute)(run)
                self._deliver(runs, run, options)
            except UploadRefused as refusal:
                self._drop(run)
                raise CommandError(refusal.sentence, returncode=REFUSED) from refusal
            except BaseException:
                self._fail(run)
                raise
            if options["dry_run"]:
                self._drop(run)
        self.stdout.write(json.dumps({**counts, "seconds": round(time.monotonic() - started, 2)}, ensure_ascii=False))

    def _run(self, kind: Any, options: dict[str, Any]) -> ImportRun:
        school = School.objects.filter(code=options["school"]).first()
        if school is None:
            raise CommandError(f"没有代码为 {options['school']} 的学校，请先建立学校，或核对 --school。")
        cohort = self._cohort(school, options["cohort"], kind)
        path = options["file"]
        if not path.is_file():
            raise CommandError(f"找不到文件 {path}。", returncode=REFUSED)
        with path.open("rb") as file:
            stored = store_private(path.name, file, "imports")
        return ImportRun.objects.create(
            kind=kind.name,
            school=school,
            cohort=cohort,
            org_path=school.path,
            file=stored,
            file_name=path.name,
            sheet=options["sheet"],
            mapping=self._mapping(options["map"]),
            options={"reviewed": options["reviewed"], "blank_erases": options["blank_erases"]},
        )

    def _cohort(self, school: School, year: int | None, kind: Any) -> Cohort | None:
        if year is None:
            if kind.needs_cohort:
                raise CommandError(f"导入{kind.title}需要用 --cohort 指定毕业届，例如 --cohort 2027。")
            return None
        if year not in years.years():
            raise CommandError(f"--cohort {years.sentence(year)}")
        cohort, created = Cohort.objects.get_or_create(school=school, year=year)
        if created:
            self.stdout.write(f"{school.name}还没有{cohort}，已建立。")
        return cohort

    def _mapping(self, path: Path | None) -> dict[str, str]:
        if path is None:
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise CommandError(f"读不出列的对应 {path}：{error}", returncode=REFUSED) from error
        if not isinstance(found, dict) or not all(isinstance(value, str | None) for value in found.values()):
            raise CommandError(f'{path} 应为 {{"表格中的列名": "模板中的列名"}} 的形式。', returncode=REFUSED)
        return {label: header or "" for label, header in found.items()}

    def _deliver(self, runs: Any, run: ImportRun, options: dict[str, Any]) -> None:
        for sentence in run.summary["notes"]:
            self.stdout.write(sentence)
        for reason, count in run.summary["ignored"].items():
            self.stdout.write(f"{reason}：{count} 行，没有导入")
        for group in run.summary["errors"]:
            self.stdout.write(
                f"{group['column']}（{group['code']}）{group['count']} 行，如第 {group['row']} 行：{group['message']}"
            )
        if options["report"]:
            options["report"].write_text(json.dumps(runs.report(run), ensure_ascii=False, indent=1), encoding="utf-8")
        if options["errors"]:
            sheet, _kind = runs.open_run(run)
            runs.write_errors(run, sheet, options["errors"])

    def _drop(self, run: ImportRun) -> None:
        for stored in (run.file.name, run.errors_file.name):
            remove_private(stored)
        run.delete()

    def _fail(self, run: ImportRun) -> None:
        ImportRun.objects.filter(pk=run.pk).update(status=ImportRun.Status.FAILED, error="命令中断")
