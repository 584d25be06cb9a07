"""Hints from commits to the loops of this process."""

import asyncio
from collections.abc import Iterable

from tocsin.engine.service import Service


class LocalWake:
    """Implements the wake port with two events. Set on the loop's own thread."""

    def __init__(self) -> None:
        self.outbox_event = asyncio.Event()
        self.timers_event = asyncio.Event()
        self._workers: tuple[Service, ...] = ()

    def register(self, workers: Iterable[Service]) -> None:
        """Name the workers that `everyone` wakes."""
        self._workers = tuple(workers)

    def outbox(self) -> None:
        """Wake the dispatcher: rows were written to the outbox."""
        self.outbox_event.set()

    def timers(self) -> None:
        """Wake the timers: an incident's ``due_at`` has changed."""
        self.timers_event.set()

    def everyone(self) -> None:
        """Wake every worker: the configuration, who is on call or the clock has changed."""
        for worker in self._workers:
            worker.wake()
