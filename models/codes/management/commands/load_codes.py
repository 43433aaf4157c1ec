"""Load the code tables of fixtures/codes into the database; may be run at any time, any number of times."""

import csv
import time
from collections import Counter
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from models.codes import rows, services
from models.codes.fields import FIXTURES
from models.codes.models import CodeTable

REASON = "载入系统代码"
TABLE_FIELDS = ("name", "description", "source", "kind", "editable", "order")


class Command(BaseCommand):
    help = "载入系统代码：按（代码表，代码）新增或更新，不覆盖在后台修改过的行"

    def add_arguments(self, parser):
        parser.add_argument("--table", action="append", metavar="KEY", help="只载入指定的代码表，可重复")
        parser.add_argument("--force", action="store_true", help="在后台修改过的行也恢复为标准数据")
        parser.add_argument("--dir", type=Path, default=FIXTURES, help="CSV 文件所在目录")

    @transaction.atomic
    def handle(self, *args, table, force, dir, **options):
        started, total = time.monotonic(), Counter()
        wanted = [line for line in self.read(dir / "tables.csv") if not table or line["key"] in table]
        if missing := set(table or ()) - {line["key"] for line in wanted}:
            raise CommandError(f"tables.csv 中没有代码表：{'、'.join(sorted(missing))}")
        tables = {found.key: found for found in CodeTable.objects.all()}
        for line in wanted:
            target = self.load_table(tables.get(line["key"]), line, force)
            outcomes = services.upsert(target, self.codes(dir, target), local=False, reason=REASON, force=force)
            count = Counter(outcome.status for outcome in outcomes)
            total += count
            kept = f"，保留本地修改 {count['kept']}" if count["kept"] else ""
            self.say(
                f"{target.name}（{target.key}）：新增 {count['created']}，更新 {count['updated']}，未变 {count['unchanged']}{kept}",
                options,
            )
        self.say(
            f"共 {len(wanted)} 个代码表：新增 {total['created']}，更新 {total['updated']}，未变 {total['unchanged']}，"
            f"保留本地修改 {total['kept']}，用时 {time.monotonic() - started:.1f} 秒",
            options,
        )

    def say(self, text, options):
        if options["verbosity"]:
            self.stdout.write(text)

    def read(self, path):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return list(csv.DictReader(file))
        except FileNotFoundError:
            raise CommandError(f"找不到文件 {path}") from None

    def load_table(self, table, line, force):
        """Create or update the table's own row from its line in tables.csv."""
        values = {name: line[name] for name in TABLE_FIELDS} | {
            "editable": line["editable"] == "1",
            "order": int(line["order"]),
        }
        if table is None:
            table = CodeTable(key=line["key"], **values)
        elif (table.locally_edited and not force) or all(
            getattr(table, name) == value for name, value in values.items()
        ):
            return table
        for name, value in values.items():
            setattr(table, name, value)
        table.locally_edited = False
        table._change_reason = REASON
        table.save()
        return table

    def codes(self, folder, table):
        """The rows of a table's file, ready for `upsert`; a row without its own source has that of the table."""
        parsed = []
        for number, line in enumerate(self.read(folder / f"{table.key}.csv"), start=2):
            values, errors = rows.parse(line)
            if errors:
                column, message = errors[0]
                raise CommandError(f"{table.key}.csv 第 {number} 行 {column}：{message}")
            values["source"] = values.get("source") or table.source
            parsed.append(values)
        return parsed
