"""The console channel: writes to a stream, from a thread of its own, so that a stopped reader stops nobody else."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TextIO

from tocsin.channels.console.payload import render
from tocsin.channels.console.settings import ConsoleSettings
from tocsin.core.outbox import CHANNEL_JOBS
from tocsin.core.page import Content
from tocsin.ports.channel import Outcome, Reason, Receipt

TIMEOUT = 2.0
"""Seconds after which a reader that does not read is no reader."""


class ConsoleChannel:
    """Prints each notification. A closed stream is permanent: nobody opens it again."""

    kind = "console"
    keyed = False
    handles = CHANNEL_JOBS

    def __init__(self, name: str, settings: ConsoleSettings, stream: TextIO) -> None:
        self.name = name
        self._stream = stream
        self._colour = settings.colour
        self._thread: ThreadPoolExecutor | None = None

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
        except BlockingIOError:
            return Receipt(Outcome.AMBIGUOUS, Reason.TIMEOUT, detail="the console takes no more now")
        except (OSError, ValueError) as error:  # a stream that is closed on our side is a ValueError
            detail = f"the console is closed: {type(error).__name__}"
            return Receipt(Outcome.PERMANENT, Reason.CONNECTION, detail=detail)
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
        self._stream.write(text.encode(encoding, errors="replace").decode(encoding))
        self._stream.flush()

    def _is_coloured(self) -> bool:
        if self._colour != "auto":
            return self._colour == "always"
        try:
            return self._stream.isatty()
        except (OSError, ValueError):
            return False
