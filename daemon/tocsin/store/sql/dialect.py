"""Differences between the SQL dialects. No other code may depend on the database that it runs on."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

Row = tuple[Any, ...]

_VALUE = "value_of_"
"""Prefix of parameter names: SQLAlchemy reserves the bare column names."""


class DriverConnection(Protocol):
    """The part of a driver's connection (PEP 249) that this package uses."""

    def cursor(self) -> "Cursor":
        """Open another cursor."""
        ...


class Cursor(Protocol):
    """The part of a driver's cursor (PEP 249) that this package uses."""

    @property
    def connection(self) -> DriverConnection:
        """The connection that this cursor belongs to."""
        ...

    @property
    def rowcount(self) -> int:
        """Number of rows that the last execution wrote, for all its parameters together."""
        ...

    def execute(self, sql: str, parameters: Row, /) -> object:
        """Run a statement once."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Row], /) -> object:
        """Run a statement once for each row of parameters."""
        ...

    def fetchall(self) -> Sequence[Row]:
        """Return all rows of the result."""
        ...

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows of the result."""
        ...

    def close(self) -> None:
        """Close the cursor and discard the rest of its result."""
        ...


_INSERT: Mapping[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@dataclass(frozen=True, eq=False)
class Insert:
    """An insertion of whole rows, and its behavior for a row whose key already exists."""

    table: sa.Table
    on_conflict: Literal["fail", "keep", "replace"]
    """``replace`` applies to the primary key only; ``keep`` keeps the existing row, whichever unique key conflicts."""

    rows: int = 1
    """Number of rows of one execution. With ``replace``, no two of them may share a key."""

    @cache  # noqa: B019 - the statements live as long as the program
    def times(self, rows: int) -> "Insert":
        """Return this insertion for ``rows`` rows; the same object for the same number."""
        return self if rows == self.rows else replace(self, rows=rows)

    def build(self, dialect: Dialect) -> sa.Insert:
        """Return the statement in this dialect; its parameters are the columns in the table's order, row by row."""
        columns = [column for column in self.table.columns if column.autoincrement is not True]
        insert = _INSERT[dialect.name](self.table)
        if self.rows == 1:
            insert = insert.values({column.name: value(column) for column in columns})
        else:
            insert = insert.values(
                [
                    {column.name: sa.bindparam(f"{column.name}_{row}", type_=column.type) for column in columns}
                    for row in range(self.rows)
                ]
            )
        if self.on_conflict == "keep":
            return insert.on_conflict_do_nothing()
        if self.on_conflict == "replace":
            key = [column.name for column in self.table.primary_key]
            rest = {column.name: insert.excluded[column.name] for column in columns if column.name not in key}
            return insert.on_conflict_do_update(index_elements=key, set_=rest)
        return insert


def value(column: sa.Column[Any]) -> sa.BindParameter[Any]:
    """Return the parameter for a column of the row that is written."""
    return sa.bindparam(_VALUE + column.name, type_=column.type)


Query = sa.Select[Any] | sa.Update | sa.Delete | Insert
"""A statement that `Compiler` accepts."""


class Statement:
    """SQL text and the order of its parameters."""

    def __init__(self, sql: str, names: tuple[str, ...], constants: Mapping[str, Any]) -> None:
        self.sql = sql
        self._names = tuple(name.removeprefix(_VALUE) for name in names)
        self._reorderings: dict[tuple[str, ...], Callable[[Row], Row]] = {}
        self._constants = {name: constant for name, constant in constants.items() if constant is not None}

    def arguments(self, values: Mapping[str, Any]) -> Row:
        """Return the parameters in order; ``values`` maps their names to their values."""
        if self._constants:
            values = {**self._constants, **values}
        return tuple(values[name] for name in self._names)

    def reorder(self, names: tuple[str, ...]) -> Callable[[Row], Row]:
        """Return a function that brings values from the order of ``names`` into the order of the parameters."""
        reordering = self._reorderings.get(names)
        if reordering is None:
            position = {name: index for index, name in enumerate(names)}
            order = [position[name] for name in self._names]
            is_same = order == list(range(len(names)))
            reordering = self._reorderings[names] = _unchanged if is_same else itemgetter(*order)
        return reordering


def _unchanged(row: Row) -> Row:
    return row


class Compiler:
    """Cache of the SQL text of each statement.

    The text goes directly to the driver's cursor, because compiling a statement
    costs more than running it.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._statements: dict[Query, Statement] = {}

    def __call__(self, statement: Query) -> Statement:
        """Return the compiled statement; the same object each time."""
        compiled = self._statements.get(statement)
        if compiled is None:
            compiled = self._statements[statement] = self._compile(statement)
        return compiled

    def _compile(self, statement: Query) -> Statement:
        built = statement.build(self._dialect) if isinstance(statement, Insert) else statement
        compiled = built.compile(dialect=self._dialect)
        return Statement(str(compiled), tuple(compiled.positiontup or ()), compiled.params)
