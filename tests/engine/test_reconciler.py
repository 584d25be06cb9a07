"""The reconciler as a worker: it stops on request, and survives any error of a source."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from scenario.emergency import tocsin
from scenario.unreliable import UnreliableStore
from tocsin.core.duration import MINUTE
from tocsin.core.errors import StoreUnavailable
from tocsin.engine.change.commit import Committer
from tocsin.engine.change.policy import Watched
from tocsin.engine.change.wake import LocalWake
from tocsin.engine.intake.reconcile import Reconciler
from tocsin.ports.source import Replica
from tocsin.ports.store import Reader
from tocsin.store.sqlite.memory_store import MemoryStore
from tocsin.testing.clock import VirtualClock
from tocsin.testing.harness import Harness

T = TypeVar("T")

DOWN = {"alertname": "Down", "severity": "SEV-1"}


class Silent:
    """A replica that never answers."""

    url = "http://silent:9093"

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


class Broken:
    """A replica whose client has a fault."""

    url = "http://broken:9093"
    asked = 0

    async def alerts(self) -> Mapping[str, Mapping[str, str]]:
        self.asked += 1
        raise ZeroDivisionError("a fault")


def reconciler(daemon: Harness, *replicas: Replica) -> Reconciler:
    daemon.live.policy = replace(daemon.live.policy, sources={"default": Watched(MINUTE, replicas)})
    committer = Committer(daemon.store, daemon.live, daemon.observer, LocalWake(), daemon.clock)
    return Reconciler(committer, daemon.clock, lambda: "never")


async def test_it_stops_although_a_source_does_not_answer() -> None:
    async with tocsin() as daemon:
        silent = Silent()
        worker = reconciler(daemon, silent)
        worker.start()
        async with asyncio.timeout(30):
            await silent.asked.wait()
            await worker.stop()
        assert worker.task is not None
        assert worker.task.exception() is None


async def test_a_fault_of_one_replica_is_no_answer_and_stops_nothing() -> None:
    async with tocsin() as daemon:
        await daemon.fire(**DOWN)
        broken = Broken()
        worker = reconciler(daemon, broken)
        for _ in range(3):
            await daemon.advance(minutes=1)
            await worker.run_once()
        assert broken.asked == 3
        assert (await daemon.incident()).alerts_firing == 1


class Mute(UnreliableStore):
    """While ``failing`` nothing can be read either."""

    async def read(self, work: Callable[[Reader], T]) -> T:
        if self.failing:
            raise StoreUnavailable("the disk is gone")
        return await super().read(work)


async def test_while_the_store_does_not_answer_no_one_is_asked_more_often() -> None:
    clock = VirtualClock()
    store = Mute(MemoryStore(clock))
    async with tocsin(store=store, clock=clock) as daemon:  # type: ignore[arg-type]  # it has all that is used here
        broken = Broken()
        worker = reconciler(daemon, broken)
        store.failing = True
        for _ in range(5):
            with suppress(StoreUnavailable):
                await worker.run_once()
        store.failing = False
        assert broken.asked == 1
