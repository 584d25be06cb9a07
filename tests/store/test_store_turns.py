"""The writer's turn of another process: mutually exclusive, and shared while this process has nothing to write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.store.samples import HandClock
from tocsin.core.errors import StoreUnavailable
from tocsin.store.sqlite.sqlite_store import SqliteStore

PATIENCE = 10.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "tocsin.db", HandClock())
    await opened.open()
    yield opened
    await opened.close()


class Guest:
    """Somebody who asks for the turn, and has it until told to leave."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Future[int] = self._loop.create_future()
        store.lend_writer(
            lambda now: self._loop.call_soon_threadsafe(self._turn.set_result, now) and None,
            lambda error: self._loop.call_soon_threadsafe(self._turn.set_exception, error) and None,
        )

    async def turn(self) -> int:
        """Wait for it."""
        return await asyncio.wait_for(asyncio.shield(self._turn), PATIENCE)

    @property
    def has_it(self) -> bool:
        return self._turn.done()

    def leave(self) -> None:
        self._store.writer_returned()


async def write(store: SqliteStore) -> None:
    await store.write(lambda tx: tx.probe())


async def test_nothing_is_written_here_while_a_guest_has_the_turn(store: SqliteStore) -> None:
    guest = Guest(store)
    await guest.turn()
    writing = asyncio.create_task(write(store))
    await asyncio.wait([writing], timeout=0.1)
    assert not writing.done()
    guest.leave()
    await asyncio.wait_for(writing, PATIENCE)


async def test_a_turn_is_shared_until_this_process_wants_to_write(store: SqliteStore) -> None:
    first = Guest(store)
    await first.turn()
    second = Guest(store)
    await second.turn()
    writing = asyncio.create_task(write(store))
    await asyncio.sleep(0)
    late, later = Guest(store), Guest(store)
    first.leave()
    await asyncio.wait([writing], timeout=0.1)
    assert not writing.done(), "the second still has it"
    assert not late.has_it, "the write comes first"
    second.leave()
    await asyncio.wait_for(writing, PATIENCE)
    await late.turn()
    await later.turn()
    late.leave()
    later.leave()
    await asyncio.wait_for(write(store), PATIENCE)


async def test_a_lost_file_fails_every_waiting_guest(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").rename(tmp_path / "elsewhere.db")
    guests = [Guest(store), Guest(store)]
    for guest in guests:
        with pytest.raises(StoreUnavailable, match="is gone"):
            await guest.turn()
    (tmp_path / "elsewhere.db").rename(tmp_path / "tocsin.db")
    after = Guest(store)
    await after.turn()
    after.leave()
    await asyncio.wait_for(write(store), PATIENCE)
