"""The writer's turn, given to another process: never both at once, shared while nobody here has something to write."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conformance.store.samples import HandClock
from tocsin.core.errors import StoreUnavailable
from tocsin.store.engine import SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "tocsin.db", HandClock())
    await opened.open()
    yield opened
    await opened.close()


class Guest:
    """Somebody who has the turn until told to leave."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._leave = asyncio.Event()
        self.has_it = asyncio.Event()
        self.task = asyncio.create_task(self._stay())

    async def _stay(self) -> None:
        async with self._store.stand_aside():
            self.has_it.set()
            await self._leave.wait()

    async def leave(self) -> None:
        self._leave.set()
        await self.task


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_written_here_while_somebody_has_the_turn(store: SqliteStore) -> None:
    guest = Guest(store)
    await guest.has_it.wait()
    writing = asyncio.create_task(store.write(lambda tx: tx.probe()))
    await settled()
    assert not writing.done()
    await guest.leave()
    await writing


async def test_a_turn_is_shared_until_this_process_wants_to_write(store: SqliteStore) -> None:
    first, second = Guest(store), Guest(store)
    await first.has_it.wait()
    await second.has_it.wait()
    writing = asyncio.create_task(store.write(lambda tx: tx.probe()))
    await settled()
    late, later = Guest(store), Guest(store)
    await settled()
    assert not late.has_it.is_set(), "the write comes first"
    await first.leave()
    await settled()
    assert not writing.done(), "the second still has it"
    await second.leave()
    await writing
    await late.has_it.wait()
    await later.has_it.wait()
    await late.leave()
    await later.leave()


async def test_who_gives_up_waiting_holds_up_nobody(store: SqliteStore) -> None:
    first = Guest(store)
    await first.has_it.wait()
    writing = asyncio.create_task(store.write(lambda tx: tx.probe()))
    await settled()
    waiting = Guest(store)
    await settled()
    waiting.task.cancel()
    await asyncio.gather(waiting.task, return_exceptions=True)
    await first.leave()
    await writing
    await store.write(lambda tx: tx.probe())


async def test_a_file_that_is_gone_is_told_to_all_who_wait(store: SqliteStore, tmp_path: Path) -> None:
    (tmp_path / "tocsin.db").rename(tmp_path / "elsewhere.db")
    guests = [Guest(store), Guest(store)]
    told = await asyncio.gather(*(guest.task for guest in guests), return_exceptions=True)
    assert [type(error) for error in told] == [StoreUnavailable, StoreUnavailable]
    (tmp_path / "elsewhere.db").rename(tmp_path / "tocsin.db")
    after = Guest(store)
    await after.has_it.wait()
    await after.leave()
