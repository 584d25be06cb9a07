"""All that differs between the engines in how a statement is said: nothing else may ask which one it runs on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import itemgetter
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

Row = tuple[Any, ...]

_VALUE = "value_of_"
"""SQLAlchemy keeps the columns' bare names for itself."""


class Cursor(Protocol):
    """What is used of a driver's cursor (PEP 249)."""

    @property
    def rowcount(self) -> int:
        """How many rows the last execution wrote, over all its parameters."""
        ...

    def execute(self, sql: str, parameters: Row, /) -> object:
        """Run once."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Row], /) -> object:
        """Run for each."""
        ...

    def fetchall(self) -> Sequence[Row]:
        """What was found."""
        ...


_INSERT: Mapping[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@dataclass(frozen=True, eq=False)
class Insert:
    """An insertion of whole rows, and what happens to one whose key is there already."""

    table: sa.Table
    on_conflict: Literal["fail", "keep", "replace"]
    """``replace`` goes by the primary key; ``keep`` leaves the row that is there, whatever key it shares."""

    rows: int = 1
    """How many are inserted at once. With ``replace`` no two of them may share their key."""

    @cache  # noqa: B019 - the statements live as long as the program
    def times(self, rows: int) -> "Insert":
        """The same for so many rows; the same object each time."""
        return self if rows == self.rows else replace(self, rows=rows)

    def build(self, dialect: Dialect) -> sa.Insert:
        """The statement as this engine says it; its parameters are the columns, in the table's order, row by row."""
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
    """The parameter that carries a column of the row that is written."""
    return sa.bindparam(_VALUE + column.name, type_=column.type)


Query = sa.Select[Any] | sa.Update | sa.Delete | Insert
"""What can be compiled."""


class Statement:
    """SQL text, and the order in which it takes its parameters."""

    def __init__(self, sql: str, names: tuple[str, ...], constants: Mapping[str, Any]) -> None:
        self.sql = sql
        self._names = tuple(name.removeprefix(_VALUE) for name in names)
        self._reorder: dict[tuple[str, ...], Callable[[Row], Row]] = {}
        self._constants = {name: constant for name, constant in constants.items() if constant is not None}

    def arguments(self, given: Mapping[str, Any]) -> Row:
        """The parameters in order, from their names."""
        if self._constants:
            given = {**self._constants, **given}
        return tuple(given[name] for name in self._names)

    def reorder(self, names: tuple[str, ...]) -> Callable[[Row], Row]:
        """What brings values that stand in the order of ``names`` into the order of the parameters."""
        done = self._reorder.get(names)
        if done is None:
            position = {name: index for index, name in enumerate(names)}
            order = [position[name] for name in self._names]
            done = self._reorder[names] = _as_it_is if order == list(range(len(names))) else itemgetter(*order)
        return done


def _as_it_is(row: Row) -> Row:
    return row


class Compiler:
    """Turns each statement into SQL text once.

    The text goes straight to the driver's cursor: compiling costs more than
    running does, and the driver is what both engines have in common.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._done: dict[Query, Statement] = {}

    def __call__(self, statement: Query) -> Statement:
        """The compiled statement; the same object each time."""
        done = self._done.get(statement)
        if done is None:
            done = self._done[statement] = self._compile(statement)
        return done

    def _compile(self, statement: Query) -> Statement:
        built = statement.build(self._dialect) if isinstance(statement, Insert) else statement
        compiled = built.compile(dialect=self._dialect)
        return Statement(str(compiled), tuple(compiled.positiontup or ()), compiled.params)
