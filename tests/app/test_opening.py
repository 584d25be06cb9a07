"""Opening the store at the start."""

import asyncio
import socket
from pathlib import Path

import pytest

from tocsin.app.notify import Notifier
from tocsin.app.opening import open_store
from tocsin.core.errors import StoreHeld, StoreUnavailable
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.store.sqlite.sqlite_store import SqliteStore
from tocsin.testing.clock import VirtualClock


class Refusing(MemoryStore):
    """Refuses to open with each of these, then opens."""

    def __init__(self, *refusals: Exception) -> None:
        super().__init__(VirtualClock())
        self.refusals = list(refusals)
        self.tried = 0

    async def open(self) -> None:
        self.tried += 1
        if self.refusals:
            raise self.refusals.pop(0)
        await super().open()


class Slow(MemoryStore):
    """Opens when the gate does."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.gate = asyncio.Event()

    async def open(self) -> None:
        await self.gate.wait()


async def test_a_daemon_that_is_just_ending_is_waited_for(tmp_path: Path) -> None:
    clock = VirtualClock()
    ending, starting = (SqliteStore(tmp_path / "tocsin.db", clock) for _ in range(2))
    await ending.open()
    with pytest.raises(StoreHeld):
        await starting.open()

    opening = asyncio.create_task(open_store(starting, Notifier({})))
    await ending.close()
    await opening
    await starting.write(lambda tx: tx.probe())
    await starting.close()


async def test_what_holds_the_store_is_asked_again_until_it_lets_go() -> None:
    store = Refusing(StoreHeld("another tocsin"), StoreHeld("another tocsin"))
    await open_store(store, Notifier({}))
    assert store.tried == 3


async def test_a_daemon_that_stays_is_left_alone() -> None:
    with pytest.raises(StoreHeld, match="process 1"):
        await open_store(Refusing(*[StoreHeld("process 1")] * 9), Notifier({}), held_for=0)


async def test_an_error_that_waiting_cannot_fix_is_reported_at_once() -> None:
    store = Refusing(StoreUnavailable("it is corrupt"))
    with pytest.raises(StoreUnavailable, match="corrupt"):
        await open_store(store, Notifier({}))
    assert store.tried == 1


async def test_systemd_is_asked_for_patience_as_long_as_it_takes(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        loop = asyncio.get_running_loop()
        store = Slow()
        opening = asyncio.create_task(
            open_store(store, Notifier({"NOTIFY_SOCKET": systemd.getsockname()}), extend_every=0.01)
        )
        for _ in range(3):
            async with asyncio.timeout(30):
                assert await loop.sock_recv(systemd, 100) == b"EXTEND_TIMEOUT_USEC=60000000"
        store.gate.set()
        await opening
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "extend start" and not task.cancelling()]
