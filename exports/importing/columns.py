"""Columns of a kind of import: django-import-export's Field and Widget, with what an office needs besides.

A column says its header in the template, what it fills, how a cell is read (a widget whose `clean` raises `CellError`, a Chinese
sentence with a stable code), whether it must be there, an example and help. Cells that repeat (民族, 学院 …) are read once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from import_export.fields import Field
from import_export.widgets import Widget

from exports.importing import normalise
from exports.importing.refusal import CellError
from models.codes.lookup import table
from workflows.years import sentence, years

_REMEMBERED = 5000


class Cell(Widget):
    """Reads a cell with one of `normalise`'s functions, and writes a value as the template has it."""

    def __init__(self, read: Callable[..., tuple[Any, Any]] = normalise.text, **options: Any) -> None:
        super().__init__()
        self.read, self.options = read, options
        self._known: dict[Any, Any] = {}

    def clean(self, value: Any, row: Any = None, **kwargs: Any) -> Any:
        """The value meant by a cell; CellError when there is none."""
        kind = type(value)
        if kind is not str and kind is not int:
            return self.find(value)
        try:
            known = self._known[value]
        except KeyError:
            try:
                known = self.find(value)
            except CellError as error:
                known = error
            if len(self._known) < _REMEMBERED:
                self._known[value] = known
        if type(known) is CellError:
            raise known
        return known

    def find(self, value: Any) -> Any:
        """`clean` without memory."""
        return self.read(value, **self.options)[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        """The value as the template shows it."""
        if isinstance(value, bool):
            return "是" if value else "否"
        return "" if value is None else str(value)

    def choices(self) -> Sequence[str]:
        """What may stand in the cell, if that is a short list."""
        return ()


class YesNo(Cell):
    """是 or 否."""

    def __init__(self) -> None:
        super().__init__(normalise.yes_no)

    def choices(self) -> Sequence[str]:
        return ("是", "否")


class Choice(Cell):
    """One of a fixed list, by its label; `values` maps labels and other writings to what is stored."""

    def __init__(
        self, labels: Sequence[tuple[str, str]], aliases: dict[str, str] | None = None, title: str = "选项"
    ) -> None:
        super().__init__()
        self.labels, self.title = dict(labels), title
        self.lookup = {normalise.fold(label): value for value, label in labels}
        self.lookup |= {normalise.fold(value): value for value, _label in labels}
        self.lookup |= {normalise.fold(name): value for name, value in (aliases or {}).items()}

    def find(self, value: Any) -> Any:
        return normalise.choice(value, self.lookup, self.title)[0]

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return self.labels.get(value, value or "")

    def choices(self) -> Sequence[str]:
        return list(self.labels.values())


class Coded(Cell):
    """A code of a table: by name, full name, alias, code, or a code that lost its zeros as a number; valid for the cohort."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.year: int | None = None

    def find(self, value: Any) -> str:
        text = normalise.text(value)[0]
        if not text:
            return ""
        codes = table(self.key)
        code = codes.resolve(text, self.year)
        if code is None:
            raise CellError(
                "unknown_code", f"“{text[:30]}”不在“{codes.title}”代码表中。{self._hint(text)}请按系统代码填写。"
            )
        if not codes.valid(code, self.year):
            newer = codes.successor(code)
            hint = f"现行代码为 {newer} {codes.path_name(newer)}。" if newer and newer != code else "请改用现行代码。"
            raise CellError("unknown_code", f"“{text[:30]}”对 {self.year} 届已停用。{hint}")
        return code

    def _hint(self, text: str) -> str:
        found = table(self.key).search(text[:2], limit=2, cohort_year=self.year)
        return f"是否为“{found[0][1]}”？" if len(found) == 1 else ""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return table(self.key).path_name(value) if value else ""

    def written(self, value: Any) -> str:
        """The full name where it is read back as this very code, else the code."""
        if not value:
            return ""
        codes = table(self.key)
        name = codes.path_name(value)
        return name if codes.resolve(name, self.year) == value else str(value)

    def choices(self) -> Sequence[str]:
        codes = table(self.key)
        return () if codes.is_big else [name for _code, name in codes.choices(self.year)]


class Column(Field):
    """One column of a template.

    header     its header, also the key in reports and mappings
    target     what it fills: "student.number", "profile.phone", "extra.key", "major.code", or a plain word the kind understands
    required   the sheet must have it, and no cell of it may be empty
    aliases    other headers it goes by, the preferred first
    attribute  where an export of the kind reads it, from `rows_of`
    mask       "id" or "phone" where the model that holds the value does not say that it is masked
    """

    def __init__(
        self,
        header: str,
        target: str,
        widget: Cell | None = None,
        *,
        required: bool = False,
        aliases: Sequence[str] = (),
        example: str = "",
        help: str = "",
        attribute: str | None = None,
        mask: str = "",
    ) -> None:
        super().__init__(attribute=attribute, column_name=header, widget=widget or Cell(max_length=100))
        self.header, self.target, self.required, self.mask = header, target, required, mask
        self.aliases, self.example, self.help = tuple(aliases), example, help
        self.owner, _dot, self.name = target.rpartition(".")

    def read(self, raw: Any) -> Any:
        """Value of a cell that is not blank."""
        return self.widget.clean(raw)


class SchoolNumber(Cell):
    """A number that is a name (学号, 考生号, 工号): text without spaces, a number cell without its ".0"."""

    def __init__(self, max_length: int = 30) -> None:
        super().__init__(normalise.number_text, max_length=max_length)


class Month(Cell):
    """A month "YYYYMM" from any date or month."""

    def find(self, value: Any) -> str:
        found = normalise.partial_date(value)[0]
        if found and found.date.year not in years():
            raise CellError("year_format", sentence(found.date.year))
        return f"{found.date:%Y%m}" if found else ""


class Number(Cell):
    """A plain number of a school's own field: whole where it is."""

    def find(self, value: Any) -> int | float | None:
        number = normalise.decimal(value)[0]
        return int(number) if number is not None and number == int(number) else number


class IsoDate(Cell):
    """A date kept as text, as a school's own field stores it."""

    def find(self, value: Any) -> str | None:
        day = normalise.full_date(value)[0]
        return day.isoformat() if day else None
