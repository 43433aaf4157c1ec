"""A query that is asked at every request, compiled once per process: only its parameters differ from one time to the next.

Making the SQL of a query set that joins five tables costs Django ten times what the database needs to answer it. `Prepared`
keeps statement, converters and the way rows become objects, and gives the very objects (or values) the query set would have given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, models
from django.db.models.query import get_related_populators
from django.db.transaction import TransactionManagementError

# Values no row has, by which the places of the parameters are found in the compiled statement.
KEY, TEXT = -7_270_901_000_017, "§prepared§"


class Prepared:
    """`build(*samples)` makes the query set; `first(*values)`, `all(*values)` and `rows(*values)` ask it with other values in their place.

    Nothing but the values may differ between two calls: what depends on anything else (scope, the kind of account) belongs into
    `build`, and there into one `Prepared` each. `samples` are KEY, KEY - 1, … for numbers and TEXT for text; each must reach the statement
    unchanged, which rules out dates and the like.
    """

    def __init__(self, build: Callable[..., models.QuerySet], *samples: Any) -> None:
        self._build, self._samples = build, samples
        self._made: dict[str, _Statement] = {}

    def first(self, *values: Any) -> Any | None:
        """The first row as an object with its relations; None when there is none."""
        statement = self._statement()
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.filled(values))
            row = cursor.fetchone()
        return None if row is None else statement.object_of(row)

    def all(self, *values: Any) -> list[Any]:
        """Every row as an object with its relations."""
        statement = self._statement()
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.filled(values))
            return [statement.object_of(row) for row in cursor.fetchall()]

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:
        """Every row of a query set of values."""
        statement = self._statement()
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, statement.filled(values))
            return [tuple(statement.converted(row)) for row in cursor.fetchall()]

    def _statement(self) -> _Statement:
        made = self._made.get(connection.vendor)
        if made is None:
            made = self._made[connection.vendor] = _Statement(self._build(*self._samples), self._samples)
        return made


class _Statement:
    """What Django works out afresh each time, kept: SQL, places of the parameters, converters, classes to make."""

    def __init__(self, queryset: models.QuerySet, samples: tuple[Any, ...]) -> None:
        compiler = queryset.query.get_compiler(connection.alias)
        self.sql, parameters = compiler.as_sql()
        self._parameters = list(parameters)
        self._places = [(at, samples.index(value)) for at, value in enumerate(parameters) if value in samples]
        if {number for _at, number in self._places} != set(range(len(samples))):
            raise ValueError(f"not every sample is a parameter of {self.sql}")
        select, info = compiler.select, compiler.klass_info
        self._locks = queryset.query.select_for_update
        if info is not None:
            self._model = info["model"]
            self._first, self._end = info["select_fields"][0], info["select_fields"][-1] + 1
            self._names = [one[0].target.attname for one in select[self._first : self._end]]
            self._related = get_related_populators(info, select, connection.alias)
        columns = [one[0] for one in select[: compiler.col_count]]
        self._converters = [(at, how, what) for at, (how, what) in compiler.get_converters(columns).items()]

    def filled(self, values: tuple[Any, ...]) -> list[Any]:
        """The parameters with `values` in the places of the samples; a row is locked inside a transaction or not at all."""
        if self._locks and not connection.in_atomic_block:
            raise TransactionManagementError("select_for_update cannot be used outside of a transaction")
        parameters = self._parameters.copy()
        for at, number in self._places:
            parameters[at] = values[number]
        return parameters

    def object_of(self, row: Any) -> Any:
        """What Django's own ModelIterable makes of a row."""
        row = self.converted(row)
        found = self._model.from_db(connection.alias, self._names, row[self._first : self._end])
        for populator in self._related:
            populator.populate(row, found)
        return found

    def converted(self, row: Any) -> list[Any]:
        """The values of a row as Python has them."""
        row = list(row)
        for at, converters, expression in self._converters:
            value = row[at]
            for converter in converters:
                value = converter(value, expression, connection)
            row[at] = value
        return row
