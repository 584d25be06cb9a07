"""A daemon with the shipped configuration, composed but not started, on a store that a test can break."""

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tocsin.app.build import Daemon, build
from tocsin.app.kinds import KINDS
from tocsin.conf.bundle import Bundle, load
from tocsin.ports.store import Reader, Transaction
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.telemetry.metrics import Metrics
from tocsin.testing.clock import VirtualClock
from tocsin.testing.recording import RecordingChannel

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[2]


def shipped() -> Bundle:
    return load(REPOSITORY / "config", REPOSITORY / "rules", KINDS, {})


class BreakableStore(MemoryStore):
    """Fails with ``failure``, or waits for ``gate``, where a test says so."""

    failure: Exception | None = None
    gate: asyncio.Event | None = None
    room = True

    @property
    def has_reserve(self) -> bool:
        return self.room

    async def write(self, work: Callable[[Transaction], T]) -> T:
        await self._obey()
        return await super().write(work)

    async def read(self, work: Callable[[Reader], T]) -> T:
        await self._obey()
        return await super().read(work)

    async def _obey(self) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure


class Rig:
    """The daemon, and everything around it that a test turns."""

    def __init__(self, clock: VirtualClock | None = None, bundle: Bundle | None = None) -> None:
        self.clock = clock or VirtualClock()
        self.store = BreakableStore(self.clock)
        self.daemon: Daemon = build(bundle or shipped(), self.store, self.clock, Metrics())
        self.console = RecordingChannel()
        self.use_console()
        self.time = 1000.0
        """The loop's own clock."""

    def use_console(self) -> None:
        """Replace the channels by one that remembers; after a reload once more."""
        live = self.daemon.live
        live.policy = dataclasses.replace(live.policy, channels={"console": self.console})

    def monotonic(self) -> float:
        return self.time

    def cycle(self) -> None:
        """Every worker finishes a cycle."""
        for worker in self.daemon.services:
            worker.cycled_at = self.time

    def figure(self, name: str, **labels: str) -> float | None:
        return self.daemon.metrics.registry.get_sample_value(f"tocsin_{name}", labels)
