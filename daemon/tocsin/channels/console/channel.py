"""The console channel: writes to a stream, from a thread of its own, so that a stopped reader stops nobody else."""

import asyncio
import errno
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from tocsin.channels.console.payload import render
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.outbox import CHANNEL_JOBS
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt

TIMEOUT = 2.0
"""Seconds after which a reader that does not read is no reader."""
CLOSED = frozenset({errno.EPIPE, errno.EBADF})
"""What a stream says that nobody reads any more, or that is not open."""


class _NotWrittenError(Exception):
    """The stream has not taken all of a notification."""

    def __init__(self, error: OSError, *, is_begun: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_begun = is_begun


class ConsoleChannel:
    """A channel that prints each notification.

    Only a closed stream is permanent: nobody opens it again. A full volume may have room again.
    """

    kind = "console"
    keyed = False
    handles = CHANNEL_JOBS

    def __init__(self, name: str, settings: ConsoleSettings, stream: TextIO) -> None:
        self.name = name
        self._stream = stream
        self._colour = settings.colour
        self._thread: ThreadPoolExecutor | None = None
        self._is_cut = False
        """The last notification ends in the middle of a line."""

    async def start(self) -> None:
        """Make the thread that writes."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"channel-{self.name}")

    async def send(self, content: Content) -> Receipt:
        """Write it."""
        if self._thread is None:
            return Receipt(Outcome.RETRY, Reason.INTERNAL, detail="the channel is not started")
        call = self._thread.submit(self._write, content)
        try:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.wrap_future(call)
        except TimeoutError:
            outcome = Outcome.RETRY if call.cancelled() else Outcome.AMBIGUOUS
            return Receipt(outcome, Reason.TIMEOUT, detail="nobody reads the console")
        except _NotWrittenError as failure:
            return _not_written(failure)
        except ValueError as error:  # the stream is closed on our side
            return _closed(error)
        return Receipt(Outcome.SENT)

    async def close(self) -> None:
        """Let go of the thread; the stream belongs to somebody else."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)

    def _write(self, content: Content) -> None:
        text = render(content, colour=self._is_coloured())
        encoding = self._stream.encoding or "utf-8"
        # A console that is not UTF-8 gets question marks, not an exception.
        data = text.encode(encoding, errors="replace")
        try:
            descriptor = self._stream.fileno()
        except io.UnsupportedOperation:  # a stream in memory
            self._stream.write(data.decode(encoding))
            self._stream.flush()
            return
        self._write_all(descriptor, b"\n" + data if self._is_cut else data)

    def _write_all(self, descriptor: int, data: bytes) -> None:
        """Write past the stream's buffer: what fails must not stay in there, to be written once more later."""
        left = data
        try:
            self._stream.flush()
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError as error:
            is_begun = len(left) < len(data)
            self._is_cut = self._is_cut or is_begun
            raise _NotWrittenError(error, is_begun=is_begun) from error
        self._is_cut = False

    def _is_coloured(self) -> bool:
        if self._colour != "auto":
            return self._colour == "always"
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False


def _not_written(failure: _NotWrittenError) -> Receipt:
    error = failure.error
    if error.errno in CLOSED:
        return _closed(error)
    outcome = Outcome.AMBIGUOUS if failure.is_begun else Outcome.RETRY
    return Receipt(outcome, Reason.CONNECTION, detail=f"the console cannot be written: {error.strerror or error}")


def _closed(error: Exception) -> Receipt:
    return Receipt(Outcome.PERMANENT, Reason.CONNECTION, detail=f"the console is closed: {type(error).__name__}")
