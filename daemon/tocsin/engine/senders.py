"""Senders whose requests were accepted before: their refusal is trouble, a stranger's is not."""

import asyncio
from typing import TypeVar

import structlog

from tocsin.core.errors import StoreUnavailable
from tocsin.core.playbook import DAY, MINUTE
from tocsin.ports.clock import Clock
from tocsin.ports.store import Store, Transaction

ORIGIN = "sender"
"""Under which senders are kept among the inbound deliveries, which are forgotten after a week."""
REMEMBERED_DAYS = 7
MOST = 10_000
"""Senders that are kept in memory, known and unknown ones; more are asked for in the store again."""

_log = structlog.get_logger("tocsin.engine.senders")

V = TypeVar("V")

Sender = tuple[str, str]
"""(the place that it sends to, its address)"""


class _Looked(Exception):
    """What a look has found; it rolls the transaction back, because looking leaves no trace."""

    def __init__(self, found: bool) -> None:
        super().__init__()
        self.found = found


class KnownSenders:
    """Who has sent something with a valid token or signature within a week. One per daemon.

    It outlives restarts: a token that is replaced in the configuration often comes with one.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._accepted: dict[Sender, int] = {}
        """The day on which each was last accepted."""
        self._refused: dict[Sender, tuple[int, bool]] = {}
        """When each refused one was last looked for, and whether it was found."""
        self._writing: set[asyncio.Task[None]] = set()

    def accept(self, place: str, address: str) -> None:
        """Remember a sender, without waiting; written once a day for each."""
        day = self._clock.now() // DAY
        if self._accepted.get((place, address)) == day:
            return
        _bounded(self._accepted)[place, address] = day
        self._refused.pop((place, address), None)
        task = asyncio.get_running_loop().create_task(self._write(_key(place, address, day)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def is_known(self, place: str, address: str) -> bool:
        """Return whether a sender was accepted within a week; the store is asked at most once a minute for each."""
        now = self._clock.now()
        day = self._accepted.get((place, address))
        if day is not None and now // DAY - day <= REMEMBERED_DAYS:
            return True
        looked_at, found = self._refused.get((place, address), (0, False))
        if now - looked_at < MINUTE:
            return found
        keys = [_key(place, address, now // DAY - ago) for ago in range(REMEMBERED_DAYS + 1)]
        try:
            await self._store.write(lambda tx: _look(tx, keys))
        except _Looked as looked:
            found = looked.found
        except StoreUnavailable as error:
            _log.warning("sender_not_looked_up", error=str(error))
            return False
        _bounded(self._refused)[place, address] = (now, found)
        return found

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, key: str) -> None:
        try:
            await self._store.write(lambda tx: tx.first_sight(ORIGIN, key))
        except StoreUnavailable as error:
            _log.warning("sender_not_remembered", error=str(error))


def _look(tx: Transaction, keys: list[str]) -> None:
    raise _Looked(any(not tx.first_sight(ORIGIN, key) for key in keys))


def _key(place: str, address: str, day: int) -> str:
    return f"{place} {address} {day}"


def _bounded(remembered: dict[Sender, V]) -> dict[Sender, V]:
    """Forget the oldest where there are too many."""
    while len(remembered) >= MOST:
        del remembered[next(iter(remembered))]
    return remembered
