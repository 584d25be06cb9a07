"""Senders that were accepted in the last week: if tocsin refuses one of them, it opens an incident that pages."""

import asyncio
from typing import TypeVar

import structlog

from tocsin.core.duration import DAY, MINUTE
from tocsin.core.errors import StoreUnavailable
from tocsin.ports.clock import Clock
from tocsin.ports.observer import Limit, Observer
from tocsin.ports.store import Store, Transaction

ORIGIN = "sender"
"""Value of ``origin`` for senders in the table ``inbound``, whose rows are deleted after a week."""
REMEMBERED_DAYS = 7
"""Number of days for which an accepted sender is known."""
MOST = 10_000
"""Maximum number of accepted, and of refused, senders in memory; others are looked up in the store again."""

_log = structlog.get_logger("tocsin.engine.intake.senders")

V = TypeVar("V")

Sender = tuple[str, str]
"""(the endpoint to which the sender sends, the address of the sender)"""


class _Looked(Exception):
    """The result of a look-up, raised to roll the transaction back: a look-up must write nothing."""

    def __init__(self, is_known: bool) -> None:
        super().__init__()
        self.is_known = is_known


class KnownSenders:
    """The senders of requests with a valid token or signature in the last week. One per daemon.

    The store keeps them across restarts, because a token is often replaced together with a restart.
    """

    def __init__(self, store: Store, clock: Clock, observer: Observer) -> None:
        self._store = store
        self._clock = clock
        self._observer = observer
        self._accepted: dict[Sender, int] = {}
        """The day on which each sender was last accepted."""
        self._refused: dict[Sender, tuple[int, bool]] = {}
        """The last look-up of each refused sender: its time and result."""
        self._writing: set[asyncio.Task[None]] = set()

    def accept(self, place: str, address: str) -> None:
        """Remember a sender, without waiting for the write to the store; each sender is written once a day."""
        day = self._clock.now() // DAY
        if self._accepted.get((place, address)) == day:
            return
        self._bounded(self._accepted)[place, address] = day
        self._refused.pop((place, address), None)
        task = asyncio.get_running_loop().create_task(self._write(_key(place, address, day)))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def is_known(self, place: str, address: str) -> bool:
        """Return whether a sender was accepted in the last week; query the store at most once a minute per sender."""
        now = self._clock.now()
        day = self._accepted.get((place, address))
        if day is not None and now // DAY - day <= REMEMBERED_DAYS:
            return True
        looked_at, is_known = self._refused.get((place, address), (0, False))
        if now - looked_at < MINUTE:
            return is_known
        keys = [_key(place, address, now // DAY - ago) for ago in range(REMEMBERED_DAYS + 1)]
        try:
            await self._store.write(lambda tx: _look(tx, keys))
        except _Looked as looked:
            is_known = looked.is_known
        except StoreUnavailable as error:
            _log.warning("sender_lookup_failed", error=str(error))
            return False
        self._bounded(self._refused)[place, address] = (now, is_known)
        return is_known

    async def close(self) -> None:
        """Wait until all senders are written."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _bounded(self, remembered: dict[Sender, V]) -> dict[Sender, V]:
        """Drop the oldest senders if there are too many."""
        while len(remembered) >= MOST:
            del remembered[next(iter(remembered))]
            self._observer.count("limits_exceeded_total", limit=Limit.SENDERS)
        return remembered

    async def _write(self, key: str) -> None:
        try:
            await self._store.write(lambda tx: tx.record_inbound(ORIGIN, key))
        except StoreUnavailable as error:
            _log.warning("sender_not_remembered", error=str(error))


def _look(tx: Transaction, keys: list[str]) -> None:
    raise _Looked(any(not tx.record_inbound(ORIGIN, key) for key in keys))


def _key(place: str, address: str, day: int) -> str:
    return f"{place} {address} {day}"
