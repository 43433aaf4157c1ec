"""An opened sheet: header found or chosen, columns matched, data rows one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from exports.importing import aliases
from exports.importing.columns import Column
from exports.importing.headers import HeaderRow, Sorter, find_header, header_at, propose_sheet
from exports.importing.kinds.base import Kind
from exports.importing.look import HEAD, Look
from exports.importing.matching import Matching, TemplateColumn, known_names, match_columns
from exports.importing.reading import Row, Workbook, open_workbook
from exports.importing.refusal import UploadRefused


@dataclass
class Sheet:
    """What is known of an upload before its rows are read."""

    workbook: Workbook | Look
    name: str
    header: HeaderRow
    matching: Matching
    top: list[Row]
    ignored: Counter[str] = field(default_factory=Counter)

    def rows(self) -> Iterator[Row]:
        """Data rows in order; what is left out is counted in `ignored`, by reason."""
        self.ignored = Counter()
        sorter = Sorter(self.header, self.top)
        for row in self.workbook.iter_rows(self.name):
            if reason := sorter.reason(row):
                self.ignored[reason] += 1
            else:
                yield row

    @property
    def about(self) -> int:
        """About how many data rows there are, for the progress bar."""
        info = next(sheet for sheet in self.workbook.sheets if sheet.name == self.name)
        return max(info.rows - self.header.first_data_row + 1, 0)

    def places(self, kind: Kind) -> list[tuple[Column, int]]:
        """(column, position in the sheet) of the columns that are matched."""
        found = self.matching.columns
        return [(column, found[column.header]) for column in kind.columns if column.header in found]

    def require(self) -> None:
        """Refuse a sheet that lacks required columns, naming what was not recognised."""
        if missing := self.matching.missing_required:
            others = "、".join(
                f"“{column.label}”" for column in self.matching.ignored if column.reason.startswith("模板中")
            )
            hint = f"表格中没有认出的列有：{others[:200]}。" if others else ""
            raise UploadRefused(f"表格缺少必需的列：{'、'.join(missing)}。{hint}请补上这些列，或指定列的对应关系。")


def template(kind: Kind) -> list[TemplateColumn]:
    """The kind's columns with all names they go by."""
    known = aliases.KINDS.get(kind.name, {})
    return [TemplateColumn(c.header, tuple(c.aliases or known.get(c.header, ())), c.required) for c in kind.columns]


def open_sheet(
    source: Any,
    kind: Kind,
    *,
    file_name: str = "",
    sheet: str = "",
    header_row: int = 0,
    mapping: Mapping[str, str] | None = None,
) -> Sheet:
    """Open an upload (or the `Look` kept of it, which has no rows to import) for `kind`; without `sheet` or `header_row` the likeliest are taken. UploadRefused with a sentence."""
    columns = template(kind)
    names = known_names(columns)
    workbook = source if isinstance(source, Look) else open_workbook(source, file_name)
    if sheet and sheet not in {info.name for info in workbook.sheets}:
        raise UploadRefused(f"文件里没有名为“{sheet}”的工作表，请重新选择。")
    name, found = sheet, None
    if not name:
        proposal = propose_sheet(workbook, names)
        name, found = proposal.name, proposal.header
    top = workbook.head(name, HEAD)
    if header_row:
        found = header_at(top, header_row, names)
    elif found is None:
        found = find_header(top, names)
    if found is None:
        required = "、".join(column.header for column in columns if column.required)
        raise UploadRefused(f"没有找到表头：前 40 行里没有一行含有 {required} 等列名。请加上表头，或下载模板填写。")
    return Sheet(workbook, name, found, match_columns(found, columns, _samples(top, found), mapping), top)


def _samples(top: list[Row], header: HeaderRow) -> list[Row]:
    sorter = Sorter(header, top)
    return [row for row in top if not sorter.reason(row)]
