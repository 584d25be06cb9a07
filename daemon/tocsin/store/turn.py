"""The writer's turn, given to a process of ours that writes the same file."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass


@dataclass(frozen=True)
class Guest:
    """Who wants the turn. Both are called once at most, in the writer's thread or in one of ``elsewhere``."""

    start: Callable[[], None]
    """It has it; it must `Turns.leave` some time, and not raise."""
    fail: Callable[[BaseException], None]
    """It will not get it."""


class Turns:
    """Keeps the writer's thread busy with nothing while another process writes: the two never meet in SQLite.

    Who comes while somebody has the turn shares it, unless the thread is wanted; so one batch can be sent while another
    is being committed. No step of it needs the event loop, which may be busy: the writer goes on at once.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """``begin`` and ``end`` run in the writer's thread, at both ends of a turn; what ``begin`` raises, all get."""
        self._begin = begin
        self._end = end
        self._lock = threading.Lock()
        self._guests = 0
        self._waiting: list[Guest] = []
        self._over = threading.Event()

    def take(self, guest: Guest, writer: Executor, elsewhere: Executor, *, is_wanted: bool) -> None:
        """Give a guest the turn, now or in the next one."""
        with self._lock:
            shares = self._guests > 0 and not self._waiting and not is_wanted
            if shares:
                self._guests += 1
            else:
                self._waiting.append(guest)
            is_first = not shares and len(self._waiting) == 1
        if shares:
            elsewhere.submit(guest.start)
        elif is_first:
            writer.submit(self._turn)

    def leave(self) -> None:
        """A guest is done. From any thread."""
        with self._lock:
            self._guests -= 1
            if not self._guests:
                self._over.set()

    def _turn(self) -> None:
        try:
            self._begin()
        except BaseException as error:  # noqa: BLE001 - theirs, whatever it is
            for guest in self._admit(0):
                guest.fail(error)
            return
        guests = self._admit(1)
        for guest in guests:
            guest.start()
        self._over.wait()
        self._end()

    def _admit(self, each: int) -> list[Guest]:
        with self._lock:
            guests, self._waiting = self._waiting, []
            self._guests = each * len(guests)
            self._over.clear()
        return guests
