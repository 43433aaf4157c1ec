"""A kind of import: its columns, and the five things the engine asks of it: check, resolve, compare, write, take back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db import models
from django.db.models import Max
from import_export.resources import Resource

from exports.importing.columns import Coded, Column
from exports.importing.matching import TemplateColumn
from exports.importing.normalise import is_blank
from exports.importing.reading import Row
from exports.importing.refusal import CellError
from models.organisation.directory import Directory
from models.organisation.models import Cohort, School
from workflows import bulkrows, fields
from workflows.scoping import Scope

CREATED, UPDATED, UNCHANGED, FAILED = "created", "updated", "unchanged", "failed"


def same(old: Any, new: Any) -> bool:
    """Whether two stored values mean the same; nothing and empty do."""
    return old == new or (old in (None, "") and new in (None, ""))


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Old values as ImportRow keeps them; the writers read dates and amounts back from text."""
    return {name: fields.jsonable(value) for name, value in values.items()}


class Entry:
    """One row of the sheet on its way: cleaned values by column name, what is wrong, what it becomes.

    values   {column target: value} of mapped cells that are not blank (blank ones only with the option to erase)
    errors   {header: (code, message)}: the first problem of each wrong column
    changes  {header: [old, new]} as people read them
    plan     the kind's own: what resolve found and write needs
    undo     what ImportRow keeps for taking it back
    """

    __slots__ = ("changes", "errors", "label", "number", "plan", "status", "undo", "values")

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[str, Any] = {}
        self.errors: dict[str, tuple[str, str]] = {}
        self.changes: dict[str, list[str]] = {}
        self.status, self.label, self.plan, self.undo = "", "", {}, {}

    def fail(self, header: str, code: str, message: str) -> None:
        """Note a problem, unless the column has one already."""
        self.errors.setdefault(header, (code, message))


@dataclass
class Context:
    """For whom and into what an import goes. `scope` is the importer's; by None is the system (command line)."""

    school: School
    cohort: Cohort | None
    by: Any
    scope: Scope
    reason: str = "导入"
    blank_erases: bool = False
    reviewed: bool = False
    mapped: frozenset[str] = frozenset()
    directory: Directory = None  # type: ignore[assignment]
    notes: dict[str, int] = field(default_factory=dict)
    made: dict[str, list[int]] = field(default_factory=dict)

    @property
    def year(self) -> int | None:
        """Graduation year of the cohort."""
        return self.cohort.year if self.cohort else None

    def note(self, sentence: str, count: int = 1) -> None:
        """Announce something: "将新建班级 {n} 个"; counted per sentence."""
        self.notes[sentence] = self.notes.get(sentence, 0) + count

    def may(self, code: str) -> bool:
        """Whether the importer has a function; the system has all."""
        return self.by is None or self.by.has_perm(code)


