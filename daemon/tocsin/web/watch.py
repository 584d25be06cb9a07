"""A deadline for many short waits, at the price of one timer.

A timer of its own for each webhook, which is nearly always called off within a
millisecond, took a tenth of the whole request.
"""

import asyncio
from collections.abc import Awaitable
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")

_LOOKS = 4
"""How often one deadline is looked at: it holds to within a quarter of itself."""


class Watch:
    """Ends waits that have lasted too long. One per event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: dict[asyncio.Task[Any], float] = {}
        """Since when; the longest first."""
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Asked for once: before Python 3.12 asking costs a system call."""
        return asyncio.get_running_loop()

    async def wait(self, work: Awaitable[T]) -> T:
        """What ``work`` gives.

        Raises:
            TimeoutError: It took too long, and was cancelled.
        """
        loop = self._loop
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("there is no task that could wait")
        self._waiting[task] = loop.time()
        if self._timer is None:
            self._look_again(loop)
        try:
            return await work
        except asyncio.CancelledError:
            # As asyncio.timeout() does it: only our own cancellation is a timeout.
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._waiting[task]
            self._overdue.discard(task)

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._seconds / _LOOKS, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest = loop.time() - self._seconds
        for task, since in self._waiting.items():
            if since > latest:
                break
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = None
        if self._waiting:
            self._look_again(loop)
