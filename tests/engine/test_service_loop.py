"""Promises of every worker: it starts and stops in any order, waits for the store, and reports failures."""

import asyncio

import pytest

from tocsin.core.errors import StoreUnavailable
from tocsin.engine.service import Service
from tocsin.testing.clock import VirtualClock


class Worker(Service):
    name = "worker"
    pause_after_failure = 0.0

    def __init__(self, *outcomes: int | Exception | None) -> None:
        super().__init__(VirtualClock())
        self.outcomes = list(outcomes)
        self.rounds = 0
        self.idle = asyncio.Event()

    async def run_once(self) -> int | None:
        self.rounds += 1
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if not self.outcomes:
            self.idle.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def until_idle(worker: Worker) -> None:
    async with asyncio.timeout(30):
        await worker.idle.wait()


async def test_it_goes_on_at_once_while_something_is_due() -> None:
    worker = Worker(0, 0, 0, None)
    worker.start()
    await until_idle(worker)
    assert worker.rounds == 4
    await worker.stop()


async def test_it_sleeps_until_it_is_woken() -> None:
    worker = Worker(None)
    worker.longest_pause = 60
    worker.start()
    await until_idle(worker)
    worker.idle.clear()
    worker._woken.set()
    await until_idle(worker)
    assert worker.rounds == 2
    await worker.stop()


async def test_a_store_that_does_not_answer_is_waited_for() -> None:
    worker = Worker(StoreUnavailable("busy"), StoreUnavailable("busy"), None)
    worker.start()
    await until_idle(worker)
    assert worker.rounds == 3
    await worker.stop()
    assert worker.cycled_at is not None


async def test_any_other_failure_ends_it_and_is_there_to_be_seen() -> None:
    worker = Worker(ValueError("a defect"))
    worker.start()
    assert worker.task is not None
    with pytest.raises(ValueError, match="a defect"):
        await worker.task


async def test_started_twice_it_runs_once_and_stopped_before_it_never_starts() -> None:
    worker = Worker(None)
    worker.start()
    task = worker.task
    worker.start()
    assert worker.task is task
    await worker.stop()
    await worker.stop()
    never = Worker()
    await never.stop()
    never.start()
    assert never.task is None
    assert never.rounds == 0
