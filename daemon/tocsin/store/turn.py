"""The writer's turn, given to a process of ours that writes the same file."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager


class Turns:
    """Keeps the writer's thread busy with nothing while another process writes: the two never meet in SQLite.

    Several who ask share one turn for as long as nobody waits for the thread
    itself; so one can have its work sent while another's is being done.
    Used from the event loop alone.
    """

    def __init__(self, begin: Callable[[], None], end: Callable[[], None]) -> None:
        """``begin`` and ``end`` run in the writer's thread, at both ends of a turn; what ``begin`` raises, all get."""
        self._begin = begin
        self._end = end
        self._guests = 0
        self._next: asyncio.Future[None] | None = None
        self._awaited = 0
        """Who waits for the next turn."""
        self._over: threading.Event | None = None

    @asynccontextmanager
    async def one(self, writer: Executor, *, is_wanted: Callable[[], bool]) -> AsyncIterator[None]:
        """A turn, or a part in the one that goes on unless the thread ``is_wanted``."""
        if self._guests and self._next is None and not is_wanted():
            self._guests += 1
        else:
            await self._wait(writer)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, writer: Executor) -> None:
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            self._awaited = 0
            self._submit(writer, self._next)
        next_ = self._next
        self._awaited += 1
        try:
            await asyncio.shield(next_)
        except asyncio.CancelledError:
            if next_.done():
                self._leave()
            else:
                self._awaited -= 1
            raise

    def _leave(self) -> None:
        self._guests -= 1
        if not self._guests and self._over is not None:
            self._over.set()

    def _submit(self, writer: Executor, next_: asyncio.Future[None]) -> None:
        loop, over = asyncio.get_running_loop(), threading.Event()

        def turn() -> None:
            self._begin()
            loop.call_soon_threadsafe(begun)
            over.wait()
            self._end()

        def begun() -> None:
            self._next, self._over, self._guests = None, over, self._awaited
            next_.set_result(None)
            if not self._guests:
                over.set()

        def failed(done: Future[None]) -> None:
            error = done.exception()
            if error is not None:
                loop.call_soon_threadsafe(fail, error)

        def fail(error: BaseException) -> None:
            if self._next is next_:
                self._next = None
                next_.set_exception(error)

        writer.submit(turn).add_done_callback(failed)
