"""系统代码: rows of the code tables, through the tables' own reader and writer. A code once used is switched off, never deleted."""

from __future__ import annotations

from typing import Any

from exports.importing import normalise
from exports.importing.columns import Cell, Choice, Column, SchoolNumber, YesNo
from exports.importing.kinds.base import FAILED, UNCHANGED, UPDATED, Entry, Kind, jsonable
from exports.importing.refusal import CellError
from models.codes.lookup import tables
from models.codes.models import Code, CodeTable
from models.codes.services import set_active, upsert


class TableName(Cell):
    """A code table by its name or key."""

    def find(self, value: Any) -> str:
        text = normalise.text(value)[0]
        for table in tables():
            if normalise.fold(text) in (normalise.fold(table.key), normalise.fold(table.title)):
                return table.key
        raise CellError("unknown_code", f"没有“{text[:30]}”这个代码表，请填写系统代码中的表名，例如：民族。")

    def choices(self) -> list[str]:
        return [table.title for table in tables() if table.editable]


class Aliases(Cell):
    """Other writings, separated by |; by 、 where there is no | (an alias may have one of its own)."""

    def find(self, value: Any) -> list[str]:
        text = normalise.text(value)[0].replace("｜", "|")
        return [part.strip() for part in text.split("|" if "|" in text else "、") if part.strip()]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        text = "|".join(value or ())
        return f"{text}|" if "、" in text and "|" not in text else text


class CodeKind(Kind):
    """系统代码."""

    name = "codes"
    title = "系统代码"
    about = "维护代码表：按“代码表 + 代码”认定，新增或更新名称、别名、启用届等。全部学校共用，由省级维护。"
    permissions = ("codes.add_code", "codes.change_code")
    unique = ((("code.code", "table"), "代码"),)
    rows_of = Code
    sorted_by = ("table__order", "table_id", "order", "code")
    school_path = ""

    table = Column(
        "代码表",
        "table",
        TableName(),
        required=True,
        example="政治面貌",
        attribute="table__name",
        aliases=("表名", "代码表名称", "类别"),
    )
    code = Column(
        "代码",
        "code.code",
        SchoolNumber(20),
        required=True,
        example="14",
        attribute="code",
        aliases=("编码", "dm", "值"),
    )
    title_ = Column(
        "名称",
        "code.name",
        Cell(max_length=100),
        required=True,
        example="其他党派成员",
        attribute="name",
        aliases=("代码名称", "mc", "含义"),
    )
    parent = Column("上级代码", "code.parent_code", SchoolNumber(20), attribute="parent_code", aliases=("父代码",))
    other_names = Column(
        "别名", "code.aliases", Aliases(), help="几个别名用 | 隔开", attribute="aliases", aliases=("其他写法",)
    )
    valid_from = Column("启用毕业届", "code.valid_from_year", Cell(normalise.year), attribute="valid_from_year")
    valid_to = Column("停用毕业届", "code.valid_to_year", Cell(normalise.year), attribute="valid_to_year")
    former = Column("已废止", "code.former", YesNo(), attribute="former")
    successor = Column("现行代码", "code.successor", SchoolNumber(20), attribute="successor")
    source = Column("来源", "code.source", Cell(max_length=300), attribute="source")
    sureness = Column("可靠程度", "code.sureness", Choice([(value, str(label)) for value, label in Code._meta.get_field("sureness").choices], title="可靠程度"),
                      attribute="sureness")  # fmt: skip
    order = Column("排序", "code.order", Cell(normalise.decimal, low=0, high=99999), attribute="order")
    active = Column("启用", "code.is_active", YesNo(), attribute="is_active", aliases=("是否启用",))

    def label_of(self, entry: Entry) -> str:
        return f"{entry.values.get('table', '')} {entry.values.get('code.code', '')} {entry.values.get('code.name', '')}".strip()

    def written(self) -> dict[str, Any]:
        return {"code": Code}

    def check(self, entry: Entry) -> None:
        """The years in order."""
        first, last = entry.values.get("code.valid_from_year"), entry.values.get("code.valid_to_year")
        if first and last and first > last:
            entry.fail("停用毕业届", "year_order", "停用毕业届早于启用毕业届，请核对。")

    def _values(self, entry: Entry) -> dict[str, Any]:
        values = {
            target[5:]: value
            for target, value in entry.values.items()
            if target.startswith("code.") and value is not None
        }
        return values | ({"order": int(values["order"])} if "order" in values else {})

    def _upsert(self, entries: list[Entry], *, dry_run: bool) -> None:
        ctx = self.context
        by_table: dict[str, list[Entry]] = {}
        for entry in entries:
            by_table.setdefault(entry.values["table"], []).append(entry)
        for table in CodeTable.objects.filter(key__in=by_table):
            outcomes = upsert(
                table,
                [self._values(entry) for entry in by_table[table.key]],
                local=True,
                by=ctx.by,
                reason=ctx.reason,
                dry_run=dry_run,
            )
            for entry, outcome in zip(by_table[table.key], outcomes, strict=True):
                entry.status = outcome.status
                entry.plan = {"old": {name: old for name, (old, _new) in outcome.changes.items()}}
                entry.changes = {
                    self.header(f"code.{name}"): [self.shown(f"code.{name}", old), self.shown(f"code.{name}", new)]
                    for name, (old, new) in outcome.changes.items()
                }

    def _keep_fixed(self, entries: list[Entry]) -> None:
        """Rows of a table that nobody maintains here may stand in a file, but change nothing."""
        fixed = {table.key: table.title for table in tables() if not table.editable}
        for entry in entries:
            if entry.values["table"] in fixed and entry.status != UNCHANGED:
                title = fixed[entry.values["table"]]
                entry.fail("代码表", "not_editable", f"代码表“{title}”由系统维护，不能导入。")

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        if not self.context.scope.everything:
            for entry in entries:
                entry.fail("代码表", "out_of_scope", "系统代码由全部学校共用，只有省级可以导入。")
        good = [entry for entry in entries if not entry.errors]
        self._upsert(good, dry_run=True)
        self._keep_fixed(good)
        for entry in entries:
            if entry.errors:
                entry.status, entry.changes = FAILED, {}

    def write(self, entries: list[Entry]) -> None:
        old = {id(entry): entry.plan["old"] for entry in entries}
        status = {id(entry): (entry.status, entry.changes) for entry in entries}
        self._upsert(entries, dry_run=False)
        tables_of = {entry.values["table"] for entry in entries}
        keys = {
            (table, code): pk
            for pk, table, code in Code.objects.filter(table__in=tables_of).values_list("pk", "table_id", "code")
        }
        for entry in entries:
            entry.status, entry.changes = status[id(entry)]
            pk = keys[entry.values["table"], entry.values["code.code"]]
            entry.undo = {"code": [pk, None, jsonable(old[id(entry)]) if entry.status == UPDATED else None]}

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        ctx = self.context
        set_active(Code.objects.filter(pk__in=made.get("code", ())), False, by=ctx.by, reason=ctx.reason)
        restore = changed.get("code", {})
        rows: dict[str, list[dict[str, Any]]] = {}
        for pk, table, code in Code.objects.filter(pk__in=list(restore)).values_list("pk", "table_id", "code"):
            rows.setdefault(table, []).append({"code": code, **restore[pk]})
        for table in CodeTable.objects.filter(key__in=rows):
            upsert(table, rows[table.key], local=True, by=ctx.by, reason=ctx.reason)
