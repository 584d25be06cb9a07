"""The console channel: a separate thread writes to a stream, so that a blocked reader blocks nothing else."""

import asyncio
import errno
import io
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from tocsin.channels.console.payload import compose, joined
from tocsin.channels.console.printed import Printed
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.content.page import Content
from tocsin.core.incident.outbox import CHANNEL_JOBS
from tocsin.ports.channel import Outcome, Reason, Receipt

TIMEOUT = 2.0
"""Seconds after which a blocked write fails."""
CLOSED = frozenset({errno.EPIPE, errno.EBADF})
"""Error codes of a stream that is closed or has no reader."""


class _NotWrittenError(Exception):
    """The stream has not taken all of a notification."""

    def __init__(self, error: OSError, *, is_begun: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.is_begun = is_begun


class ConsoleChannel:
    """A channel that prints each notification.

    Only a closed stream is a permanent failure, because it cannot be opened again. A full disk may have space later.
    """

    kind = "console"
    keyed = False
    handles = CHANNEL_JOBS

    def __init__(self, name: str, settings: ConsoleSettings, stream: TextIO, printed: Printed | None = None) -> None:
        self.name = name
        self._stream = stream
        self._printed = printed or Printed()
        self._printed.join(name)
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
            return Receipt(outcome, Reason.TIMEOUT, detail="the console is not read")
        except _NotWrittenError as failure:
            return _not_written(failure)
        except ValueError as error:  # the stream is closed on our side
            return _closed(error)
        return Receipt(Outcome.SENT)

    async def close(self) -> None:
        """Stop the thread; the stream is left open, since this channel does not own it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown(wait=False, cancel_futures=True)

    def _write(self, content: Content) -> None:
        message = compose(content, self._printed, colour=self._is_coloured())
        if not message.lines:
            return
        self._print(joined(message, is_begun=self._printed.is_begun))
        self._printed.note(content, announces=message.announces, text=message.text)

    def _print(self, text: str) -> None:
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
        """Write without the stream's buffer: failed output must not remain in it and be written again later."""
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
