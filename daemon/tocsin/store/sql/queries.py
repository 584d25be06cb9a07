"""The base of `reader.SqlReader`: execution of statements, and decoding of rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
import structlog

from tocsin.core.incident.incident import Incident
from tocsin.core.incident.outbox import Outgoing
from tocsin.core.playbook.playbook import Playbook
from tocsin.ports.store import Unreadable
from tocsin.store.sql import rows, statements, tables
from tocsin.store.sql.dialect import Compiler, Cursor, Query, Row

_KEY = rows.OUTGOING.columns.index("key")

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

UNDECODABLE = (msgspec.MsgspecError, ValueError, LookupError, TypeError)
"""The errors that decoding a row may raise."""

_log = structlog.get_logger(__name__)


@dataclass
class Shared:
    """Caches that all readers of one store share, across threads."""

    plans: dict[str, Playbook] = field(default_factory=dict)
    """Decoded playbooks by sha; the content of a sha never changes."""

    rules_used: dict[str, int] = field(default_factory=dict)
    """Committed `used_at` of each rule set by sha; a value less than a day old need not be read again."""

    unreadable: frozenset[str] = frozenset()
    """See `ports.store.Store`. A key that is lost in a race of threads is added again later."""

    def cannot_read(self, key: str, error: Exception) -> Unreadable:
        """Record a row that cannot be decoded, log it the first time, and return the error to raise."""
        if key not in self.unreadable:
            self.unreadable |= {key}
            _log.error("row_not_decoded", key=key, error=repr(error))
        return Unreadable(key, error)


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items in chunks of the sizes in `statements.CHUNKS`."""
    start = 0
    while start < len(items):
        size = next(size for size in statements.CHUNKS if size <= len(items) - start)
        yield items[start : start + size]
        start += size


def padded(items: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Yield the items in as few chunks of these sizes as possible; NULLs, which match no row, pad the last chunk."""
    largest = statements.CHUNKS[0]
    for start in range(0, len(items), largest):
        chunk = items[start : start + largest]
        size = min(size for size in statements.CHUNKS if size >= len(chunk))
        yield [*chunk, *[(None,) * len(chunk[0])] * (size - len(chunk))]


class Queries:
    """Queries on one cursor, within a transaction that the caller has begun."""

    def __init__(self, cursor: Cursor, compiler: Compiler, shared: Shared, now: int) -> None:
        self._cursor = cursor
        self._sql = compiler
        self._shared = shared
        self._now = now

    def _all(self, statement: Query, **parameters: Any) -> Sequence[Row]:
        compiled = self._sql(statement)
        self._cursor.execute(compiled.sql, compiled.arguments(parameters))
        return self._cursor.fetchall()

    def _one(self, statement: Query, **parameters: Any) -> Row | None:
        all_rows = self._all(statement, **parameters)
        return all_rows[0] if all_rows else None

    def _long(self, statement: Query, **parameters: Any) -> int | None:
        row = self._one(statement, **parameters)
        return None if row is None or row[0] is None else int(row[0])

    def _of_many(self, statement: statements.OfMany, keys: Sequence[tuple[str, ...]], *others: Any) -> Iterator[Row]:
        """Yield the rows for many keys, one statement per chunk; ``others`` are the parameters after the keys."""
        for chunk in padded(keys):
            values = (*chain.from_iterable(chunk), *others)
            self._cursor.execute(self._sql(statement(len(chunk))).sql, values)
            yield from self._cursor.fetchall()

    def _locking(
        self,
        select: sa.Select[Any],
        *,
        of: sa.Table = tables.incidents,  # noqa: ARG002 - see SqlTransaction
        skip_locked: bool = False,  # noqa: ARG002
    ) -> sa.Select[Any]:
        """Return the statement unchanged: a reader takes no locks."""
        return select

    def _readable(self, decode: Callable[[Row], T], encoded: Sequence[Row]) -> list[T]:
        """Return the rows that can be decoded. Callers raise their limit by the number of unreadable rows."""
        readable: list[T] = []
        for row in encoded:
            with suppress(Unreadable):
                readable.append(decode(row))
        return readable

    def _item(self, codec: rows.Codec[S], row: Row) -> S:
        try:
            return codec.item(row)
        except UNDECODABLE as error:
            raise self._shared.cannot_read(codec.name_of(row), error) from error

    def _items(self, codec: rows.Codec[S], encoded: Sequence[Row]) -> list[S]:
        return self._readable(lambda row: self._item(codec, row), encoded)

    def _each(self, codec: rows.Codec[S], statement: Query, **given: Any) -> Iterator[S]:
        """Yield the rows that can be decoded, on a separate cursor, so that only one row is in memory at a time."""
        compiled = self._sql(statement)
        cursor = self._cursor.connection.cursor()
        try:
            cursor.execute(compiled.sql, compiled.arguments(given))
            for row in cursor:
                with suppress(Unreadable):
                    yield self._item(codec, row)
        finally:
            cursor.close()

    def _incidents(self, statement: Query, limit: int, **given: Any) -> list[Incident]:
        result = self._all(statement, limit=limit + len(self._shared.unreadable), **given)
        return self._readable(self._incident, result)[:limit]

    def _incident(self, row: Row) -> Incident:
        incident_id, sha, body = row
        try:
            return rows.incident(body, self._plan(sha))
        except UNDECODABLE as error:
            raise self._shared.cannot_read(incident_id, error) from error

    def _plan(self, sha: str) -> Playbook:
        plan = self._shared.plans.get(sha)
        if plan is None:
            ((body,),) = self._all(statements.PLAN, sha=sha)
            plan = self._shared.plans[sha] = Playbook.from_json(body)
        return plan

    def _outgoing(self, row: Row) -> Outgoing:
        try:
            return rows.OUTGOING.item(row)
        except UNDECODABLE as error:
            raise self._shared.cannot_read(row[_KEY], error) from error
