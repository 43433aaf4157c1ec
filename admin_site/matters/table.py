"""Rows of a list as HTML, written by hand: a template per cell would take longer than everything else on the page.

Numbers of people are always masked here, whoever looks; to see one in full is a deed of its own on the record's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from admin_site.templatetags.qihang import badge
from exports.columns import Column, extra_values, presenter
from models.students.places import off_roll_codes
from workflows.fields import mask, native
from workflows.levels import COLOURS, Status

_BADGES = {str(status): str(badge(status.label, COLOURS[status])) for status in Status}
_OFF_ROLL = ' <span class="qh-badge qh-grey">不在籍</span>'


class Table:
    """The rows of `ids` in their order: `head()` and `body()`."""

    def __init__(self, rows: models.QuerySet, columns: Sequence[Column], pinned: int, root: str, query: str) -> None:
        self.model, self.rows, self.columns, self.pinned = rows.model, rows, columns, pinned
        self.root, self.query = root, escape(query) if query != "?" else ""
        self.is_matter = hasattr(self.model, "review")

    def body(self, ids: Sequence[int], *, schools: bool = False) -> SafeString:
        """<tr> elements of these records; one query, with the schools' names where several are in view."""
        names = [
            "pk",
            *(("school__name",) if schools else ()),
            *(("status", "on_roll", "changes") if self.is_matter else ("roll_status",)),
        ]
        sources = list(dict.fromkeys([*names, *(column.source for column in self.columns)]))
        found = {row[0]: row for row in self.rows.filter(pk__in=ids).values_list(*sources)}
        rows = [found[pk] for pk in ids if pk in found]
        place = {name: number for number, name in enumerate(sources)}
        texts = [self._texts(column, [row[place[column.source]] for row in rows]) for column in self.columns]
        if schools:
            texts.insert(self.pinned, [escape(row[place["school__name"]]) for row in rows])
        off = set(off_roll_codes())
        marks = [(not row[place["on_roll"]]) if self.is_matter else row[place["roll_status"]] in off for row in rows]
        if self.is_matter:
            for column, cells in zip(self._labelled(schools), texts, strict=True):
                if column[1] == "status":
                    cells[:] = [
                        _BADGES.get(row[place["status"]], "") + self._changes(row[place["changes"]]) for row in rows
                    ]
        return mark_safe("".join(self._rows(rows, marks, texts, schools)))

    def _labelled(self, schools: bool) -> list[tuple[str, str, str]]:
        """(label, name, class) of every column shown."""
        shown = [(column.label, column.name, "n" if column.kind == "number" else "") for column in self.columns]
        if schools:
            shown.insert(self.pinned, ("学校", "", ""))
        return shown

    @staticmethod
    def _texts(column: Column, values: list[Any]) -> list[str]:
        if column.extra_key:
            values = extra_values(column, values)
        return [escape(text) if text not in (None, "") else "" for text in presenter(column)(values)]

    def _rows(
        self, rows: Sequence[tuple], marks: Sequence[bool], texts: Sequence[Sequence[str]], schools: bool
    ) -> Iterable[str]:
        heads = []
        for number, (label, _name, kind) in enumerate(self._labelled(schools)):
            css = " ".join(filter(None, (kind, f"p{number}" if number < self.pinned else "")))
            heads.append(f'<td data-l="{escape(label)}"' + (f' class="{css}">' if css else ">"))
        for number, row in enumerate(rows):
            name = texts[0][number] or "（未填写）"
            cells = "".join(f"{head}{cell[number]}</td>" for head, cell in zip(heads[1:], texts[1:], strict=True))
            yield (
                f'<tr><td class="c"><input type="checkbox" name="ids" value="{row[0]}" form="bulk" aria-label="选择 {name}"></td>'
                f'<th scope="row" class="p0"><a href="{self.root}{row[0]}/change/{self.query}">{name}</a>'
                f"{_OFF_ROLL if marks[number] else ''}</th>{cells}</tr>"
            )

    def _changes(self, changes: dict[str, list[Any]] | None) -> str:
        """What the student changed of the fields that matter to a reviewer, to unfold beside the status."""
        parts = []
        for name in self.model.key_fields:
            if name in (changes or {}):
                spec = native(self.model, name)
                old, new = (spec.present(value) for value in changes[name])
                if spec.mask:
                    old, new = mask(old, spec.mask), mask(new, spec.mask)
                parts.append(
                    f"<dt>{escape(spec.label)}</dt><dd><del>{escape(old or '空')}</del> → <ins>{escape(new or '空')}</ins></dd>"
                )
        if not parts:
            return ""
        return f'<details class="peek"><summary>{len(parts)} 处变化</summary><dl>{"".join(parts)}</dl></details>'

    def head(self, sort: str, link: Any, *, can_sort: bool, schools: bool = False) -> SafeString:
        """<th> elements; `link(o)` gives the URL that sorts by `o`. A masked column is never sorted by."""
        cells = []
        sortable = {column.name for column in self.columns if not column.mask and not column.extra_key}
        for number, (label, name, kind) in enumerate(self._labelled(schools)):
            css = " ".join(filter(None, (kind, f"p{number}" if number < self.pinned else "")))
            inner, state = escape(label), ""
            if can_sort and name in sortable:
                down = sort == name
                state = f' aria-sort="{"ascending" if down else "descending"}"' if sort.lstrip("-") == name else ""
                arrow = ("▲" if down else "▼") if state else ""
                inner = f'<a href="{escape(link(f"-{name}" if down else name))}">{inner}<span aria-hidden="true">{arrow}</span></a>'
            cells.append(f'<th scope="col" class="{css}"{state}>{inner}</th>')
        return mark_safe("".join(cells))