class Kind(Resource):
    """Base of kinds. A subclass declares its columns as attributes, and fills in the steps."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    about: ClassVar[str] = ""
    needs_cohort: ClassVar[bool] = False
    permissions: ClassVar[tuple[str, ...]] = ()
    #: (targets that together are the key, header to blame): a repeated key in the file is refused.
    unique: ClassVar[tuple[tuple[tuple[str, ...], str], ...]] = ()
    #: What an export in this layout reads (the columns' `attribute` start there), in which order, and how a row names its school.
    rows_of: ClassVar[type[models.Model] | None] = None
    sorted_by: ClassVar[tuple[str, ...]] = ()
    school_path: ClassVar[str] = "school_id"

    def __init__(self, context: Context | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context = context
        self.columns: list[Column] = [copy(column) for column in self.fields.values()]
        if context is not None:
            self.columns += self.extra_columns()
        for column in self.columns:
            if isinstance(column.widget, Coded):
                column.widget = copy(column.widget)
                column.widget._known, column.widget.year = {}, context.year if context else None
        self.by_target = {column.target: column for column in self.columns}
        self._seen: dict[str, dict[Any, int]] = {header: {} for _targets, header in self.unique}

    def extra_columns(self) -> list[Column]:
        """Columns that only this school has."""
        return []

    @classmethod
    def allowed(cls, user: Any) -> bool:
        """Whether this person may import this kind."""
        return all(user.has_perm(code) for code in cls.permissions)

    def template(self) -> list[TemplateColumn]:
        """The columns as the matcher wants them."""
        return [TemplateColumn(column.header, column.aliases, column.required) for column in self.columns]

    def header(self, target: str) -> str:
        """Header of the column that fills `target`; the target itself where there is none."""
        column = self.by_target.get(target)
        return column.header if column else target

    # -- one row ------------------------------------------------------------------------------------------------------

    def read(self, row: Row, places: Sequence[tuple[Column, int]]) -> Entry:
        """Clean the cells of one row; places: (column, position in the sheet)."""
        entry = Entry(row.number)
        cells, width, values = row.cells, len(row.cells), entry.values
        erases = self.context.blank_erases
        for column, position in places:
            raw = cells[position] if position < width else None
            if raw is None or is_blank(raw):
                if column.required:
                    entry.errors[column.header] = ("required", "不能为空，请填写。")
                elif erases:
                    values[column.target] = None
                continue
            try:
                value = column.widget.clean(raw)
            except CellError as error:
                entry.errors[column.header] = (error.code, error.message)
                continue
            if value is None or value == "":
                if column.required:
                    entry.errors[column.header] = ("required", "不能为空，请填写。")
                continue
            values[column.target] = value
        entry.label = self.label_of(entry)
        self.check(entry)
        return entry

    def label_of(self, entry: Entry) -> str:
        """How the row is called in lists."""
        return ""

    def check(self, entry: Entry) -> None:
        """Problems between the cells of one row."""

    def find_repeats(self, entries: Iterable[Entry]) -> None:
        """Refuse a row whose key an earlier row of the file has."""
        for entry in entries:
            for targets, header in self.unique:
                first_part = entry.values.get(targets[0])
                if first_part in (None, "") or header in entry.errors:
                    continue
                key = first_part if len(targets) == 1 else tuple(entry.values.get(target) for target in targets)
                first = self._seen[header].setdefault(key, entry.number)
                if first != entry.number:
                    entry.fail(header, "duplicate_in_file", f"与第 {first} 行重复，请只保留一行。")
                    break

    # -- many rows ----------------------------------------------------------------------------------------------------

    def resolve(self, entries: list[Entry], *, lock: bool) -> None:
        """Find what the rows refer to, refuse what cannot be, set status and changes. Set-wise: no query per row."""
        raise NotImplementedError

    def write(self, entries: list[Entry]) -> None:
        """Write the rows that are created or updated, in the caller's transaction, and fill in `undo`."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what was learned from the database: a chunk was rolled back and is tried again."""

    #: {key in `undo`: model}: what an import of this kind writes; first what refers to others.
    def written(self) -> dict[str, type[models.Model]]:
        """The models this kind writes, by their key in `undo`."""
        raise NotImplementedError

    def counted(self) -> str:
        """The key in `undo` whose ids `in_use` answers with: what one row of the sheet is."""
        return next(iter(self.written()))

    def take_back(self, made: dict[str, list[int]], changed: dict[str, dict[int, dict[str, Any]]]) -> None:
        """Undo: remove what was made, restore the old values of what was changed; in the caller's transaction."""
        raise NotImplementedError

    def in_use(self, made: dict[str, list[int]]) -> set[int]:
        """Of the records made, those something refers to by now; ids of what `counted` names."""
        return set()

    def marks(self, key: str, ids: Sequence[int]) -> dict[int, int]:
        """{id: newest history row}: changes whenever anybody changes the record."""
        history = self.written()[key].history.model
        rows = bulkrows.those(history.objects.order_by(), "id", ids)
        return dict(rows.values_list("id").annotate(newest=Max("history_id")))

    def remember(self, entries: Iterable[Entry]) -> None:
        """Put the newest history row of everything written into `undo`, which by then holds [id, None, old values]."""
        keys: dict[str, list[int]] = {}
        entries = [entry for entry in entries if entry.undo]
        for entry in entries:
            for key, item in entry.undo.items():
                keys.setdefault(key, []).append(item[0])
        for key in self.written().keys() & keys.keys():
            marks = self.marks(key, keys[key])
            for entry in entries:
                if key in entry.undo:
                    entry.undo[key][1] = marks.get(entry.undo[key][0])

    # -- going out again ----------------------------------------------------------------------------------------------

    @classmethod
    def exportable(cls, rows: models.QuerySet) -> models.QuerySet:
        """Those of `rows` (of `rows_of`) that this template can hold."""
        return rows

    def writer(self, column: Column) -> Callable[[Any], str]:
        """How a stored value is written so that this kind reads the same value again."""
        widget = column.widget
        return widget.written if isinstance(widget, Coded) else widget.render

    # -- showing ------------------------------------------------------------------------------------------------------

    def shown(self, target: str, value: Any) -> str:
        """A stored value as people read it."""
        column = self.by_target.get(target)
        return column.widget.render(value) if column else str(value or "")
