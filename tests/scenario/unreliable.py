"""A store that stops responding on request."""

from collections.abc import Callable
from typing import TypeVar

from tocsin.core.errors import StoreUnavailable
from tocsin.ports.store import Reader, Store, Transaction

T = TypeVar("T")


class UnreliableStore:
    """Passes everything on to a real store; while ``failing`` nothing can be written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failing = False

    async def open(self) -> None:
        await self._store.open()

    async def close(self) -> None:
        await self._store.close()

    async def read(self, work: Callable[[Reader], T]) -> T:
        return await self._store.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        if self.failing:
            raise StoreUnavailable("the disk is full")
        return await self._store.write(work)
