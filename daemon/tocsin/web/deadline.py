"""A deadline for many short waits that share one timer.

A separate timer for each webhook, nearly always canceled within a millisecond, took a
tenth of the time of a request.
"""

import asyncio
from collections.abc import Awaitable
from functools import cached_property
from typing import Any, TypeVar

T = TypeVar("T")

_CHECKS = 4
"""Number of checks per deadline: a wait may last up to a quarter longer than its deadline."""


class Deadline:
    """A timeout for waits. One per event loop."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: dict[asyncio.Task[Any], float] = {}
        """Start time of each wait, longest wait first."""
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, cached because before Python 3.12 getting it costs a system call."""
        return asyncio.get_running_loop()

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Wait for ``awaitable`` and return its result.

        Raises:
            TimeoutError: The wait exceeded the deadline and was canceled.
        """
        loop = self._loop
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("wait() must be called in a task")
        self._waiting[task] = loop.time()
        if self._timer is None:
            self._schedule_check(loop)
        try:
            return await awaitable
        except asyncio.CancelledError:
            # As in asyncio.timeout(), only our own cancellation is a timeout.
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._waiting[task]
            self._overdue.discard(task)

    def _schedule_check(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._seconds / _CHECKS, self._check, loop)

    def _check(self, loop: asyncio.AbstractEventLoop) -> None:
        latest = loop.time() - self._seconds
        for task, since in self._waiting.items():
            if since > latest:
                break
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        self._timer = None
        if self._waiting:
            self._schedule_check(loop)
