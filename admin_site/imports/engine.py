"""The wizard's door to the import engine. Readers and writers of workbooks are heavy: they are loaded at the first use, here only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

from django.http import QueryDict
from django.utils.http import content_disposition_header

from models.organisation.models import Cohort, School
from models.transfer.models import ColumnMapping, ImportRun

#: How the wizard says how sure a match is.
HOW = {
    "mapping": "按上次或手工对应", "name": "同名", "alias": "别名", "normalised": "相近写法", "similar": "相似，请确认", "": "",
}  # fmt: skip
PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 14


@cache
def _module(name: str) -> Any:
    return import_module(f"exports.importing.{name}")


def kinds() -> dict[str, Any]:
    """Every kind of import by name."""
    return _module("kinds").KINDS


def kinds_for(user: Any) -> dict[str, Any]:
    """The kinds this person may import."""
    return {name: kind for name, kind in kinds().items() if kind.allowed(user)}


def template(kind: str, school: School, cohort: Cohort | None) -> bytes:
    """The template workbook."""
    return _module("templates").template_workbook(kind, school, cohort)


def attachment(name: str) -> str:
    """Header of a download."""
    return content_disposition_header(True, name) or "attachment"


def is_read(run: ImportRun) -> bool:
    """Whether the first rows of the file are at hand; a small file is read now. A file that cannot be read says so in `run.error`."""
    if not run.look and run.status == ImportRun.Status.UPLOADED and not run.error and _module("look").is_small(run):
        try:
            _module("look").take(run)
        except _module("refusal").UploadRefused as refusal:
            run.error = refusal.sentence[:500]
            run.save(update_fields=["error"])
    return bool(run.look)


def too_large() -> str:
    """What is said of an upload that was stopped on its way."""
    limit = _module("refusal").LIMITS.max_bytes / 1048576
    return f"文件超过 {limit:g} MB 的上限，没有上传。请删除图片和多余的工作表，或拆成几个文件。"


def refuse(file: Any) -> str:
    """The sentence with which an upload is refused, "" when it may come in."""
    try:
        _module("preflight").inspect(file, file.name)
    except _module("refusal").UploadRefused as refusal:
        return refusal.sentence
    return ""


def discard(run: ImportRun) -> None:
    """Give an unconfirmed run up."""
    _module("runs").discard(run)


def widest(user: Any, school: School) -> str:
    """The path that holds everything the importer may touch in this school: who sees all of it may see the run."""
    scope = user.scope
    if scope.everything:
        return school.path
    paths = [path for path in scope.prefixes if path.startswith(school.path)]
    return paths[0] if len(paths) == 1 else school.path


@dataclass(frozen=True)
class Option:
    """A column of the sheet to choose from."""

    value: str
    label: str
    samples: tuple[str, ...]


@dataclass
class Line:
    """A column of the template on the matching page."""

    number: int
    header: str
    required: bool
    chosen: str = ""
    how: str = ""
    sure: bool = True
    help: str = ""
    samples: tuple[str, ...] = ()


@dataclass
class MatchPage:
    """What the matching page shows."""

    problem: str = ""
    sheets: list[tuple[str, int]] = field(default_factory=list)
    sheet: str = ""
    header_row: int = 0
    missing: list[Line] = field(default_factory=list)
    matched: list[Line] = field(default_factory=list)
    optional: list[Line] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    mapping: dict[str, str] = field(default_factory=dict)
    preview: list[tuple[int, bool, list[str]]] = field(default_factory=list)
    about: int = 0
    rather: str = ""  # title of the kind that the columns fit, when they do not fit the one chosen


def matching(run: ImportRun, *, sheet: str = "", header_row: str = "", posted: QueryDict | None = None) -> MatchPage:
    """Open the upload and match its columns: as posted, as chosen before, as last time, or as proposed."""
    runs, sheets = _module("runs"), _module("sheet")
    kind = kinds()[run.kind](runs.context_for(run.kind, run.school, run.cohort, run.owner, run.options))
    name = sheet or run.sheet
    number = (
        int(header_row)
        if header_row.isdecimal() and len(header_row) < 7
        else run.header_row
        if name == run.sheet
        else 0
    )
    try:
        opened = _open(sheets, run, kind, name, number, _last_time(run))
        if posted is not None and "check" in posted:
            opened = _open(sheets, run, kind, opened.name, opened.header.number, _posted(posted, opened, kind))
    except _module("refusal").UploadRefused as refusal:
        page = MatchPage(problem=refusal.sentence, sheets=_sheets(run), sheet=name, header_row=number)
    else:
        page = _page(opened, kind)
    if page.problem or page.missing:
        page.rather = _rather(run, name, len(page.matched))
    return page


def _rather(run: ImportRun, sheet: str, matched: int) -> str:
    """The kind whose required columns are all in the file and which knows more of them than the one chosen; "" when none does."""
    if run.owner is None:
        return ""
    runs, sheets, best, title = _module("runs"), _module("sheet"), matched, ""
    look = _module("look").recall(run)
    for name, other in kinds_for(run.owner).items():
        if name == run.kind:
            continue
        kind = other(runs.context_for(name, run.school, run.cohort, run.owner, run.options))
        try:
            found = sheets.open_sheet(look, kind, file_name=run.file_name, sheet=sheet).matching
        except _module("refusal").UploadRefused:
            continue
        if not found.missing_required and len(found.matches) > best:
            best, title = len(found.matches), other.title
    return title


def _open(sheets: Any, run: ImportRun, kind: Any, name: str, number: int, mapping: dict[str, str]) -> Any:
    return sheets.open_sheet(
        _module("look").recall(run), kind, file_name=run.file_name, sheet=name, header_row=number, mapping=mapping
    )


def _sheets(run: ImportRun) -> list[tuple[str, int]]:
    """Names and rows of the sheets."""
    return [(info.name, info.rows) for info in _module("look").recall(run).sheets]


def _last_time(run: ImportRun) -> dict[str, str]:
    if run.mapping:
        return run.mapping
    row = ColumnMapping.objects.filter(school=run.school, kind=run.kind).first()
    return row.mapping if row else {}


def _posted(posted: QueryDict, opened: Any, kind: Any) -> dict[str, str]:
    """{sheet label: template header}; a label nobody chose is left out on purpose."""
    labels = {str(index): label for index, label in enumerate(opened.header.labels) if label}
    mapping = dict.fromkeys(labels.values(), "")
    for number, column in enumerate(kind.columns):
        label = labels.get(posted.get(f"column-{number}", ""))
        if label and not mapping[label]:
            mapping[label] = column.header
    return mapping


def _page(opened: Any, kind: Any) -> MatchPage:
    found = {match.header: match for match in opened.matching.matches}
    everything = [*(match.column for match in opened.matching.matches), *opened.matching.ignored]
    options = [
        Option(str(column.index), f"{letter(column.index)} 列　{column.label}", column.samples)
        for column in sorted(everything, key=lambda column: column.index)
    ]
    page = MatchPage(
        sheets=[(info.name, info.rows) for info in opened.workbook.sheets if info.rows],
        sheet=opened.name,
        header_row=opened.header.number,
        options=options,
        ignored=[(column.label, column.reason) for column in opened.matching.ignored],
        mapping={**{column.label: "" for column in opened.matching.ignored}, **opened.matching.mapping},
        preview=_preview(opened),
        about=opened.about,
    )
    for number, column in enumerate(kind.columns):
        match = found.get(column.header)
        line = Line(number, column.header, column.required, help=column.help)
        if match:
            line.chosen, line.how, line.sure = str(match.column.index), HOW[match.how], match.sure
            line.samples = match.column.samples
            page.matched.append(line)
        else:
            (page.missing if column.required else page.optional).append(line)
    page.matched.sort(key=lambda line: line.sure)
    return page


def _preview(opened: Any) -> list[tuple[int, bool, list[str]]]:
    """The first rows of the sheet as they stand: (row number, whether it is the header, cells)."""
    last = max(opened.header.number + 2, PREVIEW_ROWS)
    text = _module("values").tidy
    shown = []
    for row in opened.top[:last]:
        cells = [text(cell) if not hasattr(cell, "shown") else cell.shown for cell in row.cells[:PREVIEW_COLUMNS]]
        shown.append((row.number, row.number - 1 in opened.header.indexes, [cell[:30] for cell in cells]))
    return shown


def letter(index: int) -> str:
    """A column's letters as Excel shows them: 0 → A, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
