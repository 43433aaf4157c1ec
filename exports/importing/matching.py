"""Columns of a sheet → columns of a template, as a careful clerk would match them, with how sure each match is.

In this order, each template column and each sheet column at most once: last time's (or the given) mapping, the same
name, an alias, the same name but for brackets and words such as 学生 or 所在, and last a cautious similarity that a person
has to confirm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from . import aliases
from .headers import HeaderRow, core, is_blank, plain
from .reading import Cell, Row

#: From this confidence on a match needs nobody to look at it.
SURE = 0.85
_SIMILAR = 0.8
_PREFIXES = ("学生", "本人", "毕业生", "所在", "所属", "考生", "现在", "个人", "请填写", "请输入", "填写")
_SUFFIXES = ("必填项", "必填", "选填", "信息", "填写")
# Words that change what a column is about: a similar name that differs in one of them is another column.
_DISTINCT = (
    *(
        "父",
        "母",
        "家长",
        "监护",
        "紧急",
        "家庭",
        "班主任",
        "辅导员",
        "导师",
        "英文",
        "拼音",
        "曾用",
        "代码",
        "方向",
        "单位",
    ),
    *(
        "入学",
        "毕业",
        "时间",
        "年份",
        "日期",
        "编号",
        "类别",
        "地址",
        "邮编",
        "电话",
        "手机",
        "城乡",
        "是否",
        "所在地",
        "qq",
        "微信",
    ),
)


@dataclass(frozen=True, slots=True)
class TemplateColumn:
    """A column of the template: its header, other names it goes by (preferred first), and whether it must be matched."""

    header: str
    aliases: Sequence[str] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of the user's sheet. ``index`` counts from 0 (column A); ``samples``: up to three values as shown."""

    index: int
    label: str
    samples: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A sheet column matched to a template column. ``how``: mapping, name, alias, normalised, similar, or chosen."""

    header: str
    column: SheetColumn
    confidence: float
    how: str

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE


@dataclass(frozen=True, slots=True)
class Matching:
    """The whole result. ``matches`` in the order of the template."""

    matches: list[Match]
    missing_required: list[str]
    unmatched: list[str]
    ignored: list[SheetColumn]
    #: Entries of the given mapping that fit neither sheet nor template, as sentences.
    problems: list[str] = field(default_factory=list)

    @property
    def columns(self) -> dict[str, int]:
        """Template header → position in ``Row.cells``."""
        return {match.header: match.column.index for match in self.matches}

    @property
    def mapping(self) -> dict[str, str]:
        """Sheet label → template header: what to remember for next time (the form of MAP.json)."""
        return {match.column.label: match.header for match in self.matches}


def template_columns(
    headers: Iterable[str], names: Mapping[str, Sequence[str]], required: Iterable[str] = ()
) -> list[TemplateColumn]:
    """Columns of a template from a dictionary of aliases such as ``aliases.STUDENTS``."""
    must = set(required)
    return [TemplateColumn(header, tuple(names.get(header, ())), header in must) for header in headers]


def known_names(columns: Iterable[TemplateColumn]) -> list[str]:
    """Headers and aliases, for ``headers.find_header``."""
    return [name for column in columns for name in (column.header, *column.aliases)]


def match_columns(
    header: HeaderRow,
    template: Sequence[TemplateColumn],
    rows: Sequence[Row] = (),
    mapping: Mapping[str, str | None] | None = None,
) -> Matching:
    """Match the sheet's columns. ``rows``: data rows for the samples. ``mapping``: sheet label → template header.

    An empty value in ``mapping`` means: leave this column out. Unknown entries are reported in ``problems``.
    """
    return _Matcher(header, template, rows, mapping or {}).run()


class _Matcher:
    def __init__(
        self,
        header: HeaderRow,
        template: Sequence[TemplateColumn],
        rows: Sequence[Row],
        mapping: Mapping[str, str | None],
    ):
        self.template, self.mapping = template, mapping
        self.codes = header.codes
        self.sheet = [
            SheetColumn(index, label, _samples(rows, index)) for index, label in enumerate(header.labels) if label
        ]
        self.free = {column.index: column for column in self.sheet}
        self.found: dict[str, Match] = {}
        self.reasons: dict[int, str] = {}
        self.problems: list[str] = []

    def run(self) -> Matching:
        self._by_mapping()
        self._by_name(lambda label: label.strip(), lambda column: [column.header], 1.0, "name")
        self._by_name(plain, lambda column: [column.header], 0.98, "name")
        self._drop_foreign()
        self._by_name(plain, lambda column: column.aliases, 0.95, "alias")
        self._by_name(core, lambda column: [column.header, *column.aliases], 0.9, "normalised")
        self._by_name(_bare, lambda column: [column.header, *column.aliases], 0.87, "normalised")
        self._by_similarity()
        return self._result()

    def _take(self, header: str, column: SheetColumn, confidence: float, how: str) -> None:
        self.found[header] = Match(header, column, round(confidence, 2), how)
        del self.free[column.index]

    def _open(self) -> list[TemplateColumn]:
        return [column for column in self.template if column.header not in self.found]

    def _names(self, column: SheetColumn) -> list[str]:
        code = self.codes[column.index] if column.index < len(self.codes) else ""
        return [column.label, code] if code else [column.label]

    def _by_mapping(self) -> None:
        headers = {column.header for column in self.template}
        for label, target in self.mapping.items():
            key = plain(label)
            column = next((c for c in self.free.values() if any(plain(name) == key for name in self._names(c))), None)
            if column is None:
                self.problems.append(f"对应关系中的列“{label}”在表格里没有找到。")
            elif not target:
                self.reasons[column.index] = "按对应关系不导入"
                del self.free[column.index]
            elif target not in headers:
                self.problems.append(f"对应关系把“{label}”对应到“{target}”，但模板里没有这一列。")
            elif target in self.found:
                self.problems.append(f"对应关系把两列都对应到“{target}”，后一列“{label}”没有采用。")
            else:
                self._take(target, column, 1.0, "mapping")

    def _by_name(
        self,
        key: Callable[[str], str],
        names: Callable[[TemplateColumn], Sequence[str]],
        confidence: float,
        how: str,
    ) -> None:
        """Names in the order of preference: a second alias is tried only when no column bears the first."""
        columns: dict[str, list[SheetColumn]] = {}
        for column in self.free.values():
            for name in self._names(column):
                columns.setdefault(key(name), []).append(column)
        for template in self._open():
            for name in names(template):
                wanted = key(name)
                here = [column for column in columns.get(wanted, ()) if column.index in self.free]
                if wanted and here:
                    self._take(template.header, here[0], confidence, how)
                    break

    def _drop_foreign(self) -> None:
        """Running numbers, remarks and our own column of reasons are no data, unless the template has them by name."""
        foreign = {plain(name) for name in aliases.IGNORED}
        for column in list(self.free.values()):
            if plain(column.label) in foreign:
                self.reasons[column.index] = "不属于导入内容"
                del self.free[column.index]

    def _by_similarity(self) -> None:
        pairs = []
        for template in self._open():
            for column in self.free.values():
                ratio = max(_similarity(name, column.label) for name in (template.header, *template.aliases))
                if ratio >= _SIMILAR:
                    pairs.append((ratio, template, column))
        for ratio, template, column in sorted(pairs, key=lambda pair: -pair[0]):
            if template.header not in self.found and column.index in self.free:
                self._take(template.header, column, ratio * 0.8, "similar")

    def _result(self) -> Matching:
        order = [self.found[column.header] for column in self.template if column.header in self.found]
        taken = {match.column.index for match in order}
        labels = {plain(match.column.label) for match in order}
        ignored = [
            SheetColumn(
                c.index,
                c.label,
                c.samples,
                self.reasons.get(c.index, "与已对应的列同名" if plain(c.label) in labels else "模板中没有对应的列"),
            )
            for c in self.sheet
            if c.index not in taken
        ]
        missing = [column.header for column in self._open() if column.required]
        return Matching(order, missing, [c.header for c in self._open() if not c.required], ignored, self.problems)


def _bare(label: str) -> str:
    """``core`` without polite words before and after: “学生性别（必填）” → “性别”."""
    text = core(label)
    for prefix in _PREFIXES:
        if text.startswith(prefix) and len(text) - len(prefix) >= 2:
            text = text.removeprefix(prefix)
    for suffix in _SUFFIXES:
        if text.endswith(suffix) and len(text) - len(suffix) >= 2:
            text = text.removesuffix(suffix)
    return text


def _similarity(name: str, label: str) -> float:
    a, b = _bare(name), _bare(label)
    if min(len(a), len(b)) < 3 or any((word in a) != (word in b) for word in _DISTINCT):
        return 0.0
    return SequenceMatcher(None, a, b, autojunk=False).ratio()


def _samples(rows: Sequence[Row], index: int) -> tuple[str, ...]:
    found: list[str] = []
    for row in rows[:200]:
        value = row.cells[index] if index < len(row.cells) else None
        if not is_blank(value):
            shown = _shown(value)
            if shown not in found:
                found.append(shown)
        if len(found) == 3:
            break
    return tuple(found)


def _shown(value: Cell) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 40 else text[:39] + "…"
