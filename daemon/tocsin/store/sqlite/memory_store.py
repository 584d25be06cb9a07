"""A store in memory (SQLite's ``:memory:``), for tests on a virtual clock and for trying tocsin without a file."""

import sqlite3
from collections.abc import Callable
from functools import cache
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite as sqlite_dialect

from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock
from tocsin.ports.store import Reader, Transaction
from tocsin.store import migrations
from tocsin.store.sql.dialect import Compiler
from tocsin.store.sql.reader import Shared, SqlReader
from tocsin.store.sql.transaction import SqlTransaction

T = TypeVar("T")


class MemoryStore:
    """`ports.store.Store` that keeps nothing after the process has ended.

    Operations run in the event loop, one after the other, so each operation sees a consistent state.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
        )
        self._connection.deserialize(_empty_database())
        self._compiler = _compiler()
        self._shared = Shared()
        self._is_open = False

    @property
    def has_reserve(self) -> bool:
        """See `ports.store.Store`; always True, because no disk can be full."""
        return True

    @property
    def unreadable(self) -> frozenset[str]:
        """See `ports.store.Store`."""
        return self._shared.unreadable

    async def open(self) -> None:
        """See `ports.store.Store`."""
        self._is_open = True

    async def write(self, operation: Callable[[Transaction], T]) -> T:
        """See `ports.store.Store`."""
        self._expect_open()
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        try:
            transaction = SqlTransaction(
                cursor, self._compiler, self._shared, self._clock.now(), sqlite3.IntegrityError
            )
            result = operation(transaction)
            transaction.expect_whole()
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
        return result

    async def read(self, query: Callable[[Reader], T]) -> T:
        """See `ports.store.Store`."""
        self._expect_open()
        return query(SqlReader(self._connection.cursor(), self._compiler, self._shared, self._clock.now()))

    async def close(self) -> None:
        """See `ports.store.Store`; the data is available again after the next `open`."""
        self._is_open = False

    def _expect_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("the store is not open")


@cache
def _compiler() -> Compiler:
    return Compiler(sqlite_dialect.dialect())


@cache
def _empty_database() -> bytes:
    """Return the pages of a database with the newest schema and no rows."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    engine = sa.create_engine("sqlite+pysqlite://", creator=lambda: connection, poolclass=sa.pool.StaticPool)
    with engine.begin() as transaction:
        migrations.upgrade(transaction)
    return connection.serialize()
