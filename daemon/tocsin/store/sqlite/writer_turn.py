"""The writer's turn: the permission to write the file, which the daemon lends to the commit process."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass


@dataclass(frozen=True)
class Guest:
    """A request for the turn. One of the callbacks is called once, in the writer's thread or in that of ``sender``."""

    start: Callable[[], None]
    """Called when the turn begins. Must not raise; at its end, the guest calls `WriterTurns.leave`."""
    fail: Callable[[BaseException], None]
    """Called with the error if the guest does not get the turn."""


class WriterTurns:
    """A mutex between the writer's thread and another process: the thread blocks while the process writes.

    A guest that arrives during a turn joins the turn, unless the writer's thread has something to write. Thus one batch
    can be sent to the other process while that process commits another batch. The event loop, which may
    be busy, is not involved, so the writer continues immediately.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """Create the turns.

        Args:
            begin: Runs in the writer's thread before a turn. Its exception is passed to ``fail`` of every guest.
            end: Runs in the writer's thread after a turn.
        """
        self._begin = begin
        self._end = end
        self._lock = threading.Lock()
        self._guests = 0
        self._waiting: list[Guest] = []
        self._has_ended = threading.Event()

    def take(self, guest: Guest, writer: Executor, sender: Executor, *, is_wanted: bool) -> None:
        """Let a guest join the current turn, or give the guest the next turn.

        ``sender`` calls the ``start`` of a guest that joins. ``is_wanted``: the writer's thread has something to write.
        """
        with self._lock:
            shares = self._guests > 0 and not self._waiting and not is_wanted
            if shares:
                self._guests += 1
            else:
                self._waiting.append(guest)
            is_first = not shares and len(self._waiting) == 1
        if shares:
            sender.submit(guest.start)
        elif is_first:
            writer.submit(self._turn)

    def leave(self) -> None:
        """End a guest's use of the turn. May be called from any thread."""
        with self._lock:
            self._guests -= 1
            if not self._guests:
                self._has_ended.set()

    def _turn(self) -> None:
        try:
            self._begin()
        except BaseException as error:  # noqa: BLE001 - any error is passed on to the guests
            for guest in self._admit(0):
                guest.fail(error)
            return
        guests = self._admit(1)
        for guest in guests:
            guest.start()
        self._has_ended.wait()
        self._end()

    def _admit(self, each: int) -> list[Guest]:
        with self._lock:
            guests, self._waiting = self._waiting, []
            self._guests = each * len(guests)
            self._has_ended.clear()
        return guests
